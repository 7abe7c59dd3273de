//! What the machine gives that tests run on.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

/// The program in a folder of the test's own, ended after `bound`.
pub(crate) fn loginproof_at(desk: &Path, bound: Duration) -> Command {
    let mut command = Command::cargo_bin("loginproof").unwrap();
    command
        .current_dir(desk)
        .env("XDG_CACHE_HOME", desk.join("cache"))
        .env("NO_COLOR", "1")
        .env("CI", "true")
        .timeout(bound);
    command
}

/// Whether programs can have a network of their own; where they cannot, `loginproof doctor` says why.
pub(crate) fn gives_namespaces() -> bool {
    let doctor = Command::cargo_bin("loginproof")
        .unwrap()
        .args(["doctor", "--format", "json"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let findings = told["findings"].as_array().unwrap();
    let way = findings
        .iter()
        .find(|finding| finding["name"] == "network: namespace")
        .unwrap();
    way["ok"] == true
}
