//! Renews the token pair: once per process, once per credential file, and never with a token known to be dead.

use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::pool::Account;
use super::{Credentials, Freshness, Notice, Session};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::oauth::refusal;
use crate::oauth::token::{self, Grant};
use crate::oauth::{AccessToken, RefreshToken};
use crate::store::StoreError;
use crate::transport::{Method, Request};

/// Why there is no new pair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// Nobody is signed in.
    #[error("not signed in")]
    SignedOut,
    /// The file holds no refresh token.
    #[error("the stored sign-in has no refresh token")]
    NoRefreshToken,
    /// The file was given to another account meanwhile.
    #[error("the credential file now holds another account's sign-in")]
    OtherAccount,
    /// The server, or the way to it.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The credential file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// Whether a person has to sign in again.
    pub fn sign_in_helps(&self) -> bool {
        match self {
            Self::SignedOut | Self::NoRefreshToken | Self::OtherAccount => true,
            Self::Failed(failure) => failure.sign_in_helps(),
            Self::Store(_) => false,
        }
    }
}

/// What the last refresh of this process came to, for those who waited for it.
#[derive(Debug, Default)]
pub(super) struct Flight {
    count: u64,
    failed: Option<(AccessToken, RefreshError)>,
}

/// A pair, and whether this call bought it.
pub(super) struct Renewed {
    pub(super) credentials: Credentials,
    pub(super) requested: bool,
}

/// How long the lock of the credential file is waited for. Longer than a refresh may take.
const LOCK_WAIT: Duration = Duration::from_secs(120);

/// When another program may be about to store the pair that it bought with our token, the file is read at these times.
const REREADS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
];

impl Session {
    /// The credentials as this process last saw them.
    fn credentials(&self, account: &Account) -> Result<Credentials, RefreshError> {
        account.current().ok_or(RefreshError::SignedOut)
    }

    /// Credentials whose access token can be used now, renewed when it is about to end.
    pub(super) async fn usable(&self, account: &Account) -> Result<Renewed, RefreshError> {
        let credentials = self.credentials(account)?;
        let freshness = credentials.freshness(SystemTime::now());
        if defect::active(Defect::NeverRefreshes) {
            return Ok(Renewed {
                credentials,
                requested: false,
            });
        }
        if credentials.access.is_empty() {
            return self.renew(account, &credentials.access).await;
        }
        match freshness {
            Freshness::Fresh => Ok(Renewed {
                credentials,
                requested: false,
            }),
            Freshness::Expired => {
                let mut renewed = self.renew(account, &credentials.access).await?;
                for _ in 0..8 {
                    if defect::active(Defect::NewTokenRefreshedAgain) {
                        renewed = self.renew(account, &renewed.credentials.access).await?;
                    }
                }
                Ok(renewed)
            }
            Freshness::Ending => match self.renew(account, &credentials.access).await {
                Ok(renewed) => Ok(renewed),
                // A spent refresh token does not make the access token invalid.
                Err(error @ (RefreshError::OtherAccount | RefreshError::SignedOut)) => Err(error),
                Err(error) if defect::active(Defect::EarlyRefreshMustWork) => Err(error),
                Err(error) => {
                    self.warn(format!(
                        "the access token is about to end and could not be renewed: {error}"
                    ));
                    Ok(Renewed {
                        credentials,
                        requested: false,
                    })
                }
            },
        }
    }

    /// The pair in the file, if it is of the same account and has another access token than `stale`.
    pub(super) fn reload(
        &self,
        account: &Account,
        stale: &Credentials,
    ) -> Result<Option<Credentials>, RefreshError> {
        let Some(stored) = self.store.load_slot_patiently(&account.slot)? else {
            return Err(RefreshError::SignedOut);
        };
        if !stored.same_account(stale) {
            return Err(RefreshError::OtherAccount);
        }
        if stored.access == stale.access
            || stored.access.is_empty()
            || defect::active(Defect::NoReloadBeforeRefresh)
        {
            return Ok(None);
        }
        account.set_current(stored.clone());
        self.notify(Notice::Renewed { requested: false });
        Ok(Some(stored))
    }

    /// Replaces a pair whose access token is `stale`. Calls at the same time share one refresh, and its failure.
    pub(super) async fn renew(
        &self,
        account: &Account,
        stale: &AccessToken,
    ) -> Result<Renewed, RefreshError> {
        if defect::active(Defect::TerminalNeededToRefresh) && !std::io::stdin().is_terminal() {
            return Err(RefreshError::SignedOut);
        }
        if defect::active(Defect::EachCallRefreshes) {
            let spent = self.spend(account, &self.credentials(account)?).await;
            return spent.map(|credentials| Renewed {
                credentials,
                requested: true,
            });
        }
        let seen = account.flight.try_lock().map(|flight| flight.count).ok();
        let mut flight = account.flight.lock().await;
        let current = self.credentials(account)?;
        if current.access != *stale {
            return Ok(Renewed {
                credentials: current,
                requested: false,
            });
        }
        if defect::active(Defect::FailureKeptUntilRestart)
            && let Some((_, error)) = &flight.failed
        {
            return Err(error.clone());
        }
        // Whoever had to wait takes the outcome of the refresh that it waited for.
        if seen != Some(flight.count)
            && let Some((of, error)) = &flight.failed
            && of == stale
        {
            return Err(error.clone());
        }
        let result = self.renew_alone(account, &current).await;
        flight.count += 1;
        flight.failed = result
            .as_ref()
            .err()
            .map(|error| (stale.clone(), error.clone()));
        result
    }

    async fn renew_alone(
        &self,
        account: &Account,
        stale: &Credentials,
    ) -> Result<Renewed, RefreshError> {
        // What another process stored needs no lock, no request, and not even a writable folder.
        if let Some(stored) = self.adoptable(account, stale)? {
            return Ok(stored);
        }
        let known = account.current().unwrap_or_else(|| stale.clone());
        if known.refresh.is_empty() && !defect::active(Defect::EmptyRefreshTokenSent) {
            return Err(RefreshError::NoRefreshToken);
        }
        if let Some(note) = self.store.quarantined(&known.refresh) {
            return Err(note.failure().into());
        }
        let _lock = if defect::active(Defect::RefreshWithoutLock) {
            None
        } else {
            match self.store.lock(LOCK_WAIT).await {
                Err(_) if spends_first() => None,
                lock => Some(lock?),
            }
        };
        // The lock's last holder may have been here for the same reason.
        if let Some(stored) = self.adoptable(account, stale)? {
            return Ok(stored);
        }
        let mut pair = account.current().unwrap_or_else(|| stale.clone());
        // A second round only with another refresh token, one that turned up while the first was refused.
        for last_round in [false, true] {
            match self.spend(account, &pair).await {
                Err(RefreshError::Failed(failure))
                    if failure.class == Class::RefreshReused
                        && !defect::active(Defect::LoserGivesUp) =>
                {
                    let Some(newer) = self.await_newer(account, &pair).await else {
                        if defect::active(Defect::ReuseSignsOut) {
                            self.sign_out().await?;
                        }
                        return Err(failure.into());
                    };
                    account.set_current(newer.clone());
                    self.notify(Notice::Renewed { requested: false });
                    if newer.freshness(SystemTime::now()) != Freshness::Expired {
                        return Ok(Renewed {
                            credentials: newer,
                            requested: false,
                        });
                    }
                    if last_round || newer.refresh == pair.refresh {
                        return Err(failure.into());
                    }
                    pair = newer;
                }
                result => {
                    return result.map(|credentials| Renewed {
                        credentials,
                        requested: true,
                    });
                }
            }
        }
        Err(RefreshError::NoRefreshToken)
    }

    /// A newer pair in the file that can be used as it is. One that has ended too becomes the pair to renew.
    fn adoptable(
        &self,
        account: &Account,
        stale: &Credentials,
    ) -> Result<Option<Renewed>, RefreshError> {
        let stored = self.reload(account, stale)?;
        let usable =
            stored.filter(|stored| stored.freshness(SystemTime::now()) != Freshness::Expired);
        Ok(usable.map(|credentials| Renewed {
            credentials,
            requested: false,
        }))
    }

    /// Spends the refresh token, under the lock, after making sure that its successor can be stored.
    async fn spend(
        &self,
        account: &Account,
        pair: &Credentials,
    ) -> Result<Credentials, RefreshError> {
        if pair.refresh.is_empty() && !defect::active(Defect::EmptyRefreshTokenSent) {
            return Err(RefreshError::NoRefreshToken);
        }
        if let Some(note) = self.store.quarantined(&pair.refresh) {
            return Err(note.failure().into());
        }
        let reservation = match self.store.reserve() {
            Err(_) if spends_first() => None,
            reservation => Some(reservation?),
        };
        let critical = self.enter_critical();
        let grant = match self.request_refresh(&pair.refresh).await {
            Ok(grant) => grant,
            Err(failure) => {
                if defect::active(Defect::StoreWipedOnFailure) {
                    self.store.remove()?;
                }
                // Only what the server names is remembered: a bare 401 may be a gateway's.
                let named = failure.code.as_deref().is_some_and(refusal::ends_the_grant);
                if failure.ends_the_grant() && named && failure.class != Class::RefreshReused {
                    self.store
                        .quarantine(&pair.refresh, &failure, SystemTime::now());
                }
                return Err(failure.into());
            }
        };
        if let Some(newer) = self.superseded(account, pair)? {
            return Ok(newer);
        }
        let now = SystemTime::now();
        let renewed = pair.renewed(&grant, now);
        // Stored first, used second: whatever happens next, the only valid pair is in the file.
        let stored = match reservation {
            _ if defect::active(Defect::NewPairNotStored) => Ok(()),
            _ if defect::active(Defect::StoredWithTheAnswer) => Ok(()),
            Some(reservation) => reservation.commit(&renewed),
            None => self.store.reserve().and_then(|file| file.commit(&renewed)),
        };
        drop(critical);
        account.set_current(renewed.clone());
        self.notify(Notice::Renewed { requested: true });
        if let Err(error) = stored
            && !defect::active(Defect::StoreFailureSwallowed)
        {
            self.warn(format!("{error}; the new tokens live only as long as this run, then a new sign-in is needed"));
        }
        if renewed.expires_at().is_some_and(|end| end <= now) {
            self.warn(
                "the new access token looks expired by this machine's clock: check the clock",
            );
        }
        Ok(renewed)
    }

    /// What took the place of `pair` in the file while its refresh was under way: another sign-in of the same account.
    /// It is newer than anything that a refresh of the old one can bring.
    fn superseded(
        &self,
        account: &Account,
        pair: &Credentials,
    ) -> Result<Option<Credentials>, RefreshError> {
        if defect::active(Defect::OtherSignInOverwritten) {
            return Ok(None);
        }
        let stored = match self.store.load_slot_patiently(&account.slot) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Err(RefreshError::SignedOut),
            // Nothing in a damaged file is newer.
            Err(_) => return Ok(None),
        };
        if !stored.same_account(pair) {
            return Err(RefreshError::OtherAccount);
        }
        if stored.refresh == pair.refresh || stored.access.is_empty() {
            return Ok(None);
        }
        account.set_current(stored.clone());
        self.notify(Notice::Renewed { requested: false });
        Ok(Some(stored))
    }

    async fn request_refresh(&self, refresh: &RefreshToken) -> Result<Grant, Failure> {
        let body = token::refresh(refresh);
        let url = format!("{}/oauth/token", self.config.issuer);
        let headers = [
            ("content-type", body.content_type.to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        let request = Request {
            purpose: "refresh",
            method: Method::Post,
            url: &url,
            headers: &headers,
            body: Bytes::from(body.text.clone()),
        };
        let bound = self.transport.limits().refresh;
        let follow = |exchange| self.notify(Notice::Exchange(exchange));
        let mut answer = self.transport.answer(&request, bound, &follow).await?;
        for _ in 0..2 {
            if defect::active(Defect::RefusedRefreshSentAgain) && !answer.is_success() {
                answer = self.transport.answer(&request, bound, &follow).await?;
            }
        }
        token::read_refresh(&answer, &body.redactor, SystemTime::now())
    }

    /// The pair that another program bought with our refresh token, once it is in the file.
    /// When there is none, the token is dead and noted as such.
    async fn await_newer(&self, account: &Account, pair: &Credentials) -> Option<Credentials> {
        for wait in REREADS {
            tokio::time::sleep(wait).await;
            let stored = self.store.load_slot(&account.slot).ok().flatten();
            if let Some(stored) = stored
                .filter(|s| s.same_account(pair) && s.access != pair.access && !s.access.is_empty())
            {
                return Some(stored);
            }
        }
        let failure = Failure {
            code: Some("refresh_token_reused".to_owned()),
            ..Failure::local(Class::RefreshReused, "")
        };
        self.store
            .quarantine(&pair.refresh, &failure, SystemTime::now());
        None
    }
}

/// Whether the refresh token is spent without knowing that its successor can be stored.
fn spends_first() -> bool {
    defect::active(Defect::SpendsBeforeLooking) || defect::active(Defect::StoreFailureSwallowed)
}
