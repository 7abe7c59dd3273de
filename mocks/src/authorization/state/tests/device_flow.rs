//! From the user code to the authorization code.

use super::*;

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
