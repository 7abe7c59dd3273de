//! The device grant (RFC 8628), for every provider that has it.

use std::time::{Duration, SystemTime};

use super::{AuthorizationState, TokenAnswer, check_client, keep_pace, polled};
use crate::authorization::device_sign_in::{DeviceRequest, DeviceSignIn};
use crate::authorization::grant::{Grant, is_scope};
use crate::authorization::pace::Pace;
use crate::authorization::pkce;
use crate::authorization::profile::Profile;
use crate::authorization::refusal::Refusal;
use crate::authorization::secret::SecretKind;

/// A device authorization request (RFC 8628 §3.1).
pub(in crate::authorization) struct DeviceAsk<'a> {
    pub(in crate::authorization) profile: &'static Profile,
    pub(in crate::authorization) client_id: &'a str,
    pub(in crate::authorization) scope: Option<&'a str>,
    pub(in crate::authorization) code_challenge: Option<&'a str>,
    pub(in crate::authorization) code_challenge_method: Option<&'a str>,
    pub(in crate::authorization) issuer: &'a str,
}

/// Its answer (RFC 8628 §3.2).
pub(in crate::authorization) struct DeviceStarted {
    pub(in crate::authorization) device_code: String,
    pub(in crate::authorization) user_code: String,
    /// Seconds.
    pub(in crate::authorization) interval: u64,
    /// Seconds.
    pub(in crate::authorization) expires_in: u64,
}

/// A token request of the device grant (RFC 8628 §3.4).
#[derive(Clone, Copy)]
pub(in crate::authorization) struct DevicePoll<'a> {
    pub(in crate::authorization) profile: &'static Profile,
    pub(in crate::authorization) client_id: &'a str,
    pub(in crate::authorization) device_code: &'a str,
    pub(in crate::authorization) code_verifier: Option<&'a str>,
}

impl AuthorizationState {
    /// A device asks for a pair of codes.
    pub(in crate::authorization) fn start_device(
        &mut self,
        ask: &DeviceAsk<'_>,
        now: SystemTime,
    ) -> Result<DeviceStarted, Refusal> {
        check_client(ask.profile, ask.client_id)?;
        if ask.scope.is_some_and(|scope| !is_scope(scope)) {
            return Err(Refusal::Scope);
        }
        let request = DeviceRequest {
            grant: Grant::to(ask.profile, ask.client_id, ask.scope, ask.issuer),
            challenge: challenge(ask)?,
        };
        // RFC 8628 §6.1: eight letters out of twenty, as in its example; §5.1 bounds the tries.
        let user_code = self.user_code(8);
        let interval = self.interval();
        let life = self.options.code_life.0;
        let pace = Pace::from_issue(Duration::from_secs(interval), now);
        let sign_in =
            DeviceSignIn::start(user_code, now + life, pace, Some(request), &mut self.mint);
        let started = DeviceStarted {
            device_code: sign_in.device_auth_id.clone(),
            user_code: sign_in.user_code.shown(),
            interval,
            expires_in: life.as_secs(),
        };
        self.sign_ins.push(sign_in);
        Ok(started)
    }

    /// A device asks whether it is approved. The poll that finds it so takes the tokens away.
    pub(in crate::authorization) fn poll_device(
        &mut self,
        poll: &DevicePoll<'_>,
        now: SystemTime,
    ) -> Result<TokenAnswer, Refusal> {
        check_client(poll.profile, poll.client_id)?;
        let (sign_in, request) = self
            .sign_ins
            .iter_mut()
            .find(|known| known.device_auth_id == poll.device_code)
            .and_then(|known| {
                let request = known.request.clone()?;
                Some((known, request))
            })
            // RFC 8628 §3.4, RFC 6749 §5.2: a code that was issued to another client is as good as none.
            .filter(|(_, request)| request.grant.is_of(poll.profile, poll.client_id))
            .ok_or(Refusal::Grant("the device code is not known"))?;
        let early = keep_pace(sign_in, poll.profile.name, &mut self.early_polls, now);
        if let Some(challenge) = &request.challenge {
            let verifier = poll
                .code_verifier
                .ok_or(Refusal::Missing("code_verifier"))?;
            // RFC 7636 §4.6
            if pkce::challenge(verifier) != *challenge {
                return Err(Refusal::Grant(
                    "code_verifier does not match the code_challenge",
                ));
            }
            self.mint.witness(SecretKind::CodeVerifier, verifier);
        }
        let account = polled(
            sign_in,
            early,
            self.options.slow_down,
            self.options.pending,
            now,
        )?;
        Ok(self.sign_in(request.grant, account, now))
    }
}

/// The challenge of a device request, where its provider wants one or the client sends one.
fn challenge(ask: &DeviceAsk<'_>) -> Result<Option<String>, Refusal> {
    let required = ask
        .profile
        .device
        .as_ref()
        .is_some_and(|rules| rules.challenge);
    match (ask.code_challenge, ask.code_challenge_method) {
        (None, _) if required => Err(Refusal::Missing("code_challenge")),
        (None, _) => Ok(None),
        (Some(challenge), Some("S256")) => Ok(Some(challenge.to_owned())),
        (Some(_), _) => Err(Refusal::Malformed(
            "code_challenge_method must be S256".to_owned(),
        )),
    }
}
