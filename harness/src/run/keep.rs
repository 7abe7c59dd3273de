//! Evidence on disk: the journal, recordings of terminals, screens, the list of files in the home, and what does not
//! hold.

use std::io::{self, Write as _};
use std::sync::Arc;

use super::evidence::Evidence;
use super::found::{self, Found};
use super::running::Running;
use super::world::World;
use crate::scenario::model::Tty;
use crate::terminal::cast;

/// Larger files of the home are listed, not copied.
const KEPT_FILE: u64 = 256 * 1024;
/// No more than this is copied in all.
const KEPT_FILES: u64 = 4 * 1024 * 1024;

/// Writes the evidence of a scenario into its folder.
pub(super) fn write(
    world: &World,
    evidence: &Evidence,
    running: &[Arc<Running>],
    found: Option<&Found>,
) -> io::Result<()> {
    let dir = &world.dir;
    std::fs::write(dir.join("journal.jsonl"), world.server.journal().to_jsonl())?;
    std::fs::write(
        dir.join("journal.har"),
        serde_json::to_vec_pretty(&world.server.journal().to_har())?,
    )?;
    let mut files = std::fs::File::create(dir.join("files.txt"))?;
    for file in &evidence.files {
        writeln!(
            files,
            "{:04o} {:>9} {}",
            file.mode,
            file.size,
            file.path.display()
        )?;
    }
    for (index, (program, running)) in evidence.programs.iter().zip(running).enumerate() {
        let step = format!("{}-{}", index + 1, program.name);
        // The last program's recordings carry the plain names.
        let last = index + 1 == evidence.programs.len();
        let names = |kind: &str, ending: &str| {
            let plain = last.then(|| format!("{kind}.{ending}"));
            std::iter::once(format!("{kind}-{step}.{ending}")).chain(plain)
        };
        let recording = cast::write(&running.program.capture());
        for path in names("terminal", "cast") {
            std::fs::write(dir.join(path), &recording)?;
        }
        if program.tty == Tty::Pty {
            let drawn = running.program.picture().svg();
            for path in names("screen", "svg") {
                std::fs::write(dir.join(path), &drawn)?;
            }
        } else {
            std::fs::write(dir.join(format!("stdout-{step}.txt")), program.stdout())?;
            std::fs::write(dir.join(format!("stderr-{step}.txt")), program.stderr())?;
        }
        let text = program.readable().join("\n");
        for path in names("screen", "txt") {
            std::fs::write(dir.join(path), &text)?;
        }
    }
    world
        .home
        .copy_small_files(&dir.join("home"), KEPT_FILE, KEPT_FILES)?;
    if let Some(found) = found {
        std::fs::write(dir.join(found::FILE), serde_json::to_vec_pretty(found)?)?;
    }
    if !evidence.notes.is_empty() {
        std::fs::write(dir.join("notes.txt"), evidence.notes.join("\n") + "\n")?;
    }
    Ok(())
}
