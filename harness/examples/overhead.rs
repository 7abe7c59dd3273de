//! Measures what the harness adds to the run time of a program: `cargo run --example overhead [--release]`.
//!
//! Starts `true` many times in a terminal and on pipes, each from the start of its launch to the end of its teardown,
//! and compares with starting it directly; the same in a namespace, and the making and the end of one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use loginproof::sandbox::namespace::{Etc, Namespace};
use loginproof::terminal::{Attach, Launch, Program, StdinKind};

const TIMES: usize = 200;

fn main() -> std::io::Result<()> {
    // target/PROFILE/examples/overhead -> target/PROFILE/loginproof
    let supervisor = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("loginproof"));
    let supervisor = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .or(supervisor)
        .unwrap_or_default();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;

    report("direct", || {
        std::process::Command::new("true").status().map(drop)
    })?;
    let etc = folder.path().join("etc");
    Etc::write(&etc, "", &[])?;
    // Where the system refuses namespaces the last lines are missing.
    let namespace = Namespace::create(&supervisor, &[]).ok();
    let inside = namespace.as_ref().map(|(own, _)| own.inside(&etc));
    let terminal = Attach::Pty {
        columns: 120,
        rows: 40,
    };
    let pipes = Attach::Pipes {
        stdin: StdinKind::Null,
    };
    let mut kinds = vec![("terminal", &terminal, None), ("pipes", &pipes, None)];
    if inside.is_some() {
        kinds.push(("inside", &pipes, inside));
        let mut made = Vec::new();
        report("namespace", || {
            made.push(Namespace::create(&supervisor, &[]).map_err(std::io::Error::other)?);
            Ok(())
        })?;
        report("its end", || {
            drop(made.pop());
            Ok(())
        })?;
    }
    for (name, attach, inside) in kinds {
        report(name, || {
            let launch = Launch {
                argv: vec!["true".to_owned()],
                env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
                cwd: folder.path().to_owned(),
                attach: attach.clone(),
                answers: true,
                mirror: false,
                umask: None,
                inside: inside.clone(),
                disk: None,
                supervisor: supervisor.clone(),
                report: folder.path().join("report.json"),
            };
            let program = Program::start(launch).map_err(std::io::Error::other)?;
            let ended = runtime.block_on(program.ended(Duration::from_secs(10)));
            let ended = ended.ok_or_else(|| std::io::Error::other("`true` does not end"))?;
            drop((ended, program.view(), program));
            Ok(())
        })?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the numbers are what this is for")]
fn report(name: &str, mut once: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let start = Instant::now();
        once()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (best, median, worst) = (times[0], times[TIMES / 2], times[TIMES * 95 / 100]);
    println!("{name:10} best {best:>10.2?}  median {median:>10.2?}  95 % {worst:>10.2?}");
    Ok(())
}
