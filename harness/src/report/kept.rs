//! Runs that were kept, read back from their `run.json`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::json::{RunDocument, VERSION};

/// Why a kept run cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum KeptError {
    /// Not there, or not to be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help(
        "name a folder that `loginproof run --out DIR` has written, or its run.json"
    ))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else.
    #[error("{} is no run of loginproof: {reason}", path.display())]
    #[diagnostic(help(
        "name a folder that `loginproof run --out DIR` has written, or its run.json"
    ))]
    NoRun {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by another version of loginproof.
    #[error("{} has format {found} of run.json; this version of loginproof reads format {VERSION}", path.display())]
    #[diagnostic(help("play the run again, or use the version of loginproof that has written it"))]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

/// Reads a run: a folder with a `run.json` in it, or the file itself.
///
/// # Errors
/// When there is none, it is something else, or its format is another one.
pub fn read(path: &Path) -> Result<RunDocument, KeptError> {
    let path = if path.is_dir() {
        path.join("run.json")
    } else {
        path.to_owned()
    };
    let text = std::fs::read(&path).map_err(|source| KeptError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let no_run = |reason: String| KeptError::NoRun {
        path: path.clone(),
        reason,
    };
    let value: Value = serde_json::from_slice(&text).map_err(|error| no_run(error.to_string()))?;
    match value.get("version").and_then(Value::as_u64) {
        None => Err(no_run("it has no format version".to_owned())),
        Some(found) if found != u64::from(VERSION) => Err(KeptError::Version { path, found }),
        Some(_) => serde_json::from_value(value).map_err(|error| no_run(error.to_string())),
    }
}

/// The folder of a run that is named by its folder or by its `run.json`: where its evidence lies.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(Path::new(""))
    }
}

/// The newest run in a folder of runs. Their names begin with the time at which they began.
#[must_use]
pub fn newest(runs: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(runs).ok()?.flatten();
    folders
        .map(|entry| entry.path())
        // A run that is still being played has no result yet.
        .filter(|folder| folder.join("run.json").is_file())
        .max()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::report::{Json, Report, Terms, sample};

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("run.json"), text).unwrap();
        folder
    }

    #[test]
    fn a_run_is_read_from_its_folder_and_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        let mut json = Json::new(Arc::default()).file(&file);
        for event in sample::events() {
            json.on(&event).unwrap();
        }
        let expected = RunDocument::new(&sample::record(), &Terms::default());
        assert_eq!(read(folder.path()).unwrap(), expected);
        assert_eq!(read(&file).unwrap(), expected);
    }

    #[test]
    fn what_is_no_run_is_told_from_a_run_of_another_format() {
        let error = |text: &str| read(folder_with(text).path()).unwrap_err();
        assert!(matches!(
            error(r#"{"version":7}"#),
            KeptError::Version { found: 7, .. }
        ));
        assert!(matches!(error(r#"{"version":1}"#), KeptError::NoRun { .. }));
        assert!(matches!(error(r#"{"name":"x"}"#), KeptError::NoRun { .. }));
        assert!(matches!(error("# not even JSON"), KeptError::NoRun { .. }));
        let nowhere = read(Path::new("no/such/folder")).unwrap_err();
        assert!(matches!(nowhere, KeptError::Unreadable { .. }));
    }

    #[test]
    fn the_newest_run_is_the_last_one_that_was_finished() {
        let runs = tempfile::tempdir().unwrap();
        for (name, finished) in [
            ("20260101T000000-9", true),
            ("20260102T000000-1", true),
            ("20260103T000000-5", false),
        ] {
            let folder = runs.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            if finished {
                std::fs::write(folder.join("run.json"), "{}").unwrap();
            }
        }
        let newest = newest(runs.path()).unwrap();
        assert!(newest.ends_with("20260102T000000-1"), "{newest:?}");
    }
}
