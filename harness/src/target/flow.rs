//! Ways to sign in, by the server that grants the tokens or by how the code comes back.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::model::Capability;

/// One way to sign in. A target has a command for each way it knows: `[login]` for `chatgpt`, `[logins.FLOW]` for the
/// others.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// The ChatGPT device flow.
    #[default]
    Chatgpt,
    /// Nous Portal's device flow (RFC 8628).
    Nous,
    /// xAI's device flow, its endpoints found by discovery.
    Xai,
    /// Qwen's device flow, with PKCE.
    Qwen,
    /// GitHub's device flow, with errors in HTTP 200.
    Github,
    /// A device flow to the letter of RFC 8628.
    Strict,
    /// Authorization code and PKCE; the browser is led back to the program's own listener.
    Callback,
    /// Authorization code and PKCE; the person carries the code from the page to the program.
    Paste,
}

impl Flow {
    /// What a program claims that has a command for this way.
    #[must_use]
    pub fn capability(self) -> Capability {
        match self {
            Self::Chatgpt => Capability::DeviceLogin,
            Self::Nous => Capability::DeviceNous,
            Self::Xai => Capability::DeviceXai,
            Self::Qwen => Capability::DeviceQwen,
            Self::Github => Capability::DeviceGithub,
            Self::Strict => Capability::DeviceStrict,
            Self::Callback => Capability::CodeCallback,
            Self::Paste => Capability::CodePaste,
        }
    }

    /// The table of a target file that holds its command: `login`, `logins.nous`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Chatgpt => "login",
            Self::Nous => "logins.nous",
            Self::Xai => "logins.xai",
            Self::Qwen => "logins.qwen",
            Self::Github => "logins.github",
            Self::Strict => "logins.strict",
            Self::Callback => "logins.callback",
            Self::Paste => "logins.paste",
        }
    }

    /// Its name: `chatgpt`, `nous`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chatgpt => "chatgpt",
            other => other.key().trim_start_matches("logins."),
        }
    }

    /// Every way there is.
    pub const ALL: [Self; 8] = [
        Self::Chatgpt,
        Self::Nous,
        Self::Xai,
        Self::Qwen,
        Self::Github,
        Self::Strict,
        Self::Callback,
        Self::Paste,
    ];
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
