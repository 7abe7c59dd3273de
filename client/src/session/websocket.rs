//! Turns over a WebSocket: opened when first needed, warmed up, and gone on from. What it cannot carry goes over HTTP.

use super::Session;
use super::ask::is_auth;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::oauth::AccessToken;
use crate::redact::Redactor;
use crate::responses::{Outcome, Request, Response};
use crate::session::{Credentials, Notice};
use crate::transport::{Broken, Socket, Upgrade, read_response};

/// How often the server may ask for the whole conversation anew in one request.
const RESENDS: u32 = 2;

/// How the requests of a turn travel.
#[derive(Debug)]
pub(super) enum Line {
    /// One request each, with a stream as answer.
    Http,
    /// As frames.
    WebSocket(Channel),
}

/// A WebSocket, open or to be opened.
#[derive(Debug, Default)]
pub(super) struct Channel {
    open: Option<Open>,
    /// Only the first connection is warmed up: what fails there is not worth another try.
    warmed_up: bool,
    /// Whether the last failure is one of the WebSocket, so that HTTP may do better.
    at_fault: bool,
    /// The token of the first upgrade.
    first_access: Option<AccessToken>,
}

#[derive(Debug)]
struct Open {
    socket: Box<Socket>,
    /// Who asked for it.
    access: AccessToken,
    known: Option<Known>,
}

/// A response that the connection can go on from.
#[derive(Debug)]
struct Known {
    id: String,
    /// The conversation up to and with it.
    items: Vec<serde_json::Value>,
}

/// What came of a request over a WebSocket.
#[expect(clippy::large_enum_variant, reason = "one at a time, and not kept")]
pub(super) enum Carried {
    /// As over HTTP.
    Answer(Result<Response, Broken>),
    /// The server speaks no WebSocket here, and says so (426).
    Never,
}

impl Line {
    pub(super) fn new(websocket: bool) -> Self {
        if websocket {
            Self::WebSocket(Channel::default())
        } else {
            Self::Http
        }
    }

    /// Whether the last failure is one of this line, and there is another.
    pub(super) fn is_at_fault(&self) -> bool {
        matches!(self, Self::WebSocket(channel) if channel.at_fault)
            && !defect::active(Defect::NoFallbackToHttp)
    }
}

impl Session {
    /// One request over a WebSocket.
    pub(super) async fn over_websocket(
        &self,
        channel: &mut Channel,
        request: &Request<'_>,
        credentials: &Credentials,
    ) -> Carried {
        channel.at_fault = false;
        let redactor = Redactor::new(credentials.secrets());
        let mut resends = 0;
        loop {
            if let Err(refused) = self.reach(channel, credentials, &redactor).await {
                return refused;
            }
            let Some(open) = &mut channel.open else {
                return Carried::Never;
            };
            if !std::mem::replace(&mut channel.warmed_up, true) {
                match self.warm_up(open, request, &redactor).await {
                    Ok(None) => {}
                    Ok(Some(answer)) => {
                        channel.at_fault = defect::active(Defect::WarmUpRefusalFallsBack);
                        return Carried::Answer(Ok(answer));
                    }
                    Err(_) => {
                        channel.open = None;
                        continue;
                    }
                }
            }
            let known = open
                .known
                .take()
                .filter(|known| request.input.begins_with(&known.items));
            let after = known.as_ref().map(|k| (k.id.as_str(), k.items.len()));
            let frame = request.frame(after);
            let response = match self.exchange(open, frame, &redactor).await {
                Ok(response) => response,
                Err(broken) => {
                    channel.open = None;
                    channel.at_fault = true;
                    return Carried::Answer(Err(broken));
                }
            };
            match &response.outcome {
                Outcome::Completed => open.known = known_of(&response, request),
                Outcome::Failed(failure) => {
                    let lost = Lost::read(failure);
                    if lost == Some(Lost::Connection) {
                        channel.open = None;
                    }
                    if lost.is_some() && resends < RESENDS {
                        resends += 1;
                        if defect::active(Defect::IncrementAlone)
                            && let (Some(open), Some(known)) = (&mut channel.open, known)
                        {
                            return Carried::Answer(
                                self.increment_alone(open, request, &known, &redactor).await,
                            );
                        }
                        continue;
                    }
                    channel.at_fault = lost.is_some();
                }
                Outcome::Incomplete(_) | Outcome::Cancelled => {}
            }
            return Carried::Answer(Ok(response));
        }
    }

    /// Sees to it that the WebSocket is open, and was opened with these credentials.
    async fn reach(
        &self,
        channel: &mut Channel,
        credentials: &Credentials,
        redactor: &Redactor,
    ) -> Result<(), Carried> {
        let stale = |open: &Open| open.access != credentials.access;
        if channel.open.as_ref().is_none_or(stale) {
            channel.open = None;
            let first = channel
                .first_access
                .get_or_insert_with(|| credentials.access.clone())
                .clone();
            let mut shown = credentials.clone();
            if defect::active(Defect::FirstTokenAtEveryUpgrade) {
                shown.access = first;
            }
            channel.open = Some(Open {
                socket: self.open_websocket(channel, &shown, redactor).await?,
                access: credentials.access.clone(),
                known: None,
            });
        }
        Ok(())
    }

    async fn open_websocket(
        &self,
        channel: &mut Channel,
        credentials: &Credentials,
        redactor: &Redactor,
    ) -> Result<Box<Socket>, Carried> {
        let url = format!("{}/responses", self.config.base_url);
        let mut headers = self.identity(credentials, "application/json");
        headers.push(("openai-beta", "responses_websockets=2026-02-06".to_owned()));
        let follow = |exchange| self.notify(Notice::Exchange(exchange));
        let refused = match self.transport.upgrade(&url, &headers, &follow).await {
            Ok(Upgrade::Open(socket)) => return Ok(socket),
            Ok(Upgrade::Refused(refused)) => refused,
            Err(failure) => {
                channel.at_fault = true;
                return Err(Carried::Answer(Err(failure.into())));
            }
        };
        let status = refused.status();
        if status.as_u16() == 426 && !defect::active(Defect::UpgradeRequiredRetried) {
            return Err(Carried::Never);
        }
        let limits = self.transport.limits();
        let failure = if status.is_success() {
            let why = format!("the upgrade to a websocket was answered with HTTP {status}");
            Failure::local(Class::Transport, why)
        } else {
            match read_response(refused, &url, limits, redactor).await {
                Err(broken) => broken.failure,
                Ok(_) => Failure::local(Class::Unreadable, "a refusal that is none"),
            }
        };
        // What the server says of the account holds for every transport.
        let of_the_account = is_auth(&failure)
            || matches!(
                failure.class,
                Class::UsageLimit { .. } | Class::Quota | Class::RateLimited
            );
        channel.at_fault = !of_the_account || defect::active(Defect::LimitAtUpgradeFallsBack);
        let failure = if status.as_u16() == 426 {
            Failure {
                class: Class::Transport,
                ..failure
            }
        } else {
            failure
        };
        Err(Carried::Answer(Err(failure.into())))
    }

    /// Lets the connection learn what all requests have in common. Gives back an answer that ends the request.
    async fn warm_up(
        &self,
        open: &mut Open,
        request: &Request<'_>,
        redactor: &Redactor,
    ) -> Result<Option<Response>, Broken> {
        let warm = self.exchange(open, request.warm_up(), redactor).await?;
        match &warm.outcome {
            Outcome::Completed if defect::active(Defect::WarmUpIsTheAnswer) => Ok(Some(warm)),
            Outcome::Completed => {
                open.known = warm.id.map(|id| Known {
                    id,
                    items: Vec::new(),
                });
                Ok(None)
            }
            // Another failure may be one of the warm-up alone.
            Outcome::Failed(failure)
                if is_auth(failure) || defect::active(Defect::WarmUpRefusalFallsBack) =>
            {
                Ok(Some(warm))
            }
            _ => Ok(None),
        }
    }

    async fn exchange(
        &self,
        open: &mut Open,
        frame: String,
        redactor: &Redactor,
    ) -> Result<Response, Broken> {
        let limits = self.transport.limits();
        open.socket.send(frame, limits).await?;
        open.socket.read_response(limits, redactor).await
    }

    /// The defect itself: what the server has lost is lost to the conversation, too.
    async fn increment_alone(
        &self,
        open: &mut Open,
        request: &Request<'_>,
        known: &Known,
        redactor: &Redactor,
    ) -> Result<Response, Broken> {
        let mut frame: serde_json::Value =
            serde_json::from_str(&request.frame(Some((&known.id, known.items.len()))))
                .unwrap_or_default();
        if let Some(members) = frame.as_object_mut() {
            members.remove("previous_response_id");
        }
        self.exchange(open, frame.to_string(), redactor).await
    }
}

fn known_of(response: &Response, request: &Request<'_>) -> Option<Known> {
    let id = response.id.clone()?;
    let items = request.input.known_with(response);
    Some(Known { id, items })
}

/// What a WebSocket can lose without any fault of the request: the conversation is then sent whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The response that was gone on from.
    Response,
    /// The connection, whose time is over.
    Connection,
}

impl Lost {
    fn read(failure: &Failure) -> Option<Self> {
        match failure.code.as_deref() {
            Some("previous_response_not_found") if !defect::active(Defect::LostResponseFatal) => {
                Some(Self::Response)
            }
            Some("websocket_connection_limit_reached")
                if !defect::active(Defect::ConnectionLimitFatal) =>
            {
                Some(Self::Connection)
            }
            _ => None,
        }
    }
}
