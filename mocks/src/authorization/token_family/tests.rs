//! What a family promises, whatever order its tokens are shown in.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::authorization::CLIENT_ID;
use crate::authorization::profile::chatgpt::CHATGPT;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

fn policy(on_reuse: OnReuse, grace: u64) -> Policy {
    Policy {
        skew: 0,
        access_life: HOUR,
        on_reuse,
        grace: Duration::from_secs(grace),
    }
}

/// A family and the refresh tokens it ever gave out, oldest first.
struct Watched {
    family: TokenFamily,
    mint: Mint,
    tokens: Vec<String>,
    now: u64,
}

impl Watched {
    fn start() -> Self {
        let mut mint = Mint::new(11);
        let account = Account::numbered(1, "person@loginproof.example", "plus");
        let (family, pair) = TokenFamily::start(
            1,
            Grant::to(&CHATGPT, CLIENT_ID, None, "http://127.0.0.1:4000"),
            account,
            Lifetime::from(at(0), HOUR),
            &mut mint,
        );
        Self {
            family,
            mint,
            tokens: vec![pair.refresh_token.unwrap()],
            now: 0,
        }
    }

    fn refresh(
        &mut self,
        index: usize,
        rotation: Rotation,
        policy: Policy,
    ) -> Result<Pair, Refusal> {
        let token = self.tokens[index].clone();
        let pair = self
            .family
            .refresh(&token, rotation, policy, &mut self.mint, at(self.now))?;
        if let Some(token) = pair
            .refresh_token
            .clone()
            .filter(|token| !self.tokens.contains(token))
        {
            self.tokens.push(token);
        }
        Ok(pair)
    }

    fn states(&self) -> Vec<TokenState> {
        self.tokens
            .iter()
            .map(|token| self.family.refresh_seen(token).unwrap().state)
            .collect()
    }

    fn live(&self) -> Vec<usize> {
        (0..self.tokens.len())
            .filter(|index| self.states()[*index] == TokenState::Live)
            .collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Shows one of the tokens given out so far.
    Refresh {
        token: prop::sample::Index,
        keep: bool,
    },
    Revoke,
    RevokeAccess,
    ExpireAccess,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (any::<prop::sample::Index>(), prop::bool::weighted(0.2)).prop_map(|(token, keep)| Step::Refresh { token, keep }),
        1 => Just(Step::Revoke),
        1 => Just(Step::RevokeAccess),
        1 => Just(Step::ExpireAccess),
        4 => (0..20u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn any_interleaving_leaves_at_most_one_live_refresh_token_and_no_spent_one_comes_back(
        steps in steps(), revoke_family: bool, grace in prop_oneof![Just(0), 1..30u64],
    ) {
        let on_reuse = if revoke_family { OnReuse::RevokeFamily } else { OnReuse::Reject };
        let policy = policy(on_reuse, grace);
        let mut watched = Watched::start();
        let mut dead: HashSet<String> = HashSet::new();
        let mut handed: HashSet<String> = HashSet::new();

        for step in steps {
            match step {
                Step::Wait(seconds) => watched.now += seconds,
                Step::Revoke => watched.family.revoke(),
                Step::RevokeAccess => watched.family.revoke_newest_access(),
                Step::ExpireAccess => watched.family.expire_newest_access(),
                Step::Refresh { token, keep } => {
                    let index = token.index(watched.tokens.len());
                    let before = watched.states()[index];
                    let live = watched.live();
                    let rotation = if keep { Rotation::Keep } else { Rotation::Rotate };
                    match (before, watched.refresh(index, rotation, policy)) {
                        (TokenState::Live, Ok(pair)) => {
                            prop_assert!(handed.insert(pair.access_token), "an access token was handed out twice");
                            prop_assert_eq!(pair.refresh_token.is_none(), keep);
                            prop_assert_eq!(watched.live() == live, keep);
                        }
                        (TokenState::Spent, Ok(_)) => {
                            prop_assert!(grace > 0);
                            prop_assert_eq!(watched.live(), live, "within the grace nothing new is minted");
                        }
                        (TokenState::Spent, Err(refusal)) => {
                            prop_assert_eq!(refusal, Refusal::RefreshReused);
                            prop_assert_eq!(watched.live(), if revoke_family { Vec::new() } else { live });
                        }
                        (TokenState::Revoked, Err(refusal)) => prop_assert_eq!(refusal, Refusal::RefreshRevoked),
                        (state, answer) => prop_assert!(false, "{state:?} brought {:?}", answer.err()),
                    }
                }
            }
            prop_assert!(watched.live().len() <= 1, "{:?}", watched.states());
            for (token, state) in watched.tokens.iter().zip(watched.states()) {
                if state == TokenState::Live {
                    prop_assert!(!dead.contains(token), "a dead token is live again");
                } else {
                    dead.insert(token.clone());
                }
            }
        }
    }
}

#[test]
fn a_refresh_spends_the_shown_token_and_counts_the_generation() {
    let mut watched = Watched::start();
    let pair = watched
        .refresh(0, Rotation::Rotate, policy(OnReuse::Reject, 0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(watched.states(), [TokenState::Spent, TokenState::Live]);
    let access = watched
        .family
        .access_seen(&pair.access_token, at(0))
        .unwrap();
    let refresh = watched.family.refresh_seen(&watched.tokens[1]).unwrap();
    assert_eq!((access.generation, refresh.generation), (Some(2), Some(2)));
    assert!(
        watched.tokens[1].starts_with("rt_loginproof_1_2_"),
        "{}",
        watched.tokens[1]
    );
}

#[test]
fn a_replay_kills_the_family_if_the_policy_says_so_as_rfc_9700_section_4_14_2_asks() {
    let mut watched = Watched::start();
    let policy = policy(OnReuse::RevokeFamily, 0);
    let pair = watched
        .refresh(0, Rotation::Rotate, policy)
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(
        watched.refresh(0, Rotation::Rotate, policy).err(),
        Some(Refusal::RefreshReused)
    );
    assert_eq!(
        watched.refresh(1, Rotation::Rotate, policy).err(),
        Some(Refusal::RefreshRevoked)
    );
    assert_eq!(
        watched
            .family
            .access_seen(&pair.access_token, at(0))
            .unwrap()
            .state,
        TokenState::Revoked
    );
}

#[test]
fn a_late_copy_gets_the_newest_pair_until_the_grace_is_over() {
    let mut watched = Watched::start();
    let policy = policy(OnReuse::Reject, 10);
    let first = watched
        .refresh(0, Rotation::Rotate, policy)
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    watched.now = 9;
    assert!(
        watched
            .refresh(0, Rotation::Rotate, policy)
            .is_ok_and(|pair| pair == first)
    );
    watched.now = 10;
    assert_eq!(
        watched.refresh(0, Rotation::Rotate, policy).err(),
        Some(Refusal::RefreshReused)
    );
}

#[test]
fn without_rotation_the_shown_token_stays_live_and_no_other_is_given() {
    let mut watched = Watched::start();
    for generation in 2..5 {
        let pair = watched
            .refresh(0, Rotation::Keep, policy(OnReuse::Reject, 0))
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!(pair.refresh_token, None);
        assert_eq!(
            watched
                .family
                .access_seen(&pair.access_token, at(0))
                .unwrap()
                .generation,
            Some(generation)
        );
    }
    assert_eq!(watched.states(), [TokenState::Live]);
}

#[test]
fn an_access_token_expires_at_its_claim_or_when_told() {
    let mut watched = Watched::start();
    let pair = watched
        .refresh(0, Rotation::Keep, policy(OnReuse::Reject, 0))
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let state = |watched: &Watched, seconds| {
        watched
            .family
            .access_seen(&pair.access_token, at(seconds))
            .unwrap()
            .state
    };
    assert_eq!(state(&watched, 3_599), TokenState::Live);
    assert_eq!(state(&watched, 3_600), TokenState::Expired);
    watched.family.expire_newest_access();
    assert_eq!(state(&watched, 1), TokenState::Expired);
    watched.family.revoke();
    assert_eq!(state(&watched, 3_600), TokenState::Revoked);
}
