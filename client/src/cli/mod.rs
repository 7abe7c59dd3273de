//! The program: `login`, `ask`, `translate`, `accounts`, `models`, `logout` and `status`.

mod accounts;
mod args;
mod exit;
mod login;
mod output;
mod terminal;
mod translate;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser as _;
use serde_json::json;

pub use exit::Exit;

use crate::defect::{self, Defect};
use crate::failure::text::moment;
use crate::oauth::jwt::Claims;
use crate::responses::Outcome;
use crate::session::{Answered, AskError, Config, Freshness, RefreshError, Session, Status};
use crate::transport::Limits;
use args::{Args, Command, Options};
use output::Output;

/// Runs the program with the arguments after its name and gives its exit status.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            }
            .into();
        }
    };
    let output = Output {
        json: args.options.json,
        verbose: args.options.verbose,
    };
    #[cfg(feature = "defects")]
    if let Err(error) = crate::defect::switch_on() {
        output.note(&format!("error: {error}"));
        return Exit::Usage.into();
    }
    let debug = std::env::var_os("DEBUG").is_some();
    let output = Output {
        verbose: output.verbose || (debug && defect::active(Defect::DebugVariableShowsTokens)),
        ..output
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.note(&format!("error: cannot start: {error}"));
            return Exit::Failure.into();
        }
    };
    if defect::active(Defect::NewerVersionAskedFor) {
        let asked = tokio::net::TcpStream::connect(("updates.loginproof.test", 443));
        let _ =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(2), asked).await });
    }
    let mut exit = runtime.block_on(Program::new(args.options, output).run(args.command));
    if defect::active(Defect::SuccessWhateverHappened) {
        exit = Exit::Success;
    }
    // A name look-up that still runs on a thread of its own must not hold the program up.
    runtime.shutdown_background();
    exit.into()
}

struct Program {
    options: Options,
    output: Output,
    session: Session,
}

/// How long a refresh or an exchange that is under way may go on after a signal.
const FAREWELL: Duration = Duration::from_secs(5);

impl Program {
    fn new(options: Options, output: Output) -> Self {
        let config = Config {
            issuer: options.issuer.clone(),
            base_url: match std::env::var("OPENAI_BASE_URL") {
                Ok(url) if defect::active(Defect::BaseUrlOfTheOtherApi) => url,
                _ => options.base_url.clone(),
            },
            model: options.model.clone(),
            fast: options.fast,
            websocket: options.websocket,
            fallback: options.fallback(),
            tool: options.tool.clone().filter(|line| !line.is_empty()),
            store: options.store(),
            limits: Limits::with_idle(options.idle()),
        };
        let session = Session::new(config, Arc::new(move |notice| output.notice(&notice)));
        Self {
            options,
            output,
            session,
        }
    }

    async fn run(&self, command: Command) -> Exit {
        let work = async {
            match command {
                Command::Login(_)
                    if defect::active(Defect::TerminalDemanded)
                        && !std::io::stdout().is_terminal() =>
                {
                    self.output.note("error: stdout is not a terminal");
                    Exit::Failure
                }
                Command::Login(login) => self.login(&login).await,
                Command::Ask { prompts, import } => {
                    if let Some(import) = import {
                        self.import_if_signed_out(import).await;
                    }
                    self.ask(&prompts).await
                }
                Command::Translate => self.translate().await,
                Command::Accounts => self.accounts(),
                Command::Models => self.models().await,
                Command::Logout => self.logout().await,
                Command::Status => self.status(),
            }
        };
        let signal = first_signal();
        let mut work = std::pin::pin!(work);
        let signal = tokio::select! {
            biased;
            exit = &mut work => return exit,
            signal = signal => signal,
        };
        // A token that was spent has a successor on its way: stopping now would lose both.
        if self.session.is_critical() && !defect::active(Defect::RefreshEndsWithASignal) {
            let settle = async {
                tokio::select! {
                    biased;
                    _ = &mut work => {}
                    () = self.session.settled() => {}
                    _ = first_signal() => {}
                }
            };
            let _ = tokio::time::timeout(FAREWELL, settle).await;
        }
        signal
    }

    async fn ask(&self, prompts: &[String]) -> Exit {
        if defect::active(Defect::WaitsForInput) {
            let _ = std::io::read_to_string(std::io::stdin());
        }
        let asks = prompts
            .iter()
            .enumerate()
            .map(|(n, prompt)| self.session.ask(n, prompt));
        let results = futures_util::future::join_all(asks).await;
        let mut exit = Exit::Success;
        for (n, result) in results.iter().enumerate() {
            let this = match result {
                Ok(answered) => self.answered(n, answered),
                Err(error) => self.unanswered(n, error),
            };
            if exit == Exit::Success {
                exit = this;
            }
        }
        exit
    }

    fn answered(&self, prompt: usize, answered: &Answered) -> Exit {
        let response = &answered.response;
        self.output.answer(prompt, &response.text());
        if self.output.verbose {
            for fact in &response.facts {
                self.output.note(&format!("odd stream: {fact:?}"));
            }
        }
        if let Outcome::Incomplete(reason) = &response.outcome {
            self.output.event(&json!({ "type": "incomplete", "prompt": prompt, "reason": reason.name(), "exit": Exit::Incomplete as u8 }));
            self.output.note(&format!(
                "the answer is incomplete, it was cut short by the server: {}",
                reason.name()
            ));
            return Exit::Incomplete;
        }
        if response.is_refusal() {
            self.output.note("note: the model declined");
        }
        let usage = response.usage;
        self.output.event(&json!({
            "type": "completed", "prompt": prompt, "response_id": response.id, "rounds": answered.rounds,
            "refusal": response.is_refusal(),
            "usage": { "input": usage.input, "cached": usage.cached, "output": usage.output, "reasoning": usage.reasoning },
        }));
        Exit::Success
    }

    fn unanswered(&self, prompt: usize, error: &AskError) -> Exit {
        let exit = Exit::from(error);
        let (failure, partial, attempts) = match error {
            AskError::Failed {
                failure,
                partial,
                attempts,
            } => (Some(failure), partial.as_str(), *attempts),
            AskError::Cancelled { partial } => (None, partial.as_str(), 1),
            AskError::Refresh(RefreshError::Failed(failure)) => (Some(failure), "", 1),
            _ => (None, "", 1),
        };
        let mut message = error.to_string();
        if defect::active(Defect::CauseHidden) {
            message = "agent failed: 'final_response'".to_owned();
        }
        if attempts > 1 {
            message.push_str(&format!(" ({attempts} attempts)"));
        }
        // What passes by itself is no reason to sign in again.
        if matches!(error, AskError::Refresh(RefreshError::Failed(failure)) if !failure.sign_in_helps())
        {
            message = format!(
                "the access token could not be renewed: {message}; the stored tokens are kept, try again later"
            );
        }
        let damaged = matches!(
            error,
            AskError::Refresh(RefreshError::Store(
                crate::store::StoreError::Damaged { .. }
            ))
        );
        let hint = (exit == Exit::SignInNeeded || damaged).then(|| self.sign_in_hint());
        self.output.failed(
            Some(prompt),
            &message,
            failure,
            exit,
            partial,
            hint.as_deref(),
        );
        exit
    }

    async fn logout(&self) -> Exit {
        match self.session.sign_out().await {
            Ok(removed) => {
                self.output
                    .event(&json!({ "type": "signed_out", "removed": removed }));
                if !self.output.json {
                    let text = if removed {
                        "Signed out"
                    } else {
                        "Nobody was signed in"
                    };
                    self.output.note(&format!(
                        "{text}. No credentials are left in {}",
                        self.options.store().display()
                    ));
                }
                Exit::Success
            }
            Err(error) => {
                self.output
                    .failed(None, &error.to_string(), None, Exit::Store, "", None);
                Exit::Store
            }
        }
    }

    fn status(&self) -> Exit {
        let store = self.options.store().display().to_string();
        let providers = self.session.providers().unwrap_or_default();
        let others = || {
            if !self.output.json && !providers.is_empty() {
                self.output
                    .line(&format!("Other sign-ins: {}", providers.join(", ")));
            }
        };
        let (credentials, dead) = match self.session.status() {
            Ok(Status::SignedIn { credentials, dead }) => (credentials, dead),
            Ok(Status::SignedOut) => {
                self.output
                    .event(&json!({ "type": "status", "signed_in": false, "providers": providers, "store": store }));
                if !self.output.json {
                    self.output.line(&format!(
                        "Not signed in (signed out): no credentials in {store}"
                    ));
                    others();
                    self.output
                        .note(&format!("Sign in with: {}", self.options.sign_in_command()));
                }
                return Exit::SignInNeeded;
            }
            Err(error) => {
                self.output.failed(
                    None,
                    &error.to_string(),
                    None,
                    Exit::Store,
                    "",
                    Some(&self.sign_in_hint()),
                );
                return Exit::Store;
            }
        };
        let now = SystemTime::now();
        let claims = credentials
            .id
            .as_ref()
            .and_then(|id| Claims::read(id.expose()))
            .unwrap_or_default();
        let expired =
            credentials.access.is_empty() || credentials.expires_at().is_some_and(|end| end <= now);
        let ending = credentials.freshness(now) != Freshness::Fresh;
        if defect::active(Defect::StatusNeverDoubts) {
            self.output.line("Logged in");
            return Exit::Success;
        }
        let renewable = dead.is_none() && !credentials.refresh.is_empty();
        let usable = renewable || !expired;
        let access = match (expired, ending) {
            (true, _) => "expired",
            (_, true) => "ending",
            _ => "valid",
        };
        let at = credentials
            .expires_at()
            .and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map(|d| d.as_secs());
        self.output.event(&json!({
            "type": "status", "signed_in": usable, "account_id": credentials.account_id(), "email": claims.email,
            "plan": claims.plan, "access_token": access, "expires_at": at, "renewable": renewable, "verified": false,
            "providers": providers, "store": store,
        }));
        if !self.output.json {
            let name = claims
                .email
                .or_else(|| credentials.account_id())
                .unwrap_or_else(|| "an unnamed account".to_owned());
            let name = crate::redact::one_line(&name, 120);
            self.output.line(&if usable {
                format!(
                    "Signed in as {name} (from the credential file, not verified with the server)"
                )
            } else {
                format!("The sign-in of {name} can no longer be used")
            });
            let until = credentials
                .expires_at()
                .map_or_else(|| "at an unknown time".to_owned(), |end| moment(end, now));
            self.output.line(&match (expired, renewable) {
                (true, true) => format!("Access token: expired {until}; it will be renewed at the next request, if the server agrees"),
                (true, false) => format!("Access token: expired {until}"),
                (false, _) => format!("Access token: expires {until}"),
            });
            if let Some(dead) = &dead {
                self.output.line(&format!("It cannot be renewed: {dead}"));
            } else if credentials.refresh.is_empty() {
                self.output
                    .line("It cannot be renewed: there is no refresh token");
            }
            others();
            self.output.line(&format!("Credentials: {store}"));
        }
        if usable {
            return Exit::Success;
        }
        self.output.note(&self.sign_in_hint());
        Exit::SignInNeeded
    }

    /// What to do about a sign-in that is of no more use.
    fn sign_in_hint(&self) -> String {
        if defect::active(Defect::StaleStoreUnnamed) {
            return format!("Sign in again with: {}", self.options.sign_in_command());
        }
        format!(
            "Sign in again with: {} (credentials in {})",
            self.options.sign_in_command(),
            self.options.store().display()
        )
    }
}

/// Waits for a signal that asks the program to end. From this call on none ends it where it stands, with the terminal
/// as it happens to be.
#[cfg(unix)]
fn first_signal() -> impl Future<Output = Exit> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    let wait = async |signal: Option<Signal>| match signal {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending::<()>().await,
    };
    let listen = |kind| signal(kind).ok();
    let interrupt = listen(SignalKind::interrupt());
    let terminate = listen(SignalKind::terminate());
    let hangup = listen(SignalKind::hangup());
    async move {
        tokio::select! {
            () = wait(interrupt) => Exit::Interrupted,
            () = wait(terminate) => Exit::Terminated,
            () = wait(hangup) => Exit::Hangup,
        }
    }
}

/// Waits for a signal that asks the program to end.
#[cfg(not(unix))]
async fn first_signal() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_before_it_is_waited_for_is_not_lost_and_ends_nothing() {
        let signal = first_signal();
        kill_process(getpid(), Signal::HUP).unwrap();
        assert_eq!(signal.await, Exit::Hangup);
    }
}
