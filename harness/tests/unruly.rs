//! Programs that do what no program should: each is ended and reported, nothing of it lives on, and the scenario
//! after it is unharmed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod machine;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any run here takes, on a machine that does other things too.
const BOUND: Duration = Duration::from_secs(90);
/// How long a process that was ended may take to be gone.
const GONE: Duration = Duration::from_secs(5);

/// What became of a run of two scenarios: an unruly program, then a well-behaved one.
struct Played {
    status: i32,
    shown: String,
    run: Value,
    /// Most memory that the harness held, in bytes.
    peak: u64,
}

impl Played {
    /// Verdict and words of one check of the unruly program's scenario.
    fn check(&self, check: &str) -> (&str, &str) {
        let entry = self.entry("mine/1-unruly", check);
        (
            entry["verdict"].as_str().unwrap(),
            entry["because"].as_str().unwrap(),
        )
    }

    fn entry(&self, scenario: &str, check: &str) -> &Value {
        let results = self.run["results"].as_array().unwrap();
        results
            .iter()
            .find(|entry| entry["scenario"] == scenario && entry["check"] == check)
            .unwrap()
    }
}

/// Plays a program that runs this Python script, and after it one that behaves, on a terminal or on pipes.
/// Whatever the script does: nothing of it may be alive afterwards, and the second scenario must pass.
fn play(tty: &str, script: &str) -> Played {
    play_in("direct", tty, script)
}

/// The same by another way in.
fn play_in(network: &str, tty: &str, script: &str) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    // In the environment of all that the program starts, and of nothing else.
    let marker = format!("unruly-{}", desk.file_name().unwrap().display());
    let program = write(
        desk,
        "program.py",
        &format!("import os, signal, subprocess, sys, time\n{script}\n"),
    );
    // What behaves tells how much memory the harness has needed so far: it is the parent of its own parent.
    let behaves = "grep PPid /proc/$PPID/status | (read -r _ pid; cat /proc/$pid/status > \"$PEAK\"); echo All is well.";
    write(
        desk,
        "unruly.toml",
        &format!(
            r#"
name = "unruly"
title = "Unruly"
version = ["echo", "unruly 1.0"]
speaks = ["ask"]
network = ["{network}"]
[env]
MARKER = "{marker}"
PEAK = "{peak}"
[ask]
run = ["sh", "-c", '''if [ "$1" = behave ]; then {behaves} else exec python3 "{program}"; fi''', "sh", "{{prompt}}"]
tty = "{tty}"
answer = "stdout"
"#,
            peak = desk.join("peak").display(),
            behaves = format!("{behaves};").replace(";;", ";"),
            program = program.display(),
        ),
    );
    scenario(desk, "1-unruly", "2s", "misbehave", "  ends: { exit: any }");
    scenario(
        desk,
        "2-well-behaved",
        "20s",
        "behave",
        "  ends: { exit: success }\n  shown: { screen: { matches: All is well } }",
    );
    let output = machine::loginproof_at(desk, BOUND)
        .args(["run", "--target", "./unruly.toml", "--suite", "suite"])
        .args(["--jobs", "1", "--out", "out"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let run = std::fs::read(desk.join("out/run.json")).unwrap_or_default();
    let run = serde_json::from_slice(&run).unwrap_or_else(|_| panic!("{shown}{complaints}"));
    let peak = std::fs::read_to_string(desk.join("peak")).unwrap();
    let played = Played {
        status: output.status.code().unwrap(),
        shown,
        run,
        peak: peak_of(&peak),
    };
    let left = alive(&marker);
    assert!(left.is_empty(), "still alive: {left:?}\n{}", played.shown);
    for check in ["ends", "shown", "clean-exit", "no-panic"] {
        let entry = played.entry("mine/2-well-behaved", check);
        assert_eq!(entry["verdict"], "pass", "{entry}\n{}", played.shown);
    }
    played
}

fn scenario(desk: &Path, name: &str, bound: &str, prompt: &str, checks: &str) {
    let text = format!(
        "case: 99.1.1\ntitle: A program\nlevel: must\nneeds: [ask]\nbecause: Because.\nsources: [me]\nbound: {bound}\nsteps:\n  - ask: {prompt}\nchecks:\n{checks}\n"
    );
    write(desk, &format!("suite/scenarios/mine/{name}.yaml"), &text);
}

fn write(desk: &Path, name: &str, text: &str) -> PathBuf {
    let path = desk.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// Processes with this marker in their environment, once they had time to be gone.
fn alive(marker: &str) -> Vec<String> {
    let until = Instant::now() + GONE;
    loop {
        let found = marked(marker);
        if found.is_empty() || Instant::now() >= until {
            return found;
        }
        std::thread::yield_now();
    }
}

fn marked(marker: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|folder| {
            // A process that has ended has no environment any more.
            let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(marker)
        })
        .map(|folder| {
            let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
            format!("{} {}", folder.display(), String::from_utf8_lossy(&line))
        })
        .collect()
}

/// `VmHWM:     1234 kB` of proc(5).
fn peak_of(status: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<u64>().unwrap() * 1024
}

#[track_caller]
fn assert_says(played: &Played, verdict: &str, pattern: &str) {
    let (seen, because) = played.check("clean-exit");
    let pattern = regex::Regex::new(pattern).unwrap();
    assert!(
        seen == verdict && pattern.is_match(because),
        "{seen}: {because}\n{}",
        played.shown
    );
    // The report says so too, where a person reads it.
    let words: Vec<_> = played.shown.split_whitespace().collect();
    let said = words.join(" ");
    assert!(
        said.contains(because.split(", and").next().unwrap()),
        "{}",
        played.shown
    );
}

const STILL_RUNNING: &str =
    r"^ask: still running after \d+\.\d s, ended by the harness with SIGKILL$";

#[test]
fn one_that_hangs_is_ended_at_the_bound() {
    for tty in ["pty", "none"] {
        let played = play(tty, "time.sleep(300)");
        assert_says(&played, "fail", STILL_RUNNING);
        assert_eq!(played.status, 1);
    }
}

#[test]
fn one_that_ignores_every_signal_is_ended_at_the_bound() {
    let played = play(
        "pty",
        "for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
        signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    time.sleep(1)",
    );
    assert_says(&played, "fail", STILL_RUNNING);
}

#[test]
fn one_that_stops_itself_is_ended_at_the_bound_and_told_apart() {
    for tty in ["pty", "none"] {
        let played = play(tty, "os.kill(os.getpid(), signal.SIGSTOP)");
        assert_says(
            &played,
            "fail",
            r"^ask: suspended and still there after \d+\.\d s, ended by the harness with SIGKILL$",
        );
    }
}

#[test]
fn one_that_floods_is_ended_at_the_bound_and_fills_no_memory() {
    let lines = "while True: os.write(1, b'a line of a flood that never ends\\r\\n' * 1000)";
    let one_line = "while True: os.write(1, b'x' * 65536)";
    for script in [lines, one_line] {
        for tty in ["pty", "none"] {
            let played = play(tty, script);
            assert_says(
                &played,
                "fail",
                r"^ask: still running after \d+\.\d s and \d+ MB of output, ended by the harness with SIGKILL$",
            );
            assert!(played.peak < 256 << 20, "{} bytes", played.peak);
        }
    }
}

#[test]
fn one_that_forks_is_ended_with_all_its_children() {
    let fork = "for _ in range(50):
    if os.fork() == 0:
        time.sleep(300)
";
    let hangs = play("pty", &format!("{fork}time.sleep(300)"));
    assert_says(
        &hangs,
        "fail",
        r"^ask: still running after \d+\.\d s, ended by the harness with SIGKILL, and with it 50 processes \(python3[.\d]* x 50\)$",
    );
    let ends = play(
        "pty",
        &format!("{fork}signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])"),
    );
    assert_says(
        &ends,
        "unclean",
        r"^ask: left behind, ended by the harness: 50 processes \(python3[.\d]* x 50\)$",
    );
}

#[test]
fn one_that_runs_away_by_forking_over_and_over_is_caught() {
    for own_session in ["pass", "os.setsid()"] {
        let script = format!(
            "for _ in range(100000):
    if os.fork() > 0:
        os._exit(0)
    {own_session}"
        );
        let played = play("none", &script);
        assert_says(
            &played,
            "unclean",
            // One at a time, and those that are about to be gone.
            r"^ask: left behind, ended by the harness: \d+ process(es)? \(",
        );
    }
}

#[test]
fn a_daemon_is_named_and_ended() {
    // The pipe is closed when the daemon is there: at its exec.
    let daemon = "there, here = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    os.closerange(0, there)
    os.chdir('/')
    os.execvp('sleep', ['sleep', '300'])
os.close(here)
os.read(there, 1)
";
    for tty in ["pty", "none"] {
        let played = play(tty, daemon);
        assert_says(
            &played,
            "unclean",
            r"^ask: left behind, ended by the harness: 1 process \(sleep\)$",
        );
        assert!(played.shown.contains("sleep 300"), "{}", played.shown);
    }
}

#[test]
fn a_terminal_left_in_raw_mode_is_reported() {
    let played = play(
        "pty",
        "import tty
tty.setraw(0)
os.write(1, b'\\x1b[?1049h\\x1b[?25l')",
    );
    assert_says(
        &played,
        "unclean",
        r"^ask: terminal modes left: alternate screen, hidden cursor, line discipline \(echo, canonical mode\)$",
    );
}

#[test]
fn none_of_them_gets_away_in_a_namespace() {
    if !machine::gives_namespaces() {
        return;
    }
    let hangs = play_in("namespace", "pty", "time.sleep(300)");
    assert_says(&hangs, "fail", STILL_RUNNING);
    let runs_away = "for _ in range(100000):
    if os.fork() > 0:
        os._exit(0)
    os.setsid()";
    let caught = play_in("namespace", "none", runs_away);
    assert_says(
        &caught,
        "unclean",
        "^ask: left behind, ended by the harness: 1 process",
    );
    let daemon = "if os.fork() == 0:
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    os.closerange(0, 256)
    time.sleep(300)
os.wait()";
    let named = play_in("namespace", "none", daemon);
    assert_says(
        &named,
        "unclean",
        "^ask: left behind, ended by the harness: 1 process",
    );
}
