//! Joins the parts: signs in, asks, renews tokens before and after they run out, and signs out.

mod ask;
mod browser_sign_in;
mod fallback;
mod import;
mod models;
mod pool;
mod provider_sign_in;
mod refresh;
mod sign_in;
mod tool;
mod websocket;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::defect::{self, Defect};
use crate::failure::Failure;
use crate::oauth::device_flow::Prompt;
use crate::oauth::{AccessToken, RefreshToken, SignInError};
use crate::responses::FunctionCall;
use crate::store::{Credentials, Store, StoreError};
use crate::transport::{Exchange, Limits, Transport};

pub use ask::{ATTEMPTS, Answered, AskError, LONGEST_WAIT, ROUNDS};
pub use fallback::Fallback;
pub use import::ImportError;
pub use models::Model;
pub use pool::AccountState;
pub use refresh::RefreshError;
pub use sign_in::Place;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The authorization server, such as `https://auth.openai.com`.
    pub issuer: String,
    /// The base of the Responses endpoint, such as `https://chatgpt.com/backend-api/codex`.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// Whether requests are to be served before others.
    pub fast: bool,
    /// Whether turns go over a WebSocket where the server has one.
    pub websocket: bool,
    /// Where the conversation goes when no account can be used.
    pub fallback: Option<Fallback>,
    /// A command line that runs the tools that the model calls; the built-in tool without.
    pub tool: Option<String>,
    /// The credential file.
    pub store: PathBuf,
    /// How long things may take.
    pub limits: Limits,
}

/// What happens on the way. Nothing in it is secret, except that a user code is for the person in front of the screen.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A person has to approve the sign-in.
    Prompt(Prompt),
    /// A person has to approve the sign-in in a browser.
    Browse {
        /// The page to open.
        url: String,
        /// Whether the person brings the code back, instead of the browser.
        paste: bool,
        /// How long it is waited for.
        bound: Duration,
    },
    /// A request was sent.
    Exchange(Exchange),
    /// Something is wrong, but not enough to stop.
    Warning(String),
    /// A request is sent again.
    Retry {
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// How long it is waited for.
        wait: Duration,
        /// Why the last one failed.
        failure: Failure,
    },
    /// The next account, or the fallback, takes over.
    Rotated {
        /// Why the last one failed.
        failure: String,
    },
    /// The WebSocket is given up for this turn, and requests go over HTTP.
    FellBack {
        /// Why.
        failure: Failure,
    },
    /// Tokens were renewed, or a pair that another process stored was taken.
    Renewed {
        /// Whether this process asked for them.
        requested: bool,
    },
    /// The model calls a tool.
    Call {
        /// Which of several prompts.
        prompt: usize,
        /// The call.
        call: FunctionCall,
    },
}

/// Takes notices as they happen.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// One user of one credential file.
pub struct Session {
    config: Config,
    store: Store,
    transport: Transport,
    listener: Listener,
    /// The accounts of the file, once it was read.
    roster: Mutex<Option<Vec<Arc<pool::Account>>>>,
    /// Spent secrets whose successors are not in the file yet.
    critical: tokio::sync::watch::Sender<usize>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What is known of the sign-in without asking the server.
#[derive(Clone, Debug)]
pub enum Status {
    /// Nobody is signed in.
    SignedOut,
    /// There are credentials.
    SignedIn {
        /// The credentials.
        credentials: Box<Credentials>,
        /// Why they can no longer be renewed, when that is known.
        dead: Option<Failure>,
    },
}

/// The access token is renewed when it has less than this left.
pub const REFRESH_WINDOW: Duration = Duration::from_secs(5 * 60);
/// A token whose expiry nobody states is renewed after this time.
const OPAQUE_LIFE: Duration = Duration::from_secs(8 * 24 * 3600);
/// A pair younger than this is used at least once, even if the clock calls it expired.
const YOUNG: Duration = Duration::from_secs(60);

/// How far an access token is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    Ending,
    Expired,
}

impl Session {
    /// A session. Nothing is read or sent yet.
    pub fn new(config: Config, listener: Listener) -> Self {
        let transport = Transport::new(config.limits);
        let store = Store::new(config.store.clone());
        let config = Config {
            issuer: config.issuer.trim_end_matches('/').to_owned(),
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            ..config
        };
        Self {
            config,
            store,
            transport,
            listener,
            roster: Mutex::default(),
            critical: tokio::sync::watch::Sender::new(0),
        }
    }

    /// What the credential file says of the first account. Sends nothing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn status(&self) -> Result<Status, StoreError> {
        Ok(match self.accounts()?.into_iter().next() {
            None => Status::SignedOut,
            Some(first) => Status::SignedIn {
                credentials: Box::new(first.credentials),
                dead: first.dead,
            },
        })
    }

    /// The names of the providers other than ChatGPT that there are tokens of.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn providers(&self) -> Result<Vec<String>, StoreError> {
        self.store.providers()
    }

    /// Resolves when no tokens are on their way into the credential file: the moment at which it is safe to stop.
    pub async fn settled(&self) {
        let mut critical = self.critical.subscribe();
        // The sender lives as long as the session.
        let _ = critical.wait_for(|count| *count == 0).await;
    }

    /// Whether tokens are on their way into the credential file.
    pub fn is_critical(&self) -> bool {
        *self.critical.borrow() > 0
    }

    fn notify(&self, notice: Notice) {
        (self.listener)(notice);
    }

    fn warn(&self, text: impl Into<String>) {
        self.notify(Notice::Warning(text.into()));
    }

    fn enter_critical(&self) -> Critical<'_> {
        self.critical.send_modify(|count| *count += 1);
        Critical(self)
    }
}

/// Marks the time between spending a secret and storing its successor.
struct Critical<'a>(&'a Session);

impl Drop for Critical<'_> {
    fn drop(&mut self) {
        self.0.critical.send_modify(|count| *count -= 1);
    }
}

impl Credentials {
    /// How far the access token is from its end, by this machine's clock.
    pub(crate) fn freshness(&self, now: SystemTime) -> Freshness {
        let age = self.last_refresh.and_then(|at| now.duration_since(at).ok());
        let Some(end) = self.expires_at() else {
            let old = age.is_some_and(|age| age > OPAQUE_LIFE);
            return if old {
                Freshness::Ending
            } else {
                Freshness::Fresh
            };
        };
        // A clock that is ahead makes every new token look expired; asking again and again would not help.
        if age.is_some_and(|age| age < YOUNG) && !defect::active(Defect::NewTokenRefreshedAgain) {
            return Freshness::Fresh;
        }
        match end.duration_since(now) {
            Ok(left) if left > REFRESH_WINDOW => Freshness::Fresh,
            Ok(left) if !left.is_zero() => Freshness::Ending,
            _ => Freshness::Expired,
        }
    }

    /// The secrets, for whoever has to keep them out of a text.
    pub(crate) fn secrets(&self) -> [&str; 3] {
        let id = self.id.as_ref().map_or("", |id| id.expose());
        [
            AccessToken::expose(&self.access),
            RefreshToken::expose(&self.refresh),
            id,
        ]
    }
}

/// Why a sign-in or a sign-out failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The flow ended without tokens.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The credential file is in the way.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(left: i64, age: u64, now: SystemTime) -> Credentials {
        let mut credentials = Credentials::new(AccessToken::new("opaque"), RefreshToken::new("r"));
        let shift = Duration::from_secs(left.unsigned_abs());
        credentials.stored_expiry = Some(if left < 0 { now - shift } else { now + shift });
        credentials.last_refresh = Some(now - Duration::from_secs(age));
        credentials
    }

    #[test]
    fn a_token_is_renewed_in_its_last_five_minutes() {
        let now = SystemTime::now();
        assert_eq!(credentials(360, 3600, now).freshness(now), Freshness::Fresh);
        assert_eq!(
            credentials(240, 3600, now).freshness(now),
            Freshness::Ending
        );
        assert_eq!(credentials(0, 3600, now).freshness(now), Freshness::Expired);
        assert_eq!(
            credentials(-60, 3600, now).freshness(now),
            Freshness::Expired
        );
    }

    #[test]
    fn a_new_token_that_looks_expired_is_used_at_least_once() {
        let now = SystemTime::now();
        assert_eq!(credentials(-60, 5, now).freshness(now), Freshness::Fresh);
    }

    #[test]
    fn an_opaque_token_is_renewed_after_eight_days() {
        let now = SystemTime::now();
        let aged = |days: u64| {
            let mut credentials = credentials(0, days * 86_400, now);
            credentials.stored_expiry = None;
            credentials
        };
        assert_eq!(aged(7).freshness(now), Freshness::Fresh);
        assert_eq!(aged(9).freshness(now), Freshness::Ending);
        // With a stated expiry the age does not matter.
        assert_eq!(
            credentials(3600, 9 * 86_400, now).freshness(now),
            Freshness::Fresh
        );
    }
}
