//! One program's page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::gather::{Instance, Program};
use super::group::Finding;
use super::quote::{block, code, inline};
use super::source::link;
use super::sure;
use crate::report::json::Target;
use crate::report::matrix::version;
use crate::report::text::{counted, shell_word};
use crate::run::found::Witness;
use crate::target::Target as TargetFile;
use crate::verdict::{Level, Verdict};

/// Witnesses in the order in which a page shows them.
const WITNESSES: [(&str, &str); 4] = [
    ("wire", "On the wire"),
    ("screen", "On the screen"),
    ("file", "In files"),
    ("process", "Processes"),
];

/// Name of a page: program, version and way in, as far as a file name takes them.
pub(super) fn file(target: &Target) -> PathBuf {
    let way = target.network.as_deref().unwrap_or_default();
    let name = [&target.name, version(&target.version), way].join("-");
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).take(120).collect();
    PathBuf::from(format!("{}.md", name.trim_matches('-')))
}

pub(super) fn write(
    program: &Program<'_>,
    findings: &[Finding<'_, '_>],
    programs: &[Program<'_>],
) -> String {
    let mut page = head(program);
    if findings.is_empty() {
        page += "\n## No findings\n\nEvery check that could be made holds.\n";
    } else {
        page += &index(findings);
        for number in 1..=findings.len() {
            page += &section(number, findings, program, programs);
        }
    }
    page += &also(program);
    page
}

fn head(program: &Program<'_>) -> String {
    let target = program.target;
    let mut page = format!(
        "# {} {}\n\n",
        inline(target.title()),
        inline(version(&target.version))
    );
    let summary = &program.run.summary;
    let way = match target.network.as_deref() {
        Some("direct") => "by an address in its own settings",
        Some("proxy") => "by `HTTPS_PROXY` and a certificate authority made for the run",
        Some("namespace") => {
            "in a network namespace, with a certificate authority made for the run"
        }
        _ => "somehow",
    };
    let _ = writeln!(
        page,
        "The program says of itself {}. It was led to mock servers {way}, and ran as it is, in a home of its own. Nothing\n\
         it sent left the machine; every token below is made up, and shortened. Each scenario lets the servers do what a real\n\
         one did to somebody, and judges by what came over the wire, what stood on the screen, and what was in the credential\n\
         file.\n",
        code(&target.version)
    );
    let counts = program.counts();
    let told: Vec<String> = counts
        .each()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let _ = writeln!(
        page,
        "{} with {}: {}. Suite {}, seed {}{}{}.",
        counted(program.scenarios.len(), "scenario"),
        counted(counts.total(), "check"),
        told.join(", "),
        code(&summary.suite),
        summary.seed,
        if target.left_out > 0 {
            format!("; {} left out", counted(target.left_out, "more variant"))
        } else {
            String::new()
        },
        if program.runs > 1 {
            format!("; {} runs", program.runs)
        } else {
            String::new()
        }
    );
    if TargetFile::built_in().contains(&target.name) {
        let _ = writeln!(
            page,
            "\nTo play it again, install the pinned version once: {}.",
            code(&format!("loginproof install {}", shell_word(&target.name)))
        );
    }
    page
}

fn index(findings: &[Finding<'_, '_>]) -> String {
    let mut text = format!(
        "\n## {}\n\n| | finding | verdict | level | scenarios |\n| --- | --- | --- | --- | --- |\n",
        counted(findings.len(), "finding")
    );
    for (at, finding) in findings.iter().enumerate() {
        let first = finding.first();
        let _ = writeln!(
            text,
            "| {0} | [{1}](#finding-{0}) | {2} | {3} | {4} |",
            at + 1,
            inline(&title(finding)),
            first.entry.verdict,
            first.entry.level,
            finding.scenarios().len()
        );
    }
    text += "\nLevels: **must**, a specification demands it, or plain success or safety; **must-vendor**, the vendor's server or the \
             vendor's own\ntests demand it; **should**, a SHOULD of a specification, or what projects settled on after incidents; \
             **convention**, reported only.\nOn the wire: seconds since the start, the request, the token it carried as the \
             server knows it, and the answer.\n";
    text
}

/// A title for an issue: what the world does, and what does not hold then.
fn title(finding: &Finding<'_, '_>) -> String {
    let first = finding.first();
    let seen = first.check.seen.as_str();
    let general = match first.entry.check.as_str() {
        _ if finding.is_false_success() => Some("What failed ends as a success"),
        _ if !finding.is_general() => None,
        "no-leak" => Some("A secret stands where it must not"),
        "no-egress" => Some("A host is asked for that is not the program's"),
        "no-panic" => Some("A crash is shown"),
        "no-surprise" => Some("A request that the flow does not call for"),
        "clean-exit" if first.entry.verdict == Verdict::Unclean => Some("Something is left behind"),
        "clean-exit" => Some("The program does not end by itself"),
        _ => None,
    };
    match general {
        Some(what) => format!("{what}: {}", short(seen, 110)),
        None => format!(
            "{}: “{}” does not hold",
            first.found.title,
            first.entry.check.replace('-', " ")
        ),
    }
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most).collect();
    format!("{}…", cut.trim_end())
}

fn section(
    number: usize,
    findings: &[Finding<'_, '_>],
    program: &Program<'_>,
    programs: &[Program<'_>],
) -> String {
    let finding = &findings[number - 1];
    let first = finding.first();
    let mut text = format!(
        "\n<a id=\"finding-{number}\"></a>\n\n### {number}. {}\n\n",
        inline(&title(finding))
    );
    text += &block(&command(program.target, first), "sh");
    if !finding.is_general() {
        let _ = write!(
            text,
            "\n**What happens** (case {}). {}\n",
            inline(&first.entry.case),
            inline(&first.found.because)
        );
    }
    text += "\n**Expected, and seen**\n\n";
    for (check, instances) in by_check(finding) {
        text += &told(check, &instances);
    }
    text += &where_else(finding);
    text += &kin(finding, findings);
    text += &evidence(finding);
    text += &sources(finding);
    text += "\n**How sure this is**\n\n";
    for line in sure::signs(finding, program, programs) {
        let _ = writeln!(text, "- {line}");
    }
    text += "\n**What speaks against it**\n\n";
    let against = sure::doubts(finding, program, programs);
    if against.is_empty() {
        text += "- Nothing that is known here.\n";
    }
    for line in against {
        let _ = writeln!(text, "- {line}");
    }
    text
}

/// The one command that shows it again.
fn command(target: &Target, instance: &Instance<'_>) -> String {
    let name = target.argument.as_deref().unwrap_or(&target.name);
    let mut words = vec![
        "loginproof".to_owned(),
        "run".to_owned(),
        "--target".to_owned(),
        shell_word(name).into_owned(),
    ];
    let arguments = instance.arguments.iter();
    words.extend(arguments.map(|word| shell_word(word).into_owned()));
    words.push(shell_word(&instance.entry.scenario).into_owned());
    words.join(" ")
}

/// Its checks, the gravest first, each with where it does not hold.
fn by_check<'f, 'p, 'a>(finding: &'f Finding<'p, 'a>) -> Vec<(&'a str, Vec<&'f Instance<'a>>)> {
    let mut checks: Vec<(&str, Vec<&Instance<'_>>)> = Vec::new();
    for instance in &finding.instances {
        let check = instance.entry.check.as_str();
        match checks.iter_mut().find(|(known, _)| *known == check) {
            Some((_, instances)) => instances.push(instance),
            None => checks.push((check, vec![instance])),
        }
    }
    checks
}

fn told(check: &str, instances: &[&Instance<'_>]) -> String {
    let first = instances[0];
    let mut text = format!(
        "- {} ({}, {})",
        code(check),
        first.entry.verdict,
        first.entry.level
    );
    if !first.check.expected.is_empty() {
        let _ = write!(text, " expects {}.", code(&first.check.expected));
    }
    if let Some(because) = &first.check.because {
        let _ = write!(text, " {}", inline(because));
    }
    // What was seen, each once, with the variants that show it.
    let mut seen: Vec<(&str, BTreeSet<&str>)> = Vec::new();
    for instance in instances {
        let shown = instance.check.seen.as_str();
        let variant = instance.entry.variant.as_deref();
        let at = seen
            .iter()
            .position(|(known, _)| super::group::alike(known) == super::group::alike(shown));
        match at {
            Some(at) => seen[at].1.extend(variant),
            None => seen.push((shown, variant.into_iter().collect())),
        }
    }
    let more = seen.len().saturating_sub(6);
    for (shown, variants) in seen.iter().take(6) {
        let variants: Vec<&str> = variants.iter().copied().collect();
        let place = match variants.as_slice() {
            [] => String::new(),
            [one] => format!(" ({})", code(one)),
            several => format!(
                " ({}: {})",
                counted(several.len(), "variant"),
                code(&short(&several.join("; "), 160))
            ),
        };
        let _ = write!(text, "\n  - seen{place}: {}", code(&short(shown, 400)));
    }
    if more > 0 {
        let _ = write!(text, "\n  - and {more} more of the kind");
    }
    text + "\n"
}

fn where_else(finding: &Finding<'_, '_>) -> String {
    let scenarios: Vec<&str> = finding.scenarios().into_iter().collect();
    if scenarios.len() < 2 {
        return String::new();
    }
    let shown: Vec<String> = scenarios.iter().take(12).map(|name| code(name)).collect();
    let more = scenarios.len() - shown.len();
    let and = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "\nSeen alike in {}: {}{and}.\n",
        counted(scenarios.len(), "scenario"),
        shown.join(", ")
    )
}

/// Other findings that look alike, and may be the same bug.
fn kin(finding: &Finding<'_, '_>, findings: &[Finding<'_, '_>]) -> String {
    let links: Vec<String> = findings
        .iter()
        .enumerate()
        .filter(|(_, other)| !std::ptr::eq(*other, finding) && other.resembles(finding))
        .map(|(at, _)| format!("[{0}](#finding-{0})", at + 1))
        .collect();
    if links.is_empty() {
        return String::new();
    }
    format!(
        "\nMay be one bug with {}, which look alike.\n",
        links.join(", ")
    )
}

/// What shows it in the gravest instance, and all that the witnesses saw besides.
fn evidence(finding: &Finding<'_, '_>) -> String {
    let first = finding.first();
    let all = &first.found.witnesses;
    let own = &first.check.excerpts;
    let mut text = String::new();
    if let Some(variant) = &first.entry.variant {
        let _ = write!(text, "\nShown below: {}.\n", code(variant));
    }
    // What is no affair of one scenario's subject is shown by its own evidence alone.
    let alone = finding.is_general() && !own.is_empty();
    let mut shown: Vec<&Witness> = Vec::new();
    for (witness, head) in WITNESSES {
        let of = |witnesses: &'_ &Witness| witnesses.witness == witness;
        let mut part: Vec<&Witness> = own.iter().filter(of).collect();
        if part.is_empty() && !alone {
            // The last program is the one that the checks are about.
            part = all.iter().filter(of).collect();
            let last = part.len().saturating_sub(1);
            if witness == "screen" {
                part.drain(..last);
            }
        }
        if !part.is_empty() {
            let _ = write!(text, "\n**{head}**\n\n");
        }
        for one in &part {
            text += &block(&one.text, "text");
        }
        shown.extend(part);
    }
    let rest: Vec<&Witness> = all.iter().filter(|one| !shown.contains(one)).collect();
    if !rest.is_empty() && !alone {
        text += "\n<details><summary>Everything else that was seen</summary>\n\n";
        for one in rest {
            text += &block(&one.text, "text");
        }
        text += "\n</details>\n";
    }
    text
}

fn sources(finding: &Finding<'_, '_>) -> String {
    let links: Vec<String> = sure::sources(finding).into_iter().map(link).collect();
    if links.is_empty() {
        return String::new();
    }
    format!(
        "\n**Where the expectation comes from**: {}\n",
        links.join(", ")
    )
}

/// What is no finding, and still was not as it should be.
fn also(program: &Program<'_>) -> String {
    let mut conventions: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut untold: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for entry in program.scenarios.values().flatten() {
        let place = (entry.scenario.as_str(), entry.check.as_str());
        match entry.verdict {
            Verdict::Info => drop(conventions.insert(place)),
            Verdict::Error => drop(untold.insert(place, &entry.because)),
            _ => {}
        }
    }
    let mut text = String::new();
    let place = |(scenario, check): &(&str, &str)| format!("{} {}", code(scenario), code(check));
    if !conventions.is_empty() {
        text += &format!(
            "\n## Other ways than usual\n\nNobody demands these ({} level); they are only noted.\n\n",
            Level::Convention
        );
        for found in &conventions {
            let _ = writeln!(text, "- {}", place(found));
        }
    }
    if !program.unsteady.is_empty() {
        text += "\n## Not steady\n\nThese did not hold in one run, and held when they were played last.\n\n";
        for found in &program.unsteady {
            let _ = writeln!(text, "- {}", place(found));
        }
    }
    if !untold.is_empty() {
        text += "\n## Could not be told\n\nThe harness failed here; this says nothing about the program.\n\n";
        for (found, why) in &untold {
            let _ = writeln!(text, "- {}: {}", place(found), code(&short(why, 300)));
        }
    }
    text
}
