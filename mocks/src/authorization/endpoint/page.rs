//! `GET` and `POST /codex/device`: the page a person approves on.

use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::authorization::AuthorizationServer;
use crate::authorization::device_sign_in::{Decision, UserCode};
use crate::authorization::page::{self, Page};

/// The form, or what became of the code in the address.
pub(crate) async fn show(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let mut state = server.lock();
    let typed = fields.get("user_code").unwrap_or_default();
    let code = UserCode::typed(typed);
    let page = if code.is_blank() {
        page::blank("", state.accounts())
    } else {
        match state.look_up(&code, SystemTime::now()) {
            Ok(progress) => page::progress(&progress, typed, state.accounts()),
            Err(decided) => page::answer(&decided, typed, state.accounts()),
        }
    };
    page.into_response()
}

/// The decision.
pub(crate) async fn decide(State(server): State<AuthorizationServer>, body: Bytes) -> Response {
    let fields = Fields::read(&body);
    let typed = fields.get("user_code").unwrap_or_default();
    let decision = match fields.get("decision") {
        Some("approve") => Some(Decision::Approve),
        Some("deny") => Some(Decision::Deny),
        _ => None,
    };
    let mut state = server.lock();
    let page = match decision {
        None => page::undecided(typed, state.accounts()),
        Some(decision) => {
            let decided = state.decide(
                &UserCode::typed(typed),
                decision,
                fields.get("account"),
                SystemTime::now(),
            );
            page::answer(&decided, typed, state.accounts())
        }
    };
    page.into_response()
}

/// The fields of the form. A browser sends nothing that cannot be read, so what cannot be read counts as nothing.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(text: &[u8]) -> Self {
        Self(serde_urlencoded::from_bytes(text).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers: [(HeaderName, &str); 4] = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
            ),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        let mut response = (status, headers, self.html).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
