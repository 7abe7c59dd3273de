//! Authorization endpoints: `/oauth/authorize` of ChatGPT and Claude, Google's, xAI's and the strict server's.

use std::time::SystemTime;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};

use super::body::Parameters;
use super::origin::ClientOrigin;
use super::page::Fields;
use crate::authorization::consent_page;
use crate::authorization::device_sign_in::Decision;
use crate::authorization::page::Page;
use crate::authorization::profile::Profile;
use crate::authorization::profile::chatgpt::CHATGPT;
use crate::authorization::profile::claude::CLAUDE;
use crate::authorization::profile::google::GOOGLE;
use crate::authorization::profile::strict::STRICT;
use crate::authorization::profile::xai::XAI;
use crate::authorization::refusal::Refusal;
use crate::authorization::state::{
    AuthorizationState, AuthorizeRefused, AuthorizeRequest, Destination,
};
use crate::authorization::{AuthorizationServer, CLIENT_ID};

/// Puts a request before a person.
pub(crate) async fn show(
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    uri: Uri,
) -> Response {
    judged(&uri, |asked| {
        let request = asked.request(&origin)?;
        if let Err(refused) = AuthorizationState::check_authorize(&request) {
            return Ok(asked.refused(&request, refused));
        }
        let scope = request.scope.unwrap_or(request.profile.scope);
        let action = uri.path_and_query().map_or("", |target| target.as_str());
        let state = server.lock();
        Ok(plain(consent_page::ask(
            request.client_id,
            scope,
            action,
            state.accounts(),
        )))
    })
}

/// The decision. The request is the address, as the form repeats it.
pub(crate) async fn decide(
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    uri: Uri,
    body: Bytes,
) -> Response {
    let fields = Fields::read(&body);
    judged(&uri, |asked| {
        let request = asked.request(&origin)?;
        let decided = match fields.decision() {
            None => Err(AuthorizeRefused::Here(
                "Choose whether to approve or to deny the sign-in.",
            )),
            Some(Decision::Approve) => {
                server
                    .lock()
                    .approve_authorize(&request, fields.get("account"), SystemTime::now())
            }
            Some(Decision::Deny) => AuthorizationState::check_authorize(&request).and_then(|to| {
                let error = AuthorizeRefused::Back(to, "access_denied", "the person said no");
                Err(error)
            }),
        };
        let issued = match decided {
            Ok(issued) => issued,
            Err(refused) => return Ok(asked.refused(&request, refused)),
        };
        Ok(match issued.destination {
            Destination::Loopback(_) => {
                asked.send(&request, &issued.destination, "code", &issued.code, None)
            }
            Destination::Shown => {
                let state = asked.parameters.optional("state")?.unwrap_or_default();
                plain(consent_page::code(&(request.profile.redirects.show)(
                    &issued.code,
                    state,
                )))
            }
        })
    })
}

/// Reads the request in an address. What cannot be read is told to the person (RFC 6749 §4.1.2.1).
fn judged(uri: &Uri, answer: impl FnOnce(&Asked) -> Result<Response, Refusal>) -> Response {
    let asked = Parameters::form(uri.query().unwrap_or_default().as_bytes()).map(|parameters| {
        let profile = profile(uri.path(), &parameters);
        Asked {
            profile,
            parameters,
        }
    });
    asked
        .and_then(|asked| answer(&asked))
        .unwrap_or_else(|refusal| plain(consent_page::refused(&refusal.description())))
}

/// Whose request it is. ChatGPT and Claude have the same path: the client tells them apart.
fn profile(path: &str, parameters: &Parameters) -> &'static Profile {
    match path {
        "/strict/authorize" => &STRICT,
        "/o/oauth2/v2/auth" => &GOOGLE,
        "/oauth2/authorize" => &XAI,
        "/oauth/authorize" if parameters.optional("client_id") == Ok(Some(CLIENT_ID)) => &CHATGPT,
        _ => &CLAUDE,
    }
}

/// A request as it came.
struct Asked {
    profile: &'static Profile,
    parameters: Parameters,
}

impl Asked {
    fn request<'a>(&'a self, origin: &'a str) -> Result<AuthorizeRequest<'a>, Refusal> {
        let parameters = &self.parameters;
        Ok(AuthorizeRequest {
            profile: self.profile,
            origin,
            client_id: parameters.required("client_id")?,
            redirect_uri: parameters.required("redirect_uri")?,
            response_type: parameters.optional("response_type")?,
            scope: parameters.optional("scope")?,
            code_challenge: parameters.optional("code_challenge")?,
            code_challenge_method: parameters.optional("code_challenge_method")?,
        })
    }

    fn refused(&self, request: &AuthorizeRequest<'_>, refused: AuthorizeRefused) -> Response {
        match refused {
            AuthorizeRefused::Here(why) => plain(consent_page::refused(why)),
            AuthorizeRefused::Back(Destination::Shown, "access_denied", _) => {
                plain(consent_page::denied())
            }
            AuthorizeRefused::Back(Destination::Shown, _, why) => plain(consent_page::refused(why)),
            AuthorizeRefused::Back(to, error, why) => {
                self.send(request, &to, "error", error, Some(why))
            }
        }
    }

    /// RFC 6749 §4.1.2 and §4.1.2.1: the answer goes to the client by way of the person's browser.
    fn send(
        &self,
        request: &AuthorizeRequest<'_>,
        to: &Destination,
        name: &str,
        value: &str,
        description: Option<&str>,
    ) -> Response {
        let Destination::Loopback(uri) = to else {
            return plain(consent_page::refused(
                "There is nowhere to send the answer.",
            ));
        };
        let mut uri = uri.clone();
        {
            let mut query = uri.query_pairs_mut();
            query.append_pair(name, value);
            if let Some(description) = description {
                query.append_pair("error_description", description);
            }
            // The state comes back as it was sent, if it was.
            if let Ok(Some(state)) = self.parameters.optional("state") {
                query.append_pair("state", state);
            }
            if *self.profile == STRICT {
                // RFC 9207 §2: on errors too.
                query.append_pair("iss", &format!("{}{}", request.origin, STRICT.issuer));
            }
        }
        let Ok(location) = HeaderValue::from_str(uri.as_str()) else {
            return plain(consent_page::refused(
                "The redirect_uri cannot be followed.",
            ));
        };
        let headers: [(HeaderName, HeaderValue); 3] = [
            (header::LOCATION, location),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // RFC 9700 §4.2.4: the code must not leak by the referrer.
            (
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            ),
        ];
        (StatusCode::FOUND, headers).into_response()
    }
}

/// A page whose form may lead to the program: browsers apply `form-action` to redirects as well.
fn plain(page: Page) -> Response {
    let mut response = page.into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    response
}
