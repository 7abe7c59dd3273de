//! The fallback: another endpoint, with a key of its own, for when no account can be used.
//!
//! The two sides share the conversation and nothing else: no ChatGPT token goes there, and the key goes nowhere else.

use bytes::Bytes;

use super::{Notice, Session};
use crate::failure::Failure;
use crate::oauth::ApiKey;
use crate::redact::Redactor;
use crate::responses::{Input, Response, chat};
use crate::transport::{Method, Request};

/// An endpoint that speaks Chat Completions.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Its base URL, such as `https://api.example/v1`.
    pub base_url: String,
    /// Its key, if it wants one.
    pub api_key: Option<ApiKey>,
    /// Its model.
    pub model: String,
}

impl Session {
    /// One request to the fallback.
    pub(super) async fn ask_fallback(
        &self,
        fallback: &Fallback,
        input: &Input,
    ) -> Result<Response, Failure> {
        let base = fallback.base_url.trim_end_matches('/');
        let url = format!("{base}/chat/completions");
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        let key = fallback.api_key.as_ref().map_or("", ApiKey::expose);
        if !key.is_empty() {
            headers.push(("authorization", format!("Bearer {key}")));
        }
        let request = Request {
            purpose: "fallback",
            method: Method::Post,
            url: &url,
            headers: &headers,
            body: Bytes::from(chat::body(&fallback.model, input)),
        };
        let bound = self.transport.limits().idle;
        let follow = |exchange| self.notify(Notice::Exchange(exchange));
        let answer = self.transport.answer(&request, bound, &follow).await?;
        chat::read(&answer, &Redactor::new([key]))
    }
}
