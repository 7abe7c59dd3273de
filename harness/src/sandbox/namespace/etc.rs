//! The system files that a program sees instead of the machine's own: names, and certificates.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The address that the name service answers from.
const RESOLVER: &str = "127.0.0.53";

/// Where the collected certificates of a system are, by distribution.
const BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo, NixOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",   // older of those
    "/var/lib/ca-certificates/ca-bundle.pem", // openSUSE
    "/etc/ssl/ca-bundle.pem",             // older of those
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem", // Arch
    "/etc/ssl/cert.pem",                  // Alpine
    "/usr/lib/ssl/cert.pem",              // OpenSSL's own, where somebody has made it
];

/// A folder with a run's own `hosts`, `resolv.conf`, `nsswitch.conf`, `ca-certificates.crt` (the system's
/// certificates and the run's authority) and `ca.pem` (the authority alone).
#[derive(Debug)]
pub struct Etc;

impl Etc {
    /// The folder in which a program's view holds the system's own certificates.
    pub(super) const SYSTEM_CERTIFICATES: &str = "certs";

    /// Fills the folder, which is made when missing. `hosts` come beside localhost and the machine's own name; every
    /// other name is for the name service.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(dir: &Path, ca_pem: &str, hosts: &[(String, IpAddr)]) -> io::Result<()> {
        fs::create_dir_all(dir.join(Self::SYSTEM_CERTIFICATES))?;
        let mut names = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
        // Without it a program that looks up its own machine would seem to ask for a stranger.
        if let Ok(own) = fs::read_to_string("/proc/sys/kernel/hostname") {
            let _ = writeln!(names, "127.0.1.1 {}", own.trim());
        }
        for (name, address) in hosts {
            let _ = writeln!(names, "{address} {name}");
        }
        put(dir, "hosts", names.as_bytes())?;
        let resolver = format!("nameserver {RESOLVER}\noptions timeout:5 attempts:2\n");
        put(dir, "resolv.conf", resolver.as_bytes())?;
        let switch = fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
        put(
            dir,
            "nsswitch.conf",
            name_service_switch(&switch).as_bytes(),
        )?;
        put(dir, "ca.pem", ca_pem.as_bytes())?;
        let mut bundle = BUNDLES
            .iter()
            .find_map(|path| fs::read(path).ok())
            .unwrap_or_default();
        if !bundle.is_empty() && !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
        bundle.extend(ca_pem.as_bytes());
        put(dir, "ca-certificates.crt", &bundle)
    }

    /// Files of the system that are missing here, so that nothing can stand in their place. Programs then do what
    /// their library does without: ask the name service of this machine, which is the run's as well.
    #[must_use]
    pub fn missing() -> Vec<&'static str> {
        let mut missing: Vec<_> = NAMES
            .iter()
            .map(|(path, _)| *path)
            .filter(|path| !Path::new(path).exists())
            .collect();
        if !BUNDLES.iter().any(|path| Path::new(path).exists()) {
            missing.push(BUNDLES[0]);
        }
        missing
    }

    /// What stands where, symbolic links followed: the system's file, and the one of this folder.
    #[cfg(target_os = "linux")]
    pub(super) fn places(dir: &Path) -> Vec<(PathBuf, PathBuf)> {
        let bundles = BUNDLES.iter().map(|path| (*path, "ca-certificates.crt"));
        let mut places: Vec<(PathBuf, PathBuf)> = Vec::new();
        for (path, name) in NAMES.into_iter().chain(bundles) {
            let Ok(path) = fs::canonicalize(path) else {
                continue;
            };
            if path.is_file() && !places.iter().any(|(other, _)| *other == path) {
                places.push((path, dir.join(name)));
            }
        }
        places
    }
}

const NAMES: [(&str, &str); 3] = [
    ("/etc/hosts", "hosts"),
    ("/etc/resolv.conf", "resolv.conf"),
    ("/etc/nsswitch.conf", "nsswitch.conf"),
];

/// As the machine's own, but for hosts: users and groups are found as before.
fn name_service_switch(own: &str) -> String {
    let mut text = String::from("hosts: files dns\n");
    for line in own.lines() {
        let database = line.split(':').next().unwrap_or_default().trim();
        if database != "hosts" {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Replaces a file. Read-only, as the system's are for those who are not root.
fn put(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path = dir.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&path)?;
    io::Write::write_all(&mut file, content)?;
    // Whatever the mask of the harness is.
    file.set_permissions(fs::Permissions::from_mode(0o444))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_names_and_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("etc");
        let host = ("chatgpt.com".to_owned(), IpAddr::from([198, 18, 0, 1]));
        for _ in 0..2 {
            Etc::write(&dir, "CERTIFICATE\n", std::slice::from_ref(&host)).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        assert!(read("hosts").starts_with("127.0.0.1 localhost\n"));
        assert!(read("hosts").ends_with("198.18.0.1 chatgpt.com\n"));
        assert!(read("resolv.conf").starts_with("nameserver 127.0.0.53\n"));
        assert_eq!(read("ca.pem"), "CERTIFICATE\n");
        assert!(read("ca-certificates.crt").ends_with("CERTIFICATE\n"));
    }

    #[test]
    fn only_the_way_to_hosts_is_replaced() {
        let own = "passwd: files sss\nhosts: files mdns4_minimal [NOTFOUND=return] dns\n hosts : x\n# hosts\n";
        assert_eq!(
            name_service_switch(own),
            "hosts: files dns\npasswd: files sss\n# hosts\n"
        );
        assert_eq!(name_service_switch(""), "hosts: files dns\n");
    }
}
