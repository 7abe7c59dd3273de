//! The vendor's device flow and the token endpoint, rule by rule, at times of our choosing.

mod device_flow;
mod device_grant;
mod tokens;

use std::collections::HashSet;

use super::*;
use crate::authorization::{OnReuse, pkce};
use crate::script::TokenState;
use crate::span::Span;

const ISSUER: &str = "http://127.0.0.1:4000";
const REDIRECT: &str = "http://127.0.0.1:4000/deviceauth/callback";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

fn server() -> AuthorizationState {
    AuthorizationState::new(AuthorizationOptions::default(), 1, ISSUER)
}

fn approve(server: &mut AuthorizationState, code: &str, seconds: u64) -> Decided {
    server.decide(&UserCode::typed(code), Decision::Approve, None, at(seconds))
}

/// Signs in as far as the authorization code.
fn approved(server: &mut AuthorizationState) -> Approval {
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    approve(server, &started.user_code, 1);
    server
        .poll(&started.device_auth_id, &started.user_code, at(2))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn exchange(server: &mut AuthorizationState, approval: &Approval) -> Result<TokenAnswer, Refusal> {
    let request = ExchangeRequest {
        code: &approval.authorization_code,
        redirect_uri: REDIRECT,
        code_verifier: Some(&approval.pkce.verifier),
    };
    server.exchange(&CHATGPT, CLIENT_ID, &request, at(3))
}

fn signed_in(server: &mut AuthorizationState) -> Pair {
    let approval = approved(server);
    exchange(server, &approval)
        .unwrap_or_else(|refusal| panic!("{refusal:?}"))
        .pair
}

fn refresh(server: &mut AuthorizationState, token: &str) -> Result<TokenAnswer, Refusal> {
    server.refresh(&refreshing(CLIENT_ID, token, None), at(4))
}

fn refreshing<'a>(
    client_id: &'a str,
    token: &'a str,
    scope: Option<&'a str>,
) -> RefreshRequest<'a> {
    RefreshRequest {
        profile: &CHATGPT,
        client_id,
        token,
        scope,
        rotation: Rotation::Rotate,
        issuer: ISSUER,
    }
}
