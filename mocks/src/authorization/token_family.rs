//! A family of tokens: everything that descends from one sign-in. Its refresh token rotates, and a spent one is known again.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use super::account::Account;
use super::grant::Grant;
use super::jwt::{Claims, unix_ceil, unix_floor};
use super::profile::{AccessStyle, Profile};
use super::refusal::Refusal;
use super::secret::{ALPHANUMERIC, Mint, SecretKind};
use super::{OnReuse, Rotation, TokenSeen};
use crate::script::TokenState;

/// How a family treats its tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) access_life: Duration,
    /// Seconds by which the times in tokens are off.
    pub(super) skew: i64,
    pub(super) on_reuse: OnReuse,
    pub(super) grace: Duration,
}

/// What a client is handed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) access_token: String,
    /// None where the provider gives none.
    pub(super) id_token: Option<String>,
    /// None when the refresh token that was shown stays good, or where the provider gives none.
    pub(super) refresh_token: Option<String>,
    pub(super) expires_at: SystemTime,
}

/// All tokens of one sign-in.
pub(super) struct TokenFamily {
    number: usize,
    grant: Grant,
    account: Account,
    session: String,
    /// Counts the pairs: 1 came with the sign-in, each refresh adds one.
    generation: u32,
    revoked: bool,
    access: Vec<AccessToken>,
    refresh: Vec<RefreshToken>,
}

struct AccessToken {
    value: String,
    id_token: Option<String>,
    generation: u32,
    expires_at: SystemTime,
    /// Dead before its time.
    ended: Option<Ended>,
}

#[derive(Clone, Copy)]
enum Ended {
    Expired,
    Revoked,
}

struct RefreshToken {
    value: String,
    generation: u32,
    state: RefreshState,
}

#[derive(Clone, Copy)]
enum RefreshState {
    Live,
    Spent { since: SystemTime },
    Expired,
    Revoked,
}

impl TokenFamily {
    /// The family of a fresh sign-in, with its first pair.
    pub(super) fn start(
        number: usize,
        grant: Grant,
        account: Account,
        life: Lifetime,
        mint: &mut Mint,
    ) -> (Self, Pair) {
        let mut family = Self {
            number,
            grant,
            account,
            session: mint.uuid(),
            generation: 0,
            revoked: false,
            access: Vec::new(),
            refresh: Vec::new(),
        };
        let pair = family.issue(Rotation::Rotate, life, mint);
        (family, pair)
    }

    /// Exchanges a refresh token of this family for a new pair.
    pub(super) fn refresh(
        &mut self,
        token: &str,
        rotation: Rotation,
        policy: Policy,
        mint: &mut Mint,
        now: SystemTime,
    ) -> Result<Pair, Refusal> {
        let rotation = if self.grant.profile.tokens.rotates {
            rotation
        } else {
            Rotation::Keep
        };
        let revoked = self.revoked;
        let shown = self
            .refresh
            .iter_mut()
            .find(|known| known.value == token)
            .ok_or(Refusal::RefreshForeign)?;
        match shown.state {
            _ if revoked => Err(Refusal::RefreshRevoked),
            RefreshState::Revoked => Err(Refusal::RefreshRevoked),
            RefreshState::Expired => Err(Refusal::RefreshExpired),
            RefreshState::Live => {
                // RFC 6749 §6, RFC 9700 §4.14.2: the new token replaces the one that was shown.
                if rotation == Rotation::Rotate {
                    shown.state = RefreshState::Spent { since: now };
                }
                let life = Lifetime::from(now, policy.access_life).skewed(policy.skew);
                Ok(self.issue(rotation, life, mint))
            }
            RefreshState::Spent { since } => {
                let within = now.duration_since(since).unwrap_or(Duration::ZERO) < policy.grace;
                match self.newest(rotation) {
                    Some(pair) if within => Ok(pair),
                    _ => {
                        // RFC 9700 §4.14.2: whoever holds the newest token may be the thief, so it dies too.
                        self.revoked |= policy.on_reuse == OnReuse::RevokeFamily;
                        Err(Refusal::RefreshReused)
                    }
                }
            }
        }
    }

    /// When an access token of this family expires.
    pub(super) fn expiry(&self, token: &str) -> Option<SystemTime> {
        let found = self.access.iter().find(|known| known.value == token);
        found.map(|known| known.expires_at)
    }

    /// Whether an id token came with one of its pairs.
    pub(super) fn has_id_token(&self, token: &str) -> bool {
        !self.revoked
            && self
                .access
                .iter()
                .any(|known| known.id_token.as_deref() == Some(token))
    }

    /// What was granted.
    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// A provider and its client take over what was anybody's: what is minted from now on is theirs.
    pub(super) fn settle(&mut self, profile: &'static Profile, client_id: &str, issuer: &str) {
        if self.grant.anybodys {
            self.grant = Grant::to(profile, client_id, None, issuer);
        }
    }

    /// Who signed in.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The newest refresh token, if it is still good.
    pub(super) fn live_refresh_token(&self) -> Option<&str> {
        let newest = self.refresh.last()?;
        (!self.revoked && matches!(newest.state, RefreshState::Live))
            .then_some(newest.value.as_str())
    }

    /// Ends every token of the family.
    pub(super) fn revoke(&mut self) {
        self.revoked = true;
    }

    /// Ends one access token. False if it is not of this family.
    pub(super) fn revoke_access(&mut self, token: &str) -> bool {
        let found = self.access.iter_mut().find(|known| known.value == token);
        found
            .map(|known| known.ended = Some(Ended::Revoked))
            .is_some()
    }

    /// Ends the newest access token's life early, whatever its `exp` says.
    pub(super) fn expire_newest_access(&mut self) {
        if let Some(newest) = self.access.last_mut() {
            newest.ended.get_or_insert(Ended::Expired);
        }
    }

    /// Ends the newest access token alone.
    pub(super) fn revoke_newest_access(&mut self) {
        if let Some(newest) = self.access.last_mut() {
            newest.ended = Some(Ended::Revoked);
        }
    }

    /// Ends the life of the newest refresh token.
    pub(super) fn expire_newest_refresh(&mut self) {
        if let Some(newest) = self.refresh.last_mut() {
            newest.state = RefreshState::Expired;
        }
    }

    /// Ends the newest refresh token alone.
    pub(super) fn revoke_newest_refresh(&mut self) {
        if let Some(newest) = self.refresh.last_mut() {
            newest.state = RefreshState::Revoked;
        }
    }

    /// What is known of an access token, if it is of this family.
    pub(super) fn access_seen(&self, token: &str, now: SystemTime) -> Option<TokenSeen> {
        let known = self.access.iter().find(|known| known.value == token)?;
        let state = match known.ended {
            _ if self.revoked => TokenState::Revoked,
            Some(Ended::Revoked) => TokenState::Revoked,
            Some(Ended::Expired) => TokenState::Expired,
            None if now >= known.expires_at => TokenState::Expired,
            None => TokenState::Live,
        };
        Some(self.seen(state, known.generation))
    }

    /// What is known of a refresh token, if it is of this family.
    pub(super) fn refresh_seen(&self, token: &str) -> Option<TokenSeen> {
        let known = self.refresh.iter().find(|known| known.value == token)?;
        let state = match known.state {
            _ if self.revoked => TokenState::Revoked,
            RefreshState::Live => TokenState::Live,
            RefreshState::Spent { .. } => TokenState::Spent,
            RefreshState::Expired => TokenState::Expired,
            RefreshState::Revoked => TokenState::Revoked,
        };
        Some(self.seen(state, known.generation))
    }

    /// An access token that looks like one of this family and is none.
    pub(super) fn foreign_access_token(&self, life: Lifetime, mint: &mut Mint) -> String {
        let token = self.claims(life).access_token(mint);
        mint.record(SecretKind::AccessToken, token)
    }

    /// A token for Copilot, which lives and dies like an access token.
    pub(super) fn issue_copilot(&mut self, life: Lifetime, mint: &mut Mint) -> String {
        // The vendor's form: fields, of which programs read the expiry.
        let value = format!(
            "tid=loginproof{};exp={};sku=plus_yearly_subscriber_quota;chat=1",
            mint.text(ALPHANUMERIC, 43),
            life.expires
        );
        let value = mint.record(SecretKind::AccessToken, value);
        self.access.push(AccessToken {
            value: value.clone(),
            id_token: None,
            generation: self.generation,
            expires_at: life.expires_at(),
            ended: None,
        });
        value
    }

    fn issue(&mut self, rotation: Rotation, life: Lifetime, mint: &mut Mint) -> Pair {
        self.generation += 1;
        let generation = self.generation;
        let style = &self.grant.profile.tokens;
        let claims = self.claims(life);
        let access_token = match style.access {
            AccessStyle::Vendor | AccessStyle::Jwt => claims.access_token(mint),
            AccessStyle::Opaque(prefix) => opaque(prefix, self.number, generation, mint),
        };
        let id_token = style.id_token.then(|| claims.id_token(mint));
        let value = mint.record(SecretKind::AccessToken, access_token);
        let id_token = id_token.map(|token| mint.record(SecretKind::IdToken, token));
        let refresh = style.refresh;
        self.access.push(AccessToken {
            value,
            id_token,
            generation,
            expires_at: life.expires_at(),
            ended: None,
        });
        if let Some(prefix) = refresh.filter(|_| rotation == Rotation::Rotate) {
            let value = refresh_token(prefix, &self.number.to_string(), generation, mint);
            self.refresh.push(RefreshToken {
                value,
                generation,
                state: RefreshState::Live,
            });
        }
        let access = self
            .access
            .last()
            .expect("an access token was issued just now");
        self.pair(access, rotation)
    }

    /// The newest access token with the live refresh token. None if there is no live refresh token.
    fn newest(&self, rotation: Rotation) -> Option<Pair> {
        self.live_refresh_token()?;
        Some(self.pair(self.access.last()?, rotation))
    }

    fn pair(&self, access: &AccessToken, rotation: Rotation) -> Pair {
        let refresh_token = self.live_refresh_token().map(str::to_owned);
        Pair {
            access_token: access.value.clone(),
            id_token: access.id_token.clone(),
            refresh_token: refresh_token.filter(|_| rotation == Rotation::Rotate),
            expires_at: access.expires_at,
        }
    }

    fn claims(&self, life: Lifetime) -> Claims<'_> {
        Claims {
            grant: &self.grant,
            account: &self.account,
            session: &self.session,
            issued: life.issued.saturating_add_signed(life.skew),
            expires: life.expires.saturating_add_signed(life.skew),
        }
    }

    fn seen(&self, state: TokenState, generation: u32) -> TokenSeen {
        TokenSeen {
            state,
            generation: Some(generation),
            account: Some(self.account.id.clone()),
        }
    }
}

/// From when to when a pair's tokens are good, in whole unix seconds as their claims say it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    issued: u64,
    expires: u64,
    /// By how much the claims are off: the clock they are written by.
    skew: i64,
}

impl Lifetime {
    /// From now on.
    pub(super) fn from(now: SystemTime, life: Duration) -> Self {
        Self {
            issued: unix_floor(now),
            expires: unix_ceil(now + life),
            skew: 0,
        }
    }

    /// So that it ends at a given moment, which may be past, after having begun the usual time before.
    pub(super) fn until(end: SystemTime, life: Duration, now: SystemTime) -> Self {
        Self {
            issued: unix_floor((end - life).min(now)),
            expires: unix_ceil(end),
            skew: 0,
        }
    }

    /// The same, written down by a clock that is off by so many seconds.
    pub(super) fn skewed(self, skew: i64) -> Self {
        Self { skew, ..self }
    }

    fn expires_at(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.expires)
    }
}

/// A refresh token says where it belongs, so that a log can be read without tables.
pub(super) fn refresh_token(
    prefix: &str,
    family: &str,
    generation: u32,
    mint: &mut Mint,
) -> String {
    let value = opaque(prefix, family, generation, mint);
    mint.record(SecretKind::RefreshToken, value)
}

fn opaque(prefix: &str, family: impl Display, generation: u32, mint: &mut Mint) -> String {
    format!(
        "{prefix}loginproof_{family}_{generation}_{}",
        mint.text(ALPHANUMERIC, 43)
    )
}

#[cfg(test)]
mod tests;
