//! One scenario, from an empty folder to verdicts.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loginproof_mocks::Journal;
use tokio::sync::OnceCell;

use super::event::{CheckResult, Outcome};
use super::evidence::{Evidence, StoreEvidence, home_files, time_running};
use super::found::Found;
use super::joined::Joined;
use super::keep;
use super::plan::{Item, Settings};
use super::steps::Stage;
use super::world::World;
use crate::check;
use crate::check::mode_of;
use crate::sandbox::disk;
use crate::scenario::model as scenario;
use crate::verdict::{Level, Verdict};

/// A scenario that does not say otherwise is ended after this time.
const BOUND: Duration = Duration::from_secs(30);

/// How long the journal may take to learn how the last answers ended.
const SETTLING: Duration = Duration::from_millis(500);

/// Plays one scenario and judges it. Never fails: what the harness cannot do becomes the verdict `error`.
pub async fn execute(item: &Item, settings: &Settings, joined: Option<&Arc<Joined>>) -> Outcome {
    let begun = Instant::now();
    let mut why = unsupported(item);
    if why.is_none()
        && let Err(reason) = mounts(item, settings).await
    {
        why = Some(format!(
            "this machine gives programs no mounts of their own: {reason}"
        ));
    }
    if let Some(why) = why {
        let results = every(item, Verdict::Unsupported, &why);
        return outcome(item, settings, results, begun, Duration::ZERO);
    }
    let world = match World::set_up(item, settings).await {
        Ok(world) => Arc::new(world),
        Err(error) => {
            return outcome(
                item,
                settings,
                every(item, Verdict::Error, &error.to_string()),
                begun,
                Duration::ZERO,
            );
        }
    };
    let watch = world.watch();
    let stretch = item
        .target
        .file
        .limits
        .stretch
        .map_or(Duration::ZERO, |span| span.0);
    let bound = item.scenario.bound.map_or(BOUND, |span| span.0) + stretch;
    let stage = Stage::new(
        world.clone(),
        joined.cloned(),
        tokio::time::Instant::now() + bound,
    );
    let played = stage.play(&item.scenario.steps).await;
    let (programs, mut notes) = stage.clear().await;
    notes.extend(refused_handshakes(world.server.journal()));
    let running = time_running(&programs);
    world.server.gates().open_all();
    settled(world.server.journal()).await;
    world.server.seen_all().await;
    let evidence = Evidence {
        exchanges: world.server.journal().snapshot(),
        attempts: world.server.journal().attempts(),
        watched: world.network.watches(),
        store: store_evidence(&world, watch.map(super::store_watch::StoreWatch::finish)),
        files: home_files(&world.home),
        credential_files: world.credential_files(),
        furnished: world.furnished.clone(),
        secrets: world.server.authorization().secrets(),
        authorization: world.server.authorization().clone(),
        programs,
        notes,
        errors: played
            .err()
            .into_iter()
            .map(|error| error.to_string())
            .collect(),
    };
    let mut results = check::judge(&item.scenario, &evidence);
    for result in &mut results {
        if result.verdict != Verdict::Pass && !evidence.notes.is_empty() {
            result.because = format!("{} ({})", result.because, evidence.notes.join("; "));
        }
    }
    let found = Found::of(&world, &evidence, &results);
    if settings.evidence
        && let Err(error) = keep::write(&world, &evidence, &stage.all(), found.as_ref())
    {
        results.push(harness_error(&format!(
            "cannot keep the evidence in {}: {error}",
            world.dir.display()
        )));
    }
    if let Some(world) = Arc::into_inner({
        drop(stage);
        world
    }) {
        world.server.stop().await;
    }
    outcome(item, settings, results, begun, running)
}

/// Whether the machine gives what a scenario's disks need. Looked up once.
async fn mounts(item: &Item, settings: &Settings) -> Result<(), String> {
    static AVAILABLE: OnceCell<Result<(), String>> = OnceCell::const_new();
    let needed = item.scenario.all_steps().into_iter().any(|step| {
        matches!(
            step.disk,
            Some(scenario::Disk::ReadOnly | scenario::Disk::Mounted)
        )
    });
    if !needed {
        return Ok(());
    }
    let look = || async {
        let loginproof = settings.loginproof.clone();
        let looked = tokio::task::spawn_blocking(move || disk::mounts_available(&loginproof));
        looked.await.unwrap_or_else(|error| Err(error.to_string()))
    };
    AVAILABLE.get_or_init(look).await.clone()
}

/// Why a scenario does not apply, if it does not.
fn unsupported(item: &Item) -> Option<String> {
    let missing = item.target.missing_for(&item.scenario);
    if missing.is_empty() {
        return item.network.clone().err();
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Some(format!("the target does not claim {}", names.join(", ")))
}

/// Waits until the journal knows how every answer ended. The programs are gone, so their connections end by themselves.
pub(super) async fn settled(journal: &Journal) {
    let mut changed = journal.changed();
    let all = async {
        while journal
            .snapshot()
            .iter()
            .any(|exchange| exchange.answer.is_none())
        {
            if changed.changed().await.is_err() {
                return;
            }
        }
    };
    // An answer that is still open then was never going to end.
    let _ = tokio::time::timeout(SETTLING, all).await;
}

/// A program that does not trust the run's authority must not look like one that never asked.
fn refused_handshakes(journal: &Journal) -> Vec<String> {
    let exchanges = journal.snapshot();
    let asked = |host: &Option<String>| {
        host.is_some()
            && exchanges
                .iter()
                .any(|exchange| exchange.request.host == *host)
    };
    let mut notes: Vec<String> = journal
        .failed_handshakes()
        .into_iter()
        .filter(|failed| !asked(&failed.host))
        .map(|failed| {
            let host = failed.host.unwrap_or_else(|| "an unnamed host".to_owned());
            format!("{host}, port {}: {}", failed.port, failed.reason)
        })
        .collect();
    notes.dedup();
    notes
}

fn store_evidence(
    world: &World,
    moments: Option<Vec<super::evidence::Moment>>,
) -> Option<StoreEvidence> {
    let (path, layout) = (world.store.clone()?, world.layout.clone()?);
    let after = std::fs::read(&path)
        .ok()
        .zip(std::fs::metadata(&path).ok().map(|meta| mode_of(&meta)));
    Some(StoreEvidence {
        path,
        layout,
        before: world.seeded.clone(),
        after,
        linked: world.store.as_deref().is_some_and(Path::is_symlink),
        moments,
    })
}

/// The same verdict for every check of a scenario.
fn every(item: &Item, verdict: Verdict, because: &str) -> Vec<CheckResult> {
    let level = item.scenario.level;
    let own = item
        .scenario
        .checks
        .iter()
        .map(|(id, check)| (id.as_str(), check.level.unwrap_or(level)));
    let always = check::ALWAYS_ON.iter().map(|id| (*id, Level::Must));
    own.chain(always)
        .map(|(id, level)| CheckResult {
            check: id.to_owned(),
            level,
            verdict,
            ..harness_error(because)
        })
        .collect()
}

fn harness_error(because: &str) -> CheckResult {
    CheckResult {
        check: "harness".to_owned(),
        level: Level::Must,
        verdict: Verdict::Error,
        because: because.to_owned(),
        expected: String::new(),
        excerpts: Vec::new(),
        got_out: false,
        duration: Duration::ZERO,
    }
}

fn outcome(
    item: &Item,
    settings: &Settings,
    results: Vec<CheckResult>,
    begun: Instant,
    program: Duration,
) -> Outcome {
    Outcome {
        id: item.id(),
        case: item.scenario.case.clone(),
        title: item.scenario.title.clone(),
        because: item.scenario.because.clone(),
        sources: item.scenario.sources.clone(),
        results,
        duration: begun.elapsed(),
        program,
        evidence: settings.out.join(item.folder()),
    }
}
