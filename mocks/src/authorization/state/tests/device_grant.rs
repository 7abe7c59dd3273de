//! The device grant of RFC 8628, rule by rule and in any order.

use proptest::prelude::*;

use super::*;
use crate::authorization::profile::claude::CLAUDE;
use crate::authorization::profile::nous::NOUS;
use crate::authorization::profile::qwen::QWEN;
use crate::authorization::profile::strict::STRICT;
use crate::authorization::profile::xai::XAI;

fn ask<'a>(profile: &'static Profile, challenge: Option<&'a str>) -> DeviceAsk<'a> {
    DeviceAsk {
        profile,
        client_id: "app",
        scope: None,
        code_challenge: challenge,
        code_challenge_method: challenge.map(|_| "S256"),
        issuer: ISSUER,
    }
}

fn poll<'a>(profile: &'static Profile, device_code: &'a str) -> DevicePoll<'a> {
    DevicePoll {
        profile,
        client_id: "app",
        device_code,
        code_verifier: None,
    }
}

fn with(options: AuthorizationOptions) -> AuthorizationState {
    AuthorizationState::new(options, 1, ISSUER)
}

/// Codes of a started sign-in: the device's and the person's.
fn started(server: &mut AuthorizationState, profile: &'static Profile) -> (String, String) {
    let started = server
        .start_device(&ask(profile, None), at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    (started.device_code, started.user_code)
}

#[test]
fn a_user_code_is_eight_consonants_as_rfc_8628_section_6_1_advises() {
    let (_, code) = started(&mut server(), &STRICT);
    let letters: String = code.replace('-', "");
    assert_eq!((code.len(), letters.len()), (9, 8), "{code}");
    assert!(
        letters.chars().all(|c| "BCDFGHJKLMNPQRSTVWXZ".contains(c)),
        "{code}"
    );
}

#[test]
fn an_approved_device_gets_one_pair_and_no_second() {
    let mut server = server();
    let (device, code) = started(&mut server, &STRICT);
    assert_eq!(
        server.poll_device(&poll(&STRICT, &device), at(1)).err(),
        Some(Refusal::Pending(403))
    );
    approve(&mut server, &code, 2);
    let answer = server.poll_device(&poll(&STRICT, &device), at(3));
    let answer = answer.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert!(answer.pair.refresh_token.is_some() && answer.pair.id_token.is_none());
    assert!(matches!(
        server.poll_device(&poll(&STRICT, &device), at(4)).err(),
        Some(Refusal::Grant(_))
    ));
}

#[test]
fn a_device_code_is_bound_to_its_client_and_its_provider() {
    let mut server = server();
    let (device, code) = started(&mut server, &NOUS);
    approve(&mut server, &code, 1);
    let other_client = DevicePoll {
        client_id: "other",
        ..poll(&NOUS, &device)
    };
    for wrong in [other_client, poll(&XAI, &device), poll(&NOUS, "dc_other")] {
        assert!(matches!(
            server.poll_device(&wrong, at(2)).err(),
            Some(Refusal::Grant(_))
        ));
    }
    // The rightful device is not locked out by it.
    assert!(server.poll_device(&poll(&NOUS, &device), at(3)).is_ok());
}

#[test]
fn a_vendor_poll_cannot_take_what_a_device_code_stands_for() {
    let mut server = server();
    let (device, code) = started(&mut server, &NOUS);
    approve(&mut server, &code, 1);
    assert!(server.poll(&device, &code, at(2)).is_err());
}

#[test]
fn a_denied_or_expired_device_is_told_so() {
    let mut server = server();
    let (denied, code) = started(&mut server, &STRICT);
    let (late, _) = started(&mut server, &STRICT);
    server.decide(&UserCode::typed(&code), Decision::Deny, None, at(1));
    assert_eq!(
        server.poll_device(&poll(&STRICT, &denied), at(2)).err(),
        Some(Refusal::Declined)
    );
    assert_eq!(
        server.poll_device(&poll(&STRICT, &late), at(900)).err(),
        Some(Refusal::CodeExpired)
    );
}

#[test]
fn a_poll_that_comes_too_soon_is_written_down_and_slowed_down_if_asked() {
    for (slow_down, told) in [
        (SlowDown::Never, Refusal::Pending(403)),
        (SlowDown::Early, Refusal::SlowDown(10)),
    ] {
        let mut server = with(AuthorizationOptions {
            interval: "5".to_owned(),
            slow_down,
            ..Default::default()
        });
        let (device, code) = started(&mut server, &STRICT);
        let poll = poll(&STRICT, &device);
        assert_eq!(
            server.poll_device(&poll, at(5)).err(),
            Some(Refusal::Pending(403))
        );
        assert_eq!(server.poll_device(&poll, at(7)).err(), Some(told));
        let early = EarlyPoll {
            provider: "strict",
            waited: Duration::from_secs(2),
            interval: Duration::from_secs(5),
        };
        assert_eq!(server.early_polls(), [early]);
        approve(&mut server, &code, 8);
        // Slowing down says that nobody has decided yet, so it is not said once somebody has.
        assert!(server.poll_device(&poll, at(9)).is_ok());
    }
}

#[test]
fn a_first_poll_before_one_interval_has_passed_is_slowed_down() {
    let mut server = with(AuthorizationOptions {
        interval: "5".to_owned(),
        slow_down: SlowDown::Early,
        ..Default::default()
    });
    let (device, _) = started(&mut server, &STRICT);
    assert_eq!(
        server.poll_device(&poll(&STRICT, &device), at(1)).err(),
        Some(Refusal::SlowDown(10))
    );
}

#[test]
fn qwen_checks_the_challenge_of_the_device_request_at_the_poll() {
    let mut server = server();
    let verifier = "a-verifier-of-a-device-that-is-long-enough-for-rfc-7636";
    let challenge = pkce::challenge(verifier);
    assert_eq!(
        server.start_device(&ask(&QWEN, None), at(0)).err(),
        Some(Refusal::Missing("code_challenge"))
    );
    let started = server
        .start_device(&ask(&QWEN, Some(&challenge)), at(0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    approve(&mut server, &started.user_code, 1);
    let without = poll(&QWEN, &started.device_code);
    let wrong = DevicePoll {
        code_verifier: Some(&challenge),
        ..without
    };
    let right = DevicePoll {
        code_verifier: Some(verifier),
        ..without
    };
    assert_eq!(
        server.poll_device(&without, at(2)).err(),
        Some(Refusal::Missing("code_verifier"))
    );
    assert!(matches!(
        server.poll_device(&wrong, at(3)).err(),
        Some(Refusal::Grant(_))
    ));
    assert!(server.poll_device(&right, at(4)).is_ok());
    // The client's own secret is one to look for, too.
    assert!(
        server
            .secrets()
            .iter()
            .any(|secret| secret.value == verifier)
    );
}

#[test]
fn what_a_scenario_starts_from_is_refreshed_at_whichever_provider_comes_first() {
    let mut server = server();
    let set = server.seed(TokenState::Expired, TokenState::Live, None, at(0));
    let refresh = |token, profile, client_id| RefreshRequest {
        profile,
        client_id,
        token,
        scope: None,
        rotation: Rotation::Rotate,
        issuer: ISSUER,
    };
    let answer = server
        .refresh(&refresh(&set.refresh_token, &NOUS, "hermes-cli"), at(1))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(answer.scope, "inference:invoke");
    let next = answer.pair.refresh_token.unwrap();
    for (profile, client_id) in [
        (&XAI, "hermes-cli"),
        (&NOUS, "other"),
        (&CHATGPT, CLIENT_ID),
    ] {
        assert_eq!(
            server
                .refresh(&refresh(&next, profile, client_id), at(2))
                .err(),
            Some(Refusal::RefreshForeign)
        );
    }
    // Replay at Nous ends the session.
    assert_eq!(
        server
            .refresh(&refresh(&set.refresh_token, &NOUS, "hermes-cli"), at(3))
            .err(),
        Some(Refusal::RefreshReused)
    );
    assert_eq!(
        server
            .refresh(&refresh(&next, &NOUS, "hermes-cli"), at(4))
            .err(),
        Some(Refusal::RefreshRevoked)
    );
}

#[test]
fn what_a_scenario_starts_from_is_granted_what_its_provider_usually_grants() {
    let mut server = server();
    let set = server.seed(TokenState::Expired, TokenState::Live, None, at(0));
    let refresh = |scope| RefreshRequest {
        profile: &CLAUDE,
        client_id: "claude-app",
        token: &set.refresh_token,
        scope: Some(scope),
        rotation: Rotation::Rotate,
        issuer: ISSUER,
    };
    assert_eq!(
        server.refresh(&refresh("openid"), at(1)).err(),
        Some(Refusal::Scope)
    );
    assert!(server.refresh(&refresh("user:inference"), at(2)).is_ok());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Poll,
    Approve,
    Deny,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Poll),
        1 => Just(Step::Approve),
        1 => Just(Step::Deny),
        2 => (0u16..600).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn any_order_of_polls_and_decisions_gives_at_most_one_pair(
        steps in proptest::collection::vec(step(), 1..40), early: bool,
    ) {
        let slow_down = if early { SlowDown::Early } else { SlowDown::Never };
        let mut server = with(AuthorizationOptions { slow_down, ..Default::default() });
        let (device, code) = started(&mut server, &STRICT);
        let (mut now, mut pairs, mut first) = (0, 0, None);
        for step in steps {
            match step {
                Step::Wait(seconds) => now += u64::from(seconds),
                Step::Approve => {
                    first = first.or((now < 900).then_some(Decision::Approve));
                    server.decide(&UserCode::typed(&code), Decision::Approve, None, at(now));
                }
                Step::Deny => {
                    first = first.or((now < 900).then_some(Decision::Deny));
                    server.decide(&UserCode::typed(&code), Decision::Deny, None, at(now));
                }
                Step::Poll => match server.poll_device(&poll(&STRICT, &device), at(now)) {
                    Ok(_) => {
                        pairs += 1;
                        prop_assert_eq!(first, Some(Decision::Approve));
                        prop_assert!(now < 900);
                    }
                    Err(Refusal::Pending(_) | Refusal::SlowDown(_)) => prop_assert_eq!(first, None),
                    Err(Refusal::Declined) => prop_assert_eq!(first, Some(Decision::Deny)),
                    Err(Refusal::CodeExpired) => prop_assert!(now >= 900),
                    Err(Refusal::Grant(_)) => prop_assert_eq!(pairs, 1),
                    Err(other) => prop_assert!(false, "{:?}", other),
                },
            }
        }
        prop_assert!(pairs <= 1);
    }
}
