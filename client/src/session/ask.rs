//! Asks: one turn with its function calls, retries within bounds, recovery from a refused access token, and the next
//! account or the fallback when one is used up.
//!
//! An answer is handed out only when it is whole. So a retry can never put a second text behind a part of the first,
//! and a stream that breaks can be asked for again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::fallback::Fallback;
use super::pool::{Account, is_soft};
use super::refresh::{RefreshError, Renewed};
use super::websocket::{Carried, Line};
use super::{Credentials, Notice, Session};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::oauth::{AccessToken, RefreshToken};
use crate::redact::Redactor;
use crate::responses::{Input, Outcome, Request, Response};
use crate::store::Slot;
use crate::transport::{Broken, Method, Request as HttpRequest, read_response};

/// An answer that is whole, or as whole as the server lets it be.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The last response of the turn.
    pub response: Response,
    /// How many responses the turn took.
    pub rounds: u32,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AskError {
    /// There is no access token to ask with.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// The turn failed.
    #[error("{failure}")]
    Failed {
        /// Why.
        failure: Failure,
        /// The text that had come; never to be taken for the answer.
        partial: String,
        /// How many attempts were made.
        attempts: u32,
    },
    /// The response was cancelled on the other side.
    #[error("the response was cancelled by the server")]
    Cancelled {
        /// The text that had come.
        partial: String,
    },
    /// The model goes on calling tools.
    #[error("the turn did not end after {rounds} rounds of function calls")]
    TooManyRounds {
        /// How many responses were taken.
        rounds: u32,
    },
}

/// Attempts at one request, the first included.
pub const ATTEMPTS: u32 = 3;
/// Attempts when each one costs a whole time limit.
const ATTEMPTS_AFTER_TIMEOUT: u32 = 2;
/// Responses in one turn.
pub const ROUNDS: u32 = 8;
/// The longest wait that a server can ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What was done already about refused access tokens, over all attempts at one request.
#[derive(Default)]
pub(super) struct Recovery {
    reloaded: bool,
    refreshed: bool,
}

impl Recovery {
    /// Nothing but the renewal before the request, if there was one.
    pub(super) fn after(refreshed: bool) -> Self {
        Self {
            refreshed,
            ..Self::default()
        }
    }
}

/// Who answers the turn.
enum Server<'a> {
    Account(Arc<Account>),
    Fallback(&'a Fallback),
}

/// One turn: who answers it, who could not, and how it is carried there.
struct Turn<'a> {
    server: Server<'a>,
    tried: Vec<Slot>,
    /// A body that was written elsewhere, in place of one from the conversation. No fallback understands it.
    body: Option<Bytes>,
    line: Line,
}

/// One request, in the forms that transports have for it.
struct Ask<'a> {
    request: &'a Request<'a>,
    /// The body of the request over HTTP.
    body: Bytes,
}

impl Session {
    /// Asks and answers function calls until there is an answer. `prompt` tells several at once apart in notices.
    ///
    /// # Errors
    /// Why there is no answer. A response that was cut short is not an error; its outcome says so.
    pub async fn ask(&self, prompt: usize, text: &str) -> Result<Answered, AskError> {
        if prompt > 0 && defect::active(Defect::ChildrenNotSignedIn) {
            return Err(RefreshError::SignedOut.into());
        }
        let mut input = Input::prompt(text);
        let server = match (self.pick(&[])?, &self.config.fallback) {
            (Some(account), _) => Server::Account(account),
            (None, Some(fallback)) => {
                self.rotated(self.none_usable().to_string());
                Server::Fallback(fallback)
            }
            (None, None) => return Err(self.none_usable()),
        };
        let mut turn = Turn {
            server,
            tried: Vec::new(),
            body: None,
            line: Line::new(self.config.websocket),
        };
        for rounds in 1..=ROUNDS {
            let response = self.round(&mut turn, &mut input).await?;
            let calls: Vec<_> = response.calls().cloned().collect();
            // Calls of a response that was cut short may be cut short themselves.
            if calls.is_empty() || response.outcome != Outcome::Completed {
                return Ok(Answered { response, rounds });
            }
            for call in calls {
                self.notify(Notice::Call { prompt, call });
            }
            let mut outputs = std::collections::VecDeque::new();
            for call in response.calls() {
                outputs.push_back(self.run_tool(call).await);
            }
            // As many as there are calls.
            input.extend(&response, |_| outputs.pop_front().unwrap_or_default());
        }
        Err(AskError::TooManyRounds { rounds: ROUNDS })
    }

    /// Sends one request that was written elsewhere, with the accounts, renewals and retries of an ask. Calls in the
    /// response are for whoever wrote it.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub async fn respond(&self, body: &Value) -> Result<Response, AskError> {
        let Some(account) = self.pick(&[])? else {
            return Err(self.none_usable());
        };
        let mut turn = Turn {
            server: Server::Account(account),
            tried: Vec::new(),
            body: Some(Bytes::from(body.to_string())),
            // A WebSocket takes no body as it is.
            line: Line::new(false),
        };
        self.round(&mut turn, &mut Input::default()).await
    }

    /// One request until it has a response, by whichever server can give it.
    async fn round<'a>(
        &'a self,
        turn: &mut Turn<'a>,
        input: &mut Input,
    ) -> Result<Response, AskError> {
        loop {
            let error = match self.by_one_server(turn, input).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let (Server::Account(account), Some(failure)) = (&turn.server, soft(&error)) else {
                return Err(error);
            };
            self.set_aside(account, failure).await;
            turn.tried.push(account.slot.clone());
            let whose = account.name();
            turn.server = match (self.pick(&turn.tried)?, &self.config.fallback) {
                (_, Some(fallback)) if defect::active(Defect::FallbackBeforePool) => {
                    Server::Fallback(fallback)
                }
                (Some(account), _) => Server::Account(account),
                (None, Some(_))
                    if matches!(error, AskError::Refresh(_))
                        && defect::active(Defect::NoFallbackAtStart) =>
                {
                    return Err(error);
                }
                (None, Some(fallback)) if turn.body.is_none() => Server::Fallback(fallback),
                (None, _) => return Err(error),
            };
            self.rotated(format!("{whose}: {error}"));
            input.forget_reasoning();
        }
    }

    /// One request to one server until it has a response, with retries.
    async fn by_one_server(
        &self,
        turn: &mut Turn<'_>,
        input: &Input,
    ) -> Result<Response, AskError> {
        let request = Request {
            model: &self.config.model,
            input,
            fast: self.config.fast,
        };
        let written = turn.body.clone();
        let ask = Ask {
            request: &request,
            body: written.unwrap_or_else(|| Bytes::from(request.body())),
        };
        let mut recovery = Recovery::default();
        let mut attempt = 1;
        let mut before = String::new();
        let mut closed = false;
        loop {
            let result = match &turn.server {
                _ if closed && defect::active(Defect::ClosedTransportReused) => {
                    let why = "cannot send a request, as the client has been closed";
                    Err(Failure::local(Class::Transport, why).into())
                }
                Server::Account(account) => {
                    let account = Arc::clone(account);
                    self.attempt(&account, &ask, &mut turn.line, &mut recovery)
                        .await?
                }
                Server::Fallback(fallback) => {
                    let answered = self.ask_fallback(fallback, input).await;
                    answered.map_err(Broken::from)
                }
            };
            let broken = match result {
                Ok(mut response) => match response.outcome.clone() {
                    Outcome::Completed
                        if response.text().is_empty()
                            && response.calls().next().is_none()
                            && defect::active(Defect::EmptyAnswerRetried) =>
                    {
                        Failure::local(Class::Server, "the model returned no answer").into()
                    }
                    Outcome::Incomplete(reason) if defect::active(Defect::IncompleteRetried) => {
                        Failure::local(Class::Server, reason.name()).into()
                    }
                    Outcome::Failed(failure) => Broken {
                        partial: response.text(),
                        failure,
                    },
                    Outcome::Cancelled => {
                        return Err(AskError::Cancelled {
                            partial: response.text(),
                        });
                    }
                    Outcome::Completed | Outcome::Incomplete(_) => {
                        if defect::active(Defect::BothTextsShown) {
                            response.put_before(&before);
                        }
                        return Ok(response);
                    }
                },
                Err(broken) => broken,
            };
            let Broken { failure, partial } = broken;
            before.push_str(&partial);
            closed |= matches!(failure.class, Class::Transport | Class::Timeout);
            let limit = match failure.class {
                _ if defect::active(Defect::RetriesWithoutEnd) => 60,
                Class::UsageLimit { .. } if defect::active(Defect::PastResetRetried) => 60,
                Class::Timeout => ATTEMPTS_AFTER_TIMEOUT,
                _ => ATTEMPTS,
            };
            let wait = back_off(attempt, failure.retry_after);
            // Another account answers sooner than this one after a wait.
            let another = is_soft(&failure) && self.has_another(turn);
            let last = !retry_helps(&failure) || attempt >= limit || wait > LONGEST_WAIT || another;
            if last && turn.line.is_at_fault() {
                turn.line = Line::Http;
                attempt = 1;
                self.notify(Notice::FellBack { failure });
                continue;
            }
            if last {
                return Err(AskError::Failed {
                    failure,
                    partial,
                    attempts: attempt,
                });
            }
            attempt += 1;
            self.notify(Notice::Retry {
                attempt,
                of: limit,
                wait,
                failure,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether there is an account to turn to besides those tried and the present one.
    fn has_another(&self, turn: &Turn<'_>) -> bool {
        let Server::Account(account) = &turn.server else {
            return false;
        };
        let mut tried = turn.tried.clone();
        tried.push(account.slot.clone());
        matches!(self.pick(&tried), Ok(Some(_)))
    }

    /// One request, sent again only with another access token: the same body, another `authorization`.
    async fn attempt(
        &self,
        account: &Account,
        ask: &Ask<'_>,
        line: &mut Line,
        recovery: &mut Recovery,
    ) -> Result<Result<Response, Broken>, AskError> {
        let usable = match self.usable(account).await {
            Err(_) if api_key().is_some() => Renewed {
                credentials: Credentials::new(
                    AccessToken::new(api_key().unwrap_or_default()),
                    RefreshToken::new(""),
                ),
                requested: true,
            },
            usable => usable?,
        };
        recovery.refreshed |= usable.requested;
        let mut credentials = usable.credentials;
        let mut body = ask.body.clone();
        loop {
            let answer = match line {
                Line::Http => None,
                Line::WebSocket(channel) => {
                    let carried = self.over_websocket(channel, ask.request, &credentials);
                    match carried.await {
                        Carried::Answer(answer) => Some(answer),
                        Carried::Never => None,
                    }
                }
            };
            let answer = match answer {
                Some(answer) => answer,
                None => {
                    *line = Line::Http;
                    self.send(&body, &credentials).await
                }
            };
            let failure = match answer {
                Ok(response) => match &response.outcome {
                    Outcome::Failed(failure) if is_auth(failure) => failure.clone(),
                    _ => return Ok(Ok(response)),
                },
                Err(broken) if is_auth(&broken.failure) => broken.failure,
                Err(broken) => return Ok(Err(broken)),
            };
            match self
                .recover(account, &credentials, &failure, recovery)
                .await?
            {
                Some(other) => credentials = other,
                None => return Ok(Err(failure.into())),
            }
            if defect::active(Defect::BodyLostOnReplay) {
                body.clear();
            }
        }
    }

    /// Other credentials for a request whose access token was refused, if there are any to be had.
    pub(super) async fn recover(
        &self,
        account: &Account,
        credentials: &Credentials,
        failure: &Failure,
        recovery: &mut Recovery,
    ) -> Result<Option<Credentials>, RefreshError> {
        if !is_auth(failure) {
            return Ok(None);
        }
        if defect::active(Defect::UnauthorizedLoop) {
            tokio::time::sleep(Duration::from_millis(250)).await;
            *recovery = Recovery::default();
        }
        // First what another process may have stored, …
        if !std::mem::replace(&mut recovery.reloaded, true)
            && let Some(stored) = self.reload(account, credentials)?
        {
            return Ok(Some(stored));
        }
        // … then one refresh, unless the sign-in itself was revoked.
        let helps = (failure.refresh_helps() && !defect::active(Defect::NeverRefreshes))
            || defect::active(Defect::RefreshOnForbidden);
        if helps && !std::mem::replace(&mut recovery.refreshed, true) {
            let renewed = match self.renew(account, &credentials.access).await {
                Err(_) if defect::active(Defect::ReplayWithoutNewToken) => {
                    self.warn("credentials refreshed, retrying");
                    return Ok(Some(credentials.clone()));
                }
                renewed => renewed?.credentials,
            };
            // The same token again would get the same answer.
            return Ok(Some(renewed).filter(|renewed| renewed.access != credentials.access));
        }
        Ok(None)
    }

    async fn send(&self, body: &Bytes, credentials: &Credentials) -> Result<Response, Broken> {
        if defect::active(Defect::TokenInArguments) {
            Self::probe(credentials).await;
        }
        let url = format!("{}/responses", self.config.base_url);
        let mut headers = self.identity(credentials, "text/event-stream");
        headers.push(("content-type", "application/json".to_owned()));
        let redactor = Redactor::new(credentials.secrets());
        let request = HttpRequest {
            purpose: "responses",
            method: Method::Post,
            url: &url,
            headers: &headers,
            body: body.clone(),
        };
        let response = self
            .transport
            .open(&request, &|exchange| {
                self.notify(Notice::Exchange(exchange))
            })
            .await?;
        read_response(response, &url, self.transport.limits(), &redactor).await
    }

    /// The headers that say who asks, and for what kind of answer.
    pub(super) fn identity(
        &self,
        credentials: &Credentials,
        accept: &str,
    ) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (
                "authorization",
                format!("Bearer {}", credentials.access.expose()),
            ),
            ("accept", accept.to_owned()),
            ("accept-encoding", "identity".to_owned()),
            ("originator", "loginproof".to_owned()),
        ];
        if let Some(mut account) = credentials.account_id() {
            if defect::active(Defect::OrganizationForAccount) {
                account = "org-loginproof".to_owned();
            }
            if defect::active(Defect::AccountOfTheFirst) {
                account = self.first_account_id().unwrap_or(account);
            }
            headers.push(("chatgpt-account-id", account));
        }
        headers
    }
}

/// Whether the next server may do better; with the failure, where the server gave one.
fn soft(error: &AskError) -> Option<Option<&Failure>> {
    match error {
        AskError::Failed { failure, .. } => is_soft(failure).then_some(Some(failure)),
        AskError::Refresh(RefreshError::Failed(failure)) => {
            (failure.sign_in_helps() && is_soft(failure)).then_some(Some(failure))
        }
        AskError::Refresh(RefreshError::NoRefreshToken) => Some(None),
        AskError::Cancelled { .. } if defect::active(Defect::RotatesOnEveryRefusal) => Some(None),
        _ => None,
    }
}

pub(super) fn is_auth(failure: &Failure) -> bool {
    matches!(failure.class, Class::AccessExpired | Class::AccessRevoked)
        || (failure.status == Some(403) && defect::active(Defect::RefreshOnForbidden))
}

fn retry_helps(failure: &Failure) -> bool {
    let quota = matches!(failure.class, Class::UsageLimit { .. } | Class::Quota);
    let final_word = matches!(
        failure.class,
        Class::InvalidRequest | Class::Policy | Class::ContextLength
    );
    let past = match failure.class {
        Class::UsageLimit {
            resets_at: Some(at),
            ..
        } => at <= std::time::SystemTime::now(),
        _ => false,
    };
    failure.retry_helps()
        || (past && defect::active(Defect::PastResetRetried))
        || (quota && defect::active(Defect::QuotaRetried))
        || (final_word && defect::active(Defect::PermanentErrorRetried))
}

/// An API key that somebody left in the environment.
fn api_key() -> Option<String> {
    defect::active(Defect::ApiKeyInstead)
        .then(|| std::env::var("OPENAI_API_KEY").ok())
        .flatten()
}

/// 200 ms, 400 ms, … with up to half of it on top, so that clients that failed together do not return together.
/// What the server asks for is waited out in full.
fn back_off(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let base = Duration::from_millis(200 << (attempt - 1).min(8));
    let jittered = base.mul_f64(rand::random_range(1.0..1.5));
    if defect::active(Defect::RetriesWithoutEnd) || defect::active(Defect::PastResetRetried) {
        return Duration::from_millis(20);
    }
    let retry_after = retry_after.filter(|_| !defect::active(Defect::RetryAfterIgnored));
    retry_after.map_or(jittered, |asked| asked.max(jittered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_and_never_undercuts_the_server() {
        for attempt in 1..3 {
            let wait = back_off(attempt, None).as_millis();
            let base = u128::from(200u32 << (attempt - 1));
            assert!((base..base * 3 / 2).contains(&wait), "{attempt}: {wait}");
        }
        assert_eq!(
            back_off(1, Some(Duration::from_secs(7))),
            Duration::from_secs(7)
        );
    }
}
