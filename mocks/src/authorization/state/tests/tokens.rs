//! Exchange, refresh, revocation, and what scenarios start from.

use super::*;

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
        code_verifier: Some(&approval.pkce.verifier),
    };
    assert_eq!(
        server
            .exchange(&CHATGPT, "app_other", &request, at(3))
            .err(),
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
            .refresh(&refreshing(client, &token, scope), at(4))
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
