//! A person at the keyboard of full-screen programs, in a real pseudo terminal.

mod world;

use std::time::{Duration, Instant};

use loginproof::run::keys::{KeysError, Stroke, drive, quit};
use loginproof::terminal::{How, Program, StdinKind};
use regex::Regex;
use world::{BOUND, World, end_of};

/// A menu that draws itself late, loses every key that comes before it listens, and ends on the second ctrl-c.
const MENU: &str = r#"
import os, select, sys, termios, time, tty
fd = 0
saved = termios.tcgetattr(fd)
tty.setraw(fd)
def draw(*lines):
    os.write(1, ("\x1b[2J\x1b[H" + "\r\n".join(lines)).encode())
spin = "--spin" in sys.argv
deaf = time.monotonic() + float(sys.argv[1])
menu, item, typed, frame, warned = False, 0, "", 0, False
os.write(1, b"\x1b[?1049h")
def show():
    head = "|/-\\"[frame % 4] if spin else "*"
    if not menu:
        draw(head + " prompt", "> " + typed)
    elif menu == "done":
        draw(head + " Signed in with item %d" % item, "again to quit" if warned else "")
    else:
        draw(head + " How?", *[(">" if i == item else " ") + " item %d" % i for i in range(3)])
show()
while True:
    ready = select.select([fd], [], [], 0.08)[0]
    if not ready:
        frame += 1
        if spin: show()
        continue
    keys = os.read(fd, 100).decode()
    if time.monotonic() < deaf: continue
    if keys == "\x03":
        if warned: break
        warned = True
    elif menu is True and keys.endswith("B"): item += 1
    elif keys == "\r": menu = "done" if menu else typed == "/login"
    elif not menu: typed += keys
    show()
os.write(1, b"\x1b[?1049l")
termios.tcsetattr(fd, termios.TCSANOW, saved)
sys.exit(0)
"#;

fn menu(world: &World, args: &[&str]) -> Program {
    let mut argv = vec!["python3", "-c", MENU];
    argv.extend(args);
    Program::start(world.launch(&argv)).expect("python3 is there")
}

fn strokes() -> Vec<Stroke> {
    let regex = |pattern| Some(Regex::new(pattern).expect("a regular expression"));
    let press = |key: &str| Some(key.to_owned());
    vec![
        Stroke {
            after: regex("prompt"),
            text: Some("/login".to_owned()),
            press: press("enter"),
        },
        Stroke {
            after: regex("How"),
            press: press("down"),
            ..Stroke::default()
        },
        Stroke {
            press: press("enter"),
            ..Stroke::default()
        },
    ]
}

#[tokio::test]
async fn a_menu_is_gone_through_and_left() {
    let world = World::new();
    let program = menu(&world, &["0"]);
    drive(&program, &strokes(), BOUND).await.unwrap();
    assert!(
        program.view().screen.contains("Signed in with item 1"),
        "{}",
        program.view().screen
    );
    let keys = ["ctrl-c".to_owned(), "ctrl-c".to_owned()];
    let done = Regex::new("Signed in").unwrap();
    assert!(quit(&program, &done, &keys, BOUND).await);
    assert_eq!(program.end().await.how, How::Exit(0));
}

#[tokio::test]
async fn keys_that_got_lost_are_sent_again() {
    let world = World::new();
    let program = menu(&world, &["1.5"]);
    drive(&program, &strokes(), BOUND * 2).await.unwrap();
    assert!(
        program.view().screen.contains("Signed in with item 1"),
        "{}",
        program.view().screen
    );
}

#[tokio::test]
async fn an_animation_is_no_answer_to_a_key() {
    let world = World::new();
    let program = menu(&world, &["2.5", "--spin"]);
    drive(&program, &strokes(), BOUND * 3).await.unwrap();
    assert!(
        program.view().screen.contains("Signed in with item 1"),
        "{}",
        program.view().screen
    );
}

#[tokio::test]
async fn waiting_for_what_never_comes_has_an_end() {
    let world = World::new();
    let program = Program::start(world.shell("echo other; exec sleep 60")).unwrap();
    let begun = Instant::now();
    let error = drive(&program, &strokes(), Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(error, KeysError::NotSeen("prompt".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_program_that_ignores_every_key_is_told_of() {
    let world = World::new();
    let program =
        Program::start(world.shell("stty raw -echo; echo prompt; exec sleep 60")).unwrap();
    let error = drive(&program, &strokes(), BOUND * 3).await.unwrap_err();
    assert_eq!(error, KeysError::NoEffect("`/login`".to_owned()));
}

#[tokio::test]
async fn without_a_terminal_nothing_comes_of_a_key() {
    let world = World::new();
    let program = Program::start(world.pipes("echo prompt; exec cat >/dev/null", StdinKind::Open));
    let program = program.unwrap();
    let error = drive(&program, &strokes(), Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(error, KeysError::NoEffect("`/login`".to_owned()));
}

#[tokio::test]
async fn a_program_that_ends_by_itself_is_not_asked_to() {
    let world = World::new();
    let program = Program::start(world.shell("echo bye; exit 0")).unwrap();
    let never = Regex::new("never").unwrap();
    assert!(!quit(&program, &never, &["ctrl-c".to_owned()], BOUND).await);
    assert_eq!(end_of(&program).await.how, How::Exit(0));
}
