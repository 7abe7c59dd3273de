//! A person at the keyboard of a full-screen program: waits for what there is to see, types, and looks whether
//! anything came of it. A key that is sent in the moment a menu appears can get lost, so it is sent again.

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use crate::terminal::{Program, View, WaitError};

/// A screen that stays the same for so long is settled.
const QUIET: Duration = Duration::from_millis(250);
/// A screen that is never still counts as settled after this.
const RESTLESS: Duration = Duration::from_millis(1500);
/// How often the screen is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// How long something may take to come of a key, before it is sent again.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a key is sent at most.
const TRIES: u32 = 3;
/// How long a program may take to end after the last key of a round.
const ENDING: Duration = Duration::from_secs(2);

/// One thing that a person does at the keyboard.
#[derive(Clone, Debug, Default)]
pub struct Stroke {
    /// Only once the screen matches this. Left out: once there is something new on it.
    pub after: Option<Regex>,
    /// Text to type.
    pub text: Option<String>,
    /// A key to press, after the text.
    pub press: Option<String>,
}

/// Why the keys could not be sent, or nothing came of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The screen never showed what a key waits for.
    #[error("the screen never matched /{0}/")]
    NotSeen(String),
    /// Nothing came of a key.
    #[error("nothing came of {0}, which was sent {TRIES} times")]
    NoEffect(String),
    /// The program ended first.
    #[error("the program ended before {0}")]
    Ended(String),
    /// It cannot be sent.
    #[error("{0}")]
    NotSent(String),
}

/// Does one thing after the other. Ends when all was done, or at the first that could not be.
///
/// # Errors
/// What could not be done, in words.
pub async fn drive(
    program: &Program,
    strokes: &[Stroke],
    bound: Duration,
) -> Result<(), KeysError> {
    let until = Instant::now() + bound;
    let mut seen = String::new();
    for stroke in strokes {
        appears(program, stroke, &seen, until).await?;
        let mut settled = settle(program, until).await;
        if let Some(text) = &stroke.text {
            let what = || format!("`{text}`");
            settled = send(program, settled, &what, until, || {
                program.send(text.as_bytes())
            })
            .await?;
        }
        if let Some(key) = &stroke.press {
            let what = || format!("the key `{key}`");
            let press = || program.press(key).map_err(std::io::Error::other);
            settled = send(program, settled, &what, until, press).await?;
        }
        seen = settled.lines.join("\n");
    }
    Ok(())
}

/// Waits until the screen matches `done`, or nearly until the bound, and then presses the keys that end the program,
/// several rounds of them if it does not listen. Returns whether it had to be asked to end.
pub async fn quit(program: &Program, done: &Regex, keys: &[String], bound: Duration) -> bool {
    let until = Instant::now() + bound;
    // Time that is left for the program to end in order.
    let patience = bound.saturating_sub(ENDING * 2).max(bound / 2);
    let waited = program
        .wait_for(patience, |view| matches(done, view).then_some(()))
        .await;
    if let Err(WaitError::Ended { .. }) = waited {
        return false;
    }
    for _ in 0..TRIES {
        for key in keys {
            let before = settle(program, until).await;
            if program.press(key).is_err() {
                return true;
            }
            // Either it ends, or it shows something: "press once more to quit".
            let _ = changed(program, &before, until.min(Instant::now() + QUIET * 2)).await;
        }
        let left = until.saturating_duration_since(Instant::now());
        if program.ended(ENDING.min(left)).await.is_some() || left.is_zero() {
            return true;
        }
    }
    true
}

async fn appears(
    program: &Program,
    stroke: &Stroke,
    seen: &str,
    until: Instant,
) -> Result<(), KeysError> {
    let left = until.saturating_duration_since(Instant::now());
    let found = program
        .wait_for(left, |view| match &stroke.after {
            Some(after) => after.is_match(&view.screen).then_some(()),
            // What came of the key before counts too: it was looked at already.
            None => (!view.screen.trim().is_empty() || !seen.is_empty()).then_some(()),
        })
        .await;
    let awaited = || {
        stroke
            .after
            .as_ref()
            .map_or("anything", Regex::as_str)
            .to_owned()
    };
    match found {
        Ok(()) => Ok(()),
        Err(WaitError::Ended { .. }) => Err(KeysError::Ended(format!(
            "its screen matched /{}/",
            awaited()
        ))),
        Err(WaitError::Bound { .. }) => Err(KeysError::NotSeen(awaited())),
    }
}

/// Sends until something comes of it. Returns what the screen settled to.
async fn send(
    program: &Program,
    mut before: Settled,
    what: &impl Fn() -> String,
    until: Instant,
    send: impl Fn() -> std::io::Result<()>,
) -> Result<Settled, KeysError> {
    for _ in 0..TRIES {
        if let Err(error) = send() {
            return match program.ended(Duration::ZERO).await {
                Some(_) => Err(KeysError::Ended(format!("{} was sent", what()))),
                None => Err(KeysError::NotSent(format!(
                    "cannot send {}: {error}",
                    what()
                ))),
            };
        }
        let patience = until.min(Instant::now() + PATIENCE);
        if changed(program, &before, patience).await {
            return Ok(settle(program, until).await);
        }
        if Instant::now() >= until {
            break;
        }
        before = settle(program, until).await;
    }
    Err(KeysError::NoEffect(what()))
}

/// Whether the screen becomes another one, or the program ends.
async fn changed(program: &Program, before: &Settled, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    let seen = program
        .wait_for(left, |view| before.differs(&view.screen).then_some(()))
        .await;
    !matches!(seen, Err(WaitError::Bound { .. }))
}

/// A screen at rest, apart from lines that never are.
struct Settled {
    lines: Vec<String>,
    moving: BTreeSet<usize>,
}

impl Settled {
    fn differs(&self, screen: &str) -> bool {
        let lines: Vec<&str> = screen.lines().collect();
        let most = lines.len().max(self.lines.len());
        (0..most).any(|row| {
            !self.moving.contains(&row)
                && lines.get(row).copied().unwrap_or_default()
                    != self.lines.get(row).map_or("", String::as_str)
        })
    }
}

async fn settle(program: &Program, until: Instant) -> Settled {
    let end = until.min(Instant::now() + RESTLESS);
    let read = |view: View| -> Vec<String> { view.screen.lines().map(str::to_owned).collect() };
    let mut lines = read(program.view());
    let mut moving = BTreeSet::new();
    let mut since = Instant::now();
    while since.elapsed() < QUIET && Instant::now() < end {
        tokio::time::sleep(LOOK).await;
        let now = read(program.view());
        if now == lines {
            continue;
        }
        moving
            .extend((0..now.len().max(lines.len())).filter(|row| now.get(*row) != lines.get(*row)));
        lines = now;
        since = Instant::now();
    }
    if since.elapsed() >= QUIET {
        // It has come to rest: what moved was drawing, not an animation.
        moving.clear();
    }
    Settled { lines, moving }
}

fn matches(pattern: &Regex, view: &View) -> bool {
    pattern.is_match(&view.screen) || pattern.is_match(&view.transcript)
}
