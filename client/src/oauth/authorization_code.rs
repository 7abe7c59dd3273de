//! The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636): the URL to open, what comes back, and the exchange.

use super::pkce;
use super::secret::{AuthorizationCode, CodeVerifier};
use super::sign_in_error::SignInError;
use super::token::{Body, CLIENT_ID};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::one_line;

/// A client as its authorization server knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeClient {
    client_id: &'static str,
    scope: &'static str,
    /// Path of the authorization endpoint.
    authorize: &'static str,
    /// More parameters for it.
    more: &'static [(&'static str, &'static str)],
    /// Whether the exchange is JSON with the state, instead of the form of RFC 6749 §4.1.3.
    json: bool,
}

/// Codex at ChatGPT, whose browser is led back to a listener.
pub static CODEX: CodeClient = CodeClient {
    client_id: CLIENT_ID,
    // A refresh token, and to be told by name.
    scope: "openid profile email offline_access",
    authorize: "/oauth/authorize",
    more: &[
        ("id_token_add_organizations", "true"),
        ("codex_cli_simplified_flow", "true"),
        ("originator", "loginproof"),
    ],
    json: false,
};

/// Claude Code, whose server shows the code to the person.
pub static CLAUDE: CodeClient = CodeClient {
    client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
    scope: "org:create_api_key user:profile user:inference",
    authorize: "/cai/oauth/authorize",
    more: &[("code", "true")],
    json: true,
};

/// One request for an authorization, made for one sign-in.
pub struct AuthorizationRequest {
    /// The page that the person opens.
    pub url: String,
    client: &'static CodeClient,
    issuer: String,
    redirect_uri: String,
    state: String,
    verifier: CodeVerifier,
    iss_promised: bool,
}

impl std::fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthorizationRequest({})", self.issuer)
    }
}

/// What came to the redirect URI.
#[derive(Debug)]
pub enum Arrival {
    /// The code of this sign-in.
    Code(AuthorizationCode),
    /// Something that is no answer to an authorization request at all.
    Unrelated,
    /// The sign-in is over.
    Ended(SignInError),
}

impl AuthorizationRequest {
    /// A request to an issuer. `iss_promised` says that its metadata promise `iss` in answers (RFC 9207 §3).
    ///
    /// ```
    /// use loginproof_client::oauth::authorization_code::{AuthorizationRequest, CODEX};
    /// let request = AuthorizationRequest::new(&CODEX, "https://auth.test", "http://127.0.0.1:5/auth/callback", false);
    /// assert!(request.url.starts_with("https://auth.test/oauth/authorize?response_type=code&"));
    /// assert!(request.url.contains("&code_challenge_method=S256&"));
    /// ```
    pub fn new(
        client: &'static CodeClient,
        issuer: &str,
        redirect_uri: &str,
        iss_promised: bool,
    ) -> Self {
        let verifier = pkce::verifier();
        // RFC 6749 §10.10: as hard to guess as a secret of its own.
        let state = pkce::verifier().expose().to_owned();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", client.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", client.scope),
        ]);
        let (challenge, method) = match defect::active(Defect::PkcePlain) {
            true => (verifier.expose().to_owned(), "plain"),
            false => (pkce::challenge(&verifier), "S256"),
        };
        if !defect::active(Defect::PkceMissing) {
            query.append_pair("code_challenge", &challenge);
            query.append_pair("code_challenge_method", method);
        }
        query.append_pair("state", &state);
        query.extend_pairs(client.more);
        Self {
            url: format!("{issuer}{}?{}", client.authorize, query.finish()),
            client,
            issuer: issuer.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state,
            verifier,
            iss_promised,
        }
    }

    /// Reads the query that a browser brought to the redirect URI.
    pub fn arrived(&self, query: &str) -> Arrival {
        let mut found: [Option<String>; 5] = Default::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let names = ["state", "iss", "error", "code", "error_description"];
            let Some(n) = names.iter().position(|known| *known == name) else {
                continue;
            };
            // RFC 6749 §3.1: no parameter comes twice.
            if found[n].replace(value.into_owned()).is_some() {
                return Arrival::Unrelated;
            }
        }
        let [state, iss, error, code, description] = found;
        let (Some(state), true) = (state, error.is_some() || code.is_some()) else {
            return Arrival::Unrelated;
        };
        if state != self.state && !defect::active(Defect::StateUnchecked) {
            return Arrival::Ended(SignInError::StateMismatch);
        }
        // RFC 9207 §2.4: an issuer that is there must be the right one, one that was promised must be there.
        match iss {
            Some(iss) if iss != self.issuer => {
                return Arrival::Ended(SignInError::IssuerMismatch {
                    expected: self.issuer.clone(),
                    found: one_line(&iss, 120),
                });
            }
            None if self.iss_promised => {
                return Arrival::Ended(SignInError::IssuerMismatch {
                    expected: self.issuer.clone(),
                    found: "none".to_owned(),
                });
            }
            _ => {}
        }
        match (error.as_deref(), code.filter(|code| !code.is_empty())) {
            (Some("access_denied"), _) => Arrival::Ended(SignInError::Denied),
            (Some(error), _) => {
                let failure = Failure {
                    code: Some(one_line(error, 64)),
                    ..Failure::local(Class::InvalidRequest, description.unwrap_or_default())
                };
                Arrival::Ended(SignInError::Refused(failure))
            }
            (None, Some(code)) => Arrival::Code(AuthorizationCode::new(code)),
            (None, None) => Arrival::Unrelated,
        }
    }

    /// Reads what a person pasted: `CODE#STATE`, a code alone, or the whole URL that the browser was led to.
    pub fn pasted(&self, text: &str) -> Arrival {
        let text = text.trim();
        if text.starts_with("http://") || text.starts_with("https://") {
            return match url::Url::parse(text) {
                Ok(url) => self.arrived(url.query().unwrap_or_default()),
                Err(_) => Arrival::Unrelated,
            };
        }
        let (code, state) = match text.split_once('#') {
            Some((code, state)) => (code, Some(state)),
            // Some servers show no state. The verifier alone then ties the code to this sign-in.
            None => (text, None),
        };
        if code.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Arrival::Unrelated;
        }
        if state.is_some_and(|state| state != self.state) && !defect::active(Defect::StateUnchecked)
        {
            return Arrival::Ended(SignInError::StateMismatch);
        }
        Arrival::Code(AuthorizationCode::new(code))
    }

    /// The exchange of the code (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub fn exchange(&self, code: &AuthorizationCode) -> Body {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.client.client_id),
            ("code", code.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", self.verifier.expose()),
        ];
        let secrets = [code.expose(), self.verifier.expose()];
        if !self.client.json {
            return Body::form(&fields, &secrets);
        }
        fields.push(("state", &self.state));
        let object = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        Body::json(&serde_json::Value::Object(object.collect()), &secrets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(iss_promised: bool) -> AuthorizationRequest {
        AuthorizationRequest::new(
            &CODEX,
            "https://a.test",
            "http://127.0.0.1:5/cb",
            iss_promised,
        )
    }

    fn parameter(url: &str, name: &str) -> String {
        let url = url::Url::parse(url).unwrap();
        let mut pairs = url.query_pairs();
        pairs.find(|(n, _)| n == name).unwrap().1.into_owned()
    }

    #[test]
    fn the_url_carries_the_challenge_of_the_verifier_that_is_exchanged() {
        let request = request(false);
        let body = request.exchange(&AuthorizationCode::new("ac+loginproof"));
        let verifier = body.text.rsplit_once("code_verifier=").unwrap().1;
        assert_eq!(
            parameter(&request.url, "code_challenge"),
            pkce::challenge(&CodeVerifier::new(verifier))
        );
        assert!(
            body.text
                .contains("code=ac%2Bloginproof&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcb")
        );
        assert!(!request.url.contains(verifier));
    }

    #[test]
    fn an_answer_counts_only_with_our_state_and_our_issuer() {
        let request = request(true);
        let state = parameter(&request.url, "state");
        let good = format!("code=ac_1&state={state}&iss=https%3A%2F%2Fa.test");
        assert!(matches!(request.arrived(&good), Arrival::Code(code) if code.expose() == "ac_1"));
        for (query, error) in [
            (
                "code=ac_1&state=other&iss=https://a.test".to_owned(),
                "another sign-in",
            ),
            (format!("code=ac_1&state={state}"), "issuer none"),
            (
                format!("code=ac_1&state={state}&iss=https://b.test"),
                "issuer https://b.test",
            ),
            (
                format!("error=access_denied&state={state}&iss=https://a.test"),
                "denied",
            ),
            (
                format!("error=server_error&error_description=oh&state={state}&iss=https://a.test"),
                "oh",
            ),
        ] {
            let Arrival::Ended(found) = request.arrived(&query) else {
                panic!("{query}")
            };
            assert!(found.to_string().contains(error), "{query}: {found}");
        }
    }

    #[test]
    fn what_is_no_answer_is_left_alone() {
        let request = request(false);
        let state = parameter(&request.url, "state");
        for query in [
            String::new(),
            "x=1".into(),
            "code=ac_1".into(),
            "error=access_denied".into(),
            format!("state={state}"),
            format!("code=&state={state}"),
            format!("code=a&code=b&state={state}"),
        ] {
            assert!(
                matches!(request.arrived(&query), Arrival::Unrelated),
                "{query}"
            );
        }
    }

    #[test]
    fn a_pasted_code_may_come_with_its_state_or_as_a_whole_url() {
        let request = request(false);
        let state = parameter(&request.url, "state");
        for text in [
            format!(" ac_1#{state}\r\n"),
            "ac_1\n".into(),
            format!("https://a.test/done?code=ac_1&state={state}"),
        ] {
            assert!(
                matches!(request.pasted(&text), Arrival::Code(code) if code.expose() == "ac_1"),
                "{text}"
            );
        }
        assert!(matches!(
            request.pasted("ac_1#other"),
            Arrival::Ended(SignInError::StateMismatch)
        ));
        for text in ["", "  ", "#", "two words", &format!("#{state}")] {
            assert!(matches!(request.pasted(text), Arrival::Unrelated), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_other_state_ever_yields_a_code(state in "[A-Za-z0-9_-]{0,60}", code in "[A-Za-z0-9_.~-]{1,40}") {
            let request = request(false);
            let by_url = request.arrived(&format!("code={code}&state={state}"));
            let by_hand = request.pasted(&format!("{code}#{state}"));
            prop_assert!(!matches!(by_url, Arrival::Code(_)));
            prop_assert!(!matches!(by_hand, Arrival::Code(_)));
        }
    }
}
