//! Verdicts: what a check says about a program, and how binding that is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How binding a check is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A public specification, or a plain contract of success and safety, demands it.
    Must,
    /// The vendor's behaviour on the wire, or the vendor's own tests, demand it.
    MustVendor,
    /// A SHOULD of a specification, or several projects agreed on it after incidents.
    Should,
    /// A convention, or contested: reported only.
    Convention,
}

/// What a check says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Holds.
    Pass,
    /// A MUST or MUST-V does not hold.
    Fail,
    /// A SHOULD does not hold.
    Nonstrict,
    /// A convention does not hold; reported only.
    Info,
    /// The target does not claim the capability.
    Unsupported,
    /// The outcome is right, the process left something behind.
    Unclean,
    /// The harness could not tell; never counted as either.
    Error,
}

impl Verdict {
    /// The verdict of a check that does not hold at this level.
    #[must_use]
    pub fn broken(level: Level) -> Self {
        match level {
            Level::Must | Level::MustVendor => Self::Fail,
            Level::Should => Self::Nonstrict,
            Level::Convention => Self::Info,
        }
    }

    /// Which of two verdicts weighs more: the worse one.
    #[must_use]
    pub fn weight(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Unsupported => 1,
            Self::Info => 2,
            Self::Nonstrict => 3,
            Self::Unclean => 4,
            Self::Fail => 5,
            Self::Error => 6,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
