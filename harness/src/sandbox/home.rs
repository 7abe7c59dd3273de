//! A fresh home folder for each scenario, and what a program left in it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;

use crate::target::load::cache_folder;

/// Entries listed at most: a program that unpacks a whole runtime is told apart by its first ones.
const LISTED: usize = 20_000;

/// A home older than this belongs to no run any more.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

/// A home folder that only its owner can enter. Removed with everything in it when dropped.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

/// A file, folder or link in a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Path below the home.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; not followed.
    Link,
    /// A socket, a pipe, a device.
    Other,
}

impl Home {
    /// Makes a home below `parent`, which is made when missing.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn create(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let parent = parent.canonicalize()?;
        let private = fs::Permissions::from_mode(0o700);
        Ok(Self {
            folder: tempfile::Builder::new()
                .permissions(private)
                .prefix("home-")
                .tempdir_in(parent)?,
        })
    }

    /// Where homes are best made: below the user's cache, since some programs warn about a home in the system's
    /// temporary folder. That is the fallback.
    #[must_use]
    pub fn parent() -> PathBuf {
        cache_folder().join("homes")
    }

    /// Removes homes below `parent` that a run which was killed left behind: those untouched for a day.
    pub fn sweep(parent: &Path) {
        let old = |path: &Path| {
            let age = fs::metadata(path)
                .and_then(|data| data.modified())
                .ok()?
                .elapsed()
                .ok()?;
            Some(age > LEFT_BEHIND)
        };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let path = entry.path();
            if old(&path) == Some(true)
                && entry.file_name().as_encoded_bytes().starts_with(b"home-")
            {
                // Another run may be sweeping too.
                drop(fs::remove_dir_all(&path));
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Everything in it, parents before their content, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            // What cannot be read (a folder without permission) is listed itself, without its content.
            let Ok(content) = fs::read_dir(self.path().join(&folder)) else {
                continue;
            };
            for item in content.flatten() {
                let (Ok(data), path) = (item.metadata(), folder.join(item.file_name())) else {
                    continue;
                };
                if entries.len() == LISTED {
                    break;
                }
                let kind = match data.file_type() {
                    kind if kind.is_file() => Kind::File,
                    kind if kind.is_dir() => Kind::Folder,
                    kind if kind.is_symlink() => Kind::Link,
                    _ => Kind::Other,
                };
                if kind == Kind::Folder {
                    folders.push(path.clone());
                }
                entries.push(Entry {
                    path,
                    kind,
                    mode: data.mode() & 0o7777,
                    size: data.len(),
                });
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    /// Copies every file of at most `largest` bytes below `to`, for evidence; together at most `together` bytes.
    /// Returns how many were copied.
    ///
    /// # Errors
    /// When a folder or file cannot be written. What cannot be read is left out.
    pub fn copy_small_files(&self, to: &Path, largest: u64, together: u64) -> io::Result<usize> {
        let mut left = together;
        let mut copied = 0;
        for entry in self.list() {
            if entry.kind != Kind::File || entry.size > largest || entry.size > left {
                continue;
            }
            let Ok(content) = fs::read(self.path().join(&entry.path)) else {
                continue;
            };
            let target = to.join(&entry.path);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(target, content)?;
            left -= entry.size;
            copied += 1;
        }
        Ok(copied)
    }

    /// Keeps the folder on disk.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn home() -> (TempDir, Home) {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::create(&parent.path().join("deep/homes")).unwrap();
        (parent, home)
    }

    #[test]
    fn a_home_is_empty_private_and_gone_afterwards() {
        let (_parent, home) = home();
        assert_eq!(home.list(), []);
        assert_eq!(fs::metadata(home.path()).unwrap().mode() & 0o777, 0o700);
        let path = home.path().to_owned();
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn only_old_homes_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let (old, young, other) = (
            parent.path().join("home-old"),
            parent.path().join("home-young"),
            parent.path().join("other"),
        );
        for folder in [&old, &young, &other] {
            fs::create_dir(folder).unwrap();
        }
        let before = std::time::SystemTime::now() - 2 * LEFT_BEHIND;
        for folder in [&old, &other] {
            fs::File::open(folder)
                .unwrap()
                .set_modified(before)
                .unwrap();
        }
        Home::sweep(parent.path());
        assert_eq!(
            (old.exists(), young.exists(), other.exists()),
            (false, true, true)
        );
    }

    #[test]
    fn entries_are_listed_with_mode_size_and_kind() {
        let (_parent, home) = home();
        fs::create_dir(home.path().join(".agent")).unwrap();
        fs::write(home.path().join(".agent/auth.json"), "{}").unwrap();
        fs::set_permissions(
            home.path().join(".agent/auth.json"),
            fs::Permissions::from_mode(0o600),
        )
        .unwrap();
        symlink("/", home.path().join("root")).unwrap();
        let list = home.list();
        let seen: Vec<_> = list
            .iter()
            .map(|entry| (entry.path.to_str().unwrap(), entry.kind))
            .collect();
        assert_eq!(
            seen,
            [
                (".agent", Kind::Folder),
                (".agent/auth.json", Kind::File),
                ("root", Kind::Link)
            ]
        );
        assert_eq!((list[1].mode, list[1].size), (0o600, 2));
    }

    #[test]
    fn only_small_files_are_copied() {
        let (parent, home) = home();
        fs::create_dir(home.path().join("a")).unwrap();
        fs::write(home.path().join("a/small"), "x").unwrap();
        fs::write(home.path().join("large"), vec![0; 2000]).unwrap();
        symlink("/etc/hostname", home.path().join("link")).unwrap();
        let to = parent.path().join("evidence");
        assert_eq!(home.copy_small_files(&to, 1000, 10_000).unwrap(), 1);
        assert_eq!(fs::read(to.join("a/small")).unwrap(), b"x");
        assert!(!to.join("large").exists() && !to.join("link").exists());
    }
}
