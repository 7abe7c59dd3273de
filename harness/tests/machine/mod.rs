//! What the machine gives that tests run on.

use assert_cmd::Command;
use serde_json::Value;

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
