//! Replaces a file as a whole: a private temporary file in the same folder, written, synced, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::defect::{self, Defect};

/// Stops a write after a number of steps, as a power cut would: nothing is cleaned up.
/// Each byte written is a step, and so is each other operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fuse(Option<usize>);

impl Fuse {
    /// No interruption.
    pub(super) fn never() -> Self {
        Self(None)
    }

    /// An interruption after so many steps.
    #[cfg(test)]
    pub(super) fn after(steps: usize) -> Self {
        Self(Some(steps))
    }

    fn step(&mut self) -> io::Result<()> {
        self.steps(1).map(|_| ())
    }

    /// Takes up to `wanted` steps; an error when none is left.
    fn steps(&mut self, wanted: usize) -> io::Result<usize> {
        let Some(left) = &mut self.0 else {
            return Ok(wanted);
        };
        if *left == 0 {
            return Err(io::Error::other("interrupted"));
        }
        let taken = wanted.min(*left);
        *left -= taken;
        Ok(taken)
    }

    fn blown(self) -> bool {
        self.0 == Some(0)
    }
}

/// A temporary file beside the target that is known to have room.
#[derive(Debug)]
pub(super) struct Reserved {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    fuse: Fuse,
    renamed: bool,
}

impl Reserved {
    /// Makes the temporary file and fills it with `room` bytes, so that a full disk shows now.
    pub(super) fn create(target: &Path, room: usize, mut fuse: Fuse) -> io::Result<Self> {
        if let Ok(metadata) = fs::metadata(target)
            && metadata.permissions().readonly()
        {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file is read-only",
            ));
        }
        fuse.step()?;
        let temporary = temporary_name(target);
        let mut options = OpenOptions::new();
        // Private from its first byte, whatever the umask.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, first_mode());
        let file = options.open(&temporary)?;
        let mut reserved = Self {
            file,
            temporary,
            target: target.to_owned(),
            fuse,
            renamed: false,
        };
        reserved.write(&vec![b' '; room])?;
        Ok(reserved)
    }

    /// Writes the contents and puts the file in the target's place.
    pub(super) fn commit(mut self, contents: &[u8]) -> io::Result<()> {
        if defect::active(Defect::WrittenInPlace) {
            return write_slowly(&self.target, contents);
        }
        self.fuse.step()?;
        self.file.rewind()?;
        self.write(contents)?;
        self.fuse.step()?;
        self.file.set_len(contents.len() as u64)?;
        self.fuse.step()?;
        self.file.sync_all()?;
        self.fuse.step()?;
        match fs::rename(&self.temporary, &self.target) {
            Ok(()) => {
                self.renamed = true;
                close_later(&self.target)?;
            }
            // A single file that is mounted into a container cannot be replaced, only written.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices
                ) && !defect::active(Defect::MountedFileNotWritten) =>
            {
                return write_in_place(&self.target, contents);
            }
            Err(error) => return Err(error),
        }
        self.fuse.step()?;
        // The rename itself must outlive a power cut. A folder that cannot be synced is no reason to fail now.
        if let Some(folder) = self.target.parent() {
            let _ = File::open(folder).and_then(|f| f.sync_all());
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.fuse.steps(bytes.len())?;
            self.file.write_all(&bytes[..taken])?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.renamed && !self.fuse.blown() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn write_in_place(target: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(target)?;
    file.write_all(contents)?;
    file.set_len(contents.len() as u64)?;
    file.sync_all()
}

/// The mode with which the temporary file is made: private from its first byte.
#[cfg(unix)]
fn first_mode() -> u32 {
    let open = defect::active(Defect::ReadableByAll) || defect::active(Defect::PrivateTooLate);
    if open { 0o644 } else { 0o600 }
}

/// Takes the file from the others, some time after they could read it.
fn close_later(target: &Path) -> io::Result<()> {
    if !defect::active(Defect::PrivateTooLate) {
        return Ok(());
    }
    std::thread::sleep(std::time::Duration::from_millis(60));
    #[cfg(unix)]
    fs::set_permissions(target, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// Empties the file and fills it again, on a disk that takes its time.
fn write_slowly(target: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(target)?;
    let (first, rest) = contents.split_at(contents.len() / 2);
    file.write_all(first)?;
    std::thread::sleep(std::time::Duration::from_millis(40));
    file.write_all(rest)
}

/// A hidden name beside the target that no other process picks.
fn temporary_name(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{:016x}.tmp", rand::random::<u64>()))
}
