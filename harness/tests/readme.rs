//! The README's walk-through: its files, its commands, and what it says comes out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
mod machine;

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

/// Longer than any run here takes, on a machine that does other things too.
const BOUND: std::time::Duration = std::time::Duration::from_secs(180);

/// A newcomer's folder with the two files of the walk-through in it.
struct Newcomer(tempfile::TempDir);

impl Newcomer {
    fn new() -> Self {
        let newcomer = Self(tempfile::tempdir().unwrap());
        for name in ["tiny.py", "tiny.toml"] {
            std::fs::write(newcomer.path(name), fenced(&format!("# {name}\n"))).unwrap();
        }
        newcomer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command of the README.
    fn types(&self, line: &str) -> Output {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("loginproof"), "{line}");
        machine::loginproof_at(self.0.path(), BOUND)
            .args(words)
            .output()
            .unwrap()
    }

    fn run(&self, scenario: &str) -> Value {
        let line =
            format!("loginproof run --target ./tiny.toml {scenario} --out out --format json");
        serde_json::from_slice(&self.types(&line).stdout).unwrap()
    }
}

#[test]
fn the_walk_through_ends_as_it_says() {
    let newcomer = Newcomer::new();
    let lint = newcomer.types(inline("loginproof lint --target ./tiny.toml"));
    let mistakes = text(&lint.stdout) + &text(&lint.stderr);
    assert!(!mistakes.contains("tiny.toml"), "{mistakes}");

    let command = inline("loginproof run --target ./tiny.toml baseline");
    let first = newcomer.types(command);
    let shown = text(&first.stdout);
    let report: Vec<_> = shown.lines().map(str::trim_end).collect();
    for line in fenced("  NONSTRICT mode-0600").lines() {
        assert!(
            report.contains(&line.trim_end()),
            "`{line}` is not in\n{shown}"
        );
    }
    assert_eq!(first.status.code(), Some(5));

    // "`os.umask(0o077)` below the imports".
    let script = std::fs::read_to_string(newcomer.path("tiny.py")).unwrap();
    let imports = "from urllib import error, parse, request\n";
    let mended = script.replace(
        imports,
        &format!("{imports}{}\n", inline("os.umask(0o077)")),
    );
    assert_ne!(mended, script);
    std::fs::write(newcomer.path("tiny.py"), mended).unwrap();
    let second = newcomer.types(command);
    let shown = text(&second.stdout);
    assert!(
        shown.ends_with(&format!("{}\n", inline("exit status 0: as expected"))),
        "{shown}"
    );
    for left in ["names-the-account", "shows-the-refusal"] {
        assert!(shown.contains(&format!("NONSTRICT {left}")), "{shown}");
    }
}

#[test]
fn the_scenarios_that_it_names_catch_what_it_says() {
    let newcomer = Newcomer::new();
    let row = regex::Regex::new(r"(?m)^\| `([a-z-]+/[a-z-]+)` \| `([a-z-]+)` \|").unwrap();
    let readme = readme();
    let mut rows = 0;
    for found in row.captures_iter(&readme) {
        let (scenario, check) = (&found[1], &found[2]);
        let run = newcomer.run(scenario);
        let verdicts: Vec<_> = run["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|result| result["check"] == check)
            .map(|result| result["verdict"].as_str().unwrap())
            .collect();
        assert!(
            verdicts.contains(&"fail"),
            "{scenario} {check}: {verdicts:?}"
        );
        rows += 1;
    }
    assert!(rows > 3, "{rows}");
    let run = newcomer.run("refresh/reused");
    assert_eq!(run["summary"]["unsupported"], run["summary"]["checks"]);
}

#[cfg(target_os = "linux")]
#[test]
fn without_its_variables_the_script_is_led_to_the_mocks_all_the_same() {
    if !machine::gives_namespaces() {
        return;
    }
    let newcomer = Newcomer::new();
    let target = std::fs::read_to_string(newcomer.path("tiny.toml")).unwrap();
    let (before, rest) = target.split_once("[env]").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let target = format!("{before}{after}").replace(
        r#"network = ["direct"]"#,
        inline(r#"network = ["namespace"]"#),
    );
    std::fs::write(newcomer.path("tiny.toml"), &target).unwrap();
    let run = newcomer.run("baseline/device-login baseline/turn");
    assert_eq!(run["targets"][0]["network"], "namespace");
    let verdicts = |check: &str| -> Vec<&str> {
        let results = run["results"].as_array().unwrap().iter();
        results
            .filter(|result| result["check"] == check)
            .map(|result| result["verdict"].as_str().unwrap())
            .collect()
    };
    assert_eq!(verdicts("no-egress"), ["pass", "pass"], "{run:#}");
    for check in ["signs-in", "answers", "clean-exit", "no-surprise"] {
        assert!(!verdicts(check).contains(&"fail"), "{check}: {run:#}");
    }
    assert_eq!(run["summary"]["exit_status"], 5);
}

/// The content of the README's code block that begins with these words.
fn fenced(start: &str) -> String {
    let readme = readme();
    let block = readme
        .split("\n```")
        .filter_map(|part| part.split_once('\n').map(|(_, block)| block))
        .find(|block| block.starts_with(start));
    format!(
        "{}\n",
        block.unwrap_or_else(|| panic!("no block begins with {start}"))
    )
}

/// The same words, if the README has them.
fn inline(words: &str) -> &str {
    assert!(
        readme().contains(words),
        "the README no longer says `{words}`"
    );
    words
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
