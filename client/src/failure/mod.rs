//! Everything that can go wrong on the wire, in one enum: what it means, what helps, and how to say it to a person.

pub(crate) mod text;

use std::time::{Duration, SystemTime};

use crate::answer::Answer;
use crate::error_body::ErrorBody;
use crate::redact::Redactor;

/// What a failure means. The endpoint decides as much as the code: `token_expired` is curable at the
/// Responses endpoint and final at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The access token is past its time or unknown: reload, refresh once, replay once.
    AccessExpired,
    /// The access token was revoked: a refresh cannot help.
    AccessRevoked,
    /// The refresh token was spent before, usually by another program.
    RefreshReused,
    /// The refresh token is past its time.
    RefreshExpired,
    /// The refresh token was revoked.
    RefreshRevoked,
    /// The token endpoint refuses the grant for another reason.
    RefreshRejected,
    /// The plan's usage limit is reached until some time.
    UsageLimit {
        /// The plan, as the server names it.
        plan: Option<String>,
        /// When the limit is lifted.
        resets_at: Option<SystemTime>,
    },
    /// No credit, no budget, or not part of the plan.
    Quota,
    /// Too many requests for now.
    RateLimited,
    /// The service has no capacity for now.
    Overloaded,
    /// The server failed.
    Server,
    /// The conversation is longer than the model takes.
    ContextLength,
    /// Refused by a policy: content, region, account settings.
    Policy,
    /// The request itself is wrong; the same one will be refused again.
    InvalidRequest,
    /// A proxy or the network edge answered with a web page instead of the service.
    EdgeBlock,
    /// The connection failed, or the stream ended before its end.
    Transport,
    /// Nothing came for too long.
    Timeout,
    /// No connection can be made with the settings of this machine: an address, a certificate.
    Setup,
    /// The answer is not in the form that the protocol lays down.
    Unreadable,
    /// A failure that the server does not explain in known terms.
    Unclassified,
}

/// A failure with all that is known about it. Its text is safe to show: redacted, short, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub class: Class,
    /// HTTP status, when the failure came as one.
    pub status: Option<u16>,
    /// The server's code, or else its type.
    pub code: Option<String>,
    /// The server's own words, or the cause of a transport failure.
    pub message: Option<String>,
    /// The id under which the server knows the request.
    pub request_id: Option<String>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure that did not come from a server.
    pub fn local(class: Class, message: impl Into<String>) -> Self {
        let message = crate::redact::one_line(&message.into(), 2 * crate::redact::SHOWN_BYTES);
        Self {
            class,
            status: None,
            code: None,
            message: Some(message),
            request_id: None,
            retry_after: None,
        }
    }

    /// Joins a class with what a body and an answer say.
    pub fn from_body(
        class: Class,
        body: &ErrorBody,
        answer: Option<&Answer>,
        redactor: &Redactor,
        now: SystemTime,
    ) -> Self {
        let in_body = body
            .retry_after
            .as_deref()
            .and_then(|v| crate::answer::parse_retry_after(v, now));
        Self {
            class,
            status: answer.map(|a| a.status).or(body.status),
            code: body
                .code_or_kind()
                .map(|c| crate::redact::one_line(&redactor.redact(c), 64)),
            message: body
                .message
                .as_deref()
                .map(|m| redactor.show(m))
                .filter(|m| !m.is_empty()),
            request_id: answer
                .and_then(Answer::request_id)
                .map(|id| redactor.redact(&id)),
            retry_after: answer.and_then(|a| a.retry_after(now)).or(in_body),
        }
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn retry_helps(&self) -> bool {
        use Class::{Overloaded, RateLimited, Server, Timeout, Transport};
        matches!(
            self.class,
            RateLimited | Overloaded | Server | Transport | Timeout
        )
    }

    /// Whether a new access token may help.
    pub fn refresh_helps(&self) -> bool {
        self.class == Class::AccessExpired
    }

    /// Whether a person has to sign in again.
    pub fn sign_in_helps(&self) -> bool {
        use Class::{
            AccessExpired, AccessRevoked, RefreshExpired, RefreshRejected, RefreshReused,
            RefreshRevoked,
        };
        matches!(
            self.class,
            AccessExpired
                | AccessRevoked
                | RefreshExpired
                | RefreshRejected
                | RefreshReused
                | RefreshRevoked
        )
    }

    /// Whether the refresh token is dead for good, and every further use of it futile.
    pub fn ends_the_grant(&self) -> bool {
        use Class::{RefreshExpired, RefreshRejected, RefreshReused, RefreshRevoked};
        matches!(
            self.class,
            RefreshExpired | RefreshRejected | RefreshReused | RefreshRevoked
        )
    }

    /// A stable name of the class for machines, in snake case.
    pub fn class_name(&self) -> &'static str {
        match self.class {
            Class::AccessExpired => "access_expired",
            Class::AccessRevoked => "access_revoked",
            Class::RefreshReused => "refresh_reused",
            Class::RefreshExpired => "refresh_expired",
            Class::RefreshRevoked => "refresh_revoked",
            Class::RefreshRejected => "refresh_rejected",
            Class::UsageLimit { .. } => "usage_limit",
            Class::Quota => "quota",
            Class::RateLimited => "rate_limited",
            Class::Overloaded => "overloaded",
            Class::Server => "server",
            Class::ContextLength => "context_length",
            Class::Policy => "policy",
            Class::InvalidRequest => "invalid_request",
            Class::EdgeBlock => "edge_block",
            Class::Transport => "transport",
            Class::Timeout => "timeout",
            Class::Setup => "setup",
            Class::Unreadable => "unreadable",
            Class::Unclassified => "unclassified",
        }
    }
}
