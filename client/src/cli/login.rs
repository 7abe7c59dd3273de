//! `login`: every way to sign in.

use serde_json::json;

use super::args::{Flow, Import, Login};
use super::output::SWITCHED_OFF;
use super::terminal::Terminal;
use super::{Exit, Program};
use crate::defect::{self, Defect};
use crate::oauth::SignInError;
use crate::oauth::jwt::Claims;
use crate::session::{AccountError, Place, Status};
use crate::store::Credentials;

impl Program {
    pub(super) async fn login(&self, login: &Login) -> Exit {
        if !matches!(login.flow, Flow::Chatgpt | Flow::Callback) {
            return self.login_elsewhere(login).await;
        }
        let place = login.place();
        if let Some(import) = login.import {
            let imported = self.session.import_codex(&import.path(), place).await;
            return match imported {
                Ok(credentials) => self.signed_in(&credentials),
                Err(error) => self.not_signed_in(&error, login),
            };
        }
        let signed_in = match login.flow {
            Flow::Callback => {
                let bound = login.bound();
                self.session.sign_in_by_callback(bound, place).await
            }
            _ => self.session.sign_in(place).await,
        };
        match signed_in {
            Ok(credentials) => self.signed_in(&credentials),
            Err(error) => self.not_signed_in(&error, login),
        }
    }

    /// Imports when nobody is signed in. When it fails, the ask itself says what is to be done.
    pub(super) async fn import_if_signed_out(&self, import: Import) {
        let path = import.path();
        if !matches!(self.session.status(), Ok(Status::SignedOut)) || !path.exists() {
            return;
        }
        match self.session.import_codex(&path, Place::First).await {
            Ok(_) => {}
            Err(error) => self.output.note(&format!("warning: {error}")),
        }
    }

    /// Signs in with a provider other than ChatGPT.
    async fn login_elsewhere(&self, login: &Login) -> Exit {
        let hosts = match self.options.hosts() {
            _ if login.add => Err(
                "--add is for ChatGPT accounts: another provider has one place in the file"
                    .to_owned(),
            ),
            hosts => hosts,
        };
        let hosts = match hosts {
            Ok(hosts) => hosts,
            Err(why) => {
                self.output.failed(None, &why, None, Exit::Usage, "", None);
                return Exit::Usage;
            }
        };
        let (name, title, result) = match login.flow.provider() {
            Some(provider) => {
                let result = self.session.sign_in_with(provider, &hosts).await;
                (provider.name, provider.title, result)
            }
            None => {
                let terminal = Terminal::quiet();
                let line = || terminal.line();
                let bound = login.bound();
                let result = self.session.sign_in_by_paste(&hosts, bound, line).await;
                ("claude", "Claude", result)
            }
        };
        if let Err(error) = result {
            return self.not_signed_in(&error, login);
        }
        let store = self.options.store().display().to_string();
        self.output
            .event(&json!({ "type": "signed_in", "provider": name, "store": store }));
        if !self.output.json {
            self.output.note(&format!(
                "Signed in with {title}. Its tokens are in {store}"
            ));
        }
        Exit::Success
    }

    fn signed_in(&self, credentials: &Credentials) -> Exit {
        let claims = credentials
            .id
            .as_ref()
            .and_then(|id| Claims::read(id.expose()))
            .unwrap_or_default();
        let store = self.options.store().display().to_string();
        self.output.event(&json!({
            "type": "signed_in", "account_id": credentials.account_id(), "email": claims.email, "plan": claims.plan,
            "store": store,
        }));
        if !self.output.json {
            let name = claims.email.or_else(|| credentials.account_id());
            let name = name.map_or_else(String::new, |name| {
                format!(" as {}", crate::redact::one_line(&name, 120))
            });
            self.output
                .note(&format!("Signed in{name}. Credentials are in {store}"));
        }
        Exit::Success
    }

    fn not_signed_in(&self, error: &AccountError, login: &Login) -> Exit {
        let exit = Exit::from(error);
        let failure = match error {
            AccountError::SignIn(
                SignInError::Refused(failure) | SignInError::GaveUp { last: failure, .. },
            ) => Some(failure),
            _ => None,
        };
        let again = matches!(
            error,
            AccountError::SignIn(
                SignInError::Expired
                    | SignInError::TimedOut { .. }
                    | SignInError::StateMismatch
                    | SignInError::NoCode
            )
        );
        let command = self.options.sign_in_command();
        let start_again = || format!("Start again with: {command}{}", login.arguments());
        let hint = match error {
            AccountError::SignIn(SignInError::Expired)
                if !defect::active(Defect::DeviceCodeSettingUnmentioned) =>
            {
                Some(format!("{}\n{SWITCHED_OFF}", start_again()))
            }
            _ if again => Some(start_again()),
            AccountError::Import(_) => Some(format!(
                "Sign in with that program first, or here with: {command}"
            )),
            _ => None,
        };
        self.output
            .failed(None, &error.to_string(), failure, exit, "", hint.as_deref());
        exit
    }
}
