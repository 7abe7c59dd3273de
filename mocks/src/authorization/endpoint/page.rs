//! `GET` and `POST /codex/device`, `/device`, `/login/device`: the page a person approves a device on.

use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};

use crate::authorization::device_sign_in::{Decision, UserCode};
use crate::authorization::page::{self, Page, Place};
use crate::authorization::{Account, AuthorizationServer};

/// The form, or what became of the code in the address.
pub(crate) async fn show(
    State(server): State<AuthorizationServer>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let mut state = server.lock();
    let typed = fields.get("user_code").unwrap_or_default();
    let code = UserCode::typed(typed);
    let found = (!code.is_blank()).then(|| state.look_up(&code, SystemTime::now()));
    let place = place(&uri, state.accounts());
    let page = match found {
        None => page::blank("", place),
        Some(Ok(progress)) => page::progress(&progress, typed, place),
        Some(Err(decided)) => page::answer(&decided, typed, place),
    };
    page.into_response()
}

/// The decision.
pub(crate) async fn decide(
    State(server): State<AuthorizationServer>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let fields = Fields::read(&body);
    let typed = fields.get("user_code").unwrap_or_default();
    let mut state = server.lock();
    let page = match fields.decision() {
        None => page::undecided(typed, place(&uri, state.accounts())),
        Some(decision) => {
            let decided = state.decide(
                &UserCode::typed(typed),
                decision,
                fields.get("account"),
                SystemTime::now(),
            );
            page::answer(&decided, typed, place(&uri, state.accounts()))
        }
    };
    page.into_response()
}

fn place<'a>(uri: &'a Uri, accounts: &'a [Account]) -> Place<'a> {
    Place {
        path: uri.path(),
        accounts,
    }
}

/// The fields of the form. A browser sends nothing that cannot be read, so what cannot be read counts as nothing.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn read(text: &[u8]) -> Self {
        Self(serde_urlencoded::from_bytes(text).unwrap_or_default())
    }

    /// Which button was pressed.
    pub(super) fn decision(&self) -> Option<Decision> {
        match self.get("decision") {
            Some("approve") => Some(Decision::Approve),
            Some("deny") => Some(Decision::Deny),
            _ => None,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
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
