//! How traffic reaches a scenario's servers: which way is taken, and what all scenarios of a run share on that way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use loginproof_mocks::net::CertificateAuthority;
use tempfile::TempDir;

use crate::sandbox::namespace::{self, Etc, NamespaceError};
use crate::target::Target;
use crate::target::model::Network;

/// What a run needs where programs reach hosts by their real names: an authority that programs trust, and the files
/// that stand in `/etc` of every namespace.
#[derive(Debug)]
pub struct Ground {
    authority: Arc<CertificateAuthority>,
    etc: TempDir,
}

/// Why traffic cannot be brought to the mocks.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WayError {
    /// The target's file does not list it.
    #[error("target `{target}` does not support the way `{asked}`")]
    #[diagnostic(help(
        "its file lists {listed}; add the way under `network` if the program supports it"
    ))]
    NotListed {
        /// Which.
        target: String,
        /// What was asked for.
        asked: Network,
        /// What there is.
        listed: String,
    },
    /// Namespaces do not work on this machine.
    #[error(
        "target `{target}` needs a network namespace, which this machine does not give: {reason}"
    )]
    #[diagnostic(help("{help}`loginproof doctor` says what works here"))]
    NoNamespace {
        /// Which.
        target: String,
        /// Why.
        reason: NamespaceError,
        /// What to do.
        help: String,
    },
    /// Files or certificates could not be made.
    #[error("cannot prepare the network of the run: {0}")]
    Ground(String),
}

/// The way for a target: what was asked for, else the first that its file lists and this machine offers.
///
/// # Errors
/// When the target does not list the way, or the machine offers none that it lists.
pub fn choose(
    target: &Target,
    asked: Option<Network>,
    loginproof: &Path,
) -> Result<Network, WayError> {
    let listed = &target.file.network;
    if let Some(asked) = asked
        && !listed.contains(&asked)
    {
        let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
        return Err(WayError::NotListed {
            target: target.file.name.clone(),
            asked,
            listed: listed.join(", "),
        });
    }
    let mut refused = None;
    for way in asked.map_or_else(|| listed.clone(), |asked| vec![asked]) {
        if way != Network::Namespace {
            return Ok(way);
        }
        match namespace::available(loginproof) {
            Ok(()) => return Ok(way),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) => Err(WayError::NoNamespace {
            target: target.file.name.clone(),
            help: reason
                .remedy()
                .map(|remedy| format!("{remedy}; "))
                .unwrap_or_default(),
            reason,
        }),
        None => Ok(Network::Direct),
    }
}

impl Ground {
    /// Makes authority and files.
    ///
    /// # Errors
    /// When the system gives no randomness, or the folder cannot be written.
    pub fn prepare() -> Result<Arc<Self>, WayError> {
        let failed = |error: &dyn std::fmt::Display| WayError::Ground(error.to_string());
        let authority = CertificateAuthority::new().map_err(|error| failed(&error))?;
        let etc = tempfile::Builder::new()
            .prefix("loginproof-etc-")
            .tempdir()
            .map_err(|error| failed(&error))?;
        Etc::write(etc.path(), authority.pem(), &[]).map_err(|error| failed(&error))?;
        Ok(Arc::new(Self {
            authority: Arc::new(authority),
            etc,
        }))
    }

    /// Who signs the certificates of the run's servers.
    #[must_use]
    pub fn authority(&self) -> Arc<CertificateAuthority> {
        self.authority.clone()
    }

    /// The folder with `hosts`, `resolv.conf`, `nsswitch.conf` and the certificates.
    #[must_use]
    pub fn etc(&self) -> &Path {
        self.etc.path()
    }

    /// The authority's certificate alone, PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.etc.path().join("ca.pem")
    }

    /// The system's certificates and the authority's, PEM.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.etc.path().join("ca-certificates.crt")
    }
}
