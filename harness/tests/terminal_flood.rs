//! A program that prints without measure. In a process of its own, so that memory can be measured.

mod world;

use loginproof::terminal::{How, Program, StdinKind};
use world::{World, end_of};

#[tokio::test]
async fn a_flood_neither_slows_nor_grows_the_harness() {
    let world = World::new();
    let script = "echo first; yes 'a line of a flood that does not end for a long time, 64 bytes..' | head -c 100000000; echo; echo last";
    for launch in [world.shell(script), world.pipes(script, StdinKind::Null)] {
        let before = memory();
        let program = Program::start(launch).unwrap();
        let ended = end_of(&program).await;
        assert_eq!(ended.how, How::Exit(0));
        let view = program.view();
        assert!(view.transcript.starts_with("first\n"));
        assert!(view.screen.ends_with("last"), "{}", view.screen);
        let capture = program.capture();
        assert!(capture.dropped > 80_000_000, "{}", capture.dropped);
        let grown = memory().saturating_sub(before);
        println!("{:?}, grown by {grown}", ended.ran);
        assert!(grown < 64_000_000, "{grown}");
    }
}

/// Memory of this process in bytes.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or_default()
        * 4096
}
