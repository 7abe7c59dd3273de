//! What people and programs get to see of a run.
//!
//! Reports listen to the events of a run and never ask the runner anything. Each output has its file.

pub mod exit_status;
pub mod findings;
pub mod human;
pub mod json;
pub mod junit;
pub mod kept;
pub mod live;
pub mod matrix;
mod record;
mod rounds;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod text;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::run::event::Event;

pub use exit_status::{ExitStatus, Judgement, Terms, exit_status};
pub use human::Human;
pub use json::Json;
pub use junit::Junit;
pub use live::Live;
pub use matrix::Matrix;
pub use record::{Counts, Record};
pub use rounds::{Difference, Rounds};

/// Something that listens to a run and writes what it hears.
pub trait Report {
    /// Takes note of one event; most reports write at [`Event::Finished`].
    ///
    /// # Errors
    /// When what is to be written cannot be written.
    fn on(&mut self, event: &Event) -> Result<(), ReportError>;
}

/// Why a report could not be written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A stream (standard output, standard error) took no more.
    #[error("cannot write the {report} report: {source}")]
    Stream {
        /// Which report.
        report: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written or moved into place.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The document could not be put together.
    #[error("cannot encode the {report} report: {message}")]
    Encoding {
        /// Which report.
        report: &'static str,
        /// What the encoder said.
        message: String,
    },
}

/// All reports of a run, as one.
#[derive(Default)]
pub struct Reports {
    reports: Vec<Box<dyn Report + Send>>,
}

impl Reports {
    /// No report yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; events reach the reports in the order in which they were added.
    #[must_use]
    pub fn with(mut self, report: impl Report + Send + 'static) -> Self {
        self.reports.push(Box::new(report));
        self
    }
}

impl Report for Reports {
    /// Every report hears the event, also when one before it failed; the first error is returned.
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        let mut outcome = Ok(());
        for report in &mut self.reports {
            let heard = report.on(event);
            if outcome.is_ok() {
                outcome = heard;
            }
        }
        outcome
    }
}

/// Where a finished document goes.
enum Sink {
    File(PathBuf),
    Stream(Box<dyn Write + Send>),
}

impl Sink {
    fn write(&mut self, report: &'static str, document: &str) -> Result<(), ReportError> {
        match self {
            Self::File(path) => write_whole(path, document).map_err(|source| ReportError::File {
                path: path.clone(),
                source,
            }),
            Self::Stream(stream) => write_stream(stream.as_mut(), document)
                .map_err(|source| ReportError::Stream { report, source }),
        }
    }
}

/// Writes a file so that a reader sees the old one or the whole new one, never a part.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".loginproof-");
    // A report is for others to read (another job, another user); temporary files are private by default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes to a stream whose reader may have left, as `head` does: that is its right and no error.
pub(crate) fn write_stream(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    match stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    struct Broken;

    impl Report for Broken {
        fn on(&mut self, _event: &Event) -> Result<(), ReportError> {
            Err(ReportError::Encoding {
                report: "broken",
                message: "always".to_owned(),
            })
        }
    }

    struct Counting(Arc<Mutex<usize>>);

    impl Report for Counting {
        fn on(&mut self, _event: &Event) -> Result<(), ReportError> {
            *self.0.lock().unwrap() += 1;
            Ok(())
        }
    }

    #[test]
    fn a_report_that_fails_does_not_silence_the_others() {
        let heard = Arc::new(Mutex::new(0));
        let mut reports = Reports::new().with(Broken).with(Counting(heard.clone()));
        let outcome = reports.on(&Event::Finished {
            duration: Duration::ZERO,
        });
        assert!(outcome.is_err());
        assert_eq!(*heard.lock().unwrap(), 1);
    }

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/run.json");
        write_whole(&path, "old").unwrap();
        write_whole(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_readable_as_far_as_the_mask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let ordinary = folder.path().join("ordinary");
        std::fs::write(&ordinary, "").unwrap();
        let path = folder.path().join("run.json");
        write_whole(&path, "{}").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), mode(&ordinary));
    }
}
