//! All the authorization server knows, and what it answers. No clock, no I/O: every method takes the time.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::account::{Account, FIRST_EMAIL, FIRST_PLAN};
use super::code::{AuthorizationCode, CodeRefused, ExchangeRequest};
use super::device_sign_in::{Decision, DeviceSignIn, Progress, UserCode};
use super::pkce::PkcePair;
use super::refusal::Refusal;
use super::secret::{Mint, Secret};
use super::token_family::{Lifetime, Pair, Policy, TokenFamily};
use super::wrong_codes::WrongCodes;
use super::{AuthorizationOptions, CLIENT_ID, Rotation, SCOPE, TokenSeen};

/// The state of one authorization server.
pub(super) struct AuthorizationState {
    pub(super) options: AuthorizationOptions,
    issuer: String,
    pub(super) mint: Mint,
    accounts: Vec<Account>,
    sign_ins: Vec<DeviceSignIn>,
    codes: HashMap<String, AuthorizationCode>,
    pub(super) families: Vec<TokenFamily>,
    /// Token -> index of its family, for access and refresh tokens.
    owners: HashMap<String, usize>,
    wrong_codes: WrongCodes,
}

/// What a device is told when it starts to sign in.
pub(super) struct SignInStarted {
    pub(super) device_auth_id: String,
    pub(super) user_code: String,
    pub(super) interval: String,
    pub(super) expires_at: SystemTime,
}

/// What a poll brings once a sign-in is approved.
pub(super) struct Approval {
    pub(super) authorization_code: String,
    pub(super) pkce: PkcePair,
}

/// A success of the token endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TokenAnswer {
    pub(super) pair: Pair,
    pub(super) expires_in: u64,
}

/// What the page says to a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    Approved(Account),
    Denied,
    NoCode,
    UnknownCode,
    Expired,
    /// Somebody decided before: true if it was approved.
    Already {
        approved: bool,
    },
    UnknownAccount,
    TooManyTries {
        retry_after: u64,
    },
}

impl AuthorizationState {
    pub(super) fn new(options: AuthorizationOptions, seed: u64, issuer: &str) -> Self {
        let mut state = Self {
            options,
            issuer: issuer.trim_end_matches('/').to_owned(),
            mint: Mint::new(seed),
            accounts: Vec::new(),
            sign_ins: Vec::new(),
            codes: HashMap::new(),
            families: Vec::new(),
            owners: HashMap::new(),
            wrong_codes: WrongCodes::default(),
        };
        state.add_account(FIRST_EMAIL, FIRST_PLAN);
        state
    }

    pub(super) fn add_account(&mut self, email: &str, plan: &str) -> Account {
        let account = Account::numbered(self.accounts.len() + 1, email, plan);
        self.accounts.push(account.clone());
        account
    }

    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(super) fn secrets(&self) -> &[Secret] {
        self.mint.issued()
    }

    /// A device asks for a code.
    pub(super) fn start_sign_in(
        &mut self,
        client_id: &str,
        now: SystemTime,
    ) -> Result<SignInStarted, Refusal> {
        check_client(client_id)?;
        let user_code = loop {
            let code = UserCode::mint(&mut self.mint);
            if self.sign_ins.iter().all(|known| known.user_code != code) {
                break code;
            }
        };
        let sign_in =
            DeviceSignIn::start(user_code, now + self.options.code_life.0, &mut self.mint);
        let started = SignInStarted {
            device_auth_id: sign_in.device_auth_id.clone(),
            user_code: sign_in.user_code.shown(),
            interval: self.options.interval.clone(),
            expires_at: sign_in.expires_at,
        };
        self.sign_ins.push(sign_in);
        Ok(started)
    }

    /// A device asks whether its sign-in was approved.
    pub(super) fn poll(
        &mut self,
        device_auth_id: &str,
        user_code: &str,
        now: SystemTime,
    ) -> Result<Approval, Refusal> {
        let sign_in = self
            .sign_ins
            .iter_mut()
            // Both halves must belong together; a device sends its code as it was told it.
            .find(|known| {
                known.device_auth_id == device_auth_id && known.user_code.shown() == user_code
            })
            .ok_or(Refusal::Grant(
                "no sign-in has this device_auth_id and user_code",
            ))?;
        let account = sign_in.poll(self.options.pending, now)?;
        let redirect_uri = format!("{}/deviceauth/callback", self.issuer);
        let (code, pkce) = AuthorizationCode::mint(account, redirect_uri, &mut self.mint, now);
        let authorization_code = code.value.clone();
        self.codes.insert(authorization_code.clone(), code);
        Ok(Approval {
            authorization_code,
            pkce,
        })
    }

    /// Where the sign-in of a code stands, for somebody who opens the page with the code in its address.
    /// A wrong code counts as a try, as it does when it is typed.
    pub(super) fn look_up(
        &mut self,
        user_code: &UserCode,
        now: SystemTime,
    ) -> Result<Progress, Decided> {
        self.find(user_code, now)
            .map(|found| self.sign_ins[found].progress(now))
    }

    /// A person decides on the page. `account` is the id of the account they chose, the first one if they had no choice.
    pub(super) fn decide(
        &mut self,
        user_code: &UserCode,
        decision: Decision,
        account: Option<&str>,
        now: SystemTime,
    ) -> Decided {
        let found = match self.find(user_code, now) {
            Ok(found) => found,
            Err(decided) => return decided,
        };
        let chosen = self
            .accounts
            .iter()
            .find(|known| account.is_none_or(|id| known.id == id));
        let Some(account) = chosen.cloned() else {
            return Decided::UnknownAccount;
        };
        match self.sign_ins[found].decide(decision, account.clone(), now) {
            Ok(()) if decision == Decision::Approve => Decided::Approved(account),
            Ok(()) => Decided::Denied,
            Err(Progress::Expired) => Decided::Expired,
            Err(progress) => Decided::Already {
                approved: progress != Progress::Denied,
            },
        }
    }

    /// The sign-in of a code that a person typed.
    fn find(&mut self, user_code: &UserCode, now: SystemTime) -> Result<usize, Decided> {
        if let Some(retry_after) = self.wrong_codes.locked_for(now) {
            return Err(Decided::TooManyTries { retry_after });
        }
        if user_code.is_blank() {
            return Err(Decided::NoCode);
        }
        self.sign_ins
            .iter()
            .position(|known| known.user_code == *user_code)
            .ok_or_else(|| {
                self.wrong_codes.count(now);
                Decided::UnknownCode
            })
    }

    /// An authorization code is exchanged for the first pair of a new family.
    pub(super) fn exchange(
        &mut self,
        client_id: &str,
        request: &ExchangeRequest<'_>,
        now: SystemTime,
    ) -> Result<TokenAnswer, Refusal> {
        check_client(client_id)?;
        let code = self
            .codes
            .get_mut(request.code)
            .ok_or(Refusal::Grant("the authorization code is not known"))?;
        match code.check(request, now) {
            Ok(()) => {}
            Err(CodeRefused::Refusal(refusal)) => return Err(refusal),
            Err(CodeRefused::Reused(family)) => {
                // RFC 6749 §4.1.2: a second use is denied, and what the first one brought should be revoked.
                self.families[family].revoke();
                return Err(Refusal::Grant("the authorization code has been used"));
            }
        }
        code.use_up(self.families.len());
        let account = code.account.clone();
        let pair = self.start_family(account, Lifetime::from(now, self.options.access_life.0));
        Ok(answer(pair, now))
    }

    /// A refresh token is exchanged for the next pair.
    pub(super) fn refresh(
        &mut self,
        client_id: &str,
        token: &str,
        scope: Option<&str>,
        rotation: Rotation,
        now: SystemTime,
    ) -> Result<TokenAnswer, Refusal> {
        check_client(client_id)?;
        // RFC 6749 §6: no scope beyond what was granted.
        if scope.is_some_and(|scope| {
            scope
                .split_whitespace()
                .any(|one| !SCOPE.split(' ').any(|granted| granted == one))
        }) {
            return Err(Refusal::Scope);
        }
        let family = *self.owners.get(token).ok_or(Refusal::RefreshForeign)?;
        let policy = self.policy();
        let pair = self.families[family].refresh(token, rotation, policy, &mut self.mint, now)?;
        self.own(&pair, family);
        Ok(answer(pair, now))
    }

    /// RFC 7009 §2.1: whatever kind of token it is, and whatever the hint said. Unknown tokens are fine.
    pub(super) fn revoke(&mut self, token: &str) {
        let Some(&family) = self.owners.get(token) else {
            return;
        };
        let family = &mut self.families[family];
        if !family.revoke_access(token) {
            // A refresh token takes the access tokens of its grant along.
            family.revoke();
        }
    }

    pub(super) fn describe_access(&self, token: &str, now: SystemTime) -> TokenSeen {
        self.describe(token, |family| family.access_seen(token, now))
    }

    pub(super) fn describe_refresh(&self, token: &str) -> TokenSeen {
        self.describe(token, |family| family.refresh_seen(token))
    }

    fn describe(&self, token: &str, seen: impl Fn(&TokenFamily) -> Option<TokenSeen>) -> TokenSeen {
        if token.is_empty() {
            return TokenSeen::none();
        }
        let family = self.owners.get(token).map(|&index| &self.families[index]);
        family.and_then(seen).unwrap_or(TokenSeen::foreign())
    }

    pub(super) fn start_family(&mut self, account: Account, life: Lifetime) -> Pair {
        let index = self.families.len();
        let (family, pair) =
            TokenFamily::start(index + 1, &self.issuer, account, life, &mut self.mint);
        self.families.push(family);
        self.own(&pair, index);
        pair
    }

    pub(super) fn own(&mut self, pair: &Pair, family: usize) {
        self.owners.insert(pair.access_token.clone(), family);
        if let Some(token) = &pair.refresh_token {
            self.owners.insert(token.clone(), family);
        }
    }

    pub(super) fn policy(&self) -> Policy {
        Policy {
            access_life: self.options.access_life.0,
            on_reuse: self.options.on_reuse,
            grace: self.options.grace.0,
        }
    }
}

/// The grant belongs to the one client there is; a public client names itself (RFC 6749 §3.2.1).
fn check_client(client_id: &str) -> Result<(), Refusal> {
    if client_id == CLIENT_ID {
        Ok(())
    } else {
        Err(Refusal::Client)
    }
}

fn answer(pair: Pair, now: SystemTime) -> TokenAnswer {
    let expires_in = pair
        .expires_at
        .duration_since(now)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    TokenAnswer { pair, expires_in }
}

#[cfg(test)]
mod tests;
