//! Programs in a real pseudo terminal and on real pipes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use loginproof::terminal::{Attach, Ended, How, Launch, Program, StdinKind, View};
use tempfile::TempDir;

const BOUND: Duration = Duration::from_secs(10);

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn launch(&self, argv: &[&str]) -> Launch {
        let path = std::env::var_os("PATH").unwrap();
        Launch {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: vec![
                (OsString::from("PATH"), path),
                ("TERM".into(), "xterm-256color".into()),
                ("LANG".into(), "C.UTF-8".into()),
            ],
            cwd: self.folder.path().to_owned(),
            attach: Attach::Pty {
                columns: 80,
                rows: 24,
            },
            answers: true,
            umask: None,
            supervisor: PathBuf::from(env!("CARGO_BIN_EXE_loginproof")),
            report: self.folder.path().join("report.json"),
        }
    }

    fn shell(&self, script: &str) -> Launch {
        self.launch(&["sh", "-c", script])
    }

    fn pipes(&self, script: &str, stdin: StdinKind) -> Launch {
        Launch {
            attach: Attach::Pipes { stdin },
            ..self.shell(script)
        }
    }
}

fn shows(text: &'static str) -> impl Fn(&View) -> Option<()> {
    move |view| view.screen.contains(text).then_some(())
}

async fn end_of(program: &Program) -> Ended {
    program
        .ended(BOUND)
        .await
        .expect("the program ends by itself")
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
