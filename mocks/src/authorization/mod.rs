//! The authorization server: accounts, device sign-ins, codes, access tokens, families of rotating refresh tokens.
//!
//! The state is free of I/O: its methods take the time and give back what to answer. [`AuthorizationServer`] is the
//! shared handle that adds the clock, and the endpoints put HTTP around it.

mod account;
mod code;
mod consent_page;
mod device_sign_in;
pub(crate) mod endpoint;
mod grant;
mod jwt;
mod pace;
mod page;
mod pkce;
pub(crate) mod profile;
mod refusal;
mod secret;
mod seeding;
mod state;
mod token_family;
mod wrong_codes;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::script::TokenState;
use crate::span::Span;

pub use account::Account;
pub use pace::EarlyPoll;
pub use secret::{Secret, SecretKind};

use secret::Redacted;
use state::AuthorizationState;
pub(crate) use state::{CopilotToken, TokenInfo};

/// The one client this server knows, with the id that the vendor gave its command line.
pub const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// The grant that polls (RFC 8628 §3.4).
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What every grant covers.
const SCOPE: &str = "openid profile email offline_access";

/// Settings of the authorization server, the `authorization:` key of a scenario's `server:`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AuthorizationOptions {
    /// Polling interval in seconds, a string as the vendor sends it; other providers send it as a number. Default "1".
    pub interval: String,
    /// HTTP status of a ChatGPT poll that is still pending: 403 (default) or 404. Other providers have their own.
    pub pending: u16,
    /// How long a device code lives. Default 15m.
    pub code_life: Span,
    /// How long an access token lives. Default 1h.
    pub access_life: Span,
    /// How far this server's clock is ahead of the program's: the times in new tokens (`iat`, `nbf`, `exp`) are later by it.
    pub clock_ahead: Span,
    /// How far it is behind: they are earlier by it.
    pub clock_behind: Span,
    /// What a spent refresh token brings when it is shown again.
    pub on_reuse: OnReuse,
    /// Whether a device that polls too soon is told so.
    pub slow_down: SlowDown,
    /// What the person is called (claim `name`). `>` and `?` in it make a token's payload need `-` and `_`, the letters in
    /// which base64url differs from base64; plain claims never do.
    pub name: String,
    /// How long after its rotation a spent refresh token is still answered with the newest pair. Default 0ms.
    pub grace: Span,
}

/// What happens when a spent refresh token is shown again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnReuse {
    /// Answer 401 `refresh_token_reused`; the newest pair stays good.
    #[default]
    Reject,
    /// The same answer, and the whole family dies (RFC 9700 §4.14.2).
    RevokeFamily,
}

/// What a device is told that polls sooner than its interval allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SlowDown {
    /// Nothing: such a poll is pending like any other.
    #[default]
    Never,
    /// `slow_down`, and five seconds more from then on (RFC 8628 §3.5). In a device grant the first poll is early, too,
    /// when it comes before one interval has passed; in ChatGPT's flow it may come at once.
    Early,
}

impl Default for AuthorizationOptions {
    fn default() -> Self {
        Self {
            interval: "1".to_owned(),
            pending: 403,
            code_life: Span::seconds(900),
            access_life: Span::seconds(3600),
            clock_ahead: Span::seconds(0),
            clock_behind: Span::seconds(0),
            on_reuse: OnReuse::Reject,
            slow_down: SlowDown::Never,
            name: account::FIRST_NAME.to_owned(),
            grace: Span::seconds(0),
        }
    }
}

/// Whether a refresh spends the refresh token that it shows. Put into a request's extensions; `Rotate` when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// The shown refresh token is spent, the answer carries the next one.
    #[default]
    Rotate,
    /// New access and id tokens, no refresh token in the answer: the shown one stays live.
    Keep,
}

/// What the server knows of a token that a request carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenSeen {
    /// Whether it is good.
    pub state: TokenState,
    /// Its generation within its family: 1 is the first pair, every refresh adds one. None if it is not ours.
    pub generation: Option<u32>,
    /// Id of the account it was minted for. None if it is not ours.
    pub account: Option<String>,
}

impl TokenSeen {
    /// The request carries no such token.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            state: TokenState::None,
            generation: None,
            account: None,
        }
    }

    const fn foreign() -> Self {
        Self {
            state: TokenState::Foreign,
            generation: None,
            account: None,
        }
    }
}

/// A pair of tokens with what belongs to it, as a credential file keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSet {
    /// Bearer token for the backend; empty if there is to be none.
    pub access_token: String,
    /// Refresh token; empty if there is to be none.
    pub refresh_token: String,
    /// Id token.
    pub id_token: String,
    /// Id of the account, as in the tokens' claims.
    pub account_id: String,
    /// When the access token expires, as its `exp` claim says. The server may think otherwise.
    pub expires_at: SystemTime,
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("access_token", &Redacted(&self.access_token))
            .field("refresh_token", &Redacted(&self.refresh_token))
            .field("id_token", &Redacted(&self.id_token))
            .field("account_id", &self.account_id)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// A handle to the authorization server; clones share one state.
#[derive(Clone)]
pub struct AuthorizationServer {
    state: Arc<Mutex<AuthorizationState>>,
}

impl AuthorizationServer {
    /// A server with one account. `issuer` is its own origin, with or without a slash at the end; `seed` decides
    /// everything it mints, apart from the times in it.
    #[must_use]
    pub fn new(options: AuthorizationOptions, seed: u64, issuer: &str) -> Self {
        Self {
            state: Arc::new(Mutex::new(AuthorizationState::new(options, seed, issuer))),
        }
    }

    /// Adds an account. With several, the page asks which one signs in.
    pub fn add_account(&self, email: &str, plan: &str) -> Account {
        self.lock().add_account(email, plan)
    }

    /// Adds another person of the first account's workspace: the same account id, another user.
    pub fn add_colleague(&self, email: &str) -> Account {
        self.lock().add_colleague(email)
    }

    /// All accounts; the first is the one that [`seed`](Self::seed) uses.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.lock().accounts().to_vec()
    }

    /// A pair for a credential file, from a family of its own, in the states asked for.
    ///
    /// - `expires_in` is what the `exp` claim says, from now; left out, it is the usual life, or a minute ago for an
    ///   expired token. An access token that is expired although its claim says otherwise is possible.
    /// - `Foreign` gives a well-formed token that this server never minted.
    /// - `Spent` gives a refresh token that another client has exchanged, a day ago. For an access token it means revoked.
    /// - `None` gives an empty string.
    /// - `Revoked` for both revokes the family; for one, that token alone.
    #[must_use]
    pub fn seed(
        &self,
        access: TokenState,
        refresh: TokenState,
        expires_in: Option<Duration>,
    ) -> TokenSet {
        self.lock()
            .seed(access, refresh, expires_in, SystemTime::now())
    }

    /// The same for another account than the first.
    #[must_use]
    pub fn seed_for(
        &self,
        account: &Account,
        access: TokenState,
        refresh: TokenState,
        expires_in: Option<Duration>,
    ) -> TokenSet {
        let now = SystemTime::now();
        self.lock()
            .seed_for(account.clone(), access, refresh, expires_in, now)
    }

    /// Rotates the newest family, as another client that shares the sign-in would. None if its refresh token is not live.
    #[must_use]
    pub fn rotate_elsewhere(&self) -> Option<TokenSet> {
        self.lock().rotate_elsewhere(SystemTime::now())
    }

    /// From now on the newest access token counts as expired, whatever its `exp` claim says.
    pub fn expire_access(&self) {
        self.lock().expire_access();
    }

    /// What is known of an access token at this moment. An empty token is `None`.
    #[must_use]
    pub fn describe_access(&self, token: &str) -> TokenSeen {
        self.lock().describe_access(token, SystemTime::now())
    }

    /// What is known of a refresh token at this moment. An empty token is `None`.
    #[must_use]
    pub fn describe_refresh(&self, token: &str) -> TokenSeen {
        self.lock().describe_refresh(token)
    }

    /// What an access token was granted for; empty if it is not ours.
    pub(crate) fn scope_of(&self, token: &str) -> String {
        self.lock().scope_of(token)
    }

    /// The token for Copilot that a good access token buys.
    pub(crate) fn copilot_token(&self, token: &str) -> Option<CopilotToken> {
        self.lock().copilot_token(token, SystemTime::now())
    }

    /// What is known of a good access token.
    pub(crate) fn token_info(&self, token: &str) -> Option<TokenInfo> {
        self.lock().token_info(token, SystemTime::now())
    }

    /// Whether a key that is no token of ours may be an API key: sold here, or by somebody else and no JWT.
    pub(crate) fn is_api_key(&self, key: &str) -> bool {
        self.lock().is_api_key(key)
    }

    /// An API key for Claude's console.
    pub(crate) fn claude_key(&self) -> String {
        self.lock().sell_key("sk-ant-api03-loginproof-")
    }

    /// Polls that came sooner than their interval allows, in order.
    #[must_use]
    pub fn early_polls(&self) -> Vec<EarlyPoll> {
        self.lock().early_polls().to_vec()
    }

    /// Every secret minted so far, in order.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        self.lock().secrets().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, AuthorizationState> {
        // A panic elsewhere leaves the state as whole as any failed request does.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer")
            .finish_non_exhaustive()
    }
}
