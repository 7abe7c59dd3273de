//! Authorization server metadata (RFC 8414, and OpenID Connect Discovery, which has the same members).

use serde_json::Value;

use super::sign_in_error::SignInError;
use crate::answer::Answer;

/// The two well-known places of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnown {
    /// `oauth-authorization-server`, between host and path (RFC 8414 §3).
    OAuth,
    /// `openid-configuration`, behind the path (OpenID Connect Discovery 1.0 §4).
    OpenId,
}

/// What the metadata say, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The issuer, identical to the one that was asked for.
    pub issuer: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The authorization endpoint.
    pub authorization_endpoint: Option<String>,
    /// The device authorization endpoint (RFC 8628 §4).
    pub device_authorization_endpoint: Option<String>,
    /// Whether authorization answers carry `iss` (RFC 9207 §3).
    pub iss_in_answers: bool,
    /// Whether the challenge method S256 is supported. RFC 8414 §2: a server that lists none has no PKCE.
    pub s256: bool,
}

/// Where an issuer's metadata are.
///
/// ```
/// use loginproof_client::oauth::metadata::{WellKnown, url};
/// assert_eq!(url("https://a.test/b", WellKnown::OAuth), "https://a.test/.well-known/oauth-authorization-server/b");
/// assert_eq!(url("https://a.test/b", WellKnown::OpenId), "https://a.test/b/.well-known/openid-configuration");
/// ```
pub fn url(issuer: &str, kind: WellKnown) -> String {
    let issuer = issuer.trim_end_matches('/');
    match kind {
        WellKnown::OpenId => format!("{issuer}/.well-known/openid-configuration"),
        WellKnown::OAuth => {
            let host = issuer.find("://").map_or(0, |at| at + 3);
            let path = issuer[host..].find('/').map_or(issuer.len(), |n| host + n);
            let (origin, path) = issuer.split_at(path);
            format!("{origin}/.well-known/oauth-authorization-server{path}")
        }
    }
}

/// Reads the answer for `issuer`.
///
/// # Errors
/// Why it must not be used.
pub fn read(answer: &Answer, issuer: &str) -> Result<Metadata, SignInError> {
    let unusable = |why: String| Err(SignInError::Metadata(why));
    let Some(Value::Object(object)) = answer.json().filter(|_| answer.is_success()) else {
        return unusable(format!(
            "no JSON object came (HTTP {}) for issuer {issuer}",
            answer.status
        ));
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    // RFC 8414 §3.3: the issuer must be identical to the one that the URL was made of, else nothing may be used.
    match text("issuer") {
        Some(named) if named == issuer => {}
        Some(named) => {
            let named = crate::redact::one_line(&named, 120);
            return unusable(format!("they name the issuer {named}, not {issuer}"));
        }
        None => return unusable("they name no issuer".to_owned()),
    }
    let endpoint = |name: &'static str| match text(name) {
        None => Ok(None),
        // A secret that goes to a secured issuer must not go anywhere in the clear.
        Some(url) if url.starts_with("https://") => Ok(Some(url)),
        Some(url) if url.starts_with("http://") && issuer.starts_with("http://") => Ok(Some(url)),
        Some(_) => Err(SignInError::Metadata(format!("{name} is no https URL"))),
    };
    let Some(token_endpoint) = endpoint("token_endpoint")? else {
        return unusable("token_endpoint is missing".to_owned());
    };
    let listed = |name: &str, value: &str| {
        let list = object.get(name).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|v| v == value))
    };
    Ok(Metadata {
        issuer: issuer.to_owned(),
        token_endpoint,
        authorization_endpoint: endpoint("authorization_endpoint")?,
        device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
        iss_in_answers: object
            .get("authorization_response_iss_parameter_supported")
            .is_some_and(|v| *v == true),
        s256: listed("code_challenge_methods_supported", "S256"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(body: &str) -> Result<Metadata, SignInError> {
        read(&Answer::new(200, body), "https://a.test/x")
    }

    #[test]
    fn another_issuer_is_refused_even_by_a_slash() {
        for issuer in [
            "https://a.test/x/",
            "https://b.test/x",
            "http://a.test/x",
            "",
        ] {
            let body = format!(r#"{{"issuer":"{issuer}","token_endpoint":"https://a.test/t"}}"#);
            assert!(read_from(&body).is_err(), "{issuer}");
        }
        let good = r#"{"issuer":"https://a.test/x","token_endpoint":"https://a.test/t"}"#;
        let read = read_from(good).unwrap();
        assert_eq!(read.token_endpoint, "https://a.test/t");
        assert!(!read.s256 && !read.iss_in_answers);
    }

    #[test]
    fn a_secured_issuer_cannot_send_secrets_into_the_clear() {
        let body = r#"{"issuer":"https://a.test/x","token_endpoint":"http://a.test/t"}"#;
        let error = read_from(body).unwrap_err().to_string();
        assert!(error.contains("token_endpoint is no https URL"), "{error}");
    }
}
