//! The accounts of one credential file: which one is used, and which ones are of no use for now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::ask::AskError;
use super::refresh::{Flight, RefreshError};
use super::{Credentials, Freshness, Notice, Session};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::oauth::jwt::Claims;
use crate::oauth::refusal;
use crate::responses::names_a_policy;
use crate::store::{Exhausted, Slot, StoreError};

/// An account, and what this process knows of it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) slot: Slot,
    current: Mutex<Option<Credentials>>,
    pub(super) flight: tokio::sync::Mutex<Flight>,
    /// Of no use to ask with until then.
    exhausted: Mutex<Option<Exhausted>>,
}

/// What can be said of an account without asking the server.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The credentials.
    pub credentials: Credentials,
    /// Why they can no longer be used or renewed, when that is known.
    pub dead: Option<Failure>,
    /// Until when the account is left out, when its limit was reached.
    pub exhausted: Option<Exhausted>,
}

/// How long an account is left out when the server does not say.
const COOL_DOWN: Duration = Duration::from_secs(3600);
/// The same for a plain 429, which speaks of the last minute rather than of a plan.
const SHORT_COOL_DOWN: Duration = Duration::from_secs(60);
/// No account is left out for longer.
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(30 * 86_400);

impl Account {
    fn new(credentials: Credentials) -> Self {
        Self {
            slot: credentials.slot.clone(),
            exhausted: Mutex::new(credentials.exhausted.clone()),
            current: Mutex::new(Some(credentials)),
            flight: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn current(&self) -> Option<Credentials> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_current(&self, credentials: Credentials) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
    }

    /// What a person calls it.
    pub(super) fn name(&self) -> String {
        let credentials = self.current();
        let email = credentials.as_ref().and_then(|known| {
            let id = known.id.as_ref().map_or("", |id| id.expose());
            Claims::read(id)
                .or_else(|| Claims::read(known.access.expose()))?
                .email
        });
        let name = email.or_else(|| credentials?.account_id());
        let name = name.unwrap_or_else(|| "an unnamed account".to_owned());
        crate::redact::one_line(&name, 120)
    }

    fn exhausted(&self, now: SystemTime) -> Option<Exhausted> {
        let known = self
            .exhausted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|exhausted| exhausted.until > now)
    }
}

impl Session {
    /// All accounts, in the order in which they are used. Sends nothing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountState>, StoreError> {
        let now = SystemTime::now();
        let states = self.store.accounts()?.into_iter().map(|credentials| {
            let note = self.store.quarantined(&credentials.refresh);
            AccountState {
                dead: note.map(|note| note.failure()),
                exhausted: credentials
                    .exhausted
                    .clone()
                    .filter(|exhausted| exhausted.until > now),
                credentials,
            }
        });
        Ok(states.collect())
    }

    /// The accounts as this session first saw them: what other processes do to the file shows when it is read anew.
    fn roster(&self) -> Result<Vec<Arc<Account>>, StoreError> {
        let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = roster.as_ref().filter(|known| !known.is_empty()) {
            return Ok(known.clone());
        }
        let read: Vec<_> = self
            .store
            .accounts()?
            .into_iter()
            .map(|credentials| Arc::new(Account::new(credentials)))
            .collect();
        *roster = Some(read.clone());
        Ok(read)
    }

    /// Reads the file anew when it is needed next.
    pub(super) fn forget_roster(&self) {
        *self.roster.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The first account that can be used and was not tried yet.
    pub(super) fn pick(&self, tried: &[Slot]) -> Result<Option<Arc<Account>>, RefreshError> {
        let roster = self.roster()?;
        let now = SystemTime::now();
        // Without a choice, the server decides anew each time.
        let choice = roster.len() > 1;
        if roster.is_empty() {
            return Err(RefreshError::SignedOut);
        }
        let usable = |account: &&Arc<Account>| {
            !tried.contains(&account.slot)
                && !(choice && (account.exhausted(now).is_some() || self.is_dead(account)))
        };
        Ok(roster.iter().find(usable).cloned())
    }

    /// Why no account can be used, when none was tried.
    pub(super) fn none_usable(&self) -> AskError {
        let roster = self.roster().unwrap_or_default();
        let now = SystemTime::now();
        let limits = roster.iter().filter_map(|account| account.exhausted(now));
        if let Some(first) = limits.min_by_key(|exhausted| exhausted.until) {
            let class = Class::UsageLimit {
                plan: None,
                resets_at: Some(first.until),
            };
            let why = format!("none of the {} accounts can be used now", roster.len());
            return AskError::Failed {
                failure: Failure {
                    code: first.code,
                    ..Failure::local(class, why)
                },
                partial: String::new(),
                attempts: 0,
            };
        }
        let mut dead = roster.iter().filter_map(|account| {
            let note = self.store.quarantined(&account.current()?.refresh)?;
            Some(note.failure())
        });
        dead.next()
            .map_or(RefreshError::SignedOut, RefreshError::Failed)
            .into()
    }

    /// Takes note of an account whose turn failed in a way that another account may not share.
    pub(super) async fn set_aside(&self, account: &Account, failure: Option<&Failure>) {
        let (Some(failure), true) = (failure, self.roster().is_ok_and(|r| r.len() > 1)) else {
            return;
        };
        let now = SystemTime::now();
        if failure.sign_in_helps() {
            // The access token is refused as well: in a pool, where nobody looks, that is the end of the account. As
            // with every note, only what the server names is remembered.
            let code = failure.code.as_deref();
            let named =
                failure.class == Class::AccessRevoked || code.is_some_and(refusal::ends_the_grant);
            if named && let Some(credentials) = account.current() {
                self.store
                    .quarantine_account(&credentials.refresh, failure, now);
            }
            return;
        }
        if defect::active(Defect::CooldownForgotten) {
            return;
        }
        let exhausted = Exhausted {
            until: cool_down(failure, now),
            class: failure.class_name().to_owned(),
            code: failure.code.clone(),
        };
        *account
            .exhausted
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(exhausted.clone());
        // A note that cannot be written is no reason to fail.
        let written = match self.store.lock(Duration::from_secs(5)).await {
            Ok(_lock) => self
                .store
                .reserve()
                .and_then(|file| file.commit_exhausted(&account.slot, &exhausted)),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            self.warn(format!("{error}; the used-up account is not remembered"));
        }
    }

    pub(super) fn rotated(&self, failure: String) {
        if defect::active(Defect::SilentFallback) {
            return;
        }
        self.notify(Notice::Rotated { failure });
    }

    fn is_dead(&self, account: &Account) -> bool {
        let Some(credentials) = account.current() else {
            return true;
        };
        if defect::active(Defect::SticksToLastGood) {
            return false;
        }
        self.store
            .quarantined(&credentials.refresh)
            .is_some_and(|note| {
                note.is_of_the_whole_account()
                    || credentials.access.is_empty()
                    || credentials.freshness(SystemTime::now()) == Freshness::Expired
            })
    }
}

/// Whether another account may be served where this one was not: limits, budgets, a closed workspace, a dead sign-in.
/// What a policy forbids one account, it forbids the next.
pub(super) fn is_soft(failure: &Failure) -> bool {
    if defect::active(Defect::NoRotationOnSoftFailure) && !failure.sign_in_helps() {
        return false;
    }
    if defect::active(Defect::NoRotationOnDeadSignIn) && failure.sign_in_helps() {
        return false;
    }
    if defect::active(Defect::RotatesOnEveryRefusal) {
        return true;
    }
    let code = failure.code.as_deref();
    let closed = code == Some("deactivated_workspace");
    // 403 with a code that names no policy is about the account (reported as NousResearch/hermes-agent!8289).
    let forbidden = failure.status == Some(403)
        && failure.class == Class::Policy
        && code.is_some_and(|code| !names_a_policy(code))
        && !defect::active(Defect::ForbiddenAccountKept);
    matches!(
        failure.class,
        Class::UsageLimit { .. } | Class::Quota | Class::RateLimited
    ) || failure.status == Some(402)
        || closed
        || forbidden
        || failure.sign_in_helps()
}

fn cool_down(failure: &Failure, now: SystemTime) -> SystemTime {
    if defect::active(Defect::CooldownOutlivesReset) {
        return now + COOL_DOWN;
    }
    let wait = match &failure.class {
        Class::UsageLimit {
            resets_at: Some(at),
            ..
        } => at.duration_since(now).unwrap_or_default(),
        Class::RateLimited => failure.retry_after.unwrap_or(SHORT_COOL_DOWN),
        _ => failure.retry_after.unwrap_or(COOL_DOWN),
    };
    now + wait.min(LONGEST_COOL_DOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_dead_sign_ins_move_on_and_policies_do_not() {
        let of = |class| Failure::local(class, "");
        let limit = Class::UsageLimit {
            plan: None,
            resets_at: None,
        };
        for class in [
            limit,
            Class::Quota,
            Class::RateLimited,
            Class::AccessRevoked,
        ] {
            assert!(is_soft(&of(class.clone())), "{class:?}");
        }
        for class in [
            Class::Policy,
            Class::InvalidRequest,
            Class::ContextLength,
            Class::Overloaded,
            Class::Server,
            Class::Transport,
            Class::EdgeBlock,
        ] {
            assert!(!is_soft(&of(class.clone())), "{class:?}");
        }
        let refused = |status, code: Option<&str>| Failure {
            status: Some(status),
            code: code.map(str::to_owned),
            ..of(Class::Policy)
        };
        assert!(is_soft(&refused(402, None)));
        assert!(is_soft(&refused(403, Some("key_revoked"))));
        assert!(!is_soft(&refused(403, None)));
        assert!(!is_soft(&refused(
            403,
            Some("unsupported_country_region_territory")
        )));
    }

    #[test]
    fn a_cool_down_lasts_until_the_reset_that_the_server_names() {
        let now = SystemTime::now();
        let reset = now + Duration::from_secs(777);
        let limit = Class::UsageLimit {
            plan: None,
            resets_at: Some(reset),
        };
        assert_eq!(cool_down(&Failure::local(limit, ""), now), reset);
        let asked = Failure {
            retry_after: Some(Duration::from_secs(9)),
            ..Failure::local(Class::RateLimited, "")
        };
        assert_eq!(cool_down(&asked, now), now + Duration::from_secs(9));
        let quota = Failure::local(Class::Quota, "");
        assert_eq!(cool_down(&quota, now), now + COOL_DOWN);
    }
}
