//! What can go wrong with a running program.

use std::io;

use super::View;
use super::keys::UnknownKey;

/// Why waiting ended without what was waited for. Holds what could be read last.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WaitError {
    /// The program is over.
    #[error("the program has ended")]
    Ended {
        /// The last view.
        view: View,
    },
    /// The bound is reached.
    #[error("nothing of the kind within the bound")]
    Bound {
        /// The last view.
        view: View,
    },
}

/// Why a signal could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// No such name.
    #[error("unknown signal `{0}`: INT, TERM, HUP, KILL, QUIT, TSTP, CONT, USR1, USR2 or WINCH")]
    Unknown(String),
    /// Nobody there.
    #[error("the program has ended")]
    Ended,
    /// The system refused.
    #[error("cannot send {name}: {reason}")]
    System {
        /// The signal.
        name: String,
        /// Why.
        reason: io::Error,
    },
}

/// Why a key could not be pressed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such key.
    #[error(transparent)]
    Unknown(#[from] UnknownKey),
    /// Nobody reads it.
    #[error("cannot press a key: {0}")]
    Send(#[from] io::Error),
}
