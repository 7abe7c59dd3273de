//! All the authorization server knows, and what it answers. No clock, no I/O: every method takes the time.

mod authorize;
mod device;
mod worth;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::account::{Account, FIRST_EMAIL, FIRST_PLAN};
use super::code::{AuthorizationCode, CodeRefused, ExchangeRequest};
use super::device_sign_in::{Decision, DeviceSignIn, Progress, UserCode};
use super::grant::{self, Grant};
use super::pace::{EarlyPoll, Pace};
use super::pkce::PkcePair;
use super::profile::Profile;
use super::profile::chatgpt::CHATGPT;
use super::refusal::Refusal;
use super::secret::{Mint, Secret, SecretKind};
use super::token_family::{Lifetime, Pair, Policy, TokenFamily};
use super::wrong_codes::WrongCodes;
use super::{AuthorizationOptions, CLIENT_ID, Rotation, SlowDown, TokenSeen};
use crate::span::Span;

pub(super) use authorize::{AuthorizeRefused, AuthorizeRequest, Destination};
pub(super) use device::{DeviceAsk, DevicePoll};
pub(crate) use worth::{CopilotToken, TokenInfo};

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
    early_polls: Vec<EarlyPoll>,
    api_keys: HashSet<String>,
}

/// What a device is told when it starts to sign in.
pub(super) struct SignInStarted {
    pub(super) device_auth_id: String,
    pub(super) user_code: String,
    pub(super) interval: String,
    pub(super) expires_at: SystemTime,
}

/// What a client shows to get the next pair.
pub(super) struct RefreshRequest<'a> {
    pub(super) profile: &'static Profile,
    pub(super) client_id: &'a str,
    pub(super) token: &'a str,
    pub(super) scope: Option<&'a str>,
    pub(super) rotation: Rotation,
    /// Claim `iss` of tokens that nobody minted for this provider before.
    pub(super) issuer: &'a str,
}

/// What a poll brings once a sign-in is approved.
pub(super) struct Approval {
    pub(super) authorization_code: String,
    pub(super) pkce: PkcePair,
}

/// A success of the token endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenAnswer {
    pub(super) pair: Pair,
    pub(super) expires_in: u64,
    /// What was granted.
    pub(super) scope: String,
    /// Who signed in.
    pub(super) account: Account,
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
            early_polls: Vec::new(),
            api_keys: HashSet::new(),
        };
        state.add_account(FIRST_EMAIL, FIRST_PLAN);
        state.accounts[0].name.clone_from(&state.options.name);
        state
    }

    pub(super) fn add_account(&mut self, email: &str, plan: &str) -> Account {
        let account = Account::numbered(self.accounts.len() + 1, email, plan);
        self.accounts.push(account.clone());
        account
    }

    pub(super) fn add_colleague(&mut self, email: &str) -> Account {
        let account = self.accounts[0].colleague(self.accounts.len() + 1, email);
        self.accounts.push(account.clone());
        account
    }

    /// Its own origin, without a slash at the end.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
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
        check_client(&CHATGPT, client_id)?;
        let user_code = self.user_code(9);
        let pace = Pace::new(Duration::from_secs(self.interval()));
        let end = now + self.options.code_life.0;
        let sign_in = DeviceSignIn::start(user_code, end, pace, None, &mut self.mint);
        let started = SignInStarted {
            device_auth_id: sign_in.device_auth_id.clone(),
            user_code: sign_in.user_code.shown(),
            interval: self.options.interval.clone(),
            expires_at: sign_in.expires_at,
        };
        self.sign_ins.push(sign_in);
        Ok(started)
    }

    /// A code of so many letters that no other sign-in has.
    fn user_code(&mut self, length: usize) -> UserCode {
        loop {
            let code = UserCode::mint(length, &mut self.mint);
            if self.sign_ins.iter().all(|known| known.user_code != code) {
                return code;
            }
        }
    }

    /// The polling interval in seconds. RFC 8628 §3.2: five where nothing is said.
    fn interval(&self) -> u64 {
        self.options.interval.trim().parse().unwrap_or(5)
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
                known.request.is_none()
                    && known.device_auth_id == device_auth_id
                    && known.user_code.shown() == user_code
            })
            .ok_or(Refusal::Grant(
                "no sign-in has this device_auth_id and user_code",
            ))?;
        let slow_down = self.options.slow_down;
        let early = keep_pace(sign_in, CHATGPT.name, &mut self.early_polls, now);
        let account = polled(sign_in, early, slow_down, self.options.pending, now)?;
        let redirect_uri = format!("{}/deviceauth/callback", self.issuer);
        let grant = Grant::to(&CHATGPT, CLIENT_ID, None, &self.issuer);
        let (code, pkce) =
            AuthorizationCode::with_pair(account, grant, redirect_uri, &mut self.mint, now);
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
        profile: &'static Profile,
        client_id: &str,
        request: &ExchangeRequest<'_>,
        now: SystemTime,
    ) -> Result<TokenAnswer, Refusal> {
        check_client(profile, client_id)?;
        let code = self
            .codes
            .get_mut(request.code)
            // RFC 6749 §4.1.3: the code is bound to the client it was given to.
            .filter(|code| code.grant.is_of(profile, client_id))
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
        let (grant, account) = (code.grant.clone(), code.account.clone());
        if let Some(verifier) = request.code_verifier {
            self.mint.witness(SecretKind::CodeVerifier, verifier);
        }
        Ok(self.sign_in(grant, account, now))
    }

    /// A refresh token is exchanged for the next pair.
    pub(super) fn refresh(
        &mut self,
        asked: &RefreshRequest<'_>,
        now: SystemTime,
    ) -> Result<TokenAnswer, Refusal> {
        let &RefreshRequest {
            profile, client_id, ..
        } = asked;
        check_client(profile, client_id)?;
        let owner = self.owners.get(asked.token).copied();
        // RFC 6749 §6: no scope beyond what was granted.
        let covered = |scope: &str| match owner {
            Some(family) => self.families[family].grant().covers(profile, scope),
            None => grant::covers(profile.scope, scope),
        };
        if asked.scope.is_some_and(|scope| !covered(scope)) {
            return Err(Refusal::Scope);
        }
        let index = owner.ok_or(Refusal::RefreshForeign)?;
        let policy = self.policy(profile);
        let family = &mut self.families[index];
        if !family.grant().is_of(profile, client_id) {
            return Err(Refusal::RefreshForeign);
        }
        if *profile != CHATGPT {
            family.settle(profile, client_id, asked.issuer);
        }
        let pair = family.refresh(asked.token, asked.rotation, policy, &mut self.mint, now)?;
        self.own(&pair, index);
        Ok(self.answer(index, pair, now))
    }

    /// The ChatGPT browser flow's last step: an id token buys an API key (oauth.md §1.4).
    pub(super) fn api_key(&mut self, client_id: &str, id_token: &str) -> Result<String, Refusal> {
        check_client(&CHATGPT, client_id)?;
        if !self
            .families
            .iter()
            .any(|family| family.has_id_token(id_token))
        {
            return Err(Refusal::Grant("the subject_token is not known here"));
        }
        Ok(self.sell_key("sk-loginproof-"))
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

    /// The same at a provider that looks whose token it is. RFC 7009 §2.1: another client's is refused.
    pub(super) fn revoke_of(
        &mut self,
        profile: &Profile,
        client_id: Option<&str>,
        token: &str,
    ) -> Result<(), Refusal> {
        let grant = self
            .owners
            .get(token)
            .map(|&family| self.families[family].grant());
        let anothers =
            grant.is_some_and(|grant| !grant.is_of(profile, client_id.unwrap_or(&grant.client_id)));
        if anothers {
            return Err(Refusal::Grant("the token was issued to another client"));
        }
        self.revoke(token);
        Ok(())
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

    /// The first pair of a sign-in.
    fn sign_in(&mut self, grant: Grant, account: Account, now: SystemTime) -> TokenAnswer {
        let policy = self.policy(grant.profile);
        let life = Lifetime::from(now, policy.access_life).skewed(policy.skew);
        let pair = self.start_family(grant, account, life);
        self.answer(self.families.len() - 1, pair, now)
    }

    /// What a scenario's tokens are granted under: whoever is shown them first.
    pub(super) fn anybodys_grant(&self) -> Grant {
        Grant {
            anybodys: true,
            ..Grant::to(&CHATGPT, CLIENT_ID, None, &self.issuer)
        }
    }

    pub(super) fn start_family(&mut self, grant: Grant, account: Account, life: Lifetime) -> Pair {
        let index = self.families.len();
        let (family, pair) = TokenFamily::start(index + 1, grant, account, life, &mut self.mint);
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

    pub(super) fn policy(&self, profile: &Profile) -> Policy {
        Policy {
            access_life: profile.tokens.life.unwrap_or(self.options.access_life.0),
            skew: seconds(self.options.clock_ahead) - seconds(self.options.clock_behind),
            on_reuse: profile.on_reuse.unwrap_or(self.options.on_reuse),
            grace: self.options.grace.0,
        }
    }

    /// Polls that came too soon, in order.
    pub(super) fn early_polls(&self) -> &[EarlyPoll] {
        &self.early_polls
    }

    fn answer(&self, family: usize, pair: Pair, now: SystemTime) -> TokenAnswer {
        let family = &self.families[family];
        TokenAnswer {
            expires_in: pair
                .expires_at
                .duration_since(now)
                .unwrap_or(Duration::ZERO)
                .as_secs(),
            pair,
            scope: family.grant().scope.clone(),
            account: family.account().clone(),
        }
    }
}

fn seconds(span: Span) -> i64 {
    i64::try_from(span.0.as_secs()).unwrap_or(i64::MAX)
}

/// A public client names itself (RFC 6749 §3.2.1).
fn check_client(profile: &Profile, client_id: &str) -> Result<(), Refusal> {
    match profile.client {
        Some(known) if known != client_id => Err(Refusal::Client),
        _ => Ok(()),
    }
}

/// Writes down a poll that comes too soon. True if it does.
fn keep_pace(
    sign_in: &mut DeviceSignIn,
    provider: &'static str,
    early: &mut Vec<EarlyPoll>,
    now: SystemTime,
) -> bool {
    let interval = sign_in.pace.interval();
    let waited = sign_in.pace.poll(now);
    early.extend(waited.map(|waited| EarlyPoll {
        provider,
        waited,
        interval,
    }));
    waited.is_some()
}

/// What a poll brings. RFC 8628 §3.5: `slow_down` is a way to say that nobody has decided yet.
fn polled(
    sign_in: &mut DeviceSignIn,
    early: bool,
    slow_down: SlowDown,
    pending: u16,
    now: SystemTime,
) -> Result<Account, Refusal> {
    match sign_in.poll(pending, now) {
        Err(Refusal::Pending(_)) if early && slow_down == SlowDown::Early => {
            Err(Refusal::SlowDown(sign_in.pace.slow_down().as_secs()))
        }
        polled => polled,
    }
}

#[cfg(test)]
mod tests;
