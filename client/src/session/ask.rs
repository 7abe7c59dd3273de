//! Asks: one turn with its function calls, retries within bounds, and recovery from a refused access token.
//!
//! An answer is handed out only when it is whole. So a retry can never put a second text behind a part of the first,
//! and a stream that breaks can be asked for again.

use std::time::Duration;

use bytes::Bytes;

use super::refresh::RefreshError;
use super::{Credentials, Notice, Session};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;
use crate::responses::{Input, Outcome, Request, Response};
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
struct Recovery {
    reloaded: bool,
    refreshed: bool,
}

impl Session {
    /// Asks and answers function calls until there is an answer. `prompt` tells several at once apart in notices.
    ///
    /// # Errors
    /// Why there is no answer. A response that was cut short is not an error; its outcome says so.
    pub async fn ask(&self, prompt: usize, text: &str) -> Result<Answered, AskError> {
        let mut input = Input::prompt(text);
        for rounds in 1..=ROUNDS {
            let body = Bytes::from(
                Request {
                    model: &self.config.model,
                    input: &input,
                }
                .body(),
            );
            let response = self.round(&body).await?;
            let calls: Vec<_> = response.calls().cloned().collect();
            // Calls of a response that was cut short may be cut short themselves.
            if calls.is_empty() || response.outcome != Outcome::Completed {
                return Ok(Answered { response, rounds });
            }
            for call in calls {
                self.notify(Notice::Call { prompt, call });
            }
            input.extend(&response, crate::responses::run_tool);
        }
        Err(AskError::TooManyRounds { rounds: ROUNDS })
    }

    /// One request until it has a response, with retries.
    async fn round(&self, body: &Bytes) -> Result<Response, AskError> {
        let mut recovery = Recovery::default();
        let mut attempt = 1;
        loop {
            let broken = match self.attempt(body, &mut recovery).await? {
                Ok(response) => match response.outcome.clone() {
                    Outcome::Failed(failure) => Broken {
                        partial: response.text(),
                        failure,
                    },
                    Outcome::Cancelled => {
                        return Err(AskError::Cancelled {
                            partial: response.text(),
                        });
                    }
                    Outcome::Completed | Outcome::Incomplete(_) => return Ok(response),
                },
                Err(broken) => broken,
            };
            let Broken { failure, partial } = broken;
            let limit = if failure.class == Class::Timeout {
                ATTEMPTS_AFTER_TIMEOUT
            } else {
                ATTEMPTS
            };
            let wait = back_off(attempt, failure.retry_after);
            if !failure.retry_helps() || attempt >= limit || wait > LONGEST_WAIT {
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

    /// One request, sent again only with another access token: the same body, another `authorization`.
    async fn attempt(
        &self,
        body: &Bytes,
        recovery: &mut Recovery,
    ) -> Result<Result<Response, Broken>, AskError> {
        let usable = self.usable().await?;
        recovery.refreshed |= usable.requested;
        let mut credentials = usable.credentials;
        loop {
            let failure = match self.send(body, &credentials).await {
                Ok(response) => match &response.outcome {
                    Outcome::Failed(failure) if is_auth(failure) => failure.clone(),
                    _ => return Ok(Ok(response)),
                },
                Err(broken) if is_auth(&broken.failure) => broken.failure,
                Err(broken) => return Ok(Err(broken)),
            };
            // First what another process may have stored, …
            if !std::mem::replace(&mut recovery.reloaded, true)
                && let Some(stored) = self.reload(&credentials)?
            {
                credentials = stored;
                continue;
            }
            // … then one refresh, unless the sign-in itself was revoked.
            if failure.refresh_helps() && !std::mem::replace(&mut recovery.refreshed, true) {
                let renewed = self.renew(&credentials.access).await?.credentials;
                // The same token again would get the same answer.
                if renewed.access != credentials.access {
                    credentials = renewed;
                    continue;
                }
            }
            return Ok(Err(failure.into()));
        }
    }

    async fn send(&self, body: &Bytes, credentials: &Credentials) -> Result<Response, Broken> {
        let url = format!("{}/responses", self.config.base_url);
        let mut headers = vec![
            (
                "authorization",
                format!("Bearer {}", credentials.access.expose()),
            ),
            ("content-type", "application/json".to_owned()),
            ("accept", "text/event-stream".to_owned()),
            ("accept-encoding", "identity".to_owned()),
            ("originator", "loginproof".to_owned()),
        ];
        if let Some(account) = credentials.account_id() {
            headers.push(("chatgpt-account-id", account));
        }
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
}

fn is_auth(failure: &Failure) -> bool {
    matches!(failure.class, Class::AccessExpired | Class::AccessRevoked)
}

/// 200 ms, 400 ms, … with up to half of it on top, so that clients that failed together do not return together.
/// What the server asks for is waited out in full.
fn back_off(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let base = Duration::from_millis(200 << (attempt - 1).min(8));
    let jittered = base.mul_f64(rand::random_range(1.0..1.5));
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
