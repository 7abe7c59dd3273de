//! How traffic reaches a scenario's servers: which way is taken, and what all scenarios of a run share on that way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loginproof_mocks::net::CertificateAuthority;
use tempfile::TempDir;

use crate::sandbox::namespace::{self, Etc, NamespaceError};
use crate::scenario::model::Certificates;
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

/// How one target's traffic can be brought to the mocks in a run.
#[derive(Clone, Debug)]
pub struct Ways {
    usual: Network,
    /// Those that a scenario may ask for, the usual one among them.
    open: Vec<Network>,
    /// Why others are not, by their names.
    shut: Vec<(Network, String)>,
}

impl Ways {
    /// The way of scenarios that do not care.
    #[must_use]
    pub fn usual(&self) -> Network {
        self.usual
    }

    /// Whether any of them leads over ground that has to be prepared.
    #[must_use]
    pub fn need_ground(&self) -> bool {
        self.open.iter().any(|way| *way != Network::Direct)
    }

    /// The way for a scenario that only some ways will do for.
    ///
    /// # Errors
    /// In words: none of them is open, and why.
    pub fn among(&self, wanted: &[Network]) -> Result<Network, String> {
        if wanted.is_empty() || wanted.contains(&self.usual) {
            return Ok(self.usual);
        }
        if let Some(way) = wanted.iter().find(|way| self.open.contains(way)) {
            return Ok(*way);
        }
        let why = |way: &Network| {
            let shut = self.shut.iter().find(|(shut, _)| shut == way);
            shut.map_or_else(|| way.to_string(), |(_, why)| format!("{way} ({why})"))
        };
        let ways: Vec<String> = wanted.iter().map(why).collect();
        Err(format!("it shows only by {}", ways.join(", or ")))
    }
}

/// The ways for a target: the usual one is what was asked for, else the first that its file lists and this machine
/// offers. `wanted` are ways that scenarios ask for by name; when one was asked for here, there is no other.
///
/// # Errors
/// When the target does not list the way, or the machine offers none that it lists.
pub fn choose(
    target: &Target,
    asked: Option<Network>,
    wanted: impl IntoIterator<Item = Network>,
    loginproof: &Path,
) -> Result<Ways, WayError> {
    let usual = usual(target, asked, loginproof)?;
    let mut ways = Ways {
        usual,
        open: vec![usual],
        shut: Vec::new(),
    };
    let wanted: BTreeSet<Network> = wanted.into_iter().collect();
    for way in wanted.into_iter().filter(|way| *way != usual) {
        let shut = if asked.is_some() {
            Some(format!("this run goes by {usual}"))
        } else if !target.file.network.contains(&way) {
            Some("the target does not list it".to_owned())
        } else if way == Network::Namespace {
            let refused = namespace::available(loginproof).err();
            refused.map(|reason| format!("this machine gives none: {reason}"))
        } else {
            None
        };
        match shut {
            Some(why) => ways.shut.push((way, why)),
            None => ways.open.push(way),
        }
    }
    Ok(ways)
}

fn usual(target: &Target, asked: Option<Network>, loginproof: &Path) -> Result<Network, WayError> {
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
        let stranger = CertificateAuthority::new().map_err(|error| failed(&error))?;
        for (name, text) in [(EMPTY, ""), (UNRELATED, stranger.pem())] {
            std::fs::write(etc.path().join(name), text).map_err(|error| failed(&error))?;
        }
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

    /// What programs are told of the run's authority: the system's certificates with it among them, and it alone, both
    /// PEM. Or what leads them astray; nothing when they are not told at all.
    #[must_use]
    pub fn certificates(&self, setting: Certificates) -> Option<(PathBuf, PathBuf)> {
        let (bundle, alone) = match setting {
            Certificates::Run => ("ca-certificates.crt", "ca.pem"),
            Certificates::Unset => return None,
            Certificates::Missing => (MISSING, MISSING),
            Certificates::Empty => (EMPTY, EMPTY),
            Certificates::Unrelated => (UNRELATED, UNRELATED),
        };
        Some((self.etc.path().join(bundle), self.etc.path().join(alone)))
    }
}

/// Names of certificate files that are of no use. Scenarios look for them in what a program says.
const MISSING: &str = "stale-missing.pem";
const EMPTY: &str = "stale-empty.pem";
const UNRELATED: &str = "stale-unrelated.pem";
