use proptest::prelude::*;

use super::*;
use crate::failure::{Class, Failure};
use crate::oauth::{AccessToken, RefreshToken};

fn folder() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("deep/er/auth.json"));
    (folder, store)
}

fn pair(n: usize) -> Credentials {
    Credentials::new(
        AccessToken::new(format!("at_loginproof_{n}")),
        RefreshToken::new(format!("rt_loginproof_{}", "x".repeat(n))),
    )
}

fn put(store: &Store, credentials: &Credentials) {
    store.reserve().unwrap().commit(credentials).unwrap();
}

fn files(store: &Store) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(store.path().parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[cfg(unix)]
#[test]
fn file_and_new_folder_are_private_and_a_loose_mode_is_tightened() {
    let (_folder, store) = folder();
    put(&store, &pair(1));
    assert_eq!(
        (mode(store.path()), mode(store.path().parent().unwrap())),
        (0o600, 0o700)
    );
    fs::set_permissions(
        store.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    put(&store, &pair(2));
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(files(&store), ["auth.json"]);
}

#[test]
fn a_reservation_that_is_not_used_leaves_nothing_behind() {
    let (_folder, store) = folder();
    put(&store, &pair(1));
    let before = fs::read(store.path()).unwrap();
    drop(store.reserve().unwrap());
    assert_eq!(
        (fs::read(store.path()).unwrap(), files(&store)),
        (before, vec!["auth.json".to_owned()])
    );
}

#[cfg(unix)]
#[test]
fn a_linked_file_is_replaced_behind_its_link() {
    let (folder, store) = folder();
    let real = folder.path().join("real.json");
    fs::write(&real, pair(1).to_text()).unwrap();
    fs::create_dir_all(store.path().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, store.path()).unwrap();
    put(&store, &pair(2));
    assert!(fs::symlink_metadata(store.path()).unwrap().is_symlink());
    assert_eq!(
        Store::new(real).load().unwrap().unwrap().access,
        pair(2).access
    );
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_found_out_before_anything_is_spent() {
    let (_folder, store) = folder();
    put(&store, &pair(1));
    fs::set_permissions(
        store.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o400),
    )
    .unwrap();
    assert!(matches!(
        store.reserve(),
        Err(StoreError::Unwritable { .. })
    ));
}

#[test]
fn a_damaged_file_is_an_error_and_moves_aside_only_when_told() {
    let (_folder, store) = folder();
    put(&store, &pair(1));
    fs::write(store.path(), "{\"tokens\":").unwrap();
    assert!(matches!(
        store.load_patiently(),
        Err(StoreError::Damaged { .. })
    ));
    assert_eq!(files(&store), ["auth.json"]);
    let aside = store.set_damaged_aside().unwrap().unwrap();
    assert_eq!(fs::read_to_string(aside).unwrap(), "{\"tokens\":");
    assert!(store.load().unwrap().is_none());
    put(&store, &pair(2));
    assert_eq!(store.set_damaged_aside().unwrap(), None);
}

#[test]
fn a_quarantine_speaks_of_one_token_and_does_not_hold_it() {
    let (_folder, store) = folder();
    put(&store, &pair(1));
    let failure = Failure {
        code: Some("refresh_token_reused".into()),
        ..Failure::local(Class::RefreshReused, "x")
    };
    store.quarantine(
        &pair(1).refresh,
        &failure,
        std::time::SystemTime::UNIX_EPOCH,
    );
    let note = store.quarantined(&pair(1).refresh).unwrap().failure();
    assert_eq!(
        (note.class.clone(), note.code.clone()),
        (Class::RefreshReused, failure.code)
    );
    assert!(store.quarantined(&pair(2).refresh).is_none());
    let text = fs::read_to_string(store.beside("quarantine")).unwrap();
    assert!(!text.contains("loginproof"), "{text}");
    #[cfg(unix)]
    assert_eq!(mode(&store.beside("quarantine")), 0o600);
    store.clear_quarantine();
    assert!(store.quarantined(&pair(1).refresh).is_none());
}

#[tokio::test]
async fn a_lock_is_waited_for_and_goes_with_its_holder() {
    let (_folder, store) = folder();
    let held = store.lock(Duration::ZERO).await.unwrap();
    assert!(matches!(
        store.lock(Duration::from_millis(30)).await,
        Err(StoreError::Busy { .. })
    ));
    let waiting = store.clone();
    let waiter =
        tokio::spawn(async move { waiting.lock(Duration::from_secs(10)).await.map(|_| ()) });
    tokio::task::yield_now().await;
    drop(held);
    assert_eq!(waiter.await.unwrap(), Ok(()));
    // A lock file without a holder is no lock.
    assert!(store.lock(Duration::ZERO).await.is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_write_cut_at_any_step_leaves_the_old_pair_or_the_new_one(old in 0usize..40, new in 0usize..40, cut in 0.0f64..1.05) {
        let (_folder, store) = folder();
        put(&store, &pair(old));
        let room = 64;
        let text = pair(new).to_text();
        // Steps of a whole write: making the file, filling it, rewinding, writing, four more.
        let steps = ((room + text.len() + 6) as f64 * cut) as usize;
        let result = Reserved::create(&store.target(), room, Fuse::after(steps)).and_then(|r| r.commit(text.as_bytes()));
        let found = fs::read_to_string(store.path()).unwrap();
        let read = store.load().unwrap().unwrap();
        if result.is_ok() {
            prop_assert_eq!(&found, &text);
        }
        prop_assert!(read.refresh == pair(old).refresh || read.refresh == pair(new).refresh);
        // What the interruption left behind stands in nobody's way.
        put(&store, &pair(7));
        prop_assert_eq!(store.load().unwrap().unwrap().refresh, pair(7).refresh);
    }
}
