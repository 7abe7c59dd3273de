//! Programs in a real pseudo terminal and on real pipes.

mod world;

use std::time::Duration;

use loginproof::terminal::{Attach, How, Launch, LaunchError, Program, StdinKind, View, WaitError};
use world::{BOUND, World, end_of};

fn shows(text: &'static str) -> impl Fn(&View) -> Option<()> {
    move |view| view.screen.contains(text).then_some(())
}

#[tokio::test]
async fn text_on_the_screen_is_seen_and_the_status_told() {
    let world = World::new();
    let program = Program::start(world.shell("printf 'hello\\n'; exit 3")).unwrap();
    program.wait_for(BOUND, shows("hello")).await.unwrap();
    let ended = end_of(&program).await;
    assert_eq!(ended.how, How::Exit(3));
    assert_eq!(ended.left_behind, []);
    assert_eq!(ended.modes, Default::default());
    assert_eq!(&*program.view().screen, "hello");
}

#[tokio::test]
async fn pipes_are_told_apart_and_there_is_no_terminal() {
    let world = World::new();
    let script = "echo out; echo err >&2; test -t 0 || test -t 1 || test -t 2 || echo none; cat /dev/tty 2>&1 || true";
    let program = Program::start(world.pipes(script, StdinKind::Null)).unwrap();
    assert_eq!(end_of(&program).await.how, How::Exit(0));
    let view = program.view();
    let stdout = String::from_utf8(view.stdout.unwrap().to_vec()).unwrap();
    assert!(stdout.starts_with("out\nnone\n"), "{stdout}");
    assert!(stdout.contains("/dev/tty"), "{stdout}");
    assert_eq!(&*view.stderr.unwrap(), b"err\n");
}

#[tokio::test]
async fn a_link_is_read_with_its_whole_address() {
    let world = World::new();
    let url = format!("http://127.0.0.1/{}", "x".repeat(3000));
    let script = format!("printf '\\033]8;;{url}\\033\\\\sign in\\033]8;;\\033\\\\\\n'");
    let program = Program::start(world.shell(&script)).unwrap();
    let link = program
        .wait_for(BOUND, |view| view.links.first().cloned())
        .await
        .unwrap();
    end_of(&program).await;
    assert_eq!((link.url, link.text), (url, "sign in".to_owned()));
}

/// Reads answers of the terminal until their last byte, and prints them with `ESC` as `^`.
const ASK: &str = r#"
stty raw -echo
ask() { printf "$1"; }
answers() { dd bs=1 count="$1" 2>/dev/null | tr '\033' '^'; }
"#;

#[tokio::test]
async fn questions_split_over_writes_are_answered_in_order() {
    let world = World::new();
    // ^[[1;3R is 6 bytes, the colour with BEL 24, device attributes 9.
    let script = format!(
        r#"{ASK} printf ab; ask '\033'; ask '['; ask '6'; ask 'n'; first=$(answers 6)
        ask '\033]11;'; ask '?\007\033[c\033[6n'; second=$(answers 39); stty sane; printf '\n%s\n%s\n' "$first" "$second""#
    );
    let program = Program::start(world.shell(&script)).unwrap();
    assert_eq!(end_of(&program).await.how, How::Exit(0));
    let screen = program.view().screen;
    assert!(screen.contains("\n^[1;3R\n"), "{screen}");
    assert!(
        screen.contains("^]11;rgb:1010/1010/1010\u{7}^[?62;22c^[1;3R")
            || screen.contains("^]11;rgb:1010/1010/1010^[?62;22c^[1;3R"),
        "{screen}"
    );
}

#[tokio::test]
async fn a_terminal_told_to_stay_silent_answers_nothing() {
    let world = World::new();
    let script = format!(
        r#"{ASK} stty min 0 time 3; ask '\033[6n'; got=$(answers 6); stty sane; echo "got=$got.""#
    );
    let program = Program::start(Launch {
        answers: false,
        ..world.shell(&script)
    })
    .unwrap();
    assert_eq!(end_of(&program).await.how, How::Exit(0));
    assert_eq!(&*program.view().screen, "got=.");
}

#[tokio::test]
async fn a_new_size_is_seen_by_the_program() {
    let world = World::new();
    let program = Program::start(world.shell("stty size; read line; stty size")).unwrap();
    program.wait_for(BOUND, shows("24 80")).await.unwrap();
    program.resize(132, 50).unwrap();
    program.press("enter").unwrap();
    program.wait_for(BOUND, shows("50 132")).await.unwrap();
    assert!(program.resize(0, 10).is_err());
}

#[tokio::test]
async fn the_interrupt_key_ends_a_program_even_if_the_harness_ignores_interrupts() {
    let world = World::new();
    // The supervisor starts with SIGINT ignored, as from a CI runner's shell; the program must not.
    let supervisor = world.folder.path().join("ignoring");
    let script = format!(
        "#!/bin/sh\ntrap '' INT QUIT\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_loginproof")
    );
    std::fs::write(&supervisor, script).unwrap();
    std::fs::set_permissions(
        &supervisor,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let program = Program::start(Launch {
        supervisor,
        ..world.shell("echo up; exec sleep 1000")
    })
    .unwrap();
    program.wait_for(BOUND, shows("up")).await.unwrap();
    program.press("ctrl-c").unwrap();
    assert_eq!(end_of(&program).await.how, How::Signal(2));
}

#[tokio::test]
async fn a_signal_reaches_the_program_and_only_it() {
    let world = World::new();
    let script = "trap 'echo got it; exit 7' TERM; sleep 1000 & echo up; wait; wait";
    let program = Program::start(world.shell(script)).unwrap();
    program.wait_for(BOUND, shows("up")).await.unwrap();
    program.signal("SIGTERM").unwrap();
    let ended = end_of(&program).await;
    assert_eq!(ended.how, How::Exit(7));
    assert_eq!(&*program.view().screen, "up\ngot it");
    assert_eq!(ended.left_behind.len(), 1);
    assert!(program.signal("TERM").is_err());
    assert!(program.signal("NONE").is_err());
}

#[tokio::test]
async fn a_signal_sent_at_once_still_finds_the_program() {
    let world = World::new();
    let program = Program::start(world.pipes("exec sleep 1000", StdinKind::Null)).unwrap();
    program.signal("KILL").unwrap();
    assert_eq!(end_of(&program).await.how, How::Signal(9));
}

#[tokio::test]
async fn a_program_can_be_suspended_and_continued() {
    let world = World::new();
    for by_key in [false, true] {
        let script = "echo up; while read line; do echo \"got $line\"; done";
        let program = Program::start(world.shell(script)).unwrap();
        program.wait_for(BOUND, shows("up")).await.unwrap();
        if by_key {
            program.press("ctrl-z").unwrap()
        } else {
            program.signal("TSTP").unwrap()
        }
        program.send(b"it\n").unwrap();
        let answer = program
            .wait_for(Duration::from_millis(100), shows("got it"))
            .await;
        assert!(answer.is_err(), "a suspended program reads nothing");
        program.signal("CONT").unwrap();
        program.wait_for(BOUND, shows("got it")).await.unwrap();
        assert_eq!(program.end().await.how, How::Killed);
    }
}

#[test]
fn what_runs_ends_when_the_harness_is_killed() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let world = World::new();
    let report = world.folder.path().join("report.json");
    let script = r#""$0" enter --report "$1" -- sh -c '(setsid sleep 4248 &); echo $$; exec sleep 4249' & wait"#;
    let mut harness = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_loginproof")])
        .arg(&report)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(harness.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    harness.kill().unwrap();
    harness.wait().unwrap();
    // The end of the pipe: nobody holds it any more, neither program nor daemon nor supervisor.
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(output.read_to_end(&mut Vec::new())));
    receiver.recv_timeout(BOUND).unwrap().unwrap();
    assert!(gone(line.trim().parse().unwrap()));
}

#[tokio::test]
async fn a_daemon_left_behind_is_named_and_ended() {
    let world = World::new();
    let script = "(setsid sleep 4242 >/dev/null 2>&1 </dev/null &) ; echo done";
    let program = Program::start(world.shell(script)).unwrap();
    let ended = end_of(&program).await;
    assert_eq!(ended.how, How::Exit(0));
    let commands: Vec<_> = ended
        .left_behind
        .iter()
        .map(|left| left.command.as_str())
        .collect();
    assert_eq!(commands, ["sleep 4242"]);
    assert!(
        ended.ran < Duration::from_millis(140),
        "the grace is not the program's own time: {:?}",
        ended.ran
    );
    assert!(gone(ended.left_behind[0].pid));
}

#[tokio::test]
async fn a_helper_that_ends_by_itself_soon_is_not_left_behind() {
    let world = World::new();
    let program = Program::start(world.shell("(sleep 0.02 &) ; echo done")).unwrap();
    assert_eq!(end_of(&program).await.left_behind, []);
}

#[tokio::test]
async fn a_program_that_will_not_end_is_ended_with_all_it_started() {
    let world = World::new();
    let script = "trap '' TERM INT HUP QUIT; (setsid sleep 4243 &); sleep 4244 & echo up; while :; do wait; done";
    let program = Program::start(world.shell(script)).unwrap();
    program.wait_for(BOUND, shows("up")).await.unwrap();
    assert!(program.ended(Duration::from_millis(50)).await.is_none());
    program.signal("TERM").unwrap();
    let ended = program.end().await;
    assert_eq!(ended.how, How::Killed);
    let mut commands: Vec<_> = ended
        .left_behind
        .iter()
        .map(|left| left.command.as_str())
        .collect();
    commands.sort_unstable();
    assert_eq!(commands, ["sleep 4243", "sleep 4244"]);
    assert!(ended.left_behind.iter().all(|left| gone(left.pid)));
    assert_eq!(program.end().await, ended);
}

#[tokio::test]
async fn a_program_that_kills_its_supervisor_does_not_get_away() {
    let world = World::new();
    // On pipes: no hang-up of a terminal helps.
    let script = "echo $$; kill -9 $PPID; exec sleep 4245";
    let program = Program::start(world.pipes(script, StdinKind::Null)).unwrap();
    let ended = end_of(&program).await;
    assert_eq!(ended.how, How::Signal(9));
    assert!(gone(program.view().screen.trim().parse().unwrap()));
}

#[tokio::test]
async fn dropping_a_program_ends_it() {
    let world = World::new();
    let program = Program::start(world.shell("echo $$; exec sleep 4246")).unwrap();
    let pid = program
        .wait_for(BOUND, |view| view.screen.trim().parse().ok())
        .await
        .unwrap();
    assert!(!gone(pid));
    drop(program);
    assert!(gone(pid));
}

#[tokio::test]
async fn the_mask_of_new_files_is_the_programs_own() {
    let world = World::new();
    for (mask, mode) in [(0o077, "600"), (0o000, "666")] {
        let launch = world.shell("touch file; stat -c %a file; rm file");
        let program = Program::start(Launch {
            umask: Some(mask),
            ..launch
        })
        .unwrap();
        end_of(&program).await;
        assert_eq!(&*program.view().screen, mode);
    }
}

#[tokio::test]
async fn standard_input_is_what_was_asked_for() {
    let world = World::new();
    let text = StdinKind::Text(b"one\ntwo".to_vec());
    for (stdin, expected) in [(StdinKind::Null, "0"), (text, "7")] {
        let program = Program::start(world.pipes("wc -c", stdin)).unwrap();
        end_of(&program).await;
        assert_eq!(program.view().screen.trim(), expected);
    }
    let program =
        Program::start(world.pipes("echo up; read line; echo got $line", StdinKind::Open)).unwrap();
    program.wait_for(BOUND, shows("up")).await.unwrap();
    assert!(
        program.ended(Duration::from_millis(50)).await.is_none(),
        "an open pipe has no end"
    );
    program.send(b"it\n").unwrap();
    program.wait_for(BOUND, shows("got it")).await.unwrap();
    assert_eq!(end_of(&program).await.how, How::Exit(0));
    assert!(program.send(b"more").is_err());
}

#[tokio::test]
async fn through_script_the_program_has_a_terminal() {
    let world = World::new();
    let launch = world.launch(&[
        "sh",
        "-c",
        "test -t 1 && echo \"it's a $0\"; exit 4",
        "terminal $HOME",
    ]);
    let program = Program::start(Launch {
        attach: Attach::Script {
            stdin: StdinKind::Null,
            log: None,
        },
        ..launch
    })
    .unwrap();
    assert_eq!(end_of(&program).await.how, How::Exit(4));
    assert_eq!(&*program.view().screen, "it's a terminal $HOME");
    assert_eq!(
        &*program.view().stdout.unwrap(),
        b"it's a terminal $HOME\r\n"
    );
}

#[tokio::test]
async fn statuses_and_signals_are_told_apart() {
    let world = World::new();
    for (script, how) in [
        ("exit 0", How::Exit(0)),
        ("exit 255", How::Exit(255)),
        ("exit 143", How::Exit(143)),
        ("kill -TERM $$", How::Signal(15)),
        ("kill -SEGV $$", How::Signal(11)),
    ] {
        for attach in [
            Attach::Pty {
                columns: 80,
                rows: 24,
            },
            Attach::Pipes {
                stdin: StdinKind::Null,
            },
        ] {
            let program = Program::start(Launch {
                attach,
                ..world.shell(script)
            })
            .unwrap();
            assert_eq!(end_of(&program).await.how, how, "{script}");
        }
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_path() {
    let world = World::new();
    let mut launch = world.launch(&["no-such-agent", "login"]);
    launch.env = vec![("PATH".into(), "/opt/tools:/bin".into())];
    let error = Program::start(launch).err().unwrap();
    assert_eq!(
        error.to_string(),
        "program `no-such-agent` was not found in PATH (/opt/tools:/bin)"
    );
    let error = Program::start(world.launch(&["/etc/passwd"]))
        .err()
        .unwrap();
    assert!(matches!(error, LaunchError::NotRunnable { .. }), "{error}");
    let broken = world.folder.path().join("broken");
    std::fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = Program::start(world.launch(&["./broken"])).unwrap();
    assert!(matches!(end_of(&program).await.how, How::NotStarted(_)));
}

#[tokio::test]
async fn waiting_ends_with_the_program_or_with_the_bound() {
    let world = World::new();
    let program = Program::start(world.shell("echo up; read line")).unwrap();
    let error = program
        .wait_for(Duration::from_millis(50), shows("never"))
        .await
        .unwrap_err();
    assert!(matches!(error, WaitError::Bound { .. }));
    program.press("enter").unwrap();
    let error = program.wait_for(BOUND, shows("never")).await.unwrap_err();
    let WaitError::Ended { view } = error else {
        panic!("{error}")
    };
    assert!(view.screen.starts_with("up"));
}

#[tokio::test]
async fn modes_that_were_not_restored_are_told() {
    let world = World::new();
    let script = r"printf '\033[?1049h\033[?25l\033[?2004h\033[?1000h'; stty -echo";
    let ended = end_of(&Program::start(world.shell(script)).unwrap()).await;
    let modes = ended.modes;
    assert!(modes.alternate_screen && modes.cursor_hidden && modes.bracketed_paste && modes.mouse);
    assert!(modes.line_discipline_changed);
    let script = r"old=$(stty -g); stty raw -echo; printf '\033[?1049h\033[?1049l'; stty $old";
    let ended = end_of(&Program::start(world.shell(script)).unwrap()).await;
    assert_eq!(ended.modes, Default::default());
}

#[tokio::test]
async fn a_program_that_does_not_read_can_still_be_typed_to_and_ended() {
    let world = World::new();
    let program = Program::start(world.shell("stty raw -echo; echo up; exec sleep 4247")).unwrap();
    program.wait_for(BOUND, shows("up")).await.unwrap();
    program.send(&vec![b'x'; 500_000]).unwrap();
    assert_eq!(program.end().await.how, How::Killed);
}

#[tokio::test]
async fn a_flood_without_end_is_ended() {
    let world = World::new();
    let program = Program::start(world.shell("exec yes")).unwrap();
    program.wait_for(BOUND, shows("y\ny")).await.unwrap();
    assert!(program.ended(Duration::from_millis(300)).await.is_none());
    assert_eq!(program.end().await.how, How::Killed);
}

#[tokio::test]
async fn the_capture_holds_what_was_shown_typed_and_answered() {
    use loginproof::terminal::Stream;
    let world = World::new();
    let program =
        Program::start(world.shell(r#"printf 'name? \033[6n'; read line; echo "hi $line""#))
            .unwrap();
    program.wait_for(BOUND, shows("name?")).await.unwrap();
    program.send(b"Jo\n").unwrap();
    end_of(&program).await;
    let capture = program.capture();
    assert_eq!(capture.bytes(&[Stream::Input]), b"Jo\n");
    assert_eq!(capture.bytes(&[Stream::Answer]), b"\x1b[1;7R");
    assert!(
        capture
            .bytes(&[Stream::Terminal])
            .starts_with(b"name? \x1b[6n")
    );
    assert!(capture.chunks.is_sorted_by_key(|chunk| chunk.at));
}

/// Whether no process of this id runs.
fn gone(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'))
}
