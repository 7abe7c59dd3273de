use super::*;

#[test]
fn a_network_that_cannot_be_made_is_told_and_not_needed() {
    let finding = namespace(Path::new("/nowhere/loginproof"));
    assert!(!finding.ok && !finding.needed);
    #[cfg(target_os = "linux")]
    assert!(finding.detail.contains("/nowhere/loginproof"));
}

#[test]
fn what_is_not_needed_does_not_make_a_machine_unready() {
    let optional = Finding::no("npm", "not on PATH", "install it");
    let diagnosis = Diagnosis::new(vec![optional.clone()]);
    assert!(diagnosis.ready);
    assert_eq!(diagnosis.status(), ExitStatus::AsExpected);
    let diagnosis = Diagnosis::new(vec![optional.needed()]);
    assert_eq!(diagnosis.status(), ExitStatus::Harness);
}

#[test]
fn a_diagnosis_is_a_line_for_each_finding() {
    let diagnosis = Diagnosis::new(vec![
        Finding::ok("loopback", "servers can listen on 127.0.0.1").needed(),
        Finding::no("script", "not on PATH", "install util-linux").needed(),
        Finding::no("npm", "not on PATH", "install Node.js"),
        target(&TargetState {
            name: "codex".to_owned(),
            installed: None,
            install: "loginproof install codex".to_owned(),
        }),
    ]);
    insta::assert_snapshot!(diagnosis.to_text());
    let mut json = Vec::new();
    diagnosis.print(true, &mut json).unwrap();
    insta::assert_snapshot!("a_diagnosis_as_json", String::from_utf8(json).unwrap());
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(cache_folder(&folder.path().join("cache")).ok);
    assert!(!cache_folder(&file.join("cache")).ok);
    assert!(!temp_folder(&file).ok);
}

#[test]
fn a_temporary_folder_below_the_home_or_in_a_repository_is_told() {
    let home = tempfile::tempdir().unwrap();
    let temp = home.path().join("project/tmp");
    std::fs::create_dir_all(&temp).unwrap();
    assert!(!temp_place(&temp, Some(home.path())).ok);
    assert!(temp_place(&temp, Some(Path::new("/"))).ok);
    std::fs::create_dir(home.path().join("project/.git")).unwrap();
    assert!(temp_place(&temp, None).detail.contains("project"));
    assert!(!temp_place(&temp, None).ok);
}

#[test]
fn only_a_file_that_can_be_run_is_a_program() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tool"), "").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    assert_eq!(on_path(folder.path().as_os_str(), "tool"), None);
    assert_eq!(on_path(folder.path().as_os_str(), "folder"), None);
    assert!(on_path(OsStr::new("/nowhere:/bin:/usr/bin"), "sh").is_some());
}

#[test]
fn this_machine_can_be_looked_at() {
    let cache = tempfile::tempdir().unwrap();
    let diagnosis = doctor(cache.path(), Path::new("/nowhere/loginproof"), &[]);
    let found = |name: &str| {
        diagnosis
            .findings
            .iter()
            .find(|finding| finding.name == name)
            .unwrap()
    };
    assert!(found("loopback").ok, "{:?}", found("loopback"));
    assert!(found("terminal").ok, "{:?}", found("terminal"));
}
