//! Always on: no secret where it must not be. Terminal, output, files and their modes, arguments and environment of what
//! the program starts, requests to the wrong endpoint.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use loginproof_mocks::authorization::{Secret, SecretKind};
use loginproof_mocks::journal::{Exchange, RecordedRequest};
use loginproof_mocks::script::Endpoint;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Broken, Finding, excerpt, process};
use crate::run::event::Excerpt;
use crate::run::evidence::{Evidence, HomeFile, ProgramRecord};

pub(super) fn judge(evidence: &Evidence) -> Finding {
    if evidence.secrets.is_empty() {
        return Finding::Holds("no secret was minted".to_owned());
    }
    let Some(search) = Search::new(&evidence.secrets) else {
        return Finding::Untold("too many secrets to search for".to_owned());
    };
    let mut leaks: Vec<(String, Excerpt)> = Vec::new();
    for program in &evidence.programs {
        let mut texts = vec![program.raw.clone()];
        texts.extend(program.readable().into_iter().map(String::into_bytes));
        // A terminal shows what is typed: the code that the person pasted is no news there.
        let news = |secret: &&Secret| {
            secret.kind != SecretKind::AuthorizationCode || !program.typed.contains(&secret.value)
        };
        let mut seen = texts.iter().flat_map(|bytes| search.all(bytes));
        if let Some(secret) = seen.find(news) {
            leaks.extend(excerpt::screen(evidence, program).into_iter().map(|shown| {
                (
                    format!(
                        "{} in the output of {}",
                        excerpt::secret_name(secret),
                        program.name
                    ),
                    shown,
                )
            }));
        }
    }
    for program in &evidence.programs {
        leaks.extend(handed_down(&search, program, evidence));
    }
    for exchange in &evidence.exchanges {
        if let Some(leak) = in_request(&search, exchange) {
            leaks.extend(
                excerpt::wire(evidence, |other| other.id == exchange.id)
                    .into_iter()
                    .map(|shown| (leak.clone(), shown)),
            );
        }
    }
    // What programs printed was judged above, wherever it went.
    let printed = |file: &&HomeFile| {
        let mut logs = evidence.programs.iter().filter_map(|one| one.log.as_ref());
        !logs.any(|log| *log == file.absolute)
    };
    for file in evidence.files.iter().filter(printed) {
        let put_there = evidence
            .furnished
            .iter()
            .find(|(path, _)| *path == file.absolute)
            .map_or(&[][..], |(_, bytes)| bytes);
        let put_there: Vec<&Secret> = search.all(put_there).collect();
        let bytes = file.bytes.as_deref().unwrap_or_default();
        let news = |secret: &&Secret| put_there.iter().all(|put| put.value != secret.value);
        let Some(secret) = search.all(bytes).find(news) else {
            continue;
        };
        let shown = || {
            excerpt::file(
                evidence,
                &file.path.display().to_string(),
                &format!("mode {:04o}, {} bytes", file.mode, file.size),
            )
        };
        let beside_store = evidence.credential_files.iter().any(|store| {
            file.absolute.parent() == store.parent() && store_kin(&file.absolute, store)
        });
        if !beside_store {
            leaks.push((
                format!(
                    "{} in {}",
                    excerpt::secret_name(secret),
                    file.path.display()
                ),
                shown(),
            ));
        } else if file.mode & 0o077 != 0 {
            leaks.push((
                format!(
                    "{} in {}, which others can read (mode {:04o})",
                    excerpt::secret_name(secret),
                    file.path.display(),
                    file.mode
                ),
                shown(),
            ));
        }
    }
    if leaks.is_empty() {
        return Finding::Holds(format!(
            "{} secrets, none where it must not be",
            evidence.secrets.len()
        ));
    }
    let seen: Vec<String> = leaks.iter().map(|(seen, _)| seen.clone()).collect();
    Finding::Broken(Broken {
        seen: seen.join("; "),
        expected: "secrets only in the credential file and in requests to their own endpoints"
            .to_owned(),
        excerpts: leaks.into_iter().map(|(_, shown)| shown).take(4).collect(),
        unclean: false,
        got_out: true,
    })
}

/// The first secret that a program handed down to a process that it started.
fn handed_down(
    search: &Search<'_>,
    program: &ProgramRecord,
    evidence: &Evidence,
) -> Option<(String, Excerpt)> {
    // A bare token that the harness gave is no news in the arguments of a launcher's own child.
    let given = program.argv.join("\n");
    let given: Vec<&Secret> = search.all(given.as_bytes()).collect();
    program.ended.handed_down.iter().find_map(|child| {
        let arguments = child.arguments.join("\n");
        let open = search
            .all(arguments.as_bytes())
            .find(|secret| given.iter().all(|known| known.value != secret.value))
            .map(|secret| (secret, "arguments"));
        // Only its own user reads an environment, so that a helper can be lent the access token that way. What renews
        // the sign-in stays with the program (jamesmurdza/background-agents!422).
        let added = child.added.join("\n");
        let lent = || {
            search
                .all(added.as_bytes())
                .find(|secret| secret.kind != SecretKind::AccessToken)
                .map(|secret| (secret, "environment"))
        };
        let (secret, place) = open.or_else(lent)?;
        let name = process::name(child.arguments.first().map_or("?", String::as_str));
        let seen = format!(
            "{} in the {place} of {name}, which {} started",
            excerpt::secret_name(secret),
            program.name
        );
        let shown = Excerpt {
            witness: "process",
            text: excerpt::presentable(&format!("{arguments}\n{added}"), evidence),
        };
        Some((seen, shown))
    })
}

/// The credential file, or a copy of it by a name that begins the same: a backup, a corrupt one set aside.
fn store_kin(path: &std::path::Path, store: &std::path::Path) -> bool {
    let name = |path: &std::path::Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    name(path).starts_with(&name(store))
}

fn in_request(search: &Search<'_>, exchange: &Exchange) -> Option<String> {
    let request = &exchange.request;
    let place = format!(
        "{} {}{}",
        request.method,
        excerpt::foreign_host(exchange),
        request.target.split('?').next().unwrap_or_default()
    );
    if let Some(secret) = search.first(request.target.as_bytes()) {
        return Some(format!(
            "{} in the address of a request to {place}",
            excerpt::secret_name(secret)
        ));
    }
    search
        .in_request(request)
        .into_iter()
        .find(|secret| !belongs(secret.kind, exchange.endpoint))
        .map(|secret| format!("{} sent to {place}", excerpt::secret_name(secret)))
}

/// Where a secret may be sent.
fn belongs(kind: SecretKind, endpoint: Endpoint) -> bool {
    match kind {
        SecretKind::AccessToken => {
            matches!(
                endpoint,
                Endpoint::Responses
                    | Endpoint::Websocket
                    | Endpoint::Models
                    | Endpoint::Accounts
                    | Endpoint::Usage
                    | Endpoint::Ambient
                    | Endpoint::Revoke
                    | Endpoint::Profile
                    | Endpoint::Copilot
                    | Endpoint::Chat
                    | Endpoint::Messages
                    | Endpoint::Generate
            )
        }
        SecretKind::RefreshToken => matches!(endpoint, Endpoint::Token | Endpoint::Revoke),
        // The vendor's browser flow exchanges it at the token endpoint.
        SecretKind::IdToken => endpoint == Endpoint::Token,
        SecretKind::AuthorizationCode => endpoint == Endpoint::Token,
        // Where a device request carries a challenge, the poll carries its verifier.
        SecretKind::CodeVerifier => matches!(endpoint, Endpoint::Token | Endpoint::Poll),
        SecretKind::DeviceAuthId => endpoint == Endpoint::Poll,
    }
}

/// What most encoders leave as it is (RFC 3986 §2.3); others leave letters and digits alone.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// All secrets in all forms, searched for at once.
pub(super) struct Search<'a> {
    automaton: AhoCorasick,
    owners: Vec<&'a Secret>,
}

impl<'a> Search<'a> {
    pub(super) fn new(secrets: &'a [Secret]) -> Option<Self> {
        let mut patterns: Vec<String> = Vec::new();
        let mut owners = Vec::new();
        for secret in secrets {
            for form in forms(&secret.value) {
                patterns.push(form);
                owners.push(secret);
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .ok()?;
        Some(Self { automaton, owners })
    }

    /// Secrets in headers and body of a request.
    pub(super) fn in_request(&self, request: &RecordedRequest) -> Vec<&'a Secret> {
        let headers: String = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let mut secrets: Vec<&Secret> = self.all(headers.as_bytes()).collect();
        secrets.extend(self.all(&request.decoded));
        secrets
    }

    fn first(&self, bytes: &[u8]) -> Option<&'a Secret> {
        self.automaton
            .find(bytes)
            .map(|found| self.owners[found.pattern().as_usize()])
    }

    fn all<'s>(&'s self, bytes: &'s [u8]) -> impl Iterator<Item = &'a Secret> + 's {
        self.automaton
            .find_overlapping_iter(bytes)
            .map(|found| self.owners[found.pattern().as_usize()])
    }
}

/// A secret as it is, URL-encoded, JSON-escaped, and as it looks inside base64 at each of the three alignments.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for kept in [NON_ALPHANUMERIC, UNRESERVED] {
        forms.push(utf8_percent_encode(secret, kept).to_string());
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_matches('"');
    forms.extend([json.to_owned(), json.replace('/', "\\/")]);
    for skip in 0..3 {
        // The first and last group of each alignment also encode the neighbours: only what lies between is fixed.
        let bytes = &secret.as_bytes()[(3 - skip) % 3..];
        forms.push(STANDARD_NO_PAD.encode(&bytes[..bytes.len() - bytes.len() % 3]));
    }
    forms.retain(|form| form.len() >= 12);
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_each_of_its_forms_at_every_alignment() {
        let secrets = [Secret {
            kind: SecretKind::RefreshToken,
            value: "rt_loginproof_f1_g1_abc/def+ghi".to_owned(),
        }];
        let search = Search::new(&secrets).unwrap();
        let plain = &secrets[0].value;
        assert!(search.first(plain.as_bytes()).is_some());
        for form in [
            "?t=rt%5Floginproof%5Ff1%5Fg1%5Fabc%2Fdef%2Bghi",
            "?t=rt_loginproof_f1_g1_abc%2Fdef%2Bghi",
            r#""rt_loginproof_f1_g1_abc\/def+ghi""#,
        ] {
            assert!(search.first(form.as_bytes()).is_some(), "{form}");
        }
        for before in ["", "x", "xy", "xyz"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}{plain}{before}"));
            assert!(
                search.first(encoded.as_bytes()).is_some(),
                "after {before:?}"
            );
        }
        assert!(search.first(b"rt_loginproof_f1_g2_other").is_none());
    }

    #[test]
    fn a_refresh_token_belongs_to_the_token_endpoint_alone() {
        assert!(belongs(SecretKind::RefreshToken, Endpoint::Token));
        assert!(!belongs(SecretKind::RefreshToken, Endpoint::Responses));
        assert!(!belongs(SecretKind::AccessToken, Endpoint::Unknown));
    }
}
