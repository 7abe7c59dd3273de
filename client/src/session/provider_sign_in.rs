//! Signs in with a provider other than ChatGPT (RFC 8628) and stores its tokens beside the ChatGPT ones.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{AccountError, Notice, Session};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::oauth::device_grant::{DeviceGrant, Outgoing, Step, Tokens};
use crate::oauth::provider::{Hosts, Provider};
use crate::transport::{Method, Request};

impl Session {
    /// Signs in with a provider. Credentials that work stay in the file until there are new ones.
    ///
    /// # Errors
    /// Why there are no new tokens in the file.
    pub async fn sign_in_with(
        &self,
        provider: &'static Provider,
        hosts: &Hosts,
    ) -> Result<Tokens, AccountError> {
        // A folder that takes no file is found out before a person goes through the trouble.
        drop(self.store.reserve()?);
        let mut grant = DeviceGrant::new(provider, hosts);
        loop {
            match grant.next(Instant::now()) {
                Step::Send(outgoing) => {
                    let answer = self.send_outgoing(&outgoing).await;
                    grant.answered(answer, Instant::now());
                }
                Step::Show(prompt) => self.notify(Notice::Prompt(prompt)),
                Step::WaitUntil(at) => tokio::time::sleep_until(at.into()).await,
                Step::Done(tokens) => {
                    let critical = self.enter_critical();
                    let base = provider.endpoints(hosts).base;
                    self.keep_provider(provider.name, &base, &tokens).await?;
                    drop(critical);
                    return Ok(tokens);
                }
                Step::Failed(error) => return Err(error.into()),
            }
        }
    }

    pub(super) async fn keep_provider(
        &self,
        name: &str,
        base: &str,
        tokens: &Tokens,
    ) -> Result<(), AccountError> {
        let _lock = self.lock_for_sign_in().await?;
        let document = stored(tokens, base, SystemTime::now());
        Ok(self.store.reserve()?.commit_provider(name, document)?)
    }

    pub(super) async fn send_outgoing(&self, outgoing: &Outgoing) -> Result<Answer, Failure> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some(form) = &outgoing.form {
            headers.push(("content-type", form.content_type.to_owned()));
        }
        if let Some(bearer) = &outgoing.bearer {
            headers.push(("authorization", format!("Bearer {}", bearer.expose())));
        }
        let form = outgoing.form.as_ref();
        let request = Request {
            purpose: outgoing.purpose,
            method: form.map_or(Method::Get, |_| Method::Post),
            url: &outgoing.url,
            headers: &headers,
            body: form.map_or_else(Bytes::new, |form| Bytes::from(form.text.clone())),
        };
        let bound = self.transport.limits().oauth;
        let follow = |exchange| self.notify(Notice::Exchange(exchange));
        self.transport.answer(&request, bound, &follow).await
    }
}

/// Tokens as they stand in the file: in the form that a ChatGPT account has, and what else the service needs.
fn stored(tokens: &Tokens, base: &str, now: SystemTime) -> Map<String, Value> {
    let unix = |at: SystemTime| {
        at.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    };
    let refresh = tokens.refresh.as_ref().map(|token| token.expose());
    let id = tokens.id.as_ref().map(|token| token.expose());
    let renewed = i64::try_from(unix(now))
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let document = json!({
        "tokens": {
            "access_token": tokens.access.expose(), "refresh_token": refresh, "id_token": id,
            "token_type": tokens.token_type, "scope": tokens.scope,
        },
        "expires_at": tokens.expires_at.map(unix),
        "last_refresh": renewed.map(|at| at.to_string()),
        "origin": base,
    });
    let mut document = match document {
        Value::Object(document) => document,
        _ => Map::new(),
    };
    document.extend(tokens.extra.clone());
    document
}
