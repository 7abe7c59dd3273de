//! Authorization requests (RFC 6749 §4.1, RFC 7636, RFC 8252): checked, and approved by a person.

use std::time::SystemTime;

use url::{Host, Url};

use super::{AuthorizationState, check_client};
use crate::authorization::account::Account;
use crate::authorization::code::AuthorizationCode;
use crate::authorization::grant::{Grant, is_scope};
use crate::authorization::profile::{Profile, Redirects};

/// An authorization request.
pub(in crate::authorization) struct AuthorizeRequest<'a> {
    pub(in crate::authorization) profile: &'static Profile,
    pub(in crate::authorization) origin: &'a str,
    pub(in crate::authorization) client_id: &'a str,
    pub(in crate::authorization) redirect_uri: &'a str,
    pub(in crate::authorization) response_type: Option<&'a str>,
    pub(in crate::authorization) scope: Option<&'a str>,
    pub(in crate::authorization) code_challenge: Option<&'a str>,
    pub(in crate::authorization) code_challenge_method: Option<&'a str>,
}

/// Where the answer to an authorization request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authorization) enum Destination {
    /// A listener on the person's own machine.
    Loopback(Url),
    /// A page that shows the code.
    Shown,
}

/// Why a request is not put before a person.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::authorization) enum AuthorizeRefused {
    /// RFC 6749 §4.1.2.1: client or redirect URI are wrong, so nobody is sent anywhere.
    Here(&'static str),
    /// Anything else goes back to the client: error code and description.
    Back(Destination, &'static str, &'static str),
}

/// An approved request.
pub(in crate::authorization) struct Issued {
    pub(in crate::authorization) code: String,
    pub(in crate::authorization) destination: Destination,
}

impl AuthorizationState {
    /// Checks a request.
    pub(in crate::authorization) fn check_authorize(
        request: &AuthorizeRequest<'_>,
    ) -> Result<Destination, AuthorizeRefused> {
        use AuthorizeRefused::{Back, Here};
        if check_client(request.profile, request.client_id).is_err() {
            return Err(Here("The client is not known here."));
        }
        let destination = destination(
            &request.profile.redirects,
            request.origin,
            request.redirect_uri,
        )
        .ok_or(Here("The redirect_uri is not one of this client's."))?;
        let back = |error, description| Err(Back(destination.clone(), error, description));
        match request.response_type {
            Some("code") => {}
            None => return back("invalid_request", "response_type is missing"),
            Some(_) => return back("unsupported_response_type", "response_type must be code"),
        }
        if request.scope.is_some_and(|scope| !is_scope(scope)) {
            return back("invalid_scope", "the scope is none");
        }
        match (request.code_challenge, request.code_challenge_method) {
            // RFC 9700 §2.1.1: public clients must use PKCE. RFC 7636 §4.4.1: invalid_request says so.
            (None, _) => back("invalid_request", "code challenge required"),
            (Some(challenge), Some("S256")) if is_challenge(challenge) => Ok(destination),
            (Some(_), Some("S256")) => back("invalid_request", "code_challenge is no S256 hash"),
            // RFC 7636 §4.3: plain is what a missing method means. RFC 9700 §2.1.1 asks for S256.
            _ => back("invalid_request", "transform algorithm not supported"),
        }
    }

    /// A person approves a request. `account` is the id of the account they chose, the first one if they had no choice.
    pub(in crate::authorization) fn approve_authorize(
        &mut self,
        request: &AuthorizeRequest<'_>,
        account: Option<&str>,
        now: SystemTime,
    ) -> Result<Issued, AuthorizeRefused> {
        let destination = Self::check_authorize(request)?;
        let account: Account = self
            .accounts
            .iter()
            .find(|known| account.is_none_or(|id| known.id == id))
            .cloned()
            .ok_or(AuthorizeRefused::Here("There is no such account."))?;
        let issuer = format!("{}{}", request.origin, request.profile.issuer);
        let code = AuthorizationCode::mint(
            account,
            Grant::to(request.profile, request.client_id, request.scope, &issuer),
            request.code_challenge.map(str::to_owned),
            request.redirect_uri.to_owned(),
            &mut self.mint,
            now,
        );
        let value = code.value.clone();
        self.codes.insert(value.clone(), code);
        Ok(Issued {
            code: value,
            destination,
        })
    }
}

/// Where a redirect URI leads, if it is one of a client's.
fn destination(redirects: &Redirects, origin: &str, redirect_uri: &str) -> Option<Destination> {
    // RFC 9700 §2.1: compared as it is written, apart from the port of a loopback address.
    let shown = redirects.shown.iter().any(|registered| {
        let path = Url::parse(registered).map_or_else(
            |_| (*registered).to_owned(),
            |registered| registered.path().to_owned(),
        );
        redirect_uri == *registered || redirect_uri.strip_prefix(origin) == Some(path.as_str())
    });
    if shown {
        return Some(Destination::Shown);
    }
    let uri = Url::parse(redirect_uri).ok()?;
    let loopback = match uri.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    // RFC 8252 §7.3: http, any port. RFC 6749 §3.1.2: no fragment.
    let plain = uri.scheme() == "http"
        && uri.fragment().is_none()
        && uri.query().is_none()
        && uri.username().is_empty()
        && uri.password().is_none();
    (loopback && plain && redirects.loopback.contains(&uri.path()))
        .then_some(Destination::Loopback(uri))
}

/// RFC 7636 §4.2: the unpadded base64url of 32 bytes.
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
