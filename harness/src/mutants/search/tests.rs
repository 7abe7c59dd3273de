//! The search in a world made up: what each defect breaks is known, and nothing is played.

use super::*;
use crate::verdict::{Level, Verdict};

/// What breaks in a play.
type World<'a> = dyn FnMut(Play) -> Vec<&'static str> + 'a;

const REPORT: &str = "NousResearch/hermes-agent!11512";

fn field(name: &str, sources: &[&str], variants: usize, checks: &[&str]) -> Field {
    Field {
        name: name.to_owned(),
        sources: sources.iter().map(|&source| source.to_owned()).collect(),
        variants: (0..variants).map(|index| Some(index.to_string())).collect(),
        checks: checks.iter().map(|&id| (id.to_owned(), "exit")).collect(),
        excused: BTreeSet::new(),
    }
}

fn seen() -> Seen {
    Seen {
        verdict: Verdict::Fail,
        level: Level::Must,
        because: "status 0".to_owned(),
        confirmed: false,
    }
}

/// Plays to the end, several at a time.
fn find(mut search: Search, world: &mut World<'_>) -> Findings {
    let mut playing = VecDeque::new();
    loop {
        while playing.len() < 4
            && let Some(play) = search.next_play()
        {
            playing.push_back(play);
        }
        let Some(play) = playing.pop_front() else {
            return search.into_findings();
        };
        let broken = world(play);
        let checks = search.fields[play.field].checks.keys().cloned();
        let shown = checks
            .chain(["no-leak".to_owned()])
            .map(|check| {
                let fails = broken.contains(&check.as_str());
                (check, fails.then(seen))
            })
            .collect();
        search.heard(play, shown);
    }
}

fn confirmed(findings: &Findings, defect: Defect) -> Vec<&str> {
    let broken = findings.defects[&defect].broken.iter();
    broken
        .filter(|(_, seen)| seen.confirmed)
        .map(|(place, _)| place.check.as_str())
        .collect()
}

fn is(play: Play, defect: Defect) -> bool {
    matches!(play.subject, Subject::Named(one) | Subject::Numbered(one) if one == defect)
}

#[test]
fn a_defect_is_sought_where_its_report_is_cited_until_a_variant_shows_it() {
    let fields = vec![
        field("refresh/other", &[], 1, &["fails"]),
        field("refresh/reused", &[REPORT], 6, &["says-so"]),
    ];
    let defects = vec![Defect::FlatErrorsOnly];
    let search = Search::new(fields, defects, Breadth::Proof, 1);
    let findings = find(search, &mut |play| {
        let shows = is(play, Defect::FlatErrorsOnly) && play.field == 1 && play.variant == 3;
        if shows { vec!["says-so"] } else { vec![] }
    });
    assert_eq!(confirmed(&findings, Defect::FlatErrorsOnly), ["says-so"]);
    assert!(findings.by_name_only.is_empty() && findings.by_any_name.is_empty());
}

#[test]
fn every_check_meets_defects_until_one_fails_it_and_no_longer() {
    let names: Vec<String> = (0..30).map(|index| format!("refresh/{index}")).collect();
    let fields = names
        .iter()
        .map(|name| field(name, &[], 1, &["fails", "says-so"]))
        .collect();
    let in_refresh = |defect: &Defect| defect.areas().contains(&"refresh");
    let defects: Vec<Defect> = Defect::ALL.iter().copied().filter(in_refresh).collect();
    let pairs = 30 * defects.len();
    let search = Search::new(fields, defects, Breadth::Proof, 1);
    // Two of them fail everything; all others nothing.
    let findings = find(search, &mut |play| {
        if is(play, Defect::FlatErrorsOnly) {
            vec!["fails"]
        } else if is(play, Defect::NoSignInHint) {
            vec!["says-so"]
        } else {
            vec![]
        }
    });
    assert_eq!(confirmed(&findings, Defect::FlatErrorsOnly).len(), 30);
    assert_eq!(confirmed(&findings, Defect::NoSignInHint).len(), 30);
    // The search for killers of the other defects takes one play of each pair at most.
    assert!(
        findings.played <= 60 + pairs + 2 * 30,
        "{}",
        findings.played
    );
}

#[test]
fn what_is_seen_once_does_not_count() {
    let fields = vec![field("refresh/reused", &[REPORT], 1, &["says-so"])];
    let search = Search::new(fields, vec![Defect::FlatErrorsOnly], Breadth::Proof, 1);
    let mut flakes = 1;
    let findings = find(search, &mut |play| {
        if is(play, Defect::FlatErrorsOnly) && flakes > 0 {
            flakes -= 1;
            vec!["says-so"]
        } else {
            vec![]
        }
    });
    assert!(confirmed(&findings, Defect::FlatErrorsOnly).is_empty());
    assert!(findings.by_name_only.is_empty());
}

#[test]
fn what_rests_on_a_name_is_told() {
    let fields = vec![field("refresh/reused", &[REPORT], 1, &["says-so", "fails"])];
    let search = Search::new(fields, vec![Defect::FlatErrorsOnly], Breadth::Proof, 1);
    let findings = find(search, &mut |play| match play.subject {
        Subject::Named(_) => vec!["says-so"],
        Subject::Inert => vec!["fails"],
        Subject::Plain | Subject::Numbered(_) => vec![],
    });
    assert!(confirmed(&findings, Defect::FlatErrorsOnly).is_empty());
    let (defect, place) = findings.by_name_only.first().unwrap();
    assert_eq!(
        (*defect, place.check.as_str()),
        (Defect::FlatErrorsOnly, "says-so")
    );
    let checks: Vec<&str> = findings
        .by_any_name
        .iter()
        .map(|place| place.check.as_str())
        .collect();
    assert_eq!(checks, ["fails"]);
}

#[test]
fn a_check_that_fails_without_a_defect_proves_nothing() {
    let fields = vec![field("refresh/reused", &[REPORT], 1, &["says-so"])];
    let search = Search::new(fields, vec![Defect::FlatErrorsOnly], Breadth::Proof, 1);
    let findings = find(search, &mut |_| vec!["says-so"]);
    assert!(confirmed(&findings, Defect::FlatErrorsOnly).is_empty());
    assert_eq!(findings.control.broken.len(), 1);
}

#[test]
fn an_excuse_spares_the_search() {
    let mut excused = field("refresh/other", &[], 1, &["fails"]);
    excused.excused.insert("fails".to_owned());
    let fields = vec![excused, field("refresh/reused", &[REPORT], 1, &["says-so"])];
    let search = Search::new(fields, vec![Defect::FlatErrorsOnly], Breadth::Proof, 1);
    let mut there = 0;
    find(search, &mut |play| {
        let own = is(play, Defect::FlatErrorsOnly);
        there += usize::from(own && play.field == 0);
        if own { vec!["says-so"] } else { vec![] }
    });
    assert_eq!(there, 0);
}

#[test]
fn areas_means_every_variant_of_what_may_show_it() {
    let fields = vec![
        field("refresh/reused", &[REPORT], 3, &["says-so"]),
        field("framing/bom", &[], 2, &["answers"]),
    ];
    let search = Search::new(fields, vec![Defect::FlatErrorsOnly], Breadth::Areas, 1);
    let findings = find(search, &mut |play| {
        if is(play, Defect::FlatErrorsOnly) {
            vec!["says-so"]
        } else {
            vec![]
        }
    });
    let observed = &findings.defects[&Defect::FlatErrorsOnly];
    assert_eq!((observed.played.len(), observed.broken.len()), (3, 3));
}
