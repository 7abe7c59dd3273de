//! Tools: the one that is built in, or a command of the person's.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Credentials, Session};
use crate::defect::{self, Defect};
use crate::responses::{FunctionCall, run_tool};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A key that is none of its business.
const KEY: &str = "LOGINPROOF_FALLBACK_API_KEY";

impl Session {
    /// The output of a call: that of the person's command if there is one. A command that fails says so to the model.
    pub(super) async fn run_tool(&self, call: &FunctionCall) -> String {
        let Some(line) = &self.config.tool else {
            return run_tool(call);
        };
        match tokio::time::timeout(PATIENCE, self.run_command(line, call)).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => format!("the tool failed: {error}"),
            Err(_) => format!("the tool did not end within {} s", PATIENCE.as_secs()),
        }
    }

    /// Arguments go in by standard input: a command line can be read by everybody on the machine.
    async fn run_command(&self, line: &str, call: &FunctionCall) -> std::io::Result<String> {
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env_remove(KEY)
            .env("LOGINPROOF_TOOL_NAME", &call.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if defect::active(Defect::RefreshTokenHandedDown)
            && let Some(credentials) = self.first_credentials()
        {
            command.env("LOGINPROOF_REFRESH_TOKEN", credentials.refresh.expose());
        }
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A command that does not read them is no failure.
            let _ = input.write_all(call.arguments.as_bytes()).await;
        }
        let output = child.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        if output.status.success() {
            return Ok(text);
        }
        Ok(format!("the tool failed ({}): {text}", output.status))
    }

    fn first_credentials(&self) -> Option<Credentials> {
        let first = self.accounts().ok()?.into_iter().next()?;
        Some(first.credentials)
    }

    /// The account that is named beside a token of another one.
    pub(super) fn first_account_id(&self) -> Option<String> {
        self.first_credentials()?.account_id()
    }

    /// Starts a helper that gets its token the wrong way.
    pub(super) async fn probe(credentials: &Credentials) {
        let token = format!("authorization: Bearer {}", credentials.access.expose());
        let mut helper = Command::new("sh");
        helper
            .args(["-c", "sleep 0.2", "probe", "--header", &token])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let _ = helper.status().await;
    }
}
