use miette::Diagnostic;

use super::*;

/// An installer in shell: writes a program that says `version`.
fn plan(folder: &Path, version: &str) -> InstallPlan {
    let script = format!(
        "mkdir -p {{tools}}/bin && printf '#!/bin/sh\\necho demo-cli {version}\\n' > {{tools}}/bin/demo && chmod +x {{tools}}/bin/demo && echo installing"
    );
    InstallPlan {
        name: "demo".to_owned(),
        files: BTreeMap::new(),
        run: vec![shell(&script)],
        tools: folder.join("tools/demo-1.2.3"),
        bin: vec!["{tools}/bin".to_owned()],
        version: vec!["demo".to_owned(), "--version".to_owned()],
        expect: "1.2.3".to_owned(),
        placeholders: Placeholders::default(),
        in_place: false,
        force: false,
    }
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("tools")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_program_is_installed_once_and_its_version_told() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), "1.2.3");
    let mut log = Vec::new();
    let installed = install(&plan, &mut log).unwrap();
    assert_eq!(installed.version, "demo-cli 1.2.3");
    assert!(installed.program.is_file() && !installed.already);
    assert_eq!(String::from_utf8(log).unwrap(), "installing\n");
    assert_eq!(entries(folder.path()), ["demo-1.2.3"]);

    let mut log = Vec::new();
    assert!(install(&plan, &mut log).unwrap().already);
    assert!(log.is_empty());
}

#[test]
fn force_installs_again_in_place_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    install(&plan, &mut io::sink()).unwrap();
    std::fs::write(plan.tools.join("left over"), "").unwrap();
    plan.force = true;
    assert!(!install(&plan, &mut io::sink()).unwrap().already);
    assert!(!plan.tools.join("left over").exists());
    assert_eq!(entries(folder.path()), ["demo-1.2.3"]);
}

#[test]
fn an_install_that_fails_half_way_never_looks_installed() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.run[0][2].push_str(" && exit 7");
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert!(matches!(error, InstallError::Failed { .. }), "{error}");
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn a_wrong_version_is_refused_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    install(&plan(folder.path(), "1.2.3"), &mut io::sink()).unwrap();
    let newer = InstallPlan {
        force: true,
        ..plan(folder.path(), "1.2.30")
    };
    let error = install(&newer, &mut io::sink()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`demo --version` says `demo-cli 1.2.30`, not 1.2.3"
    );
    assert!(
        install(&plan(folder.path(), "1.2.3"), &mut io::sink())
            .unwrap()
            .already
    );
}

#[test]
fn a_program_that_cannot_be_moved_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.run[0][2].push_str(" && printf '#!/bin/sh\\ncat {tools}/version\\n' > {tools}/bin/demo && echo 1.2.3 > {tools}/version");
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert!(matches!(error, InstallError::NotMovable { .. }), "{error}");
    assert!(entries(folder.path()).is_empty());
}

/// The same, for a program that only works where it was installed.
fn rooted(folder: &Path, version: &str) -> InstallPlan {
    let mut plan = plan(folder, version);
    plan.in_place = true;
    plan.run.push(shell(&format!(
        "printf '#!/bin/sh\\ncat {{tools}}/version\\n' > {{tools}}/bin/demo && echo {version} > {{tools}}/version"
    )));
    plan
}

#[test]
fn a_program_that_cannot_be_moved_is_installed_where_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let plan = rooted(folder.path(), "1.2.3");
    let installed = install(&plan, &mut io::sink()).unwrap();
    assert_eq!(installed.version, "1.2.3");
    assert!(plan.tools.join(STAMP).is_file());
    assert!(install(&plan, &mut io::sink()).unwrap().already);
    assert_eq!(entries(folder.path()), [".demo-1.2.3.lock", "demo-1.2.3"]);
}

#[test]
fn what_an_interrupted_install_left_in_place_does_not_count_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let plan = rooted(folder.path(), "1.2.3");
    install(&plan, &mut io::sink()).unwrap();
    // As after a power cut: everything seems to be there, but the end was not reached.
    std::fs::remove_file(plan.tools.join(STAMP)).unwrap();
    std::fs::write(plan.tools.join("half"), "").unwrap();
    assert!(!install(&plan, &mut io::sink()).unwrap().already);
    assert!(!plan.tools.join("half").exists());
}

#[test]
fn an_install_in_place_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = rooted(folder.path(), "1.2.3");
    let good = plan.run.clone();
    plan.run.push(shell("exit 7"));
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert!(matches!(error, InstallError::Failed { .. }), "{error}");
    assert!(!plan.tools.exists());
    plan.run = good;
    install(&plan, &mut io::sink()).unwrap();
    plan.force = true;
    plan.run.push(shell("exit 7"));
    install(&plan, &mut io::sink()).unwrap_err();
    plan.force = false;
    assert!(install(&plan, &mut io::sink()).unwrap().already);
}

#[test]
fn two_installs_in_place_at_once_do_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = rooted(folder.path(), "1.2.3");
    let count = folder.path().join("count");
    plan.run
        .push(shell(&format!("echo x >> {}", count.display())));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| install(&plan, &mut io::sink()).unwrap());
        }
    });
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
}

#[test]
fn a_library_tells_its_version_through_a_program_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.run = vec![shell(
        "mkdir {tools}/lib && echo 1.2.3 > {tools}/lib/version",
    )];
    plan.version = ["cat", "{tools}/lib/version"].map(str::to_owned).to_vec();
    let installed = install(&plan, &mut io::sink()).unwrap();
    assert_eq!(installed.version, "1.2.3");
}

#[test]
fn a_missing_installer_is_named_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.run = vec![vec!["loginproof-no-such-tool".to_owned()]];
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot install `demo`: `loginproof-no-such-tool` is not on PATH"
    );
    assert!(error.help().unwrap().to_string().contains("PATH"));
}

#[test]
fn an_installer_without_a_network_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.run = vec![shell("echo 'npm error code ENOTFOUND' >&2; exit 1")];
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert!(matches!(error, InstallError::NotReached { .. }), "{error}");
}

#[test]
fn an_installer_that_installs_something_else_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), "1.2.3");
    plan.version[0] = "other".to_owned();
    let error = install(&plan, &mut io::sink()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`demo` is installed, but there is no program other"
    );
}

#[test]
fn a_command_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), "1.2.3");
    let words = shell("exec sleep 1000");
    let ended = plan.play(
        &words,
        folder.path(),
        &mut io::sink(),
        Duration::from_millis(50),
    );
    assert!(matches!(ended, Err(InstallError::Endless { .. })));
}

#[test]
fn output_that_a_grandchild_keeps_open_does_not_keep_us() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), "1.2.3");
    let words = shell("(sleep 20 &) ; echo done");
    let begun = std::time::Instant::now();
    let ended = plan
        .play(
            &words,
            folder.path(),
            &mut io::sink(),
            Duration::from_secs(15),
        )
        .unwrap();
    assert_eq!(ended.output, "done\n");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn only_the_last_of_a_long_output_is_kept() {
    let mut output = Output {
        log: &mut io::sink(),
        kept: Vec::new(),
    };
    output.take(&vec![b'a'; KEPT]).unwrap();
    output.take(b"the end").unwrap();
    assert_eq!(output.kept.len(), KEPT);
    assert!(output.kept.ends_with(b"the end"));
}

#[test]
fn a_version_is_not_mistaken_for_a_longer_one() {
    assert!(tells("codex-cli 0.169.0\n", "0.169.0"));
    assert!(tells("v0.169.0, built today.", "0.169.0"));
    assert!(tells("version 0.169.0.", "0.169.0"));
    for other in [
        "0.169.01",
        "10.169.0",
        "0.169.0.1",
        "0.169.0-alpha.1",
        "1.0.169.0",
        "",
    ] {
        assert!(!tells(other, "0.169.0"), "{other}");
    }
}
