//! `loginproof bench`, as a person or a CI job meets it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// A stream of a few events, so that a turn costs little more than starting the program.
fn small_stream(folder: &Path) -> String {
    let path = folder.join("small.sse");
    std::fs::write(
        &path,
        loginproof_streams::Stream::short(loginproof_streams::Kind::Text).bytes,
    )
    .unwrap();
    path.display().to_string()
}

fn bench(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("loginproof").unwrap();
    command
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("NO_COLOR", "1")
        .timeout(std::time::Duration::from_secs(120))
        .args(["bench", "--rounds", "2", "--out", "out"])
        .args(arguments);
    command
}

fn result(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("out/bench.json")).unwrap()).unwrap()
}

/// A target whose `ask` is this shell script.
fn toy(folder: &Path, script: &str) {
    let text = format!(
        r#"
name = "toy"
title = "A toy"
version = ["echo", "toy 1"]
speaks = ["responses", "ask"]
network = ["direct"]
[ask]
run = ["sh", "-c", '''{script}''']
tty = "none"
answer = "stdout"
[store]
path = "{{home}}/auth.json"
access = "/access"
"#
    );
    std::fs::write(folder.join("toy.toml"), text).unwrap();
}

#[test]
fn the_reference_client_is_measured_with_its_spread_and_its_growth() {
    let desk = tempfile::tempdir().unwrap();
    let stream = small_stream(desk.path());
    let table = bench(desk.path(), &["--stream", &stream, "--largest", "64K"])
        .assert()
        .success();
    let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
    for line in [
        "small.sse",
        "reference (direct)",
        "CPU time per event",
        "ranked",
        "bench.svg",
    ] {
        assert!(table.contains(line), "{line}: {table}");
    }
    let result = result(desk.path());
    let program = &result["programs"][0];
    assert_eq!(program["unranked"], Value::Null, "{program}");
    assert_eq!(program["samples"].as_array().unwrap().len(), 3);
    assert_eq!(program["sizes"].as_array().unwrap().len(), 3);
    let stream = &program["samples"][1]["stream"];
    assert!(stream["user_us"].as_u64().unwrap() + stream["system_us"].as_u64().unwrap() > 0);
    assert!(stream["peak_kib"].as_u64().unwrap() > 1000);
    assert!(result["ceiling_mb_per_s"].as_f64().unwrap() > 0.0);
    let chart = std::fs::read_to_string(desk.path().join("out/bench.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("reference (direct)"));
}

#[test]
fn several_streams_are_open_at_once_and_live_ones_take_their_time() {
    let desk = tempfile::tempdir().unwrap();
    let stream = desk.path().join("brief.sse");
    std::fs::write(&stream, loginproof_streams::Stream::brief().bytes).unwrap();
    let stream = stream.display().to_string();
    bench(
        desk.path(),
        &["--stream", &stream, "--streams", "20", "--pace", "live"],
    )
    .assert()
    .success();
    let result = result(desk.path());
    let program = &result["programs"][0];
    assert_eq!(
        (&program["unranked"], &program["way"]),
        (&Value::Null, &"one-process".into())
    );
    assert_eq!(program["figures"]["at_once"], 20);
    // Sixteen events, one each 20 ms.
    assert!(
        program["figures"]["sending_ms"]["min"].as_f64().unwrap() > 200.0,
        "{program}"
    );
}

#[test]
fn an_answer_that_was_not_sent_has_no_place_and_does_not_pass_a_gate() {
    let desk = tempfile::tempdir().unwrap();
    let stream = small_stream(desk.path());
    toy(desk.path(), "echo never asked");
    let arguments = [
        "--target",
        "./toy.toml",
        "--stream",
        &stream,
        "--largest",
        "0",
        "--max-ratio",
        "1000",
    ];
    let ended = bench(desk.path(), &arguments).assert().code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(
        said.contains(
            "above --max-ratio: toy (direct): not measured: for 1 stream(s) it never asked"
        ),
        "{said}"
    );
    let result = result(desk.path());
    assert_eq!(result["programs"][1]["unranked"]["why"]["kind"], "failed");
    assert_eq!(result["programs"][0]["unranked"], Value::Null);
}

#[test]
fn a_program_that_costs_more_than_the_gate_lets_through_fails_it() {
    let desk = tempfile::tempdir().unwrap();
    let stream = small_stream(desk.path());
    // The reference client costs as much as itself.
    let again = "name = \"again\"\nextends = \"reference\"\n";
    std::fs::write(desk.path().join("again.toml"), again).unwrap();
    let arguments = [
        "--target",
        "./again.toml",
        "--stream",
        &stream,
        "--largest",
        "0",
        "--max-ratio",
        "0.001",
    ];
    let ended = bench(desk.path(), &arguments).assert().code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(said.contains("above --max-ratio: again (direct)"), "{said}");
}

#[test]
fn a_mistake_is_met_with_what_to_do() {
    let desk = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (
            &["--stream", "mxi"][..],
            "give mix, text, tools, big, or a file",
        ),
        (&["--stream", "."], "there is no stream `.`"),
        (&["--streams", "0"], "1..=1000"),
        (&["--streams", "1001"], "1..=1000"),
        (&["--rounds", "0"], "1..=1000"),
        (&["--pace", "slow"], "possible values: live, full"),
        (&["--largest", "big"], "K or M"),
        (&["--max-ratio", "0"], "give a number above 0"),
        (&["--max-ratio", "2"], "name a program with --target"),
        (&["--target", "referense"], "did you mean `reference`"),
    ] {
        let mut command = Command::cargo_bin("loginproof").unwrap();
        command
            .current_dir(desk.path())
            .env("NO_COLOR", "1")
            .arg("bench")
            .args(arguments);
        let ended = command.assert().code(2);
        let stderr = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let not = desk.path().join("not.sse");
    std::fs::write(&not, "data: hello\n\n").unwrap();
    let ended = bench(desk.path(), &["--stream", "not.sse"])
        .assert()
        .code(2);
    let stderr = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(
        stderr.contains("not.sse is no Responses stream that can be measured"),
        "{stderr}"
    );
}
