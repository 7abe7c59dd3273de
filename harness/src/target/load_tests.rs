use std::fmt::Write as _;

use miette::Diagnostic as _;

use super::*;
use crate::scenario::model::Capability;
use crate::target::CommandKind;
use crate::target::model::{AnswerFrom, Network};
use crate::target::placeholders::Placeholders;

const TOY: &str = r#"
name = "toy"
title = "Toy"
version = ["toy", "--version"]
speaks = ["device-login", "ask"]
network = ["namespace", "proxy"]
[env]
A = "base"
B = "base"
[files."{home}/a"]
text = "of {home}"
[login]
run = ["toy", "login"]
keys = [{ after = "ready", type = "/login", press = "enter" }, { press = "down" }]
done = "signed in"
quit = ["ctrl-c", "ctrl-c"]
[ask]
run = ["toy", "{prompt}"]
answer = { json-lines = "/part/text" }
"#;

fn mistake(text: &str) -> String {
    let error = Target::parse("./toy.toml", text).unwrap_err();
    let mut shown = error.to_string();
    if let Some(help) = error.help() {
        write!(shown, " ({help})").unwrap();
    }
    let label = error.labels().and_then(|mut labels| labels.next());
    let label = label.unwrap_or_else(|| panic!("`{shown}` has no place"));
    let at = &text[label.offset()..label.offset() + label.len()];
    format!("{at}: {shown}")
}

/// The toy with one text in place of another, and lines at its end.
fn changed(old: &str, new: &str, more: &str) -> String {
    assert!(TOY.contains(old));
    format!("{}{more}", TOY.replacen(old, new, 1))
}

#[test]
fn every_built_in_target_loads_under_its_own_name() {
    for name in Target::built_in() {
        let target = Target::load(&name).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(target.file.name, name);
    }
}

#[test]
fn what_a_target_says_is_read() {
    let target = Target::parse("./toy.toml", TOY).unwrap();
    let login = target.command(CommandKind::Login(Flow::Chatgpt)).unwrap();
    assert_eq!(login.keys[0].text.as_deref(), Some("/login"));
    assert_eq!(login.keys[1].press.as_deref(), Some("down"));
    assert_eq!(target.preferred_network(), Network::Namespace);
    assert_eq!(
        target.hosts(),
        ["auth.openai.com", "chatgpt.com", "api.openai.com"]
    );
    let answer = target.file.ask.unwrap().answer;
    assert_eq!(answer, Some(AnswerFrom::JsonLines("/part/text".to_owned())));
}

#[test]
fn every_mistake_is_shown_where_it_stands() {
    let cases = [
        (
            changed("\"ask\"]", "\"ask\", \"device-nous\"]", ""),
            "\"device-nous\": the target claims `device-nous` but has no [logins.nous]",
        ),
        (
            changed(
                "\"ask\"]",
                "\"ask\", \"pool\"]",
                "[store]\npath = \"x\"\nformat = \"pi\"\n",
            ),
            "\"pool\": the target claims `pool` but its [store] holds one account",
        ),
        (
            changed("quit =", "quitt =", ""),
            "quitt: unknown field `quitt`",
        ),
        (
            changed("", "", "[logins.nouss]\nrun = [\"toy\"]\n"),
            "nouss: unknown variant `nouss`",
        ),
        (
            changed("", "", "[logins.chatgpt]\nrun = [\"toy\"]\n"),
            "[logins.chatgpt]: the ChatGPT flow's command stands in [login]",
        ),
        (
            changed("{ press = \"down\" }", "{ after = \"menu\" }", ""),
            "menu: this entry of `keys` does nothing",
        ),
        (
            changed("press = \"enter\"", "press = \"entre\"", ""),
            "\"entre\": unknown key `entre`",
        ),
        (
            changed("after = \"ready\"", "after = \"(ready\"", ""),
            "(ready: not a regular expression: unclosed group",
        ),
        (
            changed("quit = [\"ctrl-c\", \"ctrl-c\"]", "", ""),
            "done: `done` needs `quit`",
        ),
        (
            changed("\"proxy\"", "\"proxi\"", ""),
            "\"proxi\": unknown variant `proxi`, expected one of `direct`, `proxy`, `namespace` (did you mean `proxy`?)",
        ),
        (
            changed("\"/part/text\"", "\"part/text\"", ""),
            "\"part/text\": `part/text` is not a JSON pointer",
        ),
        (
            changed("[ask]", "[ask]\nenv = { X = \"{flow}\" }", ""),
            "{flow}: `{flow}` has no value here: only commands that sign in have a flow",
        ),
        (
            changed("B = \"base\"", "B = \"{tools}\"", ""),
            "{tools}: `{tools}` has no value here: the target has no [install]",
        ),
        (
            changed("B = \"base\"", "B = \"{prompt}\"", ""),
            "{prompt}: `{prompt}` has no value here: only [ask]",
        ),
        (
            changed(
                "[\"namespace\", \"proxy\"]",
                "[\"direct\"]",
                "[verbose]\nenv = { P = \"{proxy}\" }\n",
            ),
            "{proxy}: `{proxy}` has no value here: the target's `network` does not list proxy",
        ),
        (
            changed("[env]", "hosts = [\"https://x.ai\"]\n[env]", ""),
            "\"https://x.ai\": `https://x.ai` is not a host",
        ),
        (
            changed("[env]", "ambient = [\"Models.dev\"]\n[env]", ""),
            "\"Models.dev\": `Models.dev` is neither",
        ),
        (
            changed("", "", "[modes.fast]\n"),
            "[modes.fast: the mode `fast` changes nothing",
        ),
        (
            changed("text = \"of {home}\"", "from = \"../x.py\"", ""),
            "../x.py: `from` names a file in the target file's folder",
        ),
        (
            changed("text = \"of {home}\"", "", ""),
            "\"{home}/a\": the file `{home}/a` needs either `text` or `from`",
        ),
        (
            changed("", "", "[imports.kodex]\npath = \"{home}/x\"\n"),
            "[imports.kodex]: `kodex` is no known store format",
        ),
        (
            changed("title", "extends = \"refrence\"\ntitle", ""),
            "\"refrence\": there is no target `refrence` to extend (did you mean `reference`? built in: ",
        ),
        (
            changed(
                "",
                "",
                "[install]\npin = \"1\"\nrun = [\"a\", [\"b\"]]\nbin = \"x\"\n",
            ),
            "[\"a\", [\"b\"]]: either all elements are words of one command, or all are commands",
        ),
    ];
    for (text, expected) in cases {
        let shown = mistake(&text);
        assert!(shown.starts_with(expected), "{shown}\n  is not\n{expected}");
    }
}

#[test]
fn a_target_has_everything_of_the_one_it_extends_but_what_it_says_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let install = "[install]\npin = \"1.0\"\nrun = [[\"a\"], [\"b\"]]\nbin = [\"{tools}/a\", \"{tools}/b\"]\n";
    std::fs::write(at("toy.toml"), format!("{TOY}{install}")).unwrap();
    std::fs::write(at("shim.py"), "print({prompt})").unwrap();
    std::fs::write(
        at("own.toml"),
        r#"
name = "own"
extends = "./toy.toml"
[env]
B = "own"
[files."{home}/a"]
from = "shim.py"
[ask]
answer = "stdout"
"#,
    )
    .unwrap();
    let own = Target::load(&at("own.toml")).unwrap();
    let toy = Target::load(&at("toy.toml")).unwrap();
    assert_eq!(own.file.name, "own");
    assert_eq!(own.file.title, "Toy");
    assert_eq!(own.file.env["A"], "base");
    assert_eq!(own.file.env["B"], "own");
    let ask = own.file.ask.as_ref().unwrap();
    assert_eq!(ask.answer, Some(AnswerFrom::Stdout));
    assert_eq!(ask.run, ["toy", "{prompt}"]);
    // Nothing is filled into a file of its own: braces mean something else in most languages.
    let content = own.file.files["{home}/a"].content(&Placeholders::default().with("prompt", "x"));
    assert_eq!(content, "print({prompt})");
    // The same program is not installed twice.
    assert_eq!(own.tools, toy.tools);
    assert_eq!(
        own.bin(&Placeholders::default().with("tools", "/t")).len(),
        2
    );
}

#[test]
fn a_mistake_in_what_is_extended_is_shown_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let base = changed("[ask]", "[ask]\nanser = \"stdout\"", "");
    std::fs::write(at("toy.toml"), &base).unwrap();
    std::fs::write(at("own.toml"), "name = \"own\"\nextends = \"./toy.toml\"\n").unwrap();
    let error = Target::load(&at("own.toml")).unwrap_err();
    let label = error.labels().unwrap().next().unwrap();
    assert_eq!(&base[label.offset()..label.offset() + label.len()], "anser");

    std::fs::write(at("toy.toml"), TOY).unwrap();
    let own = "name = \"own\"\nextends = \"./toy.toml\"\nspeeks = []\n";
    std::fs::write(at("own.toml"), own).unwrap();
    let error = Target::load(&at("own.toml")).unwrap_err();
    let label = error.labels().unwrap().next().unwrap();
    assert_eq!(&own[label.offset()..label.offset() + label.len()], "speeks");
}

#[test]
fn a_target_that_extends_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for (name, base) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let text = format!("name = \"{name}\"\nextends = \"./{base}.toml\"\n");
        std::fs::write(at(&format!("{name}.toml")), text).unwrap();
    }
    let error = Target::load(&at("a.toml")).unwrap_err().to_string();
    assert!(
        error.starts_with("a target cannot extend itself: "),
        "{error}"
    );
    assert_eq!(error.matches(" -> ").count(), 3, "{error}");
    std::fs::write(at("a.toml"), "name = \"a\"\nextends = \"./nowhere.toml\"\n").unwrap();
    let error = Target::load(&at("a.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read "), "{error}");
}

#[test]
fn modes_add_to_a_command_and_replace_files() {
    let more = r#"
[verbose]
args = ["-v"]
[modes.fast]
args = ["--fast"]
env = { B = "fast" }
[modes.fast.files."{home}/a"]
text = "fast"
[modes.chat.ask]
run = ["toy", "chat", "{prompt}"]
answer = "stdout"
"#;
    let target = Target::parse("./toy.toml", &changed("", "", more)).unwrap();
    let modes = ["fast".to_owned(), "chat".to_owned()];
    let ask = target.invocation(CommandKind::Ask, &modes, true).unwrap();
    assert_eq!(ask.run, ["toy", "chat", "{prompt}", "--fast", "-v"]);
    assert_eq!(ask.env["B"], "fast");
    assert_eq!(ask.command.answer, Some(AnswerFrom::Stdout));
    let login = CommandKind::Login(Flow::Chatgpt);
    let login = target.invocation(login, &modes, false).unwrap();
    assert_eq!(login.run, ["toy", "login"]);
    assert_eq!(login.env["B"], "fast");
    let text = |modes: &[String]| target.files(modes)["{home}/a"].text.clone().unwrap();
    assert_eq!(text(&[]), "of {home}");
    assert_eq!(text(&modes), "fast");
}

#[test]
fn a_way_to_sign_in_may_keep_its_tokens_elsewhere() {
    let more = r#"
[logins.nous]
run = ["toy", "nous"]
store = { path = "{home}/nous.json" }
[logins.qwen]
run = ["toy", "qwen"]
[store]
path = "{home}/auth.json"
also = ["{home}/shared.json"]
format = "codex"
[imports.loginproof]
path = "{home}/other.json"
"#;
    let target = Target::parse("./toy.toml", &changed("", "", more)).unwrap();
    let path = |flow| target.store(flow).unwrap().0;
    assert_eq!(path(Flow::Chatgpt), "{home}/auth.json");
    assert_eq!(path(Flow::Nous), "{home}/nous.json");
    assert_eq!(path(Flow::Qwen), "{home}/auth.json");
    assert_eq!(target.imports["loginproof"].path, "{home}/other.json");
    let files: Vec<_> = target.credential_files().collect();
    let known = ["auth.json", "shared.json", "nous.json", "other.json"];
    assert_eq!(files, known.map(|name| format!("{{home}}/{name}")));
}

#[test]
fn a_bare_token_is_a_way_to_be_seeded() {
    let plain = Target::parse("./toy.toml", TOY).unwrap();
    assert!(!plain.can_be_seeded());
    let text = changed("B = \"base\"", "B = \"{access_token}\"", "");
    assert!(Target::parse("./toy.toml", &text).unwrap().can_be_seeded());
    assert_eq!(
        plain.lacks(&[Capability::Ask, Capability::Store]),
        [Capability::Store]
    );
}

#[test]
fn the_schema_lets_a_target_leave_out_what_it_extends_and_names_every_flow() {
    let schema = serde_json::to_value(schemars::schema_for!(TargetFile)).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert_eq!(
        schema["$defs"]["Command"]["required"],
        serde_json::json!([])
    );
    let named = schema
        .pointer("/properties/logins/propertyNames/enum")
        .unwrap();
    let known = Flow::ALL.into_iter().skip(1).map(Flow::name);
    assert_eq!(*named, known.collect::<serde_json::Value>());
}
