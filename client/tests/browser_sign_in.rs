//! Sign-in through a browser, played by bytes, against a server that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use loginproof_client::oauth::provider::Hosts;
use loginproof_client::oauth::{CodeVerifier, SignInError, pkce};
use loginproof_client::session::{AccountError, Config, Notice, Place, Session};
use loginproof_client::store::Credentials;
use loginproof_client::transport::Limits;
use serde_json::json;
use support::{access, credential_file, refresh};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use wiremock::matchers::{path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

const JWT: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFAbG9naW5wcm9vZi50ZXN0In0.c2ln";
/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

/// Somebody with a store, who sees URLs as they are shown.
struct Person {
    session: Session,
    folder: tempfile::TempDir,
    hosts: Hosts,
    urls: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Person {
    fn new(server: &MockServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("auth.json"), credential_file(1, 3600)).unwrap();
        let (sender, urls) = mpsc::unbounded_channel();
        let config = Config {
            issuer: server.uri(),
            base_url: server.uri(),
            model: "gpt-5.5".into(),
            fast: false,
            websocket: false,
            fallback: None,
            tool: None,
            store: folder.path().join("auth.json"),
            limits: Limits::default(),
        };
        let listener = Arc::new(move |notice| {
            if let Notice::Browse { url, .. } = notice {
                sender.send(url).unwrap();
            }
        });
        Self {
            session: Session::new(config, listener),
            folder,
            hosts: Hosts::At(server.uri()),
            urls: tokio::sync::Mutex::new(urls),
        }
    }

    /// The query of the URL that is shown.
    async fn shown(&self) -> HashMap<String, String> {
        let url = self.urls.lock().await.recv().await.unwrap();
        let query = url.split_once("/oauth/authorize?").unwrap().1;
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    fn stored(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("auth.json")).unwrap()
    }

    /// Signs in while a browser goes to these places below the redirect URI's origin; `{state}` is filled.
    async fn visit(&self, places: &[&str]) -> (Result<Credentials, AccountError>, Vec<String>) {
        let browser = async {
            let shown = self.shown().await;
            let redirect = &shown["redirect_uri"];
            let address = redirect.strip_prefix("http://").unwrap();
            let (address, path) = address.split_once('/').unwrap();
            assert_eq!(path, "auth/callback");
            // Opened and never used, as browsers do.
            let _idle = TcpStream::connect(address).await.unwrap();
            let mut pages = Vec::new();
            for place in places {
                let place = place.replace("{state}", &shown["state"]);
                let mut stream = TcpStream::connect(address).await.unwrap();
                let request = format!("GET {place} HTTP/1.1\r\nhost: {address}\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut page = String::new();
                stream.read_to_string(&mut page).await.unwrap();
                pages.push(page);
            }
            pages
        };
        let both = async {
            tokio::join!(
                self.session.sign_in_by_callback(BOUND, Place::First),
                browser
            )
        };
        tokio::time::timeout(BOUND, both).await.unwrap()
    }
}

async fn exchanges(server: &MockServer, times: u64) {
    let tokens = json!({ "id_token": JWT, "access_token": access(2), "refresh_token": refresh(2) });
    Mock::given(path_regex("^(/v1)?/oauth/token$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(tokens))
        .expect(times)
        .mount(server)
        .await;
}

#[tokio::test]
async fn the_browser_brings_the_code_back_and_learns_how_it_ended() {
    let server = MockServer::start().await;
    exchanges(&server, 1).await;
    let person = Person::new(&server);
    let (result, pages) = person
        .visit(&[
            "/favicon.ico",
            "/auth/callback",
            "/auth/callback?code=ac_loginproof%2B1&state={state}",
        ])
        .await;
    result.unwrap();
    assert!(pages[0].starts_with("HTTP/1.1 404 "));
    assert!(pages[1].starts_with("HTTP/1.1 400 "));
    assert!(pages[2].starts_with("HTTP/1.1 200 ") && pages[2].contains("Signed in"));
    assert!(!pages[2].contains("ac_loginproof"));
    assert!(person.stored().contains(&access(2)));
}

#[tokio::test]
async fn the_exchange_repeats_the_redirect_uri_and_proves_the_challenge() {
    let server = MockServer::start().await;
    exchanges(&server, 1).await;
    let person = Person::new(&server);
    let line = async || {
        let shown = person.shown().await;
        let state = &shown["state"];
        assert_eq!(shown["code_challenge_method"], "S256");
        let text = format!(
            "ac_loginproof#{state}\n{}\n{}",
            shown["code_challenge"], shown["redirect_uri"]
        );
        std::fs::write(person.folder.path().join("seen"), &text).unwrap();
        Ok(Some(text.lines().next().unwrap().to_owned()))
    };
    person
        .session
        .sign_in_by_paste(&person.hosts, BOUND, line)
        .await
        .unwrap();
    let seen = std::fs::read_to_string(person.folder.path().join("seen")).unwrap();
    let mut seen = seen.lines().skip(1);
    let requests = server.received_requests().await.unwrap();
    let form: HashMap<String, String> = requests.last().unwrap().body_json().unwrap();
    let stored: serde_json::Value = serde_json::from_str(&person.stored()).unwrap();
    assert_eq!(stored["tokens"]["access_token"], access(1));
    assert_eq!(
        stored["providers"]["claude"]["tokens"]["access_token"],
        access(2)
    );
    let verifier = CodeVerifier::new(&form["code_verifier"]);
    assert_eq!(Some(pkce::challenge(&verifier).as_str()), seen.next());
    assert_eq!(Some(form["redirect_uri"].as_str()), seen.next());
    assert_eq!(form["code"], "ac_loginproof");
}

#[tokio::test]
async fn another_state_is_never_exchanged() {
    let server = MockServer::start().await;
    exchanges(&server, 1).await;
    let person = Person::new(&server);
    let (result, pages) = person
        .visit(&[
            "/auth/callback?code=ac_forged&state=another",
            "/auth/callback?code=ac_loginproof&state={state}",
        ])
        .await;
    result.unwrap();
    assert!(pages[0].starts_with("HTTP/1.1 400 "));
    let requests = server.received_requests().await.unwrap();
    let exchange = String::from_utf8_lossy(&requests.last().unwrap().body).into_owned();
    assert!(exchange.contains("code=ac_loginproof&"), "{exchange}");

    let before = person.stored();
    let mismatch = AccountError::SignIn(SignInError::StateMismatch);
    let line = async || Ok(Some("ac_loginproof#another".to_owned()));
    let result = person
        .session
        .sign_in_by_paste(&person.hosts, BOUND, line)
        .await;
    assert_eq!(result.unwrap_err(), mismatch);
    assert_eq!(person.stored(), before);
}

#[tokio::test]
async fn a_promised_issuer_must_be_named() {
    let server = MockServer::start().await;
    exchanges(&server, 0).await;
    let metadata = json!({
        "issuer": server.uri(), "token_endpoint": format!("{}/oauth/token", server.uri()),
        "authorization_response_iss_parameter_supported": true,
    });
    Mock::given(path("/.well-known/oauth-authorization-server"))
        .respond_with(ResponseTemplate::new(200).set_body_json(metadata))
        .mount(&server)
        .await;
    let person = Person::new(&server);
    let (result, _) = person
        .visit(&["/auth/callback?code=ac_loginproof&state={state}"])
        .await;
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            AccountError::SignIn(SignInError::IssuerMismatch { .. })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn denial_silence_and_an_empty_input_end_the_sign_in() {
    let server = MockServer::start().await;
    exchanges(&server, 0).await;
    let person = Person::new(&server);
    let (result, _) = person
        .visit(&["/auth/callback?error=access_denied&state={state}"])
        .await;
    assert_eq!(
        result.unwrap_err(),
        AccountError::SignIn(SignInError::Denied)
    );

    let short = Duration::from_millis(50);
    let result = person
        .session
        .sign_in_by_callback(short, Place::First)
        .await;
    let timed_out = AccountError::SignIn(SignInError::TimedOut { after: short });
    assert_eq!(result.unwrap_err(), timed_out);
    let never = async || std::future::pending().await;
    let result = person
        .session
        .sign_in_by_paste(&person.hosts, short, never)
        .await;
    assert_eq!(result.unwrap_err(), timed_out);

    let empty = async || Ok(None);
    let result = person
        .session
        .sign_in_by_paste(&person.hosts, BOUND, empty)
        .await;
    assert_eq!(
        result.unwrap_err(),
        AccountError::SignIn(SignInError::NoCode)
    );
    assert!(person.stored().contains(&access(1)));
}
