//! Signs in by device code and signs out.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::{AccountError, Credentials, Notice, Session};
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::failure::text::span;
use crate::failure::{Class, Failure};
use crate::oauth::SignInError;
use crate::oauth::device_flow::{DeviceFlow, Step};
use crate::oauth::jwt::Claims;
use crate::oauth::token::{self, Body, Grant};
use crate::store::{Slot, StoreError, StoreLock};
use crate::transport::{Method, Request};

/// Where a new sign-in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the place of the first account.
    First,
    /// Beside those that are there; in the place of the same account, if there is one.
    Added,
}

impl Session {
    /// Signs in. Credentials that work stay in the file until there are new ones.
    ///
    /// # Errors
    /// Why there are no new credentials in the file.
    pub async fn sign_in(&self, place: Place) -> Result<Credentials, AccountError> {
        // A folder that takes no file is found out before a person goes through the trouble.
        drop(self.store.reserve()?);
        if defect::active(Defect::SignsOutBeforeSignIn) {
            self.store.remove()?;
        }
        let mut flow = DeviceFlow::new(&self.config.issuer);
        loop {
            let now = Instant::now();
            let (purpose, path, body) = match flow.next(now) {
                Step::RequestCode(body) => {
                    ("device code", "/api/accounts/deviceauth/usercode", body)
                }
                Step::Poll(body) => ("poll", "/api/accounts/deviceauth/token", body),
                Step::Exchange(body) => {
                    // From here on the approval can be lost.
                    let critical = self.enter_critical();
                    let answer = self.post_oauth("exchange", "/oauth/token", &body).await;
                    flow.answered(answer, Instant::now());
                    if let Step::Done(grant) = flow.next(Instant::now()) {
                        return self.keep_grant(&grant, place).await;
                    }
                    drop(critical);
                    continue;
                }
                Step::Show(_)
                    if defect::active(Defect::PromptOnTerminalOnly)
                        && !std::io::stdout().is_terminal() =>
                {
                    continue;
                }
                Step::Show(prompt) => {
                    self.notify(Notice::Prompt(prompt));
                    continue;
                }
                Step::WaitUntil(at) => {
                    tokio::time::sleep_until(at.into()).await;
                    continue;
                }
                Step::Done(grant) => return self.keep_grant(&grant, place).await,
                Step::Failed(error) => return Err(error.into()),
            };
            let answer = self.post_oauth(purpose, path, &body).await;
            flow.answered(answer, Instant::now());
        }
    }

    /// Stores the tokens of a new sign-in.
    pub(super) async fn keep_grant(
        &self,
        grant: &Grant,
        place: Place,
    ) -> Result<Credentials, AccountError> {
        let credentials = Credentials::signed_in(grant, SystemTime::now());
        self.keep(credentials, place).await
    }

    /// Stores new credentials in their place.
    pub(super) async fn keep(
        &self,
        mut credentials: Credentials,
        place: Place,
    ) -> Result<Credentials, AccountError> {
        let now = SystemTime::now();
        let ahead = not_valid_for(&credentials, now);
        if let Some(ahead) = ahead {
            let why = format!(
                "the new tokens are valid only in {} by this machine's clock: check the clock",
                span(ahead)
            );
            if defect::active(Defect::NotYetValidRefused) {
                return Err(SignInError::Refused(Failure::local(Class::Unreadable, why)).into());
            }
            self.warn(why);
        }
        let _lock = self.lock_for_sign_in().await?;
        if place == Place::Added {
            credentials.slot = free_slot(&self.store.accounts()?, &credentials);
        }
        if defect::active(Defect::SignInNotStored) {
            return Ok(credentials);
        }
        self.store.reserve()?.commit(&credentials)?;
        self.store.tidy_quarantine();
        self.forget_roster();
        if credentials.expires_at().is_some_and(|end| end <= now) {
            self.warn(
                "the new access token looks expired by this machine's clock: check the clock",
            );
        }
        Ok(credentials)
    }

    /// Makes the file ready for new tokens.
    ///
    /// A refresh that another process has under way must not overwrite them. A lock that cannot be had is no reason to
    /// throw them away.
    pub(super) async fn lock_for_sign_in(&self) -> Result<Option<StoreLock>, AccountError> {
        let lock = self.store.lock(Duration::from_secs(90)).await;
        if let Err(error) = &lock {
            self.warn(error.to_string());
        }
        if let Some(aside) = self.store.set_damaged_aside()? {
            self.warn(format!(
                "the damaged credential file was kept as {}",
                aside.display()
            ));
        }
        Ok(lock.ok())
    }

    /// Signs out: revokes the refresh tokens if the server can be reached, and removes the credential file in any case.
    /// Whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub async fn sign_out(&self) -> Result<bool, StoreError> {
        let stored = match self.store.accounts() {
            Ok(stored) => stored,
            Err(error) => {
                self.warn(format!("{error}; nothing could be revoked"));
                Vec::new()
            }
        };
        for credentials in stored.iter().filter(|c| !c.refresh.is_empty()) {
            let body = token::revoke(&credentials.refresh);
            match self.post_oauth("revoke", "/oauth/revoke", &body).await {
                Ok(answer) if answer.is_success() => {}
                Ok(answer) => self.warn(format!(
                    "the server did not revoke the sign-in (HTTP {})",
                    answer.status
                )),
                Err(failure) => self.warn(format!("the sign-in could not be revoked: {failure}")),
            }
        }
        if defect::active(Defect::SignOutKeepsTheFile) {
            return Ok(true);
        }
        self.forget_roster();
        self.store.remove()
    }

    pub(super) async fn post_oauth(
        &self,
        purpose: &'static str,
        path: &str,
        body: &Body,
    ) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.config.issuer);
        let headers = [
            ("content-type", body.content_type.to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        let limits = self.transport.limits();
        let bound = if purpose == "revoke" {
            limits.revoke
        } else {
            limits.oauth
        };
        let request = Request {
            purpose,
            method: Method::Post,
            url: &url,
            headers: &headers,
            body: Bytes::from(body.text.clone()),
        };
        self.transport
            .answer(&request, bound, &|exchange| {
                self.notify(Notice::Exchange(exchange))
            })
            .await
    }
}

/// How long new tokens are not valid yet by the clock of this machine, if that is more than a rounding error.
fn not_valid_for(credentials: &Credentials, now: SystemTime) -> Option<Duration> {
    let start = u64::try_from(Claims::read(credentials.access.expose())?.not_before?).ok()?;
    let start = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(start))?;
    let ahead = start.duration_since(now).ok()?;
    (ahead > SKEW).then_some(ahead)
}

/// Clocks that differ by less need no word.
const SKEW: Duration = Duration::from_secs(60);

/// The place of this account, or one of its own.
fn free_slot(accounts: &[Credentials], new: &Credentials) -> Slot {
    let same = |known: &&Credentials| new.account_id().is_some() && known.same_account(new);
    if let Some(known) = accounts.iter().find(same) {
        return known.slot.clone();
    }
    if accounts.iter().all(|known| known.slot != Slot::Root) {
        return Slot::Root;
    }
    Slot::Pool(format!("{:08x}", rand::random::<u32>()))
}
