//! Why there is no namespace, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::sandbox::supervise::{HowEnded, Report};

/// Why a program cannot be run in a namespace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// Another system.
    #[error("user and network namespaces are a feature of Linux")]
    NotLinux,
    /// The helper could not be started, or its files not be made.
    #[error("cannot start {}: {reason}", program.display())]
    Start {
        /// The program's own binary.
        program: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The helper or the supervisor ended without saying why.
    #[error("the helper that makes the namespace ended without an answer: {0}")]
    NoAnswer(String),
    /// The system refused a step.
    #[error("cannot {doing}: {reason}{cause}")]
    Refused {
        /// The step.
        doing: String,
        /// What the system said.
        reason: String,
        /// What is behind it.
        cause: Cause,
    },
}

/// What is behind a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `user.max_user_namespaces` is 0.
    UserNamespacesOff,
    /// `user.max_net_namespaces` or `user.max_mnt_namespaces` is 0.
    OtherNamespacesOff,
    /// As many namespaces as allowed exist already.
    TooMany,
    /// `kernel.unprivileged_userns_clone` is 0 (a patch that Debian and its kin carry).
    OnlyRoot,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu 23.10 and later): the namespace is made, but
    /// everything in it is refused.
    AppArmor,
    /// A system call filter, as containers have it.
    Filter,
    /// Root has lost the privilege to be root in a namespace (Linux 5.12 and later).
    Capability,
    /// The kernel was built without.
    Kernel,
    /// Something else.
    Unknown,
}

impl NamespaceError {
    /// What can be done, where something can.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Refused { cause, .. } => cause.remedy(),
            _ => None,
        }
    }

    /// A step that this system refused.
    #[cfg(target_os = "linux")]
    pub(super) fn refused(doing: &str, reason: &io::Error) -> Self {
        Self::Refused {
            doing: doing.to_owned(),
            reason: reason.to_string(),
            cause: Cause::of(reason.raw_os_error(), &|path| {
                std::fs::read_to_string(path).ok()
            }),
        }
    }
}

impl Cause {
    /// What can be done, where something can.
    #[must_use]
    pub fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::UserNamespacesOff => "sysctl user.max_user_namespaces=15000",
            Self::OtherNamespacesOff => {
                "sysctl user.max_net_namespaces=15000 user.max_mnt_namespaces=15000"
            }
            Self::TooMany => "sysctl user.max_user_namespaces and user.max_net_namespaces to more",
            Self::OnlyRoot => "sysctl kernel.unprivileged_userns_clone=1",
            Self::AppArmor => {
                "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows `userns`"
            }
            Self::Filter => {
                "start the container with a profile that allows user namespaces and mounts (docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
            }
            Self::Capability => {
                "run as an ordinary user, or give back what was dropped (docker run --cap-add SETFCAP)"
            }
            Self::Kernel => "a kernel with CONFIG_USER_NS and CONFIG_NET_NS",
            Self::Unknown => return None,
        })
    }

    /// The cause behind an error, by the kernel's settings.
    fn of(code: Option<i32>, read: &dyn Fn(&str) -> Option<String>) -> Self {
        let number = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
        let off = |path: &str| number(path) == Some(0);
        let filtered = || {
            read("/proc/self/status").is_some_and(|status| {
                status
                    .lines()
                    .filter_map(|line| line.strip_prefix("Seccomp:"))
                    .any(|mode| mode.trim() == "2")
            })
        };
        let powerless_root = || {
            const CAP_SETFCAP: u32 = 31;
            let status = read("/proc/self/status").unwrap_or_default();
            let field = |name| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.split_ascii_whitespace().next())
            };
            let effective = field("CapEff:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
            field("Uid:") == Some("0") && effective.is_some_and(|mask| mask >> CAP_SETFCAP & 1 == 0)
        };
        match code {
            Some(libc::ENOSPC | libc::EUSERS) => {
                if off("/proc/sys/user/max_user_namespaces") {
                    Self::UserNamespacesOff
                } else if off("/proc/sys/user/max_net_namespaces")
                    || off("/proc/sys/user/max_mnt_namespaces")
                {
                    Self::OtherNamespacesOff
                } else {
                    Self::TooMany
                }
            }
            Some(libc::EPERM | libc::EACCES) => {
                if off("/proc/sys/kernel/unprivileged_userns_clone") {
                    Self::OnlyRoot
                } else if number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                    == Some(1)
                {
                    Self::AppArmor
                } else if filtered() {
                    Self::Filter
                } else if powerless_root() {
                    Self::Capability
                } else {
                    Self::Unknown
                }
            }
            Some(libc::ENOSYS) if filtered() => Self::Filter,
            Some(libc::EINVAL | libc::ENOSYS) => Self::Kernel,
            _ => Self::Unknown,
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UserNamespacesOff => {
                "; user namespaces are switched off (user.max_user_namespaces = 0)"
            }
            Self::OtherNamespacesOff => {
                "; network or mount namespaces are switched off (user.max_net_namespaces, user.max_mnt_namespaces)"
            }
            Self::TooMany => "; as many namespaces as allowed exist already",
            Self::OnlyRoot => {
                "; only root may make user namespaces (kernel.unprivileged_userns_clone = 0)"
            }
            Self::AppArmor => {
                "; AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns = 1)"
            }
            Self::Filter => "; a system call filter forbids it (a container's?)",
            Self::Capability => "; root has no CAP_SETFCAP",
            Self::Kernel => "; this kernel has no such namespaces",
            Self::Unknown => "",
        })
    }
}

/// Why a program could not be run inside, from what `enter` reported.
pub(super) fn from_report(report: Option<Report>, status: ExitStatus) -> NamespaceError {
    match report.map(|report| report.how) {
        Some(HowEnded::NotStarted(reason)) => {
            // `enter` runs with the helper's settings around it, and its words begin with the step.
            let code = [libc::EPERM, libc::EACCES, libc::ENOSPC, libc::EINVAL]
                .into_iter()
                .find(|code| reason.contains(&format!("(os error {code})")));
            NamespaceError::Refused {
                doing: "start a program inside".to_owned(),
                cause: Cause::of(code, &|path| std::fs::read_to_string(path).ok()),
                reason,
            }
        }
        Some(how) => NamespaceError::NoAnswer(format!("{how:?}")),
        None => NamespaceError::NoAnswer(status.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(code: i32, facts: &[(&str, &str)]) -> Cause {
        Cause::of(Some(code), &|path| {
            facts
                .iter()
                .find(|(name, _)| path.ends_with(name))
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_setting_that_forbids_namespaces_is_named_with_its_remedy() {
        for (code, setting, value) in [
            (libc::ENOSPC, "user/max_user_namespaces", "0\n"),
            (libc::ENOSPC, "user/max_net_namespaces", "0\n"),
            (libc::EPERM, "kernel/unprivileged_userns_clone", "0\n"),
            (
                libc::EACCES,
                "kernel/apparmor_restrict_unprivileged_userns",
                "1\n",
            ),
        ] {
            let cause = with(code, &[(setting, value)]);
            let setting = setting.replace('/', ".");
            assert!(cause.to_string().contains(&setting), "{setting}");
            assert!(cause.remedy().unwrap().contains(&setting), "{setting}");
        }
        assert_eq!(with(libc::ENOSPC, &[]), Cause::TooMany);
    }

    #[test]
    fn a_container_is_told_from_a_kernel_without() {
        let status = [("self/status", "Name:\tx\nSeccomp:\t2\n")];
        assert_eq!(with(libc::EPERM, &status), Cause::Filter);
        assert_eq!(with(libc::EPERM, &[]), Cause::Unknown);
        let root = "Uid:\t0\t0\t0\t0\nCapEff:\t00000000000000c0\nSeccomp:\t0\n";
        assert_eq!(
            with(libc::EPERM, &[("self/status", root)]),
            Cause::Capability
        );
        assert_eq!(with(libc::EINVAL, &[]), Cause::Kernel);
    }
}
