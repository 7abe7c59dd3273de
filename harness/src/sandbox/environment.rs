//! The environment of a program under test: empty, plus what is needed.
//!
//! Certificates, proxies, credentials and settings of whoever runs the harness would otherwise decide the result.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where programs are looked for when the harness's own path holds nothing usable.
const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// Variables by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// What every program gets: a home, a search path, a terminal type, UTF-8, a user, a time zone that is not UTC (so
    /// that a local time taken for UTC shows), and no proxy for loopback.
    #[must_use]
    pub fn new(home: &Path, path: OsString) -> Self {
        let mut environment = Self::default();
        environment.set("HOME", home);
        environment.set("PATH", path);
        environment.set("TERM", "xterm-256color");
        environment.set("LANG", "C.UTF-8");
        environment.set("TZ", "Asia/Kolkata");
        environment.set("USER", "loginproof");
        environment.set("NO_PROXY", "localhost,127.0.0.1");
        environment
    }

    /// Sets or replaces a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.variables.insert(name.into(), value.into());
    }

    /// Takes a variable away.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.variables.remove(name.as_ref());
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.variables.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// All variables, sorted by name, as [`crate::terminal::Launch`] takes them.
    #[must_use]
    pub fn into_variables(self) -> Vec<(OsString, OsString)> {
        self.variables.into_iter().collect()
    }
}

/// Makes programs trust the run's authority: `bundle` holds it beside the system's certificates, `ca` alone.
pub fn certificates(env: &mut Environment, bundle: &Path, ca: &Path) {
    // OpenSSL and Go; Requests; curl; Git; Codex.
    for name in [
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "CODEX_CA_CERTIFICATE",
    ] {
        env.set(name, bundle);
    }
    // Node.js adds it to what it brings along.
    env.set("NODE_EXTRA_CA_CERTS", ca);
}

/// The search path of a program under test: `first`, then the folders of `inherited` that exist. Relative folders and
/// empty entries (the working folder) are left out: a file in a home must not be run for a program of the same name.
#[must_use]
pub fn search_path(first: &[PathBuf], inherited: Option<&OsStr>) -> OsString {
    let mut folders: Vec<PathBuf> = Vec::new();
    let usable = |folder: &Path| folder.is_absolute() && folder.is_dir();
    for folder in first
        .iter()
        .cloned()
        .chain(std::env::split_paths(inherited.unwrap_or_default()))
    {
        if usable(&folder) && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    if folders.len() <= first.len() {
        folders.extend(std::env::split_paths(SYSTEM));
    }
    // A folder whose name holds a colon cannot stand in a path at all.
    folders.retain(|folder| !folder.as_os_str().as_encoded_bytes().contains(&b':'));
    std::env::join_paths(folders).unwrap_or_else(|_| SYSTEM.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_harness_is_inherited() {
        let variables = Environment::new(Path::new("/home/x"), "/bin".into()).into_variables();
        let names: Vec<_> = variables
            .iter()
            .map(|(name, _)| name.to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["HOME", "LANG", "NO_PROXY", "PATH", "TERM", "TZ", "USER"]
        );
    }

    #[test]
    fn a_variable_set_again_is_replaced() {
        let mut environment = Environment::new(Path::new("/home/x"), "/bin".into());
        environment.set("TERM", "dumb");
        environment.remove("TZ");
        assert_eq!(environment.get("TERM"), Some(OsStr::new("dumb")));
        assert_eq!(environment.get("TZ"), None);
    }

    #[test]
    fn the_search_path_holds_only_folders_that_are_there() {
        let tools = tempfile::tempdir().unwrap();
        let path = search_path(
            &[tools.path().to_owned()],
            Some(OsStr::new(":.:bin:/bin:/nowhere/at/all:/bin")),
        );
        assert_eq!(path, *format!("{}:/bin", tools.path().display()));
    }

    #[test]
    fn without_any_path_the_system_folders_serve() {
        assert_eq!(search_path(&[], None), SYSTEM);
        assert_eq!(search_path(&[], Some(OsStr::new("."))), SYSTEM);
    }
}
