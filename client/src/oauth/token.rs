//! The token endpoint as values: requests to send, and what an answer holds.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::jwt::Claims;
use super::refusal;
use super::secret::{AccessToken, AuthorizationCode, CodeVerifier, IdToken, RefreshToken};
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::error_body::integer;
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

/// The client id under which the ChatGPT device flow is registered.
pub const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// A request body with its content type and the secrets in it.
#[derive(Clone)]
pub struct Body {
    /// `application/json` or `application/x-www-form-urlencoded`.
    pub content_type: &'static str,
    /// What is sent.
    pub text: String,
    /// Removes what was sent from what comes back.
    pub redactor: Redactor,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.text.len())
    }
}

impl Body {
    /// A form. RFC 6749 §4.1.3 and §6: token requests are form-encoded.
    pub(super) fn form(fields: &[(&str, &str)], secrets: &[&str]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        Self {
            content_type: "application/x-www-form-urlencoded",
            text: text.finish(),
            redactor: Redactor::new(secrets.iter().copied()),
        }
    }

    /// A JSON document.
    pub(super) fn json(value: &Value, secrets: &[&str]) -> Self {
        Self {
            content_type: "application/json",
            text: value.to_string(),
            redactor: Redactor::new(secrets.iter().copied()),
        }
    }
}

/// Exchanges the code of a device sign-in. Verifier and redirect URI are the server's (ChatGPT device flow).
pub fn exchange(issuer: &str, code: &AuthorizationCode, verifier: &CodeVerifier) -> Body {
    let redirect = format!("{issuer}/deviceauth/callback");
    Body::form(
        &[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", code.expose()),
            ("redirect_uri", &redirect),
            ("code_verifier", verifier.expose()),
        ],
        &[code.expose(), verifier.expose()],
    )
}

/// Spends a refresh token.
///
/// ```
/// use loginproof_client::oauth::{RefreshToken, token};
/// let body = token::refresh(&RefreshToken::new("rt+loginproof"));
/// assert!(body.text.ends_with("&refresh_token=rt%2Bloginproof"));
/// ```
pub fn refresh(token: &RefreshToken) -> Body {
    Body::form(
        &[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", token.expose()),
        ],
        &[token.expose()],
    )
}

/// Revokes a refresh token. The vendor's own client sends JSON here; RFC 7009 §2.1 has a form.
pub fn revoke(token: &RefreshToken) -> Body {
    let value = serde_json::json!({
        "token": token.expose(),
        "token_type_hint": "refresh_token",
        "client_id": CLIENT_ID,
    });
    Body::json(&value, &[token.expose()])
}

/// Tokens as an answer gives them. What is absent keeps its old value.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The new access token.
    pub access: AccessToken,
    /// The next refresh token. RFC 6749 §6: when it is there, the old one must be discarded; else the old one stays.
    pub refresh: Option<RefreshToken>,
    /// The id token.
    pub id: Option<IdToken>,
    /// When the access token expires by the clock of this machine.
    pub expires_at: Option<SystemTime>,
}

impl Grant {
    /// The account the tokens are for, from the id token's claims or else the access token's.
    pub fn account_id(&self) -> Option<String> {
        let of_id = self
            .id
            .as_ref()
            .and_then(|t| Claims::read(t.expose())?.account_id);
        of_id.or_else(|| Claims::read(self.access.expose())?.account_id)
    }
}

/// Reads the answer to a refresh.
///
/// # Errors
/// A refusal by its class; [`Class::Unreadable`] when a 2xx body is not a set of tokens. The text never quotes the body.
pub fn read_refresh(
    answer: &Answer,
    redactor: &Redactor,
    now: SystemTime,
) -> Result<Grant, Failure> {
    let object = read_object(answer, redactor)?;
    if defect::active(Defect::IdTokenDemanded) {
        required(&object, "id_token", answer)?;
    }
    Ok(Grant {
        access: AccessToken::new(required(&object, "access_token", answer)?),
        refresh: optional(&object, "refresh_token").map(RefreshToken::new),
        id: optional(&object, "id_token").map(IdToken::new),
        expires_at: expiry(&object, now),
    })
}

/// Reads the answer to a code exchange, where all three tokens are required.
///
/// # Errors
/// As [`read_refresh`], and when the id token is not a JSON Web Token.
pub fn read_exchange(
    answer: &Answer,
    redactor: &Redactor,
    now: SystemTime,
) -> Result<Grant, Failure> {
    let object = read_object(answer, redactor)?;
    let must = |name: &str| {
        if defect::active(Defect::IncompleteGrantStored) {
            return Ok(optional(&object, name).unwrap_or_default());
        }
        required(&object, name, answer)
    };
    let id = must("id_token")?;
    let access = must("access_token")?;
    let refresh = must("refresh_token")?;
    if Claims::read(&id).is_none() && !defect::active(Defect::IncompleteGrantStored) {
        return Err(unreadable(
            answer,
            "id_token is not a JSON Web Token of three parts",
        ));
    }
    Ok(Grant {
        access: AccessToken::new(access),
        refresh: Some(RefreshToken::new(refresh)),
        id: Some(IdToken::new(id)),
        expires_at: expiry(&object, now),
    })
}

fn read_object(
    answer: &Answer,
    redactor: &Redactor,
) -> Result<serde_json::Map<String, Value>, Failure> {
    if !answer.is_success() || answer.is_html() {
        return Err(refusal::classify(answer, redactor));
    }
    let Some(Value::Object(object)) = answer.json() else {
        // The parser's own message would quote the body, and the body holds tokens.
        if defect::active(Defect::UnreadableGrantQuoted) {
            let quoted = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Failure {
                message: Some(quoted),
                ..unreadable(answer, "")
            });
        }
        return Err(unreadable(
            answer,
            "the token endpoint's answer is not a JSON object",
        ));
    };
    // Some servers send errors with status 200.
    if object.get("error").is_some_and(|e| !e.is_null()) && !object.contains_key("access_token") {
        return Err(refusal::classify(answer, redactor));
    }
    Ok(object)
}

fn required(
    object: &serde_json::Map<String, Value>,
    name: &str,
    answer: &Answer,
) -> Result<String, Failure> {
    match object.get(name) {
        Some(Value::String(s)) if !s.is_empty() => Ok(s.clone()),
        Some(Value::String(_)) => Err(unreadable(
            answer,
            &format!("{name} is empty in the token endpoint's answer"),
        )),
        Some(Value::Null) | None => Err(unreadable(
            answer,
            &format!("{name} is missing in the token endpoint's answer"),
        )),
        Some(_) => Err(unreadable(
            answer,
            &format!("{name} is not a string in the token endpoint's answer"),
        )),
    }
}

fn optional(object: &serde_json::Map<String, Value>, name: &str) -> Option<String> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
}

fn unreadable(answer: &Answer, why: &str) -> Failure {
    Failure {
        status: Some(answer.status),
        request_id: answer.request_id(),
        ..Failure::local(Class::Unreadable, why)
    }
}

fn expiry(object: &serde_json::Map<String, Value>, now: SystemTime) -> Option<SystemTime> {
    let seconds = object
        .get("expires_in")
        .and_then(integer)
        .and_then(|s| u64::try_from(s).ok())?;
    now.checked_add(Duration::from_secs(seconds.min(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refresh_answer(body: &str) -> Result<Grant, Failure> {
        read_refresh(
            &Answer::new(200, body),
            &Redactor::default(),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_refresh_answer_may_leave_out_all_but_the_access_token() {
        let grant =
            refresh_answer(r#"{"access_token":"at2","refresh_token":"","expires_in":"60"}"#)
                .unwrap();
        assert_eq!(grant.access, AccessToken::new("at2"));
        assert_eq!(grant.refresh, None);
        assert_eq!(
            grant.expires_at,
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60))
        );
    }

    #[test]
    fn an_unreadable_success_names_the_field_and_quotes_nothing() {
        for body in [
            r#"{"access_token":"at_loginproof","refresh_token":"rt_loginproof""#,
            r#"{"access_token":{"x":"at_loginproof"}}"#,
            r#"{"refresh_token":"rt_loginproof"}"#,
            r#"["at_loginproof"]"#,
            "",
        ] {
            let failure = refresh_answer(body).unwrap_err();
            assert_eq!(failure.class, Class::Unreadable, "{body}");
            assert!(!failure.to_string().contains("loginproof"), "{failure}");
        }
        assert!(
            refresh_answer("{}")
                .unwrap_err()
                .to_string()
                .contains("access_token is missing")
        );
    }

    #[test]
    fn an_exchange_needs_every_token() {
        let read = |body: &str| {
            read_exchange(
                &Answer::new(200, body),
                &Redactor::default(),
                SystemTime::UNIX_EPOCH,
            )
        };
        let jwt = "eyJhbGciOiJub25lIn0.e30.x";
        let good = format!(r#"{{"id_token":"{jwt}","access_token":"a","refresh_token":"r"}}"#);
        assert!(read(&good).is_ok());
        for (body, field) in [
            (good.replace(jwt, "eyJhbGciOiJub25lIn0.e30"), "id_token"),
            (good.replace("\"r\"", "\"\""), "refresh_token"),
            (good.replace("access_token", "x"), "access_token"),
        ] {
            assert!(
                read(&body).unwrap_err().to_string().contains(field),
                "{body}"
            );
        }
    }

    #[test]
    fn an_error_with_status_200_is_an_error() {
        let failure = refresh_answer(r#"{"error":"invalid_grant"}"#).unwrap_err();
        assert_eq!(failure.class, Class::RefreshRejected);
    }
}
