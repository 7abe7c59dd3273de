//! How sure a finding is, and what speaks against it.

use super::gather::{Instance, Program};
use super::group::Finding;
use super::quote::inline;
use super::source::is_specification;
use crate::report::text::counted;
use crate::verdict::Level;

/// The sources of its gravest check, or of the scenario.
pub(super) fn sources<'f>(finding: &Finding<'f, '_>) -> Vec<&'f str> {
    let mut sources: Vec<&str> = Vec::new();
    if finding.is_general() {
        return sources;
    }
    for instance in &finding.instances {
        let own = instance.check.sources.iter();
        for source in own.chain(&instance.found.sources) {
            if !sources.contains(&source.as_str()) {
                sources.push(source);
            }
        }
    }
    sources
}

/// What makes it likely.
pub(super) fn signs(
    finding: &Finding<'_, '_>,
    program: &Program<'_>,
    programs: &[Program<'_>],
) -> Vec<String> {
    let first = finding.first();
    let mut lines = vec![format!(
        "Level {}: {}.",
        first.entry.level,
        match first.entry.level {
            Level::Must => "a specification demands it, or plain success or safety",
            Level::MustVendor => "the vendor's server or the vendor's own tests demand it",
            Level::Should =>
                "a SHOULD of a specification, or what projects settled on after incidents",
            Level::Convention => "a convention",
        }
    )];
    let sources = sources(finding);
    let specifications = sources
        .iter()
        .filter(|source| is_specification(source))
        .count();
    if specifications > 0 {
        lines.push("The expectation rests on a specification, which is linked above.".to_owned());
    } else if !sources.is_empty() {
        lines.push(
            "The expectation rests on what was reported of, or seen in, other programs; no specification is cited."
                .to_owned(),
        );
    }
    if finding.scenarios().len() == 1 {
        let (failing, played) = variants(finding, program);
        if played > 1 {
            lines.push(format!(
                "It shows in {failing} of {} played.",
                counted(played, "variant")
            ));
        }
    } else {
        lines.push(format!(
            "It shows in {} of {} played.",
            counted(finding.scenarios().len(), "scenario"),
            program.scenarios.len()
        ));
    }
    let times = first.times;
    lines.push(match times.judged {
        1 => "Played once. A repeat has not been made.".to_owned(),
        judged => format!(
            "Played {judged} times; {} times with this verdict.",
            times.same
        ),
    });
    lines.extend(first.found.load.map(|load| {
        format!(
            "The machine's load average was {:.1} on {} when the scenario ended.",
            load.average,
            counted(load.cores, "core")
        )
    }));
    let (hold, broken) = others(finding, program, programs);
    if !hold.is_empty() {
        lines.push(format!(
            "The check holds for {} of {} that were asked the same: {}.",
            hold.len(),
            counted(hold.len() + broken.len(), "other program"),
            hold.join(", ")
        ));
    }
    lines
}

/// What makes it doubtful.
pub(super) fn doubts(
    finding: &Finding<'_, '_>,
    program: &Program<'_>,
    programs: &[Program<'_>],
) -> Vec<String> {
    let first = finding.first();
    let mut lines = Vec::new();
    if first.entry.level >= Level::Should {
        lines.push("Nobody is bound by it: a program may have reasons to do otherwise.".to_owned());
    }
    if finding.scenarios().len() == 1 {
        let (failing, played) = variants(finding, program);
        if failing < played {
            lines.push(format!(
                "{} of {} do not show it.",
                played - failing,
                counted(played, "variant")
            ));
        }
    }
    if first.times.same < first.times.judged {
        lines.push("A repeat came out differently: it may rest on timing.".to_owned());
    }
    let heavy = first.found.load.is_some_and(|load| load.is_heavy());
    if first.check.timed {
        lines.push(
            "It is about time. A slow machine stretches what a program does; `--jobs 1` gives it the machine alone."
                .to_owned(),
        );
    }
    if heavy {
        lines.push("The machine was busy, with more to do than processors.".to_owned());
    }
    if first.check.asks == "screen" {
        lines.push(
            "The text is searched for with a regular expression. Words that say the same and that nobody thought of would be missed: the screen is shown above."
                .to_owned(),
        );
    }
    let (hold, broken) = others(finding, program, programs);
    if hold.is_empty() && !broken.is_empty() {
        lines.push(format!(
            "No other program does it either: {}. The expectation may be wrong.",
            broken.join(", ")
        ));
    }
    for note in &first.found.notes {
        lines.push(format!("In the course of it: {}.", inline(note)));
    }
    if finding
        .instances
        .iter()
        .any(|one| one.entry.check != first.entry.check)
    {
        lines.push("Several checks are taken for one bug because they fail together; there may be several.".to_owned());
    }
    if let Some(reason) = first.known {
        lines.push(format!(
            "It is known: {}.",
            inline(reason.trim_end_matches('.'))
        ));
    }
    lines
}

/// In how many of the variants it shows.
fn variants(finding: &Finding<'_, '_>, program: &Program<'_>) -> (usize, usize) {
    let scenario = finding.first().entry.scenario.as_str();
    let played = program.variants(scenario);
    let shows = |variant: &Option<&str>| {
        let here = |instance: &&Instance<'_>| instance.entry.variant.as_deref() == *variant;
        finding.instances.iter().any(here)
    };
    (
        played.iter().filter(|variant| shows(variant)).count(),
        played.len(),
    )
}

/// Other programs by whether the gravest check holds for them.
fn others(
    finding: &Finding<'_, '_>,
    program: &Program<'_>,
    programs: &[Program<'_>],
) -> (Vec<String>, Vec<String>) {
    let entry = finding.first().entry;
    let mut hold = Vec::new();
    let mut broken = Vec::new();
    if finding.is_general() {
        return (hold, broken);
    }
    for other in programs
        .iter()
        .filter(|other| other.target.name != program.target.name)
    {
        let name = inline(other.target.title());
        let side = match other.holds(&entry.scenario, &entry.check) {
            Some(true) => &mut hold,
            Some(false) => &mut broken,
            None => continue,
        };
        if !side.contains(&name) {
            side.push(name);
        }
    }
    (hold, broken)
}
