//! The command line, as a person or a CI job meets it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// A folder of its own for one test, with a cache in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn loginproof(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("loginproof").unwrap();
        command
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("NO_COLOR", "1")
            .env("CI", "true")
            .timeout(std::time::Duration::from_secs(120))
            .args(arguments);
        command
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A target whose `ask` is this shell script.
    fn target(&self, script: &str) {
        let text = format!(
            r#"
name = "toy"
title = "A toy"
version = ["echo", "toy 1"]
speaks = ["chatgpt", "refresh", "ask", "responses", "store"]
network = ["direct"]
[ask]
run = ["sh", "-c", '''{script}''']
tty = "none"
answer = "stdout"
[store]
path = "{{home}}/auth.json"
access = "/access"
refresh = "/refresh"
"#
        );
        self.write("toy.toml", &text);
    }

    /// Plays one scenario against the toy and returns exit status, standard output and run.json.
    fn play(&self, scenario: &str) -> (i32, String, Value) {
        let output = self
            .loginproof(&["run", "--target", "./toy.toml", scenario, "--out", "out"])
            .output()
            .unwrap();
        let run = std::fs::read(self.path().join("out/run.json")).unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            serde_json::from_slice(&run).unwrap(),
        )
    }
}

fn verdict<'a>(run: &'a Value, check: &str) -> &'a str {
    let results = run["results"].as_array().unwrap();
    results
        .iter()
        .find(|result| result["check"] == check)
        .unwrap()["verdict"]
        .as_str()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_scenario_is_listed_and_every_file_is_sound() {
    let desk = Desk::new();
    let list = desk.loginproof(&["list"]).assert().success();
    assert!(text(&list.get_output().stdout).contains("refresh/reused"));
    let lint = desk.loginproof(&["lint"]).assert().success();
    assert!(text(&lint.get_output().stdout).contains("no problem found"));
}

#[test]
fn a_case_is_explained_as_a_bug_report() {
    let page = Desk::new()
        .loginproof(&["explain", "refresh/reused"])
        .assert()
        .success();
    // Targets come and go.
    let targets = (r"(?s)(Who can be asked\n).*?\n\n", "$1  (targets)\n\n");
    insta::with_settings!({ filters => vec![targets] }, {
        insta::assert_snapshot!(text(&page.get_output().stdout));
    });
}

#[test]
fn a_misspelt_name_is_met_with_the_right_one() {
    let desk = Desk::new();
    for (arguments, status, meant) in [
        (&["explain", "refresh/resued"][..], 4, "refresh/reused"),
        (&["run", "refresh/resued"], 4, "refresh/reused"),
        (&["serve", "refresh/resued"], 4, "refresh/reused"),
        (&["run", "--target", "referense"], 2, "reference"),
        (&["run", "--target", "./nowhere.toml"], 2, "nowhere.toml"),
    ] {
        let output = desk.loginproof(arguments).assert().code(status);
        let shown = text(&output.get_output().stderr);
        assert!(shown.contains(meant), "{arguments:?}: {shown}");
    }
}

#[test]
fn a_mistake_in_a_scenario_is_shown_with_file_line_and_caret() {
    let desk = Desk::new();
    desk.write(
        "suite/scenarios/mine/first.yaml",
        "case: 99.1.1\ntitle: Mine\nlevel: must\nneeds: [ask]\nbecause: Because.\nsources: [me]\nsteps:\n  - ask: Hello.\ncheks:\n  ends: { exit: any }\n",
    );
    let output = desk
        .loginproof(&["lint", "--suite", "suite"])
        .assert()
        .code(2);
    insta::with_settings!({ filters => vec![(r"suite[/\\]", "suite/")] }, {
        insta::assert_snapshot!(text(&output.get_output().stderr));
    });
}

#[test]
fn a_mistake_in_a_target_is_shown_with_file_line_and_caret() {
    let desk = Desk::new();
    desk.target("true");
    let path = desk.path().join("toy.toml");
    let text_of_file = std::fs::read_to_string(&path)
        .unwrap()
        .replace("speaks", "speeks");
    std::fs::write(&path, text_of_file).unwrap();
    let output = desk
        .loginproof(&["lint", "--target", "./toy.toml"])
        .assert()
        .code(2);
    insta::assert_snapshot!(text(&output.get_output().stderr));
}

#[test]
fn each_format_has_a_schema() {
    for (format, key) in [
        ("scenario", "checks"),
        ("target", "speaks"),
        ("run", "results"),
    ] {
        let output = Desk::new()
            .loginproof(&["schema", format])
            .assert()
            .success();
        let schema: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        assert!(schema["properties"][key].is_object(), "{format}");
    }
}

#[test]
fn a_program_that_fails_a_must_ends_the_run_with_1() {
    let desk = Desk::new();
    desk.target("echo nothing to see; exit 0");
    let (status, shown, run) = desk.play("baseline/turn");
    assert_eq!(status, 1);
    assert_eq!(verdict(&run, "answers"), "fail");
    assert_eq!(verdict(&run, "no-leak"), "pass");
    assert!(
        shown.contains("loginproof run --target ./toy.toml"),
        "{shown}"
    );
}

#[test]
fn a_program_that_prints_its_tokens_ends_the_run_with_5() {
    let desk = Desk::new();
    desk.target("cat \"$LOGINPROOF_STORE\"");
    let (status, shown, run) = desk.play("baseline/turn");
    assert_eq!(status, 5);
    assert_eq!(verdict(&run, "no-leak"), "fail");
    // The report says so without repeating the secret.
    assert!(!shown.contains("rt_loginproof"), "{shown}");
}

#[test]
fn a_process_left_behind_is_ended_and_reported() {
    let desk = Desk::new();
    desk.target("sleep 300 >/dev/null 2>&1 </dev/null & echo Hello from loginproof.");
    let (_, _, run) = desk.play("baseline/turn");
    assert_eq!(verdict(&run, "clean-exit"), "unclean");
}

#[test]
fn a_program_that_hangs_is_ended_at_the_bound() {
    let desk = Desk::new();
    desk.write(
        "suite/scenarios/mine/hang.yaml",
        "case: 99.1.2\ntitle: Hangs\nlevel: must\nneeds: [ask]\nbecause: Because.\nsources: [me]\nbound: 1s\nsteps:\n  - ask: Hello.\nchecks:\n  soon: { within: 500ms }\n",
    );
    desk.target("trap '' TERM HUP INT; while :; do sleep 1; done");
    let output = desk
        .loginproof(&[
            "run",
            "--target",
            "./toy.toml",
            "--suite",
            "suite",
            "--format",
            "json",
            "--out",
            "out",
        ])
        .assert()
        .code(1);
    let run: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(verdict(&run, "soon"), "fail");
    assert_eq!(verdict(&run, "clean-exit"), "fail");
}

#[test]
fn a_program_that_is_not_there_is_an_error_of_the_environment() {
    let desk = Desk::new();
    desk.target("true");
    let path = desk.path().join("toy.toml");
    let changed = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\"echo\"", "\"no-such-program-anywhere\"");
    std::fs::write(&path, changed).unwrap();
    let output = desk
        .loginproof(&["run", "--target", "./toy.toml", "baseline/turn"])
        .assert()
        .code(3);
    let shown = text(&output.get_output().stderr);
    assert!(shown.contains("no-such-program-anywhere"), "{shown}");
}

#[test]
fn capabilities_that_are_not_claimed_are_unsupported_and_no_failure() {
    let desk = Desk::new();
    desk.target("true");
    let (status, _, run) = desk.play("baseline/device-login");
    assert_eq!(status, 0);
    assert_eq!(verdict(&run, "clean-exit"), "unsupported");
}

#[test]
fn a_copied_binary_plays_the_embedded_suite_anywhere() {
    let desk = Desk::new();
    let copy = desk.path().join("elsewhere");
    std::fs::copy(assert_cmd::cargo::cargo_bin("loginproof"), &copy).unwrap();
    let output = std::process::Command::new(&copy)
        .args([
            "run",
            "baseline/turn",
            "--junit",
            "results.xml",
            "--out",
            "out",
        ])
        .current_dir(desk.path())
        .env_clear()
        .env("HOME", desk.path())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    let junit = std::fs::read_to_string(desk.path().join("results.xml")).unwrap();
    assert!(junit.contains("<testsuites"), "{junit}");
    for kept in [
        "journal.jsonl",
        "journal.har",
        "terminal.cast",
        "screen.txt",
        "files.txt",
    ] {
        assert!(
            desk.path()
                .join("out/reference/baseline/turn")
                .join(kept)
                .is_file(),
            "{kept}"
        );
    }
}

#[test]
fn exec_plays_a_command_of_ones_own_and_judges_it() {
    let desk = Desk::new();
    let own = assert_cmd::cargo::cargo_bin("loginproof");
    let output = desk
        .loginproof(&[
            "exec",
            "refresh/reused",
            "--",
            own.to_str().unwrap(),
            "client",
            "ask",
            "hi",
        ])
        .assert()
        .success();
    let shown = text(&output.get_output().stdout);
    assert!(shown.contains("pass"), "{shown}");
}

#[test]
fn kept_runs_become_a_table_between_its_markers() {
    let desk = Desk::new();
    desk.target("echo nothing to see");
    desk.play("baseline/turn");
    let page = desk.write(
        "README.md",
        "# Mine\n\n<!-- matrix -->\n<!-- /matrix -->\n\nThe end.\n",
    );
    let arguments = ["report", "--matrix", "README.md", "out"];
    desk.loginproof(&arguments).assert().success();
    let placed = std::fs::read_to_string(&page).unwrap();
    assert!(placed.contains("\n| A toy | toy 1 | direct | "), "{placed}");
    assert!(
        placed.contains("`loginproof report --matrix README.md out`"),
        "{placed}"
    );
    assert!(
        placed.ends_with("<!-- /matrix -->\n\nThe end.\n"),
        "{placed}"
    );
    // Made again it is the same, whether a folder or a file is named.
    desk.loginproof(&arguments).assert().success();
    assert_eq!(std::fs::read_to_string(&page).unwrap(), placed);
    let printed = desk
        .loginproof(&["report", "--matrix", "-", "out/run.json"])
        .assert()
        .success();
    assert!(
        text(&printed.get_output().stdout)
            .starts_with("| program | version | way in | baseline | all |")
    );
}

#[test]
fn kept_runs_become_a_page_of_findings_for_each_program() {
    let desk = Desk::new();
    desk.target("echo nothing to see");
    desk.play("baseline/turn");
    desk.loginproof(&[
        "report",
        "--findings",
        "pages",
        "--matrix",
        "matrix.md",
        "out",
    ])
    .assert()
    .success();
    assert!(desk.path().join("matrix.md").exists());
    let page = std::fs::read_to_string(desk.path().join("pages/toy-toy-1-direct.md")).unwrap();
    for told in [
        "# A toy toy 1",
        "“answers” does not hold",
        "loginproof run --target ./toy.toml baseline/turn",
        "**On the wire**",
        "nothing to see",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // Where the evidence has gone, there is nothing to write about.
    std::fs::remove_dir_all(desk.path().join("out/toy")).unwrap();
    let output = desk
        .loginproof(&["report", "--findings", "pages", "out"])
        .assert()
        .code(2);
    assert!(text(&output.get_output().stderr).contains("play the run again"));
}

#[test]
fn the_newest_run_is_the_one_that_a_table_is_made_of() {
    let desk = Desk::new();
    desk.target("echo nothing to see");
    let none = desk
        .loginproof(&["report", "--matrix", "-"])
        .assert()
        .code(2);
    assert!(text(&none.get_output().stderr).contains("there is no run"));
    desk.loginproof(&["run", "--target", "./toy.toml", "baseline/turn"])
        .assert()
        .code(1);
    let printed = desk
        .loginproof(&["report", "--matrix", "-"])
        .assert()
        .success();
    assert!(text(&printed.get_output().stdout).contains("| A toy |"));
}

#[test]
fn what_no_table_can_be_made_of_is_a_mistake_of_the_command_line() {
    let desk = Desk::new();
    desk.write("old/run.json", r#"{"version":0,"targets":[],"results":[]}"#);
    desk.write("other/run.json", r#"{"name":"something else"}"#);
    for (run, complaint) in [
        ("old", "has format 0 of run.json"),
        ("other", "is no run of loginproof"),
        ("nowhere", "cannot read nowhere"),
    ] {
        let output = desk
            .loginproof(&["report", "--matrix", "matrix.md", run])
            .assert()
            .code(2);
        let shown = text(&output.get_output().stderr);
        assert!(shown.contains(complaint), "{run}: {shown}");
    }
    assert!(!desk.path().join("matrix.md").exists());
}
