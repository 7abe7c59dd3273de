//! Tokens that scenarios start from, and what other clients do to them meanwhile.

use std::time::{Duration, SystemTime};

use super::account::Account;
use super::profile::chatgpt::CHATGPT;
use super::state::AuthorizationState;
use super::token_family::{Lifetime, Pair, refresh_token};
use super::{Rotation, TokenSet};
use crate::script::TokenState;

impl AuthorizationState {
    pub(super) fn seed(
        &mut self,
        access: TokenState,
        refresh: TokenState,
        expires_in: Option<Duration>,
        now: SystemTime,
    ) -> TokenSet {
        let account = self.accounts()[0].clone();
        self.seed_for(account, access, refresh, expires_in, now)
    }

    pub(super) fn seed_for(
        &mut self,
        account: Account,
        access: TokenState,
        refresh: TokenState,
        expires_in: Option<Duration>,
        now: SystemTime,
    ) -> TokenSet {
        let usual = self.options.access_life.0;
        let end = match expires_in {
            Some(span) => now + span,
            None if access == TokenState::Expired => now - JUST_EXPIRED,
            None => now + usual,
        };
        let life = Lifetime::until(end, usual, now);
        let pair = self.start_family(self.anybodys_grant(), account.clone(), life);
        let mut set = token_set(&account, &pair);
        let index = self.families.len() - 1;
        let family = &mut self.families[index];

        match access {
            TokenState::Live => {}
            TokenState::Expired => family.expire_newest_access(),
            TokenState::Revoked | TokenState::Spent => family.revoke_newest_access(),
            TokenState::None => set.access_token.clear(),
            TokenState::Foreign => {
                set.access_token = family.foreign_access_token(life, &mut self.mint)
            }
        }
        match refresh {
            TokenState::Live => {}
            TokenState::Expired => family.expire_newest_refresh(),
            TokenState::Revoked if access == TokenState::Revoked => family.revoke(),
            TokenState::Revoked => family.revoke_newest_refresh(),
            TokenState::None => set.refresh_token.clear(),
            TokenState::Foreign => {
                set.refresh_token = refresh_token("rt_", "foreign", 1, &mut self.mint)
            }
            TokenState::Spent => {
                let policy = self.policy(&CHATGPT);
                let rotated = self.families[index].refresh(
                    &set.refresh_token,
                    Rotation::Rotate,
                    policy,
                    &mut self.mint,
                    now - LONG_SPENT,
                );
                if let Ok(pair) = rotated {
                    self.own(&pair, index);
                }
            }
        }
        set
    }

    pub(super) fn rotate_elsewhere(&mut self, now: SystemTime) -> Option<TokenSet> {
        let index = self.families.len().checked_sub(1)?;
        let policy = self.policy(self.families[index].grant().profile);
        let family = &mut self.families[index];
        let token = family.live_refresh_token()?.to_owned();
        let pair = family
            .refresh(&token, Rotation::Rotate, policy, &mut self.mint, now)
            .ok()?;
        let account = family.account().clone();
        self.own(&pair, index);
        Some(token_set(&account, &pair))
    }

    pub(super) fn expire_access(&mut self) {
        if let Some(family) = self.families.last_mut() {
            family.expire_newest_access();
        }
    }
}

fn token_set(account: &Account, pair: &Pair) -> TokenSet {
    TokenSet {
        access_token: pair.access_token.clone(),
        refresh_token: pair.refresh_token.clone().unwrap_or_default(),
        id_token: pair.id_token.clone().unwrap_or_default(),
        account_id: account.id.clone(),
        expires_at: pair.expires_at,
    }
}

/// How long ago a token that starts as expired has expired, by its claim.
const JUST_EXPIRED: Duration = Duration::from_secs(60);

/// How long ago a token that starts as spent was spent: beyond any grace.
const LONG_SPENT: Duration = Duration::from_secs(86_400);
