use super::*;

fn with(facts: &[(&str, &str)]) -> Finding {
    namespaces(&|path| {
        let known = facts
            .iter()
            .chain(&[("/proc/sys/kernel/ostype", "Linux\n")]);
        known
            .into_iter()
            .find(|(name, _)| path.ends_with(name))
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn each_setting_that_forbids_namespaces_is_named_with_its_remedy() {
    for (setting, value) in [
        ("user/max_user_namespaces", "0\n"),
        ("user/max_net_namespaces", "0\n"),
        ("kernel/unprivileged_userns_clone", "0\n"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1\n"),
    ] {
        let finding = with(&[(setting, value)]);
        assert!(!finding.ok, "{setting}");
        let setting = setting.replace('/', ".");
        assert!(finding.remedy.unwrap().contains(&setting), "{setting}");
    }
}

#[test]
fn a_kernel_that_forbids_nothing_is_taken_at_its_word_and_no_further() {
    assert_eq!(with(&[]).detail, "no setting of the kernel forbids them");
    assert!(
        with(&[("self/status", "Name:\tx\nSeccomp:\t2\n")])
            .detail
            .contains("filter")
    );
    assert!(!namespaces(&|_| None).ok);
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
    let diagnosis = doctor(cache.path(), &[]);
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
