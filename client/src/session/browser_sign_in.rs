//! Signs in through a browser: an authorization code with PKCE, brought back by the browser itself or by hand.

use std::time::{Duration, SystemTime};

use super::{AccountError, Credentials, Notice, Place, Session};
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::failure::Class;
use crate::oauth::authorization_code::{Arrival, AuthorizationRequest, CLAUDE, CODEX};
use crate::oauth::device_grant::{Outgoing, Tokens};
use crate::oauth::metadata::{self, WellKnown};
use crate::oauth::provider::Hosts;
use crate::oauth::token::{self, Body};
use crate::oauth::{AuthorizationCode, SignInError, patience, refusal};
use crate::transport::{Loopback, Visit};

/// The path that the browser is led back to.
const CALLBACK: &str = "/auth/callback";
/// The vendor has registered the first two and the name `localhost`; elsewhere any port will do (RFC 8252 §7.3), and
/// it is the last resort here.
const VENDOR_PORTS: [u16; 3] = [1455, 1457, 0];
/// The vendor's issuer.
const VENDOR: &str = "https://auth.openai.com";
/// Where Claude's pages are.
const CLAUDE_PAGE: &str = "https://claude.com";
/// Where its tokens are bought.
const CLAUDE_TOKENS: &str = "https://platform.claude.com";
/// The page of its own that shows the code.
const CLAUDE_SHOWS: &str = "https://platform.claude.com/oauth/code/callback";
/// Exchanges before giving up.
const EXCHANGES: u32 = 3;
/// Lines that may hold no code before giving up.
const LINES: u32 = 5;

impl Session {
    /// Signs in through a browser on this machine, which is led back to a listener of ours.
    ///
    /// # Errors
    /// Why there are no new credentials in the file.
    pub async fn sign_in_by_callback(
        &self,
        bound: Duration,
        place: Place,
    ) -> Result<Credentials, AccountError> {
        drop(self.store.reserve()?);
        let vendor = self.config.issuer == VENDOR;
        let ports: &[u16] = if vendor { &VENDOR_PORTS } else { &[0] };
        let mut listener = Loopback::bind(ports)
            .await
            .map_err(|error| SignInError::Listener(error.to_string()))?;
        // RFC 8252 §8.3: the address is better than the name, which may lead elsewhere.
        let host = if vendor { "localhost" } else { "127.0.0.1" };
        let port = match listener.port() {
            _ if vendor && defect::active(Defect::CallbackPortAssumed) => VENDOR_PORTS[0],
            port => port,
        };
        let redirect_uri = format!("http://{host}:{port}{CALLBACK}");
        let request = self.authorization_request(&redirect_uri).await;
        self.notify(Notice::Browse {
            url: request.url.clone(),
            paste: false,
            bound,
        });
        let arrival = tokio::time::timeout(bound, self.arrival(&mut listener, &request));
        let (code, visit) = match arrival.await {
            Err(_) => return Err(SignInError::TimedOut { after: bound }.into()),
            Ok((Err(error), visit)) => {
                visit.answer("400 Bad Request", FAILED, BACK).await;
                return Err(error.into());
            }
            Ok((Ok(code), visit)) => (code, visit),
        };
        let result = self.exchange_and_keep(&request, &code, place).await;
        // The browser is told how it really ended.
        match &result {
            Ok(_) => visit.answer("200 OK", "Signed in", DONE).await,
            Err(_) => visit.answer("502 Bad Gateway", FAILED, BACK).await,
        }
        result
    }

    /// Signs in at Claude's server through a browser anywhere, whose page shows the code; `line` gives what the person
    /// enters. The tokens stand beside the ChatGPT ones.
    ///
    /// # Errors
    /// Why there are no new tokens in the file.
    pub async fn sign_in_by_paste<F, L>(
        &self,
        hosts: &Hosts,
        bound: Duration,
        mut line: F,
    ) -> Result<Tokens, AccountError>
    where
        F: FnMut() -> L,
        L: Future<Output = std::io::Result<Option<String>>>,
    {
        drop(self.store.reserve()?);
        let host = |own: &str| match hosts {
            Hosts::Own { .. } => own.to_owned(),
            Hosts::At(origin) => origin.clone(),
        };
        let request = AuthorizationRequest::new(&CLAUDE, &host(CLAUDE_PAGE), CLAUDE_SHOWS, false);
        self.notify(Notice::Browse {
            url: request.url.clone(),
            paste: true,
            bound,
        });
        let entered = async {
            for _ in 0..LINES {
                match line().await {
                    Ok(Some(text)) => match request.pasted(&text) {
                        Arrival::Code(code) => return Ok(code),
                        Arrival::Ended(error) => return Err(error),
                        Arrival::Unrelated => {
                            self.warn("that is no code; paste what the page shows, as it is");
                        }
                    },
                    Ok(None) => break,
                    Err(error) => return Err(SignInError::Input(error.to_string())),
                }
            }
            Err(SignInError::NoCode)
        };
        let code = match tokio::time::timeout(bound, entered).await {
            Ok(code) => code?,
            Err(_) => return Err(SignInError::TimedOut { after: bound }.into()),
        };
        // From here on the approval can be lost.
        let critical = self.enter_critical();
        let base = host(CLAUDE_TOKENS);
        let url = format!("{base}/v1/oauth/token");
        let answer = self.exchange_code(&url, request.exchange(&code)).await?;
        let tokens = Tokens::read(&answer).map_err(AccountError::SignIn)?;
        self.keep_provider("claude", &base, &tokens).await?;
        drop(critical);
        Ok(tokens)
    }

    /// Waits for the browser to bring an answer. What is none gets a refusal, and the wait goes on.
    async fn arrival(
        &self,
        listener: &mut Loopback,
        request: &AuthorizationRequest,
    ) -> (Result<AuthorizationCode, SignInError>, Visit) {
        loop {
            let visit = listener.visit().await;
            if visit.path != CALLBACK {
                let text = "There is nothing here.";
                visit.answer("404 Not Found", "Not found", text).await;
                continue;
            }
            match request.arrived(&visit.query) {
                Arrival::Code(code) => return (Ok(code), visit),
                // Any page can send a browser here: that must not end the sign-in of the person who is still at it.
                Arrival::Ended(error @ SignInError::StateMismatch) => {
                    self.warn(format!("{error}; still waiting for the right answer"));
                    visit.answer("400 Bad Request", "Refused", STRANGER).await;
                }
                Arrival::Ended(error) => return (Err(error), visit),
                Arrival::Unrelated => {
                    visit.answer("400 Bad Request", "Refused", STRANGER).await;
                }
            }
        }
    }

    async fn authorization_request(&self, redirect_uri: &str) -> AuthorizationRequest {
        let issuer = &self.config.issuer;
        let asked = Outgoing {
            purpose: "metadata",
            url: metadata::url(issuer, WellKnown::OAuth),
            form: None,
            bearer: None,
        };
        // The endpoints are known without metadata; only the promise of `iss` is looked up.
        let promised = match self.send_outgoing(&asked).await {
            Ok(answer) if answer.is_success() => match metadata::read(&answer, issuer) {
                Ok(metadata) => metadata.iss_in_answers,
                Err(error) => {
                    self.warn(format!("{error}; they were not used"));
                    false
                }
            },
            _ => false,
        };
        AuthorizationRequest::new(&CODEX, issuer, redirect_uri, promised)
    }

    async fn exchange_and_keep(
        &self,
        request: &AuthorizationRequest,
        code: &AuthorizationCode,
        place: Place,
    ) -> Result<Credentials, AccountError> {
        // From here on the approval can be lost.
        let critical = self.enter_critical();
        let url = format!("{}/oauth/token", self.config.issuer);
        let body = request.exchange(code);
        let redactor = body.redactor.clone();
        let answer = self.exchange_code(&url, body).await?;
        let grant = token::read_exchange(&answer, &redactor, SystemTime::now())
            .map_err(SignInError::Refused)?;
        let kept = self.keep_grant(&grant, place).await;
        drop(critical);
        kept
    }

    /// Sends the code until there is an answer that can hold tokens.
    async fn exchange_code(&self, url: &str, body: Body) -> Result<Answer, SignInError> {
        let outgoing = Outgoing {
            purpose: "exchange",
            url: url.to_owned(),
            form: Some(body.clone()),
            bearer: None,
        };
        let mut attempts = 1;
        loop {
            let failure = match self.send_outgoing(&outgoing).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) => {
                    let failure = refusal::classify_sign_in(&answer, &body.redactor);
                    // The code is single-use: what the server has looked at is not sent again.
                    if answer.status < 500 {
                        return Err(SignInError::Refused(failure));
                    }
                    failure
                }
                // After a timeout the server may have used the code.
                Err(failure) if failure.class == Class::Timeout => {
                    return Err(SignInError::Refused(failure));
                }
                Err(failure) => failure,
            };
            let wait = patience::before_retry(failure, attempts, EXCHANGES, 1)?;
            tokio::time::sleep(wait).await;
            attempts += 1;
        }
    }
}

const FAILED: &str = "Sign-in failed";
const BACK: &str = "Return to the terminal; it says why. You can close this page.";
const DONE: &str = "You can close this page and return to the terminal.";
const STRANGER: &str = "This is no answer to the sign-in that is waiting.";
