//! What processes have cost: CPU time and memory, as the kernel counted it.

use serde::{Deserialize, Serialize};

/// What a program cost, with every process below it that was waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in its own code, in microseconds.
    pub user_us: u64,
    /// CPU time in the kernel for it, in microseconds.
    pub system_us: u64,
    /// The most memory that one of its processes held, in KiB.
    pub peak_kib: u64,
}

impl Usage {
    /// CPU time in all, in microseconds.
    #[must_use]
    pub fn cpu_us(self) -> u64 {
        self.user_us + self.system_us
    }

    /// What the children of this process have cost so far that were waited for, and theirs.
    ///
    /// The peak of a process that was started by `fork` and `exec` is never below what its parent held then.
    #[must_use]
    pub fn of_children() -> Self {
        let mut usage = std::mem::MaybeUninit::zeroed();
        #[expect(unsafe_code, reason = "no safe interface to getrusage")]
        // SAFETY: `usage` has room for an rusage, which the call fills; all zeroes is a valid one, should it fail.
        let usage: libc::rusage = unsafe {
            libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
            usage.assume_init()
        };
        let micros = |time: libc::timeval| {
            let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
            seconds * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or_default()
        };
        let peak = u64::try_from(usage.ru_maxrss).unwrap_or_default();
        Self {
            user_us: micros(usage.ru_utime),
            system_us: micros(usage.ru_stime),
            // getrusage(2): kilobytes on Linux, bytes on macOS.
            peak_kib: if cfg!(target_os = "macos") {
                peak / 1024
            } else {
                peak
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_worked_is_counted_once_it_was_waited_for() {
        let before = Usage::of_children();
        let work = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let ended = std::process::Command::new("sh").args(["-c", work]).status();
        assert!(ended.unwrap().success());
        let after = Usage::of_children();
        assert!(after.cpu_us() > before.cpu_us(), "{before:?} {after:?}");
        assert!(after.peak_kib > 100);
    }
}
