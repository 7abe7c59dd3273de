//! The device authorization grant (RFC 8628) as a state machine: answers and the time go in, the next thing to do
//! comes out. What differs between providers is data, see [`super::provider`].

use std::time::{Duration, Instant, SystemTime};

use super::device_flow::Prompt;
use super::grant_answer::{self, Issued, PollMeaning};
use super::metadata;
use super::patience::{
    SLOW_DOWN, after, backed_off, before_retry, lost_poll, poll_is_fatal, slowed_down,
};
use super::pkce;
use super::provider::{Endpoints, Hosts, Provider};
use super::refusal;
use super::secret::CodeVerifier;
use super::sign_in_error::SignInError;
use super::token::Body;
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

pub use super::grant_answer::Tokens;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this, then call [`DeviceGrant::answered`].
    Send(Outgoing),
    /// Show this to the person, then call [`DeviceGrant::next`] again.
    Show(Prompt),
    /// Do nothing until then, then call [`DeviceGrant::next`] again.
    WaitUntil(Instant),
    /// Signed in.
    Done(Tokens),
    /// Not signed in.
    Failed(SignInError),
}

/// A request to send.
#[derive(Debug)]
pub struct Outgoing {
    /// What it is for, in a word or two.
    pub purpose: &'static str,
    /// Where it goes.
    pub url: String,
    /// The form to post; without one it is a GET.
    pub form: Option<Body>,
    /// The bearer token to show, where one is needed.
    pub bearer: Option<super::AccessToken>,
}

/// One sign-in.
#[derive(Debug)]
pub struct DeviceGrant {
    provider: &'static Provider,
    endpoints: Endpoints,
    verifier: Option<CodeVerifier>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// To be sent, not before the time if there is one.
    Due {
        action: Action,
        attempts: u32,
        not_before: Option<Instant>,
    },
    Sent {
        action: Action,
        attempts: u32,
    },
    Show(Session),
    Done(Tokens),
    Failed(SignInError),
}

#[derive(Clone, Debug)]
enum Action {
    Discover,
    RequestCode,
    Poll(Session),
    Companion(Tokens),
}

#[derive(Clone, Debug)]
struct Session {
    device_code: super::DeviceCode,
    prompt: Prompt,
    interval: Duration,
    deadline: Instant,
    /// Polls in a row that got no answer.
    lost: u32,
    /// Polls in a row that got no useful answer, lost ones included.
    idle: u32,
}

/// Attempts at a request other than a poll.
const ATTEMPTS: u32 = 3;

impl DeviceGrant {
    /// A sign-in with this provider.
    pub fn new(provider: &'static Provider, hosts: &Hosts) -> Self {
        let endpoints = provider.endpoints(hosts);
        let first = match endpoints.discovery {
            Some(_) => Action::Discover,
            None => Action::RequestCode,
        };
        Self {
            provider,
            verifier: provider.pkce.then(pkce::verifier),
            endpoints,
            state: State::Due {
                action: first,
                attempts: 0,
                not_before: None,
            },
        }
    }

    /// What to do now. Asking again without acting gives the same step, except that a prompt is shown once.
    pub fn next(&mut self, now: Instant) -> Step {
        match &self.state {
            // RFC 8628 §3.2: a code is of no use after `expires_in`.
            State::Due {
                action: Action::Poll(session),
                ..
            } if now >= session.deadline && !defect::active(Defect::PollsOnAfterExpiry) => {
                self.state = State::Failed(SignInError::Expired);
                Step::Failed(SignInError::Expired)
            }
            State::Due {
                action,
                not_before: Some(at),
                ..
            } if *at > now => Step::WaitUntil(match action {
                Action::Poll(session) => session.deadline.min(*at),
                _ => *at,
            }),
            State::Due {
                action, attempts, ..
            } => {
                let outgoing = self.outgoing(action);
                self.state = State::Sent {
                    action: action.clone(),
                    attempts: attempts + 1,
                };
                Step::Send(outgoing)
            }
            State::Show(session) => {
                let prompt = session.prompt.clone();
                // RFC 8628 §3.5: the interval is waited before each poll, the first included.
                let not_before = if defect::active(Defect::FirstPollAtOnce) {
                    now
                } else {
                    after(now, session.interval)
                };
                self.state = due(Action::Poll(session.clone()), 0, Some(not_before));
                Step::Show(prompt)
            }
            // A caller that asks instead of answering is told that the request was lost.
            State::Sent { .. } => Step::WaitUntil(now),
            State::Done(tokens) => Step::Done(tokens.clone()),
            State::Failed(error) => Step::Failed(error.clone()),
        }
    }

    /// Takes the answer to the request of the last step, or why there is none. `now` is the end of the answer.
    pub fn answered(&mut self, answer: Result<Answer, Failure>, now: Instant) {
        let end = State::Failed(SignInError::Denied);
        self.state = match std::mem::replace(&mut self.state, end) {
            State::Sent { action, attempts } => {
                let clock = SystemTime::now();
                match action {
                    Action::Poll(session) => self.polled(session, answer, now, clock),
                    _ => match self.taken(&action, answer, now, clock) {
                        Ok(state) => state,
                        Err(Trouble::Ended(error)) => State::Failed(error),
                        Err(Trouble::Passing(failure)) => {
                            match before_retry(failure, attempts, ATTEMPTS, 2) {
                                Ok(wait) => due(action, attempts, Some(now + wait)),
                                Err(error) => State::Failed(error),
                            }
                        }
                    },
                }
            }
            other => other,
        };
    }

    fn outgoing(&self, action: &Action) -> Outgoing {
        let provider = self.provider;
        let post = |purpose, url: &str, fields: &[(&str, &str)], secrets: &[&str]| Outgoing {
            purpose,
            url: url.to_owned(),
            form: Some(Body::form(fields, secrets)),
            bearer: None,
        };
        let get = |purpose, url: String, bearer| Outgoing {
            purpose,
            url,
            form: None,
            bearer,
        };
        match action {
            Action::Discover => {
                let (issuer, kind) = self.endpoints.discovery.as_ref().map_or(
                    (&self.endpoints.base, metadata::WellKnown::OAuth),
                    |(issuer, kind)| (issuer, *kind),
                );
                get("metadata", metadata::url(issuer, kind), None)
            }
            Action::RequestCode => {
                let mut fields = vec![("client_id", provider.client_id)];
                // RFC 8628 §3.1: a parameter without a value counts as left out.
                if !provider.scope.is_empty() {
                    fields.push(("scope", provider.scope));
                }
                let challenge = self.verifier.as_ref().map(pkce::challenge);
                if let Some(challenge) = &challenge {
                    fields.push(("code_challenge", challenge));
                    fields.push(("code_challenge_method", "S256"));
                }
                post("device code", &self.endpoints.device, &fields, &[])
            }
            Action::Poll(session) => {
                let code = session.device_code.expose();
                let verifier = self.verifier.as_ref().map(CodeVerifier::expose);
                let mut fields = vec![
                    ("grant_type", GRANT_TYPE),
                    ("device_code", code),
                    ("client_id", provider.client_id),
                ];
                fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
                let secrets = [code, verifier.unwrap_or_default()];
                post("poll", &self.endpoints.token, &fields, &secrets)
            }
            Action::Companion(tokens) => {
                let url = self.endpoints.companion.clone().unwrap_or_default();
                get("service token", url, Some(tokens.access.clone()))
            }
        }
    }

    /// The answer to anything but a poll.
    fn taken(
        &mut self,
        action: &Action,
        answer: Result<Answer, Failure>,
        now: Instant,
        clock: SystemTime,
    ) -> Result<State, Trouble> {
        let secret = match action {
            Action::Companion(tokens) => tokens.access.expose(),
            _ => "",
        };
        let redactor = Redactor::new([secret]);
        let answer = answer.map_err(Trouble::Passing)?;
        let passing = answer.is_html() || matches!(answer.status, 408 | 429 | 500..);
        if passing {
            let failure = refusal::classify_sign_in(&answer, &redactor);
            return Err(Trouble::Passing(Failure {
                retry_after: answer.retry_after(clock),
                ..failure
            }));
        }
        match action {
            Action::Discover => {
                let issuer = self.endpoints.discovery.as_ref();
                let issuer = issuer.map_or("", |(issuer, _)| issuer);
                let found = metadata::read(&answer, issuer)?;
                self.endpoints.token = found.token_endpoint;
                if let Some(device) = found.device_authorization_endpoint {
                    self.endpoints.device = device;
                }
                Ok(due(Action::RequestCode, 0, None))
            }
            Action::RequestCode => {
                // Some servers send errors with status 200.
                let refused = answer
                    .json()
                    .is_some_and(|json| json.get("error").is_some());
                if !answer.is_success() || refused {
                    let failure = refusal::classify_sign_in(&answer, &redactor);
                    return Err(Trouble::Ended(SignInError::Refused(failure)));
                }
                Ok(State::Show(Session::new(
                    grant_answer::read_issued(&answer)?,
                    now,
                )))
            }
            Action::Companion(tokens) => {
                let service = grant_answer::read_companion(&answer, &redactor)?;
                let mut tokens = tokens.clone();
                tokens.extra.insert("service".to_owned(), service.into());
                Ok(State::Done(tokens))
            }
            Action::Poll(_) => Ok(State::Failed(SignInError::Denied)),
        }
    }

    fn polled(
        &self,
        mut session: Session,
        answer: Result<Answer, Failure>,
        now: Instant,
        clock: SystemTime,
    ) -> State {
        let verifier = self.verifier.as_ref().map_or("", CodeVerifier::expose);
        let redactor = Redactor::new([session.device_code.expose(), verifier]);
        let meaning = match answer {
            Ok(answer) => {
                session.lost = 0;
                grant_answer::read_poll(&answer, self.provider.kept, &redactor, clock)
            }
            // No later poll can do better with the settings of this machine.
            Err(failure) if failure.class == Class::Setup => {
                return State::Failed(SignInError::Refused(failure));
            }
            Err(failure) => match lost_poll(&mut session.lost, failure) {
                Ok(failure) => PollMeaning::Busy(failure),
                Err(error) => return State::Failed(error),
            },
        };
        let wait = match meaning {
            PollMeaning::Granted(tokens) if self.endpoints.companion.is_some() => {
                return due(Action::Companion(tokens), 0, None);
            }
            PollMeaning::Granted(tokens) => return State::Done(tokens),
            PollMeaning::Ended(SignInError::Denied)
                if defect::active(Defect::PollsOnAfterDenial) =>
            {
                session.interval
            }
            PollMeaning::Ended(SignInError::Expired)
                if defect::active(Defect::PollsOnAfterExpiry) =>
            {
                session.interval
            }
            PollMeaning::Ended(error) => return State::Failed(error),
            PollMeaning::Pending => {
                session.idle = 0;
                session.interval
            }
            PollMeaning::SlowDown {
                interval,
                retry_after,
            } => {
                if defect::active(Defect::SlowDownFatal) {
                    let failure = Failure::local(Class::RateLimited, "slow_down");
                    return State::Failed(SignInError::Refused(failure));
                }
                session.idle = 0;
                let more = session.interval + SLOW_DOWN;
                let asked = match interval {
                    // Never back to a faster pace, whatever the server says.
                    Some(stated) if self.provider.states_interval => stated.max(session.interval),
                    stated => more.max(stated.unwrap_or_default()),
                };
                let (interval, wait) = slowed_down(session.interval, asked, retry_after);
                session.interval = interval;
                wait
            }
            PollMeaning::Busy(failure) if poll_is_fatal(&failure) => {
                return State::Failed(SignInError::Refused(failure));
            }
            PollMeaning::Busy(failure) => {
                session.idle += 1;
                backed_off(session.interval, session.idle)
                    .max(failure.retry_after.unwrap_or_default())
            }
        };
        due(Action::Poll(session), 0, Some(after(now, wait)))
    }
}

/// RFC 8628 §3.4.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Session {
    fn new(issued: Issued, now: Instant) -> Self {
        Self {
            device_code: issued.device_code,
            prompt: Prompt {
                url: issued.url,
                // It goes to a terminal: no control characters, no second line.
                user_code: crate::redact::one_line(&issued.user_code, 64),
                complete_url: issued.complete_url,
                expires_in: issued.expires_in,
            },
            interval: issued.interval,
            deadline: now + issued.expires_in,
            lost: 0,
            idle: 0,
        }
    }
}

/// What keeps a request from its purpose.
enum Trouble {
    /// It may pass.
    Passing(Failure),
    /// It will not.
    Ended(SignInError),
}

impl From<SignInError> for Trouble {
    fn from(error: SignInError) -> Self {
        Self::Ended(error)
    }
}

fn due(action: Action, attempts: u32, not_before: Option<Instant>) -> State {
    State::Due {
        action,
        attempts,
        not_before,
    }
}

#[cfg(test)]
#[path = "device_grant_tests.rs"]
mod tests;
