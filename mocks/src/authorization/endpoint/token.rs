//! Token endpoints: codes, device codes and refresh tokens become pairs (oauth.md §1.4, §2 and §4).

use std::time::SystemTime;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{Extensions, HeaderMap, header};
use serde_json::{Value, json};

use super::answer::{answered, refused};
use super::body::Parameters;
use super::origin::ClientOrigin;
use crate::authorization::code::ExchangeRequest;
use crate::authorization::profile::Profile;
use crate::authorization::profile::chatgpt::CHATGPT;
use crate::authorization::profile::nous::{NOUS, REFRESH_HEADER};
use crate::authorization::profile::strict::STRICT;
use crate::authorization::refusal::Refusal;
use crate::authorization::state::{DevicePoll, RefreshRequest};
use crate::authorization::{AuthorizationServer, DEVICE_GRANT, Rotation};

/// Every grant of a provider's token endpoint.
pub(crate) async fn token(
    profile: &'static Profile,
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    extensions: Extensions,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked {
        profile,
        server: &server,
        origin: &origin,
        headers: &headers,
        rotation: extensions.get::<Rotation>().copied().unwrap_or_default(),
        now: SystemTime::now(),
    };
    match asked.client_is_public().and_then(|()| {
        let parameters = Parameters::of(profile, &headers, &body)?;
        asked.grant(&parameters)
    }) {
        Ok(answer) => answered(profile, &headers, 200, &answer),
        Err(refusal) => refused(profile, &headers, &refusal),
    }
}

/// A request and what it is judged by.
struct Asked<'a> {
    profile: &'static Profile,
    server: &'a AuthorizationServer,
    origin: &'a str,
    headers: &'a HeaderMap,
    rotation: Rotation,
    now: SystemTime,
}

impl Asked<'_> {
    /// The strict server knows public clients only: there is no secret to authenticate with.
    fn client_is_public(&self) -> Result<(), Refusal> {
        if *self.profile == STRICT && self.headers.contains_key(header::AUTHORIZATION) {
            return Err(Refusal::Client);
        }
        Ok(())
    }

    fn grant(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let profile = self.profile;
        match parameters.required("grant_type")? {
            "authorization_code" => {
                let client_id = parameters.required("client_id")?;
                let request = ExchangeRequest {
                    code: parameters.required("code")?,
                    redirect_uri: parameters.required("redirect_uri")?,
                    code_verifier: self.verifier(parameters)?,
                };
                let answer = self
                    .server
                    .lock()
                    .exchange(profile, client_id, &request, self.now)?;
                Ok((profile.success)(&answer, self.origin))
            }
            "refresh_token" => {
                let token = match self.refresh_header() {
                    Some(token) => token,
                    None => parameters.required("refresh_token")?,
                };
                let request = RefreshRequest {
                    profile,
                    client_id: parameters.required("client_id")?,
                    token,
                    scope: parameters.optional("scope")?,
                    rotation: self.rotation,
                    issuer: &format!("{}{}", self.origin, profile.issuer),
                };
                let answer = self.server.lock().refresh(&request, self.now)?;
                Ok((profile.success)(&answer, self.origin))
            }
            DEVICE_GRANT if profile.device.is_some() => {
                let poll = DevicePoll {
                    profile,
                    device_code: parameters.required("device_code")?,
                    client_id: parameters.required("client_id")?,
                    code_verifier: parameters.optional("code_verifier")?,
                };
                let answer = self.server.lock().poll_device(&poll, self.now)?;
                Ok((profile.success)(&answer, self.origin))
            }
            TOKEN_EXCHANGE if *profile == CHATGPT => {
                let key = self.server.lock().api_key(
                    parameters.required("client_id")?,
                    parameters.required("subject_token")?,
                )?;
                Ok(json!({ "access_token": key }))
            }
            other => Err(Refusal::GrantType(other.to_owned())),
        }
    }

    /// ChatGPT and the strict server require a verifier before they look at the code; every code of theirs has one.
    fn verifier<'p>(&self, parameters: &'p Parameters) -> Result<Option<&'p str>, Refusal> {
        if *self.profile == CHATGPT {
            parameters.required("code_verifier").map(Some)
        } else {
            parameters.optional("code_verifier")
        }
    }

    /// Nous keeps the refresh token out of the body.
    fn refresh_header(&self) -> Option<&str> {
        if *self.profile != NOUS {
            return None;
        }
        self.headers.get(REFRESH_HEADER)?.to_str().ok()
    }
}

/// RFC 8693 §2.1
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
