//! Which models there are, by the server's word.

use bytes::Bytes;
use serde_json::Value;

use super::ask::{AskError, Recovery};
use super::pool::Account;
use super::{Credentials, Notice, Session};
use crate::answer::Answer;
use crate::failure::{Class, Failure};
use crate::redact::Redactor;
use crate::responses::classify_answer;
use crate::transport::{Method, Request};

/// A model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What a request names it by.
    pub slug: String,
    /// Its name for people.
    pub name: Option<String>,
}

/// The version of the vendor's own client whose catalogue is asked for: the server sends what that one can use.
const CLIENT_VERSION: &str = "0.169.0";

impl Session {
    /// The models that the account can use, in the server's order; those that the server hides are left out.
    ///
    /// # Errors
    /// Why the list cannot be had.
    pub async fn models(&self) -> Result<Vec<Model>, AskError> {
        let account = self.pick(&[])?.ok_or_else(|| self.none_usable())?;
        let answer = self.answered_models(&account).await?;
        read(&answer).ok_or_else(|| {
            let why = "the answer is not a list of models";
            Failure::local(Class::Unreadable, why).into()
        })
    }

    /// The answer, after a renewal if the access token was refused.
    async fn answered_models(&self, account: &Account) -> Result<Answer, AskError> {
        let usable = self.usable(account).await?;
        let mut recovery = Recovery::after(usable.requested);
        let mut credentials = usable.credentials;
        loop {
            let answer = self.request_models(&credentials).await?;
            if answer.is_success() {
                return Ok(answer);
            }
            let failure = classify_answer(&answer, &Redactor::new(credentials.secrets()));
            let recovered = self.recover(account, &credentials, &failure, &mut recovery);
            credentials = recovered.await?.ok_or(failure)?;
        }
    }

    async fn request_models(&self, credentials: &Credentials) -> Result<Answer, Failure> {
        let url = format!(
            "{}/models?client_version={CLIENT_VERSION}",
            self.config.base_url
        );
        let request = Request {
            purpose: "models",
            method: Method::Get,
            url: &url,
            headers: &self.identity(credentials, "application/json"),
            body: Bytes::new(),
        };
        let bound = self.transport.limits().oauth;
        let follow = |exchange| self.notify(Notice::Exchange(exchange));
        self.transport.answer(&request, bound, &follow).await
    }
}

/// Reads `{"models": [{"slug", …}]}` of the ChatGPT backend, or `{"data": [{"id"}]}` of the public API.
fn read(answer: &Answer) -> Option<Vec<Model>> {
    let json = answer.json()?;
    let list = json
        .get("models")
        .or_else(|| json.get("data"))?
        .as_array()?;
    let text = |model: &Value, name: &str| {
        let text = model.get(name).and_then(Value::as_str);
        text.map(|text| crate::redact::one_line(text, 120))
    };
    let shown =
        |model: &&Value| !matches!(text(model, "visibility").as_deref(), Some("hide" | "none"));
    let models = list.iter().filter(shown).filter_map(|model| {
        Some(Model {
            slug: text(model, "slug").or_else(|| text(model, "id"))?,
            name: text(model, "display_name"),
        })
    });
    Some(models.collect())
}

impl From<Failure> for AskError {
    fn from(failure: Failure) -> Self {
        Self::Failed {
            failure,
            partial: String::new(),
            attempts: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read_and_hidden_models_left_out() {
        let slugs = |body: &str| {
            let models = read(&Answer::new(200, body))?;
            Some(models.into_iter().map(|m| m.slug).collect::<Vec<_>>())
        };
        let list = r#"{"models":[{"slug":"a","visibility":"list"},{"slug":"b","visibility":"hide"},{"x":1}]}"#;
        assert_eq!(slugs(list), Some(vec!["a".to_owned()]));
        assert_eq!(
            slugs(r#"{"data":[{"id":"c"}]}"#),
            Some(vec!["c".to_owned()])
        );
        assert_eq!(slugs(r#"{"models":[]}"#), Some(Vec::new()));
        assert_eq!(slugs("<html>"), None);
    }
}
