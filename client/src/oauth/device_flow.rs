//! The ChatGPT device flow as a state machine: answers and the time go in, the next thing to do comes out.
//!
//! The flow is the vendor's own, the manners are RFC 8628's: never faster than the interval, slower when asked,
//! patient with a bad link, and a clear end.

use std::time::{Duration, Instant, SystemTime};

use super::patience::{
    SLOW_DOWN, after, backed_off, before_retry, lost_poll, poll_is_fatal, slowed_down,
};
use super::pkce;
use super::poll_answer::{self, PollAnswer};
use super::refusal;
use super::secret::{AuthorizationCode, CodeVerifier, DeviceAuthId};
use super::sign_in_error::SignInError;
use super::token::{self, Body, CLIENT_ID, Grant};
use super::user_code;
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

/// How long a code lives.
pub const CODE_LIFE: Duration = Duration::from_secs(15 * 60);

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this to `{issuer}/api/accounts/deviceauth/usercode`, then call [`DeviceFlow::answered`].
    RequestCode(Body),
    /// Show this to the person, then call [`DeviceFlow::next`] again.
    Show(Prompt),
    /// Do nothing until then, then call [`DeviceFlow::next`] again.
    WaitUntil(Instant),
    /// Send this to `{issuer}/api/accounts/deviceauth/token`, then call [`DeviceFlow::answered`].
    Poll(Body),
    /// Send this to `{issuer}/oauth/token`, then call [`DeviceFlow::answered`].
    Exchange(Body),
    /// Signed in.
    Done(Grant),
    /// Not signed in.
    Failed(SignInError),
}

/// What a person needs to approve the sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The page to open.
    pub url: String,
    /// The code to enter there.
    pub user_code: String,
    /// A page that knows the code already, where the server has one.
    pub complete_url: Option<String>,
    /// How long the code lives.
    pub expires_in: Duration,
}

/// One sign-in.
///
/// ```
/// use std::time::Instant;
/// use loginproof_client::{answer::Answer, oauth::device_flow::{DeviceFlow, Step}};
/// let now = Instant::now();
/// let mut flow = DeviceFlow::new("https://auth.example");
/// assert!(matches!(flow.next(now), Step::RequestCode(_)));
/// let issued = r#"{"device_auth_id":"d","user_code":"ABCD-12345","interval":"5"}"#;
/// flow.answered(Ok(Answer::new(200, issued)), now);
/// let Step::Show(prompt) = flow.next(now) else { panic!() };
/// assert_eq!(prompt.url, "https://auth.example/codex/device");
/// // The first poll waits a whole interval too.
/// assert!(matches!(flow.next(now), Step::WaitUntil(_)));
/// ```
#[derive(Debug)]
pub struct DeviceFlow {
    issuer: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Request {
        attempts: u32,
        not_before: Option<Instant>,
    },
    Requested {
        attempts: u32,
    },
    Show(Session),
    Poll {
        session: Session,
        not_before: Instant,
    },
    Polled(Session),
    Exchange {
        approval: Approval,
        attempts: u32,
        not_before: Option<Instant>,
    },
    Exchanged {
        approval: Approval,
        attempts: u32,
    },
    Done(Grant),
    Failed(SignInError),
}

#[derive(Clone, Debug)]
struct Session {
    device_auth_id: DeviceAuthId,
    user_code: String,
    interval: Duration,
    deadline: Instant,
    /// Polls in a row that got no answer.
    lost: u32,
    /// Polls in a row that got no useful answer, lost ones included.
    idle: u32,
}

#[derive(Clone, Debug)]
struct Approval {
    code: AuthorizationCode,
    verifier: CodeVerifier,
}

impl DeviceFlow {
    /// A sign-in at this issuer. A trailing slash is dropped.
    pub fn new(issuer: &str) -> Self {
        let issuer = issuer.trim_end_matches('/').to_owned();
        Self {
            issuer,
            state: State::Request {
                attempts: 0,
                not_before: None,
            },
        }
    }

    /// What to do now. Asking again without acting gives the same step, except that a prompt is shown once.
    pub fn next(&mut self, now: Instant) -> Step {
        match &self.state {
            State::Request {
                not_before: Some(at),
                ..
            }
            | State::Exchange {
                not_before: Some(at),
                ..
            } if *at > now => Step::WaitUntil(*at),
            State::Request { attempts, .. } => {
                self.state = State::Requested {
                    attempts: attempts + 1,
                };
                Step::RequestCode(Body::json(
                    &serde_json::json!({ "client_id": CLIENT_ID }),
                    &[],
                ))
            }
            State::Show(session) => {
                let prompt = Prompt {
                    url: format!("{}/codex/device", self.issuer),
                    // It goes to a terminal: no control characters, no second line.
                    user_code: crate::redact::one_line(&session.user_code, 64),
                    complete_url: None,
                    expires_in: CODE_LIFE,
                };
                let not_before = after(now, session.interval);
                self.state = State::Poll {
                    session: session.clone(),
                    not_before,
                };
                Step::Show(prompt)
            }
            State::Poll { session, .. }
                if now >= session.deadline && !defect::active(Defect::PollsOnAfterExpiry) =>
            {
                self.fail(SignInError::Expired)
            }
            State::Poll {
                session,
                not_before,
            } if now < *not_before => Step::WaitUntil((*not_before).min(session.deadline)),
            State::Poll { session, .. } => {
                let id = session.device_auth_id.expose();
                let value =
                    serde_json::json!({ "device_auth_id": id, "user_code": session.user_code });
                let body = Body::json(&value, &[id]);
                self.state = State::Polled(session.clone());
                Step::Poll(body)
            }
            State::Exchange {
                approval, attempts, ..
            } => {
                let body = token::exchange(&self.issuer, &approval.code, &approval.verifier);
                self.state = State::Exchanged {
                    approval: approval.clone(),
                    attempts: attempts + 1,
                };
                Step::Exchange(body)
            }
            // A caller that asks instead of answering is told that the request was lost.
            State::Requested { .. } | State::Polled(_) | State::Exchanged { .. } => {
                Step::WaitUntil(now)
            }
            State::Done(grant) => Step::Done(grant.clone()),
            State::Failed(error) => Step::Failed(error.clone()),
        }
    }

    /// Takes the answer to the request of the last step, or why there is none. `now` is the end of the answer.
    pub fn answered(&mut self, answer: Result<Answer, Failure>, now: Instant) {
        let clock = SystemTime::now();
        let end = State::Failed(SignInError::Denied);
        self.state = match std::mem::replace(&mut self.state, end) {
            State::Requested { attempts } => code_requested(attempts, answer, now, clock),
            State::Polled(session) => polled(session, answer, now, clock),
            State::Exchanged { approval, attempts } => {
                exchanged(approval, attempts, answer, now, clock)
            }
            other => other,
        };
    }

    fn fail(&mut self, error: SignInError) -> Step {
        self.state = State::Failed(error.clone());
        Step::Failed(error)
    }
}

/// Requests for a code before giving up.
const CODE_ATTEMPTS: u32 = 3;
/// Exchanges before giving up.
const EXCHANGE_ATTEMPTS: u32 = 3;
fn code_requested(
    attempts: u32,
    answer: Result<Answer, Failure>,
    now: Instant,
    clock: SystemTime,
) -> State {
    let failure = match answer {
        Ok(answer) if answer.is_success() && !answer.is_html() => {
            return match user_code::read(&answer) {
                Ok(issued) => State::Show(Session {
                    device_auth_id: issued.device_auth_id,
                    user_code: issued.user_code,
                    interval: issued.interval,
                    deadline: now + CODE_LIFE,
                    lost: 0,
                    idle: 0,
                }),
                Err(error) => State::Failed(error),
            };
        }
        // The vendor's server without the feature answers 404.
        Ok(answer) if answer.status == 404 && !defect::active(Defect::NotEnabledUnnamed) => {
            return State::Failed(SignInError::NotEnabled);
        }
        Ok(answer) => {
            let failure = refusal::classify_sign_in(&answer, &Redactor::default());
            if answer.status == 429 && defect::active(Defect::ThrottledCodeFatal) {
                return State::Failed(SignInError::Refused(failure));
            }
            Failure {
                retry_after: answer.retry_after(clock),
                ..failure
            }
        }
        Err(failure) => failure,
    };
    retry_or_fail(failure, attempts, CODE_ATTEMPTS, 2, now, |not_before| {
        State::Request {
            attempts,
            not_before,
        }
    })
}

fn polled(
    mut session: Session,
    answer: Result<Answer, Failure>,
    now: Instant,
    clock: SystemTime,
) -> State {
    let redactor = Redactor::new([session.device_auth_id.expose()]);
    let meaning = match answer {
        Ok(answer) => {
            session.lost = 0;
            poll_answer::read(&answer, &redactor, clock)
        }
        Err(failure) => match lost_poll(&mut session.lost, failure) {
            Ok(failure) => PollAnswer::Busy(failure),
            Err(error) => return State::Failed(error),
        },
    };
    const WHAT: &str = "approval";
    let wait = match meaning {
        PollAnswer::Approved { code, verifier } => {
            let own = defect::active(Defect::OwnVerifierAtExchange);
            let verifier = if own { pkce::verifier() } else { verifier };
            return State::Exchange {
                approval: Approval { code, verifier },
                attempts: 0,
                not_before: None,
            };
        }
        PollAnswer::Denied if defect::active(Defect::PollsOnAfterDenial) => session.interval,
        PollAnswer::Expired if defect::active(Defect::PollsOnAfterExpiry) => session.interval,
        PollAnswer::Denied => return State::Failed(SignInError::Denied),
        PollAnswer::Expired => return State::Failed(SignInError::Expired),
        PollAnswer::Refused(failure) => return State::Failed(SignInError::Refused(failure)),
        PollAnswer::Missing(field) => {
            return State::Failed(SignInError::MissingField { what: WHAT, field });
        }
        PollAnswer::NotJson => return State::Failed(SignInError::NotJson { what: WHAT }),
        PollAnswer::Pending => {
            session.idle = 0;
            session.interval
        }
        PollAnswer::SlowDown {
            interval,
            retry_after,
        } => {
            if defect::active(Defect::SlowDownFatal) {
                let failure = Failure::local(Class::RateLimited, "slow_down");
                return State::Failed(SignInError::Refused(failure));
            }
            session.idle = 0;
            let asked = (session.interval + SLOW_DOWN).max(interval.unwrap_or_default());
            let (interval, wait) = slowed_down(session.interval, asked, retry_after);
            session.interval = interval;
            wait
        }
        PollAnswer::Busy(failure) if poll_is_fatal(&failure) => {
            return State::Failed(SignInError::Refused(failure));
        }
        PollAnswer::Busy(failure) => {
            session.idle += 1;
            backed_off(session.interval, session.idle).max(failure.retry_after.unwrap_or_default())
        }
    };
    let not_before = after(now, wait);
    State::Poll {
        session,
        not_before,
    }
}

fn exchanged(
    approval: Approval,
    attempts: u32,
    answer: Result<Answer, Failure>,
    now: Instant,
    clock: SystemTime,
) -> State {
    let redactor = Redactor::new([approval.code.expose(), approval.verifier.expose()]);
    let failure = match answer {
        Ok(answer) if answer.is_success() => {
            match token::read_exchange(&answer, &redactor, clock) {
                Ok(grant) => return State::Done(grant),
                Err(failure) => return State::Failed(SignInError::Refused(failure)),
            }
        }
        Ok(answer) => {
            let failure = refusal::classify_sign_in(&answer, &redactor);
            // The code is single-use: what the server has looked at is not sent again.
            if answer.status < 500
                && defect::active(Defect::RefusedCodeSentAgain)
                && attempts < EXCHANGE_ATTEMPTS
            {
                return State::Exchange {
                    approval,
                    attempts,
                    not_before: None,
                };
            }
            if answer.status < 500 {
                return State::Failed(SignInError::Refused(failure));
            }
            failure
        }
        Err(failure) if defect::active(Defect::LostExchangeFatal) => {
            return State::Failed(SignInError::Refused(failure));
        }
        // After a timeout the server may have used the code.
        Err(failure) if failure.class == Class::Timeout => {
            return State::Failed(SignInError::Refused(failure));
        }
        Err(failure) => failure,
    };
    retry_or_fail(failure, attempts, EXCHANGE_ATTEMPTS, 1, now, |not_before| {
        State::Exchange {
            approval,
            attempts,
            not_before,
        }
    })
}

fn retry_or_fail(
    failure: Failure,
    attempts: u32,
    limit: u32,
    first: u64,
    now: Instant,
    again: impl FnOnce(Option<Instant>) -> State,
) -> State {
    match before_retry(failure, attempts, limit, first) {
        Ok(wait) => again(Some(now + wait)),
        Err(error) => State::Failed(error),
    }
}

#[cfg(test)]
#[path = "device_flow_tests.rs"]
mod tests;
