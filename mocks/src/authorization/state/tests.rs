//! The vendor's device flow and the token endpoint, rule by rule, at times of our choosing.

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
        code_verifier: &approval.pkce.verifier,
    };
    server.exchange(CLIENT_ID, &request, at(3))
}

fn signed_in(server: &mut AuthorizationState) -> Pair {
    let approval = approved(server);
    exchange(server, &approval)
        .unwrap_or_else(|refusal| panic!("{refusal:?}"))
        .pair
}

fn refresh(server: &mut AuthorizationState, token: &str) -> Result<TokenAnswer, Refusal> {
    server.refresh(CLIENT_ID, token, None, Rotation::Rotate, at(4))
}

#[test]
fn a_sign_in_leads_from_the_code_to_a_pair_of_live_tokens() {
    let mut server = server();
    let pair = signed_in(&mut server);
    let access = server.describe_access(&pair.access_token, at(4));
    let refresh = server.describe_refresh(pair.refresh_token.as_deref().unwrap());
    assert_eq!(
        (access.state, access.generation),
        (TokenState::Live, Some(1))
    );
    assert_eq!(
        (refresh.state, refresh.generation),
        (TokenState::Live, Some(1))
    );
    assert_eq!(
        access.account.as_deref(),
        Some(server.accounts()[0].id.as_str())
    );
}

#[test]
fn a_client_nobody_knows_gets_no_code() {
    assert_eq!(
        server().start_sign_in("app_other", at(0)).err(),
        Some(Refusal::Client)
    );
}

#[test]
fn the_interval_is_a_string_and_codes_live_as_the_options_say() {
    let options = AuthorizationOptions {
        interval: "7".to_owned(),
        code_life: Span::seconds(60),
        ..Default::default()
    };
    let mut server = AuthorizationState::new(options, 1, ISSUER);
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(
        (started.interval.as_str(), started.expires_at),
        ("7", at(60))
    );
    let poll = server.poll(&started.device_auth_id, &started.user_code, at(60));
    assert_eq!(poll.err(), Some(Refusal::CodeExpired));
    assert_eq!(
        approve(&mut server, &started.user_code, 61),
        Decided::Expired
    );
}

#[test]
fn a_pending_poll_has_the_status_that_the_options_say() {
    let mut server = AuthorizationState::new(
        AuthorizationOptions {
            pending: 404,
            ..Default::default()
        },
        1,
        ISSUER,
    );
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let refusal = server
        .poll(&started.device_auth_id, &started.user_code, at(1))
        .err()
        .unwrap();
    assert_eq!(refusal.status(), 404);
    assert_eq!(
        refusal.body()["error"]["code"],
        "deviceauth_authorization_pending"
    );
}

#[test]
fn a_poll_needs_both_halves_of_the_same_sign_in() {
    let mut server = server();
    let mut start = || {
        server
            .start_sign_in(CLIENT_ID, at(0))
            .unwrap_or_else(|refusal| panic!("{refusal:?}"))
    };
    let (one, other) = (start(), start());
    approve(&mut server, &one.user_code, 1);
    let mixed = server.poll(&one.device_auth_id, &other.user_code, at(2));
    assert!(matches!(mixed.err(), Some(Refusal::Grant(_))));
    assert!(
        server
            .poll(&one.device_auth_id, &one.user_code, at(2))
            .is_ok()
    );
}

#[test]
fn a_denied_sign_in_is_declined_as_the_vendors_client_test_has_it() {
    let mut server = server();
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let decided = server.decide(
        &UserCode::typed(&started.user_code),
        Decision::Deny,
        None,
        at(1),
    );
    assert_eq!(decided, Decided::Denied);
    let refusal = server
        .poll(&started.device_auth_id, &started.user_code, at(2))
        .err()
        .unwrap();
    assert_eq!(refusal.status(), 401);
    assert_eq!(
        refusal.body().to_string(),
        r#"{"error":"authorization_declined","error_description":"Denied"}"#
    );
}

#[test]
fn the_challenge_of_an_approval_is_the_s256_of_its_verifier_as_rfc_7636_section_4_2_says() {
    let pair = approved(&mut server()).pkce;
    assert_eq!(pair.challenge, pkce::challenge(&pair.verifier));
}

#[test]
fn a_decided_code_cannot_be_decided_again() {
    let mut server = server();
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert!(matches!(
        approve(&mut server, &started.user_code.to_lowercase(), 1),
        Decided::Approved(_)
    ));
    assert_eq!(
        approve(&mut server, &started.user_code, 2),
        Decided::Already { approved: true }
    );
    let _ = server.poll(&started.device_auth_id, &started.user_code, at(3));
    assert_eq!(
        approve(&mut server, &started.user_code, 4),
        Decided::Already { approved: true }
    );
}

#[test]
fn guessing_codes_is_bounded_as_rfc_8628_section_5_1_asks() {
    let mut server = server();
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    for _ in 0..10 {
        assert_eq!(approve(&mut server, "AAAA-AAAAA", 1), Decided::UnknownCode);
    }
    assert!(matches!(
        approve(&mut server, &started.user_code, 2),
        Decided::TooManyTries { .. }
    ));
    assert!(matches!(
        server.look_up(&UserCode::typed(&started.user_code), at(2)),
        Err(Decided::TooManyTries { .. })
    ));
    assert!(matches!(
        approve(&mut server, &started.user_code, 61),
        Decided::Approved(_)
    ));
}

#[test]
fn the_person_can_choose_among_several_accounts() {
    let mut server = server();
    let second = server.add_account("second@loginproof.example", "team");
    let started = server
        .start_sign_in(CLIENT_ID, at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let code = UserCode::typed(&started.user_code);
    assert_eq!(
        server.decide(&code, Decision::Approve, Some("nobody"), at(1)),
        Decided::UnknownAccount
    );
    let decided = server.decide(&code, Decision::Approve, Some(&second.id), at(1));
    assert_eq!(decided, Decided::Approved(second.clone()));
    let approval = server
        .poll(&started.device_auth_id, &started.user_code, at(2))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let answer = exchange(&mut server, &approval).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(
        server
            .describe_access(&answer.pair.access_token, at(3))
            .account,
        Some(second.id)
    );
}

#[test]
fn a_second_use_of_a_code_is_denied_and_revokes_what_the_first_brought_as_rfc_6749_section_4_1_2_asks()
 {
    let mut server = server();
    let approval = approved(&mut server);
    let pair = exchange(&mut server, &approval)
        .unwrap_or_else(|refusal| panic!("{refusal:?}"))
        .pair;
    let refusal = exchange(&mut server, &approval).err().unwrap();
    assert_eq!(
        (refusal.status(), refusal.body()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    assert_eq!(
        server.describe_access(&pair.access_token, at(4)).state,
        TokenState::Revoked
    );
    assert_eq!(
        refresh(&mut server, &pair.refresh_token.unwrap()).err(),
        Some(Refusal::RefreshRevoked)
    );
}

#[test]
fn a_code_is_bound_to_the_client_as_rfc_6749_section_4_1_3_says() {
    let mut server = server();
    let approval = approved(&mut server);
    let request = ExchangeRequest {
        code: &approval.authorization_code,
        redirect_uri: REDIRECT,
        code_verifier: &approval.pkce.verifier,
    };
    assert_eq!(
        server.exchange("app_other", &request, at(3)).err(),
        Some(Refusal::Client)
    );
    // The rightful client is not locked out by it.
    assert!(exchange(&mut server, &approval).is_ok());
}

#[test]
fn a_refresh_checks_client_and_scope_as_rfc_6749_section_6_says() {
    let mut server = server();
    let token = signed_in(&mut server).refresh_token.unwrap();
    let mut with = |client, scope| {
        server
            .refresh(client, &token, scope, Rotation::Rotate, at(4))
            .err()
    };
    assert_eq!(with("app_other", None), Some(Refusal::Client));
    assert_eq!(with(CLIENT_ID, Some("openid admin")), Some(Refusal::Scope));
    assert_eq!(with(CLIENT_ID, Some("openid profile email")), None);
    assert_eq!(with(CLIENT_ID, None), Some(Refusal::RefreshReused));
}

#[test]
fn an_access_token_is_no_refresh_token_nor_the_other_way_round() {
    let mut server = server();
    let pair = signed_in(&mut server);
    assert_eq!(
        refresh(&mut server, &pair.access_token).err(),
        Some(Refusal::RefreshForeign)
    );
    assert_eq!(
        server
            .describe_access(&pair.refresh_token.unwrap(), at(4))
            .state,
        TokenState::Foreign
    );
}

#[test]
fn revoking_a_refresh_token_ends_the_grant_as_rfc_7009_section_2_1_asks() {
    let mut server = server();
    let pair = signed_in(&mut server);
    server.revoke("rt_loginproof_unknown");
    server.revoke(pair.refresh_token.as_deref().unwrap());
    assert_eq!(
        server.describe_access(&pair.access_token, at(4)).state,
        TokenState::Revoked
    );
    assert_eq!(
        server
            .describe_refresh(pair.refresh_token.as_deref().unwrap())
            .state,
        TokenState::Revoked
    );
}

#[test]
fn revoking_an_access_token_leaves_the_refresh_token() {
    let mut server = server();
    let pair = signed_in(&mut server);
    server.revoke(&pair.access_token);
    assert_eq!(
        server.describe_access(&pair.access_token, at(4)).state,
        TokenState::Revoked
    );
    assert!(refresh(&mut server, &pair.refresh_token.unwrap()).is_ok());
}

#[test]
fn tokens_start_in_whatever_states_a_scenario_asks_for() {
    use TokenState::{Expired, Foreign, Live, None, Revoked, Spent};
    for access in [Live, Expired, Revoked, None, Foreign] {
        for refresh in [Live, Expired, Spent, Revoked, None, Foreign] {
            let mut server = server();
            let set = server.seed(access, refresh, Option::None, at(0));
            assert_eq!(
                server.describe_access(&set.access_token, at(1)).state,
                access,
                "{access:?} {refresh:?}"
            );
            assert_eq!(
                server.describe_refresh(&set.refresh_token).state,
                refresh,
                "{access:?} {refresh:?}"
            );
            assert_eq!(set.access_token.is_empty(), access == None);
            assert_eq!(set.account_id, server.accounts()[0].id);
        }
    }
}

#[test]
fn a_token_may_be_dead_although_its_claim_says_otherwise() {
    let mut server = server();
    let set = server.seed(
        TokenState::Expired,
        TokenState::Live,
        Some(Duration::from_secs(600)),
        at(0),
    );
    assert_eq!(set.expires_at, at(600));
    assert_eq!(
        server.describe_access(&set.access_token, at(0)).state,
        TokenState::Expired
    );
    let live = server.seed(
        TokenState::Live,
        TokenState::Live,
        Some(Duration::from_secs(240)),
        at(0),
    );
    assert_eq!(
        (
            live.expires_at,
            server.describe_access(&live.access_token, at(239)).state
        ),
        (at(240), TokenState::Live)
    );
}

#[test]
fn another_client_can_rotate_the_newest_family_while_it_lives() {
    let mut server = server();
    assert_eq!(server.rotate_elsewhere(at(0)), None);
    let set = server.seed(TokenState::Live, TokenState::Live, None, at(0));
    let newer = server.rotate_elsewhere(at(1)).unwrap();
    assert_eq!(
        server.describe_refresh(&set.refresh_token).state,
        TokenState::Spent
    );
    assert_eq!(
        server.describe_refresh(&newer.refresh_token).generation,
        Some(2)
    );
    server.revoke(&newer.refresh_token);
    assert_eq!(server.rotate_elsewhere(at(2)), None);
}

#[test]
fn a_spent_token_from_the_start_is_beyond_any_grace() {
    let options = AuthorizationOptions {
        grace: Span::seconds(60),
        on_reuse: OnReuse::RevokeFamily,
        ..Default::default()
    };
    let mut server = AuthorizationState::new(options, 1, ISSUER);
    let set = server.seed(TokenState::Live, TokenState::Spent, None, at(0));
    assert_eq!(
        refresh(&mut server, &set.refresh_token).err(),
        Some(Refusal::RefreshReused)
    );
}

#[test]
fn everything_minted_is_unique_and_listed() {
    let mut server = server();
    let mut token = signed_in(&mut server).refresh_token.unwrap();
    for _ in 0..20 {
        token = refresh(&mut server, &token)
            .unwrap_or_else(|refusal| panic!("{refusal:?}"))
            .pair
            .refresh_token
            .unwrap();
        let _ = server.seed(TokenState::Foreign, TokenState::Foreign, None, at(0));
    }
    let values: HashSet<&str> = server
        .secrets()
        .iter()
        .map(|secret| secret.value.as_str())
        .collect();
    assert_eq!(values.len(), server.secrets().len());
    assert!(values.contains(token.as_str()));
}
