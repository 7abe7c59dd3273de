//! Programs that let a secret out, each in another place or another form: `no-leak` names the secret and the place. And
//! one that uses its secrets well.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod machine;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Longer than the run takes, on a machine that does other things too.
const BOUND: Duration = Duration::from_secs(120);

/// A program that reads its credential file and does what its prompt says.
const PROGRAM: &str = r#"
import base64, json, os, subprocess, sys, urllib.parse, urllib.request
tokens = json.load(open(os.environ["LOGINPROOF_STORE"]))["tokens"]
access, refresh = tokens["access_token"], tokens["refresh_token"]

def child(arguments, **added):
    # Long enough to be looked at.
    subprocess.run(["sh", "-c", "sleep 0.5", "helper", *arguments], env={**os.environ, **added})

def ask(path, body, **headers):
    base = os.environ["LOGINPROOF_BASE_URL"]
    request = urllib.request.Request(base + path, data=body.encode(), headers={"content-type": "application/json", **headers})
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError:
        pass

def file(name, text, mode):
    path = os.path.join(os.environ["HOME"], name)
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)

what = sys.argv[1]
if what == "stdout": print("using", refresh)
if what == "stderr": print("using", access, file=sys.stderr)
if what == "url-encoded": print("?token=" + "".join("%%%02X" % b if chr(b) in "_-." else chr(b) for b in refresh.encode()))
if what == "json": print(json.dumps(json.dumps({"token": refresh})))
if what == "base64": print(base64.b64encode(("user:" + refresh).encode()).decode())
if what == "log": file("debug.log", "refreshing with " + refresh, 0o600)
if what == "readable-store": file("auth.json.bak", json.dumps({"token": refresh}), 0o644)
if what == "arguments": child(["--header", "authorization: Bearer " + access])
if what == "environment": child([], REFRESH=refresh)
if what == "address": ask("/responses?key=" + access, "{}", authorization="Bearer " + access)
if what == "wrong-endpoint": ask("/responses", json.dumps({"token": refresh}), authorization="Bearer " + access)
if what == "well":
    ask("/responses", "{}", authorization="Bearer " + access)
    file("auth.json.bak", json.dumps({"token": refresh}), 0o600)
    child(["--quiet"], ACCESS_TOKEN=access, GIVEN=os.environ["GIVEN"])
print("done")
"#;

/// What each prompt lets out, and where; nothing for the last.
const LEAKS: [(&str, &str); 12] = [
    ("stdout", r"^refresh token in the output of ask$"),
    ("stderr", r"^access token in the output of ask$"),
    ("url-encoded", r"^refresh token in the output of ask$"),
    ("json", r"^refresh token in the output of ask$"),
    ("base64", r"^refresh token in the output of ask$"),
    ("log", r"^refresh token in debug\.log$"),
    (
        "readable-store",
        r"^refresh token in auth\.json\.bak, which others can read \(mode 0644\)$",
    ),
    (
        "arguments",
        r"^access token in the arguments of sh, which ask started$",
    ),
    (
        "environment",
        r"^refresh token in the environment of sh, which ask started$",
    ),
    (
        "address",
        r"^access token in the address of a request to POST /backend-api/codex/responses$",
    ),
    (
        "wrong-endpoint",
        r"^refresh token sent to POST /backend-api/codex/responses$",
    ),
    ("well", r"^\d+ secrets, none where it must not be$"),
];

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn each_leak_is_named_with_its_place() {
    play("direct", &LEAKS);
}

#[test]
fn what_is_handed_down_is_seen_in_a_namespace_too() {
    if machine::gives_namespaces() {
        let handed_down = ["arguments", "environment"];
        let leaks = LEAKS.into_iter();
        let leaks: Vec<_> = leaks
            .filter(|(name, _)| handed_down.contains(name))
            .collect();
        play("namespace", &leaks);
    }
}

/// Plays the program by this way in, and compares what is told of it.
fn play(network: &str, leaks: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    let program = desk.join("program.py");
    write(&program, PROGRAM);
    // The token in GIVEN is the harness's own doing, and handed on as it is.
    write(
        &desk.join("leaky.toml"),
        &format!(
            r#"
name = "leaky"
title = "Leaky"
version = ["echo", "leaky 1.0"]
speaks = ["ask", "store", "chatgpt", "responses"]
network = ["{network}"]
[env]
GIVEN = "{{access_token}}"
[ask]
run = ["python3", "{}", "{{prompt}}"]
tty = "none"
answer = "stdout"
[store]
path = "{{home}}/auth.json"
format = "codex"
"#,
            program.display()
        ),
    );
    for (name, _) in leaks {
        let text = format!(
            "case: 99.1.1\ntitle: A leak\nlevel: must\nneeds: [ask]\nbecause: Because.\nsources: [me]\n\
             credentials: {{ access: live, refresh: live }}\nsteps:\n  - ask: {name}\n\
             checks:\n  done: {{ screen: {{ matches: done }} }}\n"
        );
        write(
            &desk.join(format!("suite/scenarios/mine/{name}.yaml")),
            &text,
        );
    }
    let output = machine::loginproof_at(desk, BOUND)
        .args(["run", "--target", "./leaky.toml", "--suite", "suite"])
        .args(["--out", "out"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    // A secret that got out has a status of its own.
    assert_eq!(output.status.code(), Some(5), "{shown}");
    let run = std::fs::read(desk.join("out/run.json")).unwrap();
    let run: Value = serde_json::from_slice(&run).unwrap();
    let results = run["results"].as_array().unwrap();
    let check = |scenario: &str, check: &str| {
        let name = format!("mine/{scenario}");
        let mut results = results.iter();
        results.find(|entry| entry["scenario"] == *name && entry["check"] == check)
    };
    for (name, pattern) in leaks {
        assert_eq!(check(name, "done").unwrap()["verdict"], "pass", "{shown}");
        let leak = check(name, "no-leak").unwrap();
        let words = leak["because"].as_str().unwrap();
        let expected = regex::Regex::new(pattern).unwrap();
        assert!(expected.is_match(words), "{name}: {words}\n{shown}");
        assert_eq!(
            leak["verdict"] == "pass",
            *name == "well",
            "{name}: {words}"
        );
    }
}
