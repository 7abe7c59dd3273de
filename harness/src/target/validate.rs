//! What a target file must hold besides its form: sections for what it claims, expressions that compile, placeholders
//! that have a value where they stand.

use std::collections::BTreeMap;

use super::flow::Flow;
use super::model::{AnswerFrom, Command, KeyPress, Network, SeedFile, TargetFile};
use super::placeholders;
use super::source::Sources;
use crate::file_error::FileError;
use crate::scenario::model::{Capability, Tty};
use crate::terminal::keys;
use crate::terminal::modes::KeyModes;

/// Checks a target as a whole.
pub(super) fn validate(file: &TargetFile, sources: &Sources) -> Result<(), FileError> {
    network(file, sources)?;
    claims(file, sources)?;
    for (key, entry) in commands(file) {
        command(&key, entry, sources)?;
    }
    for (key, entry) in asks(file) {
        if entry.answer.is_none() {
            let message = format!("[{key}] must say where the answer stands: answer = \"stdout\"");
            return Err(sources.at(&format!("[{key}]"), message));
        }
    }
    words(&file.version, "version", sources)?;
    if let Some(install) = &file.install {
        for words in install.run.list() {
            self::words(&words, "run", sources)?;
        }
        files(&install.files, sources)?;
        if let Some(path) = install
            .files
            .keys()
            .find(|path| !path.starts_with("{tools}/"))
        {
            let message = "what an installer needs stands below {tools}/";
            return Err(sources.at(&format!("\"{path}\""), message));
        }
        if install.run.list().is_empty() || install.bin.list().is_empty() {
            return Err(sources.at("[install]", "[install] needs a command and a folder"));
        }
    }
    if file.logins.contains_key(&Flow::Chatgpt) {
        return Err(sources.at(
            "[logins.chatgpt]",
            "the ChatGPT flow's command stands in [login]",
        ));
    }
    for (name, mode) in &file.modes {
        let nothing = mode.args.is_empty()
            && mode.env.is_empty()
            && mode.files.is_empty()
            && mode.ask.is_none();
        if nothing {
            return Err(sources.at(
                &format!("[modes.{name}"),
                format!("the mode `{name}` changes nothing"),
            ));
        }
        files(&mode.files, sources)?;
    }
    files(&file.files, sources)?;
    for pattern in [&file.person.url, &file.person.code].into_iter().flatten() {
        regex(pattern, sources)?;
    }
    known_placeholders(sources)?;
    placeholders_with_value(file, sources)
}

fn network(file: &TargetFile, sources: &Sources) -> Result<(), FileError> {
    if file.network.is_empty() {
        return Err(sources.at("network", "a target needs at least one way to the mocks"));
    }
    for host in file.hosts.iter().flatten() {
        if !is_host(host) {
            let message =
                format!("`{host}` is not a host: write auth.example.com, or *.example.com");
            return Err(sources.at(&format!("\"{host}\""), message));
        }
    }
    for entry in &file.ambient {
        let host = entry.split('/').next().unwrap_or_default();
        if !entry.starts_with('/') && !is_host(host) {
            let message = format!("`{entry}` is neither `/path`, `host`, `*.host` nor `host/path`");
            return Err(sources.at(&format!("\"{entry}\""), message));
        }
    }
    Ok(())
}

/// A host name in lower case, or every name below one; no scheme, no port.
fn is_host(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.split('.')
        .all(|label| !label.is_empty() && label.chars().all(plain))
}

fn claims(file: &TargetFile, sources: &Sources) -> Result<(), FileError> {
    let section = |capability: Capability| -> Option<(&str, bool)> {
        let flow = Flow::ALL
            .into_iter()
            .find(|flow| flow.capability() == capability);
        if let Some(flow) = flow {
            let given = match flow {
                Flow::Chatgpt => file.login.is_some(),
                flow => file.logins.contains_key(&flow),
            };
            return Some((flow.key(), given));
        }
        Some(match capability {
            Capability::Ask | Capability::Responses => ("ask", file.ask.is_some()),
            Capability::AskMany => ("ask-many", file.ask_many.is_some()),
            Capability::Logout => ("logout", file.logout.is_some()),
            Capability::Status => ("status", file.status.is_some()),
            Capability::Store | Capability::Pool => ("store", file.store.is_some()),
            Capability::Discovery => ("models", file.models.is_some()),
            Capability::AccountsList => ("accounts", file.accounts.is_some()),
            Capability::Translate | Capability::TranslateStream => {
                ("translate", file.translate.is_some())
            }
            Capability::Children => ("modes.children", file.modes.contains_key("children")),
            Capability::Import => ("imports", !file.imports.is_empty()),
            Capability::Fallback => ("modes.fallback", file.modes.contains_key("fallback")),
            Capability::Fast => ("modes.fast", file.modes.contains_key("fast")),
            Capability::Websocket => ("modes.websocket", file.modes.contains_key("websocket")),
            _ => return None,
        })
    };
    for capability in &file.speaks {
        if let Some((table, false)) = section(*capability) {
            let message = format!("the target claims `{capability}` but has no [{table}]");
            return Err(sources.at(&format!("\"{capability}\""), message));
        }
    }
    Ok(())
}

/// Every command with the table it stands in.
fn commands(file: &TargetFile) -> Vec<(String, &Command)> {
    let plain = [
        ("login", &file.login),
        ("ask", &file.ask),
        ("ask-many", &file.ask_many),
        ("logout", &file.logout),
        ("status", &file.status),
        ("models", &file.models),
        ("accounts", &file.accounts),
        ("translate", &file.translate),
    ];
    let plain = plain
        .into_iter()
        .filter_map(|(key, command)| Some((key.to_owned(), command.as_ref()?)));
    let logins = file
        .logins
        .iter()
        .map(|(flow, command)| (flow.key().to_owned(), command));
    let modes = file
        .modes
        .iter()
        .filter_map(|(name, mode)| Some((format!("modes.{name}.ask"), mode.ask.as_ref()?)));
    plain.chain(logins).chain(modes).collect()
}

fn asks(file: &TargetFile) -> impl Iterator<Item = (String, &Command)> {
    commands(file)
        .into_iter()
        .filter(|(key, _)| key == "ask" || key.ends_with(".ask"))
}

fn command(key: &str, command: &Command, sources: &Sources) -> Result<(), FileError> {
    let table = format!("[{key}]");
    words(&command.run, "run", sources)?;
    if let Some(AnswerFrom::JsonLines(pointer) | AnswerFrom::Json(pointer)) = &command.answer
        && !(pointer.is_empty() || pointer.starts_with('/'))
    {
        let message = format!("`{pointer}` is not a JSON pointer: it starts with `/`");
        return Err(sources.at(&format!("\"{pointer}\""), message));
    }
    for pattern in command.keys.iter().filter_map(|key| key.after.as_ref()) {
        regex(pattern, sources)?;
    }
    if let Some(pattern) = &command.done {
        regex(pattern, sources)?;
    }
    for entry in &command.keys {
        if entry.text.is_none() && entry.press.is_none() {
            return Err(does_nothing(entry, sources));
        }
    }
    let pressed = command.keys.iter().filter_map(|key| key.press.as_ref());
    for name in pressed.chain(&command.quit) {
        if let Err(error) = keys::bytes(name, KeyModes::default()) {
            return Err(sources.at(&format!("\"{name}\""), error.to_string()));
        }
    }
    if !command.keys.is_empty() && command.tty == Some(Tty::None) {
        let message = "`keys` are typed on a terminal, and this command has none";
        return Err(sources.at(&table, message));
    }
    match (&command.done, command.quit.is_empty()) {
        (Some(_), true) => Err(sources.at("done", "`done` needs `quit`: the keys that end it")),
        (None, false) => Err(sources.at(
            "quit",
            "`quit` needs `done`: when the screen says that it is done",
        )),
        _ if command.store.is_some() && !key.starts_with("logins.") => Err(sources.at(
            &table,
            "`store` stands in [logins.FLOW]; the program's own is [store]",
        )),
        _ => Ok(()),
    }
}

fn does_nothing(entry: &KeyPress, sources: &Sources) -> FileError {
    let needle = entry.after.as_deref().unwrap_or("keys");
    sources
        .at(needle, "this entry of `keys` does nothing")
        .with_help(Some(
            "give it `type = \"text\"`, `press = \"enter\"`, or both".to_owned(),
        ))
}

fn words(words: &[String], key: &str, sources: &Sources) -> Result<(), FileError> {
    if words.is_empty() {
        return Err(sources.at(key, "a command needs at least the program's name"));
    }
    Ok(())
}

fn files(files: &BTreeMap<String, SeedFile>, sources: &Sources) -> Result<(), FileError> {
    for (path, file) in files {
        if file.text.is_some() == file.from.is_some() {
            let message = format!("the file `{path}` needs either `text` or `from`");
            return Err(sources.at(&format!("\"{path}\""), message));
        }
        let outside =
            |from: &String| from.starts_with('/') || from.split('/').any(|part| part == "..");
        if let Some(from) = file.from.as_ref().filter(|from| outside(from)) {
            let message = "`from` names a file in the target file's folder or below it";
            return Err(sources.at(from, message));
        }
    }
    Ok(())
}

fn regex(pattern: &str, sources: &Sources) -> Result<(), FileError> {
    regex::Regex::new(pattern).map(drop).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or("invalid");
        let last = last.trim_start_matches("error: ");
        // As it stands in the file: a basic string doubles its backslashes.
        let written = pattern.replace('\\', "\\\\");
        let needle = if sources.has(pattern) {
            pattern
        } else {
            &written
        };
        sources.at(needle, format!("not a regular expression: {last}"))
    })
}

fn known_placeholders(sources: &Sources) -> Result<(), FileError> {
    for source in sources.files() {
        let Some((word, meant)) = placeholders::unknown(&source.text).next() else {
            continue;
        };
        let help = meant.map_or_else(
            || format!("known are {}", placeholders::KNOWN.join(", ")),
            |meant| format!("did you mean `{{{meant}}}`?"),
        );
        let wrong = format!("{{{word}}}");
        let message = format!("`{wrong}` is no placeholder");
        return Err(
            FileError::at(&source.path, &source.text, &wrong, message).with_help(Some(help))
        );
    }
    Ok(())
}

/// Where a text stands, as far as it decides which placeholders have a value.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In what `install` runs.
    Install,
    /// In the command that tells the version.
    Version,
    /// In a command that answers one prompt, or several.
    Ask,
    /// In a command that signs in.
    Login,
    /// Anywhere else.
    World,
}

fn placeholders_with_value(file: &TargetFile, sources: &Sources) -> Result<(), FileError> {
    for (place, text) in texts(file) {
        for name in placeholders::used(text) {
            if let Some(why) = without_value(name, place, file) {
                let message = format!("`{{{name}}}` has no value here: {why}");
                return Err(sources.at(&format!("{{{name}}}"), message));
            }
        }
    }
    Ok(())
}

/// Why a placeholder has no value in a place of this target.
fn without_value(name: &str, place: Place, file: &TargetFile) -> Option<&'static str> {
    let goes = |networks: &[Network]| file.network.iter().any(|way| networks.contains(way));
    let (has, why) = match (name, place) {
        ("tools", _) => (file.install.is_some(), "the target has no [install]"),
        ("platform" | "loginproof", _) => (true, ""),
        (_, Place::Install) => (
            false,
            "an installer knows {tools}, {platform} and {loginproof} alone",
        ),
        (_, Place::Version) => (
            false,
            "the version is told outside of any scenario, and knows {tools}, {platform} and {loginproof} alone",
        ),
        ("store", _) => (file.store.is_some(), "the target has no [store]"),
        ("proxy", _) => (
            goes(&[Network::Proxy]),
            "the target's `network` does not list proxy",
        ),
        ("ca" | "ca_bundle", _) => (
            goes(&[Network::Proxy, Network::Namespace]),
            "the target's `network` lists neither proxy nor namespace",
        ),
        ("prompt" | "prompts", place) => (
            place == Place::Ask,
            "only [ask] and [ask-many] are given a prompt",
        ),
        ("flow", place) => (
            place == Place::Login,
            "only commands that sign in have a flow",
        ),
        _ => (true, ""),
    };
    (!has).then_some(why)
}

/// Every text of a target that may hold placeholders.
fn texts(file: &TargetFile) -> Vec<(Place, &str)> {
    fn at<'a>(
        place: Place,
        texts: impl IntoIterator<Item = &'a String>,
    ) -> impl Iterator<Item = (Place, &'a str)> {
        texts.into_iter().map(move |text| (place, text.as_str()))
    }
    let mut texts: Vec<(Place, &str)> = at(Place::Version, &file.version).collect();
    if let Some(install) = &file.install {
        texts.extend(at(Place::Install, install.run.words()));
        texts.extend(at(Place::Install, install.bin.list()));
    }
    for (key, command) in commands(file) {
        let place = match key.rsplit('.').next() {
            Some("ask" | "ask-many") => Place::Ask,
            _ if key.starts_with("login") => Place::Login,
            _ => Place::World,
        };
        let typed = command.keys.iter().filter_map(|key| key.text.as_ref());
        let words = command.run.iter().chain(command.env.values()).chain(typed);
        texts.extend(at(place, words));
    }
    texts.extend(at(
        Place::World,
        file.env.values().chain(file.verbose.env.values()),
    ));
    texts.extend(at(Place::World, &file.verbose.args));
    for mode in file.modes.values() {
        texts.extend(at(Place::Ask, &mode.args));
        texts.extend(at(Place::World, mode.env.values()));
    }
    let modes = file.modes.values().map(|mode| &mode.files);
    for files in modes.chain([&file.files]) {
        texts.extend(at(Place::World, files.keys()));
        texts.extend(at(
            Place::World,
            files.values().filter_map(|file| file.text.as_ref()),
        ));
    }
    texts.extend(at(
        Place::World,
        file.imports.values().map(|store| &store.path),
    ));
    texts
}
