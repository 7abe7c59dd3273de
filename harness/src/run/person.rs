//! The person who signs in: reads URL and code off the screen, opens the page and decides. A code that cannot be
//! read off the screen cannot be approved.

mod browser;
mod reading;

use std::sync::atomic::Ordering;
use std::time::Duration;

use loginproof_mocks::script::Endpoint;
use tokio::time::Instant;

use super::running::Running;
use super::world::World;
use crate::scenario::model::{Login, Person, Tty};
use crate::target::Flow;
use crate::terminal::WaitError;
use browser::{Arrived, Page};
use reading::Prompt;

/// How long a program may take to show that it has read what was pasted, before the key that sends it off.
const ECHO: Duration = Duration::from_millis(600);
/// How long a program may take to refuse what somebody else sent it.
const REFUSAL: Duration = Duration::from_secs(2);
/// What somebody else sends: a code of no sign-in here, for a state of no sign-in here.
const FORGED: (&str, &str) = ("loginproof-forged-code", "loginproof-forged-state");

/// Plays the person of a `login` step. Returns what went differently, in words.
pub(super) async fn sign_in(
    world: &World,
    running: &Running,
    login: &Login,
    deadline: Instant,
) -> Result<(), String> {
    if login.person == Person::Absent {
        return Ok(());
    }
    let hints = &world.target.file.person;
    let seen = running
        .wait_for(left(deadline), |view| {
            reading::read(view, hints, login.flow, |url| {
                browser::reach(world, url).is_some()
            })
        })
        .await;
    let what = if is_device(login.flow) {
        "URL and code"
    } else {
        "the URL"
    };
    let prompt = match seen {
        Ok(prompt) => prompt,
        Err(WaitError::Ended { .. }) => {
            return Err(format!(
                "the program ended before {what} could be read off the screen"
            ));
        }
        Err(WaitError::Bound { .. }) => {
            return Err(format!("{what} could not be read off the screen in time"));
        }
    };
    running.prompted();
    if login.person == Person::Away {
        return Ok(());
    }
    polls(world, running, login.after_polls, deadline).await?;
    let decision = match login.person {
        Person::Deny => "deny",
        _ => "approve",
    };
    match login.flow {
        Flow::Callback => {
            if login.person == Person::Forged {
                forge_callback(world, &prompt.url, deadline).await;
            }
            let arrived = authorize(world, &prompt, decision, deadline).await?;
            call_back(world, arrived, deadline).await
        }
        Flow::Paste => {
            if login.person == Person::Forged {
                let (code, state) = FORGED;
                paste(running, &format!("{code}#{state}")).await?;
                let _ = running.program.ended(REFUSAL.min(left(deadline))).await;
            }
            match authorize(world, &prompt, decision, deadline).await? {
                Arrived::Page(page) => match page.authorization_code() {
                    Some(code) => paste(running, &code).await,
                    // Nothing to paste: the person gives up as people do.
                    None if decision == "deny" => give_up(running),
                    None => Err("the page shows no code to paste".to_owned()),
                },
                // Some programs listen and let the code be pasted, whatever comes first.
                arrived => call_back(world, arrived, deadline).await,
            }
        }
        _ => enter_code(world, &prompt, decision, deadline).await,
    }
}

/// The person types a code on a page, rather than the page handing one out.
pub(super) fn is_device(flow: Flow) -> bool {
    !matches!(flow, Flow::Callback | Flow::Paste)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Waits until so many polls were answered, as long as there is a program that could send them.
async fn polls(
    world: &World,
    running: &Running,
    wanted: usize,
    deadline: Instant,
) -> Result<(), String> {
    let mut changed = world.server.journal().changed();
    while world.server.journal().answered(Endpoint::Poll) < wanted {
        tokio::select! {
            more = changed.changed() => if more.is_ok() { continue },
            _ = running.program.ended(left(deadline)) => {}
        }
        // What came last may not have been looked at.
        if world.server.journal().answered(Endpoint::Poll) < wanted {
            return Err(format!("fewer than {wanted} polls came"));
        }
    }
    Ok(())
}

/// Types the code on the page and presses a button.
async fn enter_code(
    world: &World,
    prompt: &Prompt,
    decision: &str,
    deadline: Instant,
) -> Result<(), String> {
    let code = prompt.code.as_str();
    let page = browser::open(world, &prompt.url, left(deadline)).await?;
    let Arrived::Page(page) = page else {
        return Err("the page of the sign-in leads away from it".to_owned());
    };
    let fields = [("user_code", code), ("decision", decision)];
    page.submit(world, &fields, left(deadline))
        .await
        .map(drop)
        .map_err(|error| format!("the page refused the code {code}: {error}"))
}

/// Opens the page that asks for consent and presses a button.
async fn authorize(
    world: &World,
    prompt: &Prompt,
    decision: &str,
    deadline: Instant,
) -> Result<Arrived, String> {
    match browser::open(world, &prompt.url, left(deadline)).await? {
        Arrived::Page(page) => {
            page.submit(world, &[("decision", decision)], left(deadline))
                .await
        }
        elsewhere => Ok(elsewhere),
    }
}

/// The browser follows the page to the program's own listener.
async fn call_back(world: &World, arrived: Arrived, deadline: Instant) -> Result<(), String> {
    match arrived {
        Arrived::Callback(url) => browser::visit(world, &url, left(deadline)).await,
        Arrived::Page(Page { .. }) => Err("the page did not lead back to the program".to_owned()),
    }
}

/// Somebody else's page sends the browser to the program's listener.
async fn forge_callback(world: &World, authorize: &str, deadline: Instant) {
    let (code, state) = FORGED;
    if let Some(mut callback) = reading::redirect_uri(authorize) {
        callback
            .query_pairs_mut()
            .append_pair("code", code)
            .append_pair("state", state);
        // Whatever it answers: a program that hears nobody but its own browser is right too.
        let bound = REFUSAL.min(left(deadline));
        drop(browser::visit(world, callback.as_str(), bound).await);
    }
}

/// Pastes the code, and sends it off once the program shows that it has arrived.
async fn paste(running: &Running, code: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the code cannot be pasted: {error}");
    if running.tty != Tty::Pty {
        let end = match running.tty {
            Tty::Script | Tty::ScriptLog => "\r",
            _ => "\n",
        };
        return running.type_in(&format!("{code}{end}")).map_err(failed);
    }
    let before = running.view().screen;
    running.type_in(code).map_err(failed)?;
    // A program that shows nothing of it, as for a password, is right too.
    let echoed = |view: &crate::terminal::View| (view.screen != before).then_some(());
    let _ = running.wait_for(ECHO, echoed).await;
    tokio::time::sleep(ECHO / 4).await;
    running
        .program
        .press("enter")
        .map_err(|error| format!("the code cannot be sent off: {error}"))
}

/// Ctrl-c may end the program by a signal: that is an end in order then.
fn give_up(running: &Running) -> Result<(), String> {
    running.signalled.store(true, Ordering::Relaxed);
    running
        .program
        .press("ctrl-c")
        .map_err(|error| format!("the person cannot give up: {error}"))
}
