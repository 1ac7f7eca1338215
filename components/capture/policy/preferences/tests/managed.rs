/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The administrator's files.

use super::*;

/// Says why, and turns capturing off whatever else is set.
#[track_caller]
fn check_turns_capture_off(setup: Setup, reason: &str) {
    let setup = setup.user(origins(&["*"]));
    let problems = setup.problems();
    let (loaded, _) = setup.load();
    assert!(
        problems.iter().any(|problem| problem.contains(reason)),
        "{problems:#?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("capturing all screens is turned off")),
        "{problems:#?}"
    );
    assert!(!loaded.policy.all_screens_enabled);
    assert!(loaded.policy.all_screens_allowed_origins.is_empty());
}

#[test]
fn empty_lists_and_lists_of_an_empty_text_allow_nobody() {
    for patterns in [&[][..], &[""]] {
        let (loaded, _) = Setup::new().managed("a.json", origins(patterns)).load();
        assert!(loaded.policy.all_screens_enabled);
        assert!(!allows(&loaded, "https://www.chromium.org"));
    }
}

#[test]
fn a_managed_list_replaces_the_users_and_says_so() {
    let setup = Setup::new()
        .user(origins(&["https://user.test"]))
        .argument(&format!("{ALL_SCREENS_ENABLED}=false"))
        .managed("a.json", origins(&["https://www.chromium.org"]));
    let (loaded, _) = setup.load();
    assert_eq!(
        setup.problems(),
        [
            "user.json:1:2: preference \"dom_screen_capture_all_screens_allowed_origins\" is ignored, \
          it is locked by managed/a.json:1:2"
        ]
    );
    assert_eq!(loaded.policy.all_screens_allowed_origins.len(), 1);
    // What no managed file sets is still the user's.
    assert!(!loaded.policy.all_screens_enabled);
}

#[test]
fn the_managed_file_with_the_last_name_wins() {
    let setup = Setup::new()
        .managed("10-first.json", origins(&["https://first.test"]))
        .managed("9-last.json", origins(&["https://last.test"]))
        .managed("99-note.txt", origins(&["*"]))
        .managed("99.json~", "nonsense");
    let (loaded, _) = setup.load();
    assert!(allows(&loaded, "https://last.test"));
    assert!(!allows(&loaded, "https://first.test"));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
}

#[test]
fn a_missing_managed_directory_locks_nothing() {
    let setup = Setup::new().user(origins(&["https://a.test"]));
    fs::remove_dir(setup.directory.path().join("managed")).unwrap();
    let (loaded, _) = setup.load();
    assert!(allows(&loaded, "https://a.test"));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
}

#[test]
fn bad_entries_of_a_managed_list_are_dropped_and_the_rest_is_kept() {
    let setup = Setup::new().managed(
        "a.json",
        origins(&[
            "https://good.test",
            "[*.].mysite.com",
            "[*.]good.example",
            "https://",
        ]),
    );
    let (loaded, _) = setup.load();
    assert!(allows(&loaded, "https://good.test"));
    assert!(allows(&loaded, "https://www.good.example"));
    assert!(!allows(&loaded, "https://www.mysite.com"));
    assert_eq!(
        setup.problems(),
        [
            "managed/a.json:1:73: bad origin pattern: the labels of a host must not be empty, found \".mysite.com\"",
            "managed/a.json:1:110: bad origin pattern: an entry must name a host or have * in its place, found none",
        ]
    );
}

#[test]
fn a_managed_list_is_cut_at_its_limit() {
    let patterns: Vec<String> = (0..1002).map(|n| format!("https://a{n}.test")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let setup = Setup::new().managed("a.json", origins(&patterns));
    let (loaded, _) = setup.load();
    assert!(allows(&loaded, "https://a999.test"));
    assert!(!allows(&loaded, "https://a1000.test"));
    assert_eq!(loaded.problems.len(), 1);
}

#[test]
fn any_other_problem_of_a_managed_file_turns_capture_off() {
    let good = || Setup::new().managed("z.json", origins(&["https://good.test"]));
    let wrong = |text: &str| good().managed("a.json", text);
    check_turns_capture_off(wrong(""), "managed/a.json:1:1: malformed JSON: EOF");
    check_turns_capture_off(wrong("[]"), "expected an object of preferences");
    check_turns_capture_off(wrong("{\"dom_nonsense\": 1}"), "unknown preference");
    check_turns_capture_off(
        wrong("{\"dom_screen_capture_record\": 1}"),
        "unknown preference",
    );
    check_turns_capture_off(
        wrong("{\"dom_webrtc_enabled\": 0}"),
        "expected true or false, found 0",
    );
    check_turns_capture_off(
        wrong("{\"dom_screen_capture_all_screens_enabled\": \"false\"}"),
        "found the text \"false\"",
    );
    check_turns_capture_off(
        wrong("{\"dom_screen_capture_all_screens_allowed_origins\": \"*\"}"),
        "expected a list of origin patterns",
    );
    check_turns_capture_off(
        wrong("{\"dom_webrtc_enabled\": true, \"dom_webrtc_enabled\": true}"),
        "set twice",
    );
    check_turns_capture_off(wrong("\u{feff}{}"), "byte order mark");
    check_turns_capture_off(good().managed("a.json", b"\xff"), "expected UTF-8");
    check_turns_capture_off(
        good().managed("a.json", vec![b' '; 1024 * 1024 + 1]),
        "1048576 bytes",
    );
}

#[test]
fn a_file_that_others_may_change_turns_capture_off() {
    let with_mode = |mode| {
        let setup = Setup::new().managed("a.json", origins(&["https://a.test"]));
        fs::set_permissions(
            setup.managed_path("a.json"),
            fs::Permissions::from_mode(mode),
        )
        .unwrap();
        setup
    };
    check_turns_capture_off(with_mode(0o666), "found mode 666");
    check_turns_capture_off(with_mode(0o664), "found mode 664");
    assert!(allows(&with_mode(0o600).load().0, "https://a.test"));

    let setup = Setup::new();
    fs::set_permissions(
        setup.directory.path().join("managed"),
        fs::Permissions::from_mode(0o777),
    )
    .unwrap();
    check_turns_capture_off(setup, "managed: must not be writable");
}

#[test]
fn a_file_of_somebody_else_turns_capture_off() {
    let setup = Setup::new().managed("a.json", "{}");
    // Only the administrator can give a file away, so only then there is one.
    if std::os::unix::fs::chown(setup.managed_path("a.json"), Some(12345), None).is_ok() {
        check_turns_capture_off(setup, "found user 12345");
    }
}

#[test]
fn what_is_no_plain_managed_file_turns_capture_off() {
    let setup = Setup::new().managed("real.txt", "{}");
    symlink(setup.managed_path("real.txt"), setup.managed_path("a.json")).unwrap();
    check_turns_capture_off(
        setup,
        "managed/a.json: expected a regular file, found a symbolic link",
    );

    let setup = Setup::new();
    fs::create_dir(setup.managed_path("a.json")).unwrap();
    check_turns_capture_off(setup, "found a directory");

    let setup = Setup::new();
    make_pipe(&setup.managed_path("a.JSON"));
    check_turns_capture_off(setup, "found a pipe");
}

#[test]
fn a_managed_directory_that_cannot_be_listed_turns_capture_off() {
    let setup = Setup::new();
    fs::remove_dir(setup.directory.path().join("managed")).unwrap();
    fs::write(setup.directory.path().join("managed"), "{}").unwrap();
    check_turns_capture_off(setup, "managed: expected a directory");

    let setup = Setup::new();
    fs::remove_dir(setup.directory.path().join("managed")).unwrap();
    symlink("nowhere", setup.directory.path().join("managed")).unwrap();
    check_turns_capture_off(setup, "managed: cannot be read");

    let mut setup = Setup::new();
    for n in 0..257 {
        setup = setup.managed(&format!("{n}.json"), "{}");
    }
    check_turns_capture_off(setup, "at most 256 managed files");
}

#[test]
fn a_managed_value_that_cannot_be_used_still_locks_the_users() {
    let (_, engine) = Setup::new()
        .user("{\"dom_webrtc_enabled\": false}")
        .managed("a.json", "{\"dom_webrtc_enabled\": null}")
        .load();
    assert!(engine.preferences.dom_webrtc_enabled);
}

#[test]
fn each_preference_of_the_engine_is_set_once() {
    let (_, engine) = Setup::new()
        .user("{\"dom_webrtc_enabled\": false}")
        .managed("a.json", "{\"dom_webrtc_enabled\": true}")
        .load();
    let expected = ("dom_webrtc_enabled".to_owned(), PreferenceValue::Bool(true));
    assert_eq!(engine.set, [expected]);
}
