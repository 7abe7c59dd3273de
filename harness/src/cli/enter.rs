//! `loginproof enter --report FILE [--umask OCTAL] [--user PATH --net PATH --etc DIR]
//! [--room BYTES | --read-only DIR | --mounted FILE] -- PROGRAM [ARGUMENT]…`, not shown in the help: every program under test is started through it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::sandbox::disk::Disk;
use crate::sandbox::namespace::Join;
use crate::sandbox::supervise::{self, Enter};

/// Reads the arguments after `enter` and supervises the program; ends with the program's own status, or 2 where the
/// arguments make no sense. Read by hand: this runs once per program under test.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    match read(args) {
        Some(enter) => ExitCode::from(supervise::run(&enter)),
        None => ExitCode::from(2),
    }
}

fn read(mut args: impl Iterator<Item = OsString>) -> Option<Enter> {
    let mut report = None;
    let mut umask = None;
    let mut disk = None;
    let mut place = [const { None::<PathBuf> }; 3];
    loop {
        match args.next()?.to_str()? {
            "--report" => report = Some(args.next()?.into()),
            "--umask" => umask = Some(u32::from_str_radix(args.next()?.to_str()?, 8).ok()?),
            "--user" => place[0] = Some(args.next()?.into()),
            "--net" => place[1] = Some(args.next()?.into()),
            "--etc" => place[2] = Some(args.next()?.into()),
            "--room" => disk = Some(Disk::Room(args.next()?.to_str()?.parse().ok()?)),
            "--read-only" => disk = Some(Disk::ReadOnly(args.next()?.into())),
            "--mounted" => disk = Some(Disk::Mounted(args.next()?.into())),
            "--" => break,
            _ => return None,
        }
    }
    let join = match place {
        [None, None, None] => None,
        [Some(user), Some(net), Some(etc)] => Some(Join { user, net, etc }),
        _ => return None,
    };
    let argv: Vec<OsString> = args.collect();
    (!argv.is_empty()).then_some(Enter {
        report: report?,
        umask,
        join,
        disk,
        argv,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Option<Enter> {
        read(args.iter().map(OsString::from))
    }

    #[test]
    fn everything_after_the_dashes_belongs_to_the_program() {
        let enter = parse(&[
            "--report", "r.json", "--umask", "077", "--", "sh", "--", "--report",
        ])
        .unwrap();
        assert_eq!(enter.argv, ["sh", "--", "--report"]);
        assert_eq!(enter.umask, Some(0o77));
    }

    #[test]
    fn a_namespace_is_named_whole_or_not_at_all() {
        let whole = [
            "--user", "u", "--net", "n", "--etc", "e", "--report", "r.json", "--", "sh",
        ];
        assert_eq!(parse(&whole).unwrap().join.unwrap().net, PathBuf::from("n"));
        assert!(parse(&whole[2..]).is_none());
        assert_eq!(parse(&whole[6..]).unwrap().join, None);
    }

    #[test]
    fn a_disk_is_read_back_as_it_was_written() {
        for disk in [
            Disk::Room(512),
            Disk::ReadOnly("/home/of".into()),
            Disk::Mounted("/home/of/auth.json".into()),
        ] {
            let words = ["--report", "r.json"].map(OsString::from);
            let all = words.into_iter().chain(disk.arguments());
            let all = all.chain(["--", "sh"].map(OsString::from));
            assert_eq!(read(all).unwrap().disk, Some(disk));
        }
    }

    #[test]
    fn a_report_and_a_program_are_needed() {
        assert!(parse(&["--", "sh"]).is_none());
        assert!(parse(&["--report", "r.json", "--"]).is_none());
        assert!(parse(&["--report", "r.json", "sh"]).is_none());
    }
}
