//! Watches the credential file's folder while a scenario runs: what another reader would have found at each change.

use std::path::Path;

use super::evidence::Moment;

/// A watch that runs until it is finished.
pub struct StoreWatch(imp::Watch);

impl StoreWatch {
    /// Starts watching the folder of `store`. None where the system offers no way.
    #[must_use]
    pub fn start(store: &Path) -> Option<Self> {
        imp::Watch::start(store).map(Self)
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> Vec<Moment> {
        self.0.finish()
    }
}

/// Counts what the system tells of changes in the credential file's folder.
pub(super) struct Changes(imp::Changes);

impl Changes {
    /// Watches the folder of `store` for its n-th change. None where the system offers no way.
    pub(super) fn watch(store: &Path, nth: usize) -> Option<Self> {
        imp::Changes::watch(store, nth).map(Self)
    }

    /// Waits for the n-th change. False when there will be none to tell of.
    pub(super) async fn nth_change(self) -> bool {
        self.0.nth_change().await
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::thread::JoinHandle;
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use rustix::io::Errno;
    use tokio::sync::oneshot;

    use super::Moment;

    /// More changes than this in one scenario are not recorded.
    const MOST: usize = 10_000;

    pub(super) struct Watch {
        thread: JoinHandle<Vec<Moment>>,
        stop: PathBuf,
    }

    impl Watch {
        pub(super) fn start(store: &Path) -> Option<Self> {
            let folder = store.parent()?.to_owned();
            let fd = inotify::init(CreateFlags::CLOEXEC).ok()?;
            let flags = WatchFlags::CREATE
                | WatchFlags::MODIFY
                | WatchFlags::MOVED_TO
                | WatchFlags::ATTRIB
                | WatchFlags::DELETE;
            inotify::add_watch(&fd, &folder, flags).ok()?;
            // The reader is woken for the last time by a file of this name.
            let stop = folder.join(format!(".loginproof-watch-{:08x}", rand::random::<u32>()));
            let (store, end) = (store.to_owned(), stop.clone());
            let thread = std::thread::Builder::new()
                .name("store watch".into())
                .spawn(move || watch(&fd, &store, &end))
                .ok()?;
            Some(Self { thread, stop })
        }

        pub(super) fn finish(self) -> Vec<Moment> {
            if std::fs::write(&self.stop, b"").is_err() {
                // The folder is gone and with it the watch: the reader has ended by itself.
                return self.thread.join().unwrap_or_default();
            }
            let seen = self.thread.join().unwrap_or_default();
            drop(std::fs::remove_file(&self.stop));
            seen
        }
    }

    pub(super) struct Changes {
        fd: OwnedFd,
        /// What the names of the credential file, its locks and its temporary files have in common.
        stem: String,
        left: usize,
    }

    impl Changes {
        pub(super) fn watch(store: &Path, nth: usize) -> Option<Self> {
            let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
            let flags =
                WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::DELETE;
            inotify::add_watch(&fd, store.parent()?, flags).ok()?;
            let name = store.file_name()?.to_str()?.trim_start_matches('.');
            let stem = name.split('.').next()?.to_owned();
            Some(Self {
                fd,
                stem,
                left: nth,
            })
        }

        pub(super) async fn nth_change(self) -> bool {
            // The thread ends with this end of the pair.
            let Ok((_stay, gone)) = UnixStream::pair() else {
                return false;
            };
            let (tell, told) = oneshot::channel();
            let counting = std::thread::Builder::new().name("change watch".into());
            let started = counting.spawn(move || tell.send(self.count(&gone)));
            started.is_ok() && told.await.unwrap_or(false)
        }

        fn count(mut self, gone: &UnixStream) -> bool {
            let mut buffer = [MaybeUninit::uninit(); 4 * 1024];
            let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
            loop {
                let mut ready = [
                    PollFd::new(&self.fd, PollFlags::IN),
                    PollFd::new(gone, PollFlags::IN),
                ];
                if !matches!(poll(&mut ready, None), Ok(_) | Err(Errno::INTR))
                    || !ready[1].revents().is_empty()
                {
                    return false;
                }
                loop {
                    match reader.next() {
                        Ok(event) if event.events().contains(ReadFlags::IGNORED) => return false,
                        Ok(event) => {
                            let name = event.file_name().map(|name| name.to_string_lossy());
                            let kin = name.is_some_and(|name| name.contains(&self.stem));
                            self.left = self.left.saturating_sub(usize::from(kin));
                        }
                        Err(Errno::AGAIN) => break,
                        Err(_) => return false,
                    }
                    if self.left == 0 {
                        return true;
                    }
                }
            }
        }
    }

    fn watch(fd: &OwnedFd, store: &Path, end: &Path) -> Vec<Moment> {
        let begun = Instant::now();
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = inotify::Reader::new(fd, &mut buffer);
        let mut seen = Vec::new();
        loop {
            let Ok(event) = reader.next() else {
                return seen;
            };
            if event.events().contains(ReadFlags::IGNORED) {
                return seen;
            }
            let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) else {
                continue;
            };
            if end.file_name().is_some_and(|end| end == name) {
                return seen;
            }
            let path = store.with_file_name(name);
            let Ok(meta) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if !meta.is_file() || seen.len() >= MOST {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            seen.push(Moment {
                at: begun.elapsed(),
                name: name.to_owned(),
                mode: meta.permissions().mode() & 0o7777,
                length: bytes.len(),
                whole: serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok(),
            });
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::path::Path;

    use super::Moment;

    pub(super) struct Watch;

    impl Watch {
        pub(super) fn start(_: &Path) -> Option<Self> {
            None
        }

        pub(super) fn finish(self) -> Vec<Moment> {
            Vec::new()
        }
    }

    pub(super) struct Changes;

    impl Changes {
        pub(super) fn watch(_: &Path, _: usize) -> Option<Self> {
            None
        }

        pub(super) async fn nth_change(self) -> bool {
            false
        }
    }
}
