//! Exit statuses: stable, documented, and different where a script has to act differently.

use std::process::ExitCode;

use crate::failure::{Class, Failure};
use crate::oauth::SignInError;
use crate::session::{AccountError, AskError, ImportError, RefreshError};

/// The table shown by `--help`.
pub(super) const TABLE: &str = "Exit status:
  0  done
  1  the request failed for another reason than below
  2  wrong usage
  3  nobody is signed in, or a new sign-in is needed (here, or in the program to import from)
  4  the sign-in was denied
  5  the sign-in timed out
  6  usage limit reached, or no quota left
  7  the connection failed, the stream broke off, or nothing came in time
  8  the answer is incomplete; what there is of it was printed
  9  the credential file cannot be read or written
 10  the service is overloaded, limits the rate, or failed; try again later
 128+N  ended by signal N";

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// Failed for a reason without a status of its own.
    Failure = 1,
    /// Wrong usage.
    Usage = 2,
    /// Nobody is signed in, or a new sign-in is needed.
    SignInNeeded = 3,
    /// The sign-in was denied.
    Denied = 4,
    /// The sign-in timed out.
    SignInExpired = 5,
    /// Usage limit reached, or no quota left.
    Quota = 6,
    /// The connection failed, the stream broke off, or nothing came in time.
    Transport = 7,
    /// The answer is incomplete.
    Incomplete = 8,
    /// The credential file cannot be read or written.
    Store = 9,
    /// The service cannot answer now.
    TryLater = 10,
    /// Ended by `SIGHUP`.
    Hangup = 128 + 1,
    /// Ended by `SIGINT`.
    Interrupted = 128 + 2,
    /// Ended by `SIGTERM`.
    Terminated = 128 + 15,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure.class {
            _ if failure.sign_in_helps() => Self::SignInNeeded,
            Class::UsageLimit { .. } | Class::Quota => Self::Quota,
            Class::Transport | Class::Timeout | Class::Setup => Self::Transport,
            Class::RateLimited | Class::Overloaded | Class::Server => Self::TryLater,
            _ => Self::Failure,
        }
    }
}

impl From<&RefreshError> for Exit {
    fn from(error: &RefreshError) -> Self {
        match error {
            RefreshError::Failed(failure) => failure.into(),
            RefreshError::Store(_) => Self::Store,
            RefreshError::SignedOut | RefreshError::NoRefreshToken | RefreshError::OtherAccount => {
                Self::SignInNeeded
            }
        }
    }
}

impl From<&AskError> for Exit {
    fn from(error: &AskError) -> Self {
        match error {
            AskError::Refresh(error) => error.into(),
            AskError::Failed { failure, .. } => failure.into(),
            AskError::Cancelled { .. } | AskError::TooManyRounds { .. } => Self::Failure,
        }
    }
}

impl From<&AccountError> for Exit {
    fn from(error: &AccountError) -> Self {
        match error {
            AccountError::Store(_) | AccountError::Import(ImportError::Unreadable(_)) => {
                Self::Store
            }
            AccountError::Import(ImportError::NothingThere { .. }) => Self::SignInNeeded,
            AccountError::SignIn(SignInError::Denied) => Self::Denied,
            AccountError::SignIn(SignInError::Expired | SignInError::TimedOut { .. }) => {
                Self::SignInExpired
            }
            AccountError::SignIn(
                SignInError::Refused(failure) | SignInError::GaveUp { last: failure, .. },
            ) => failure.into(),
            AccountError::SignIn(_) => Self::Failure,
        }
    }
}
