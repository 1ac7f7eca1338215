/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Loading from real files, into Servo's own preferences.

mod indicator;
mod managed;
mod places;
mod record;
mod strictness;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;
use servo_config::prefs::{PrefValue, Preferences};
use tempfile::TempDir;
use url::{Origin, Url};

use super::super::{ALL_SCREENS_ALLOWED_ORIGINS, ALL_SCREENS_ENABLED};
use super::*;

const SHIPPED: &str = include_str!("../../../../resources/prefs.json");

/// Servo's preferences, and what has been set.
#[derive(Default)]
struct Engine {
    preferences: Preferences,
    set: Vec<(String, PreferenceValue)>,
}

impl EnginePreferences for Engine {
    fn kind(&self, name: &str) -> Option<PreferenceKind> {
        if name == "dom_screen_capture_of_engine" {
            return Some(PreferenceKind::Bool);
        }
        if !Preferences::exists(name) {
            return None;
        }
        Some(match Preferences::type_of(name) {
            "bool" => PreferenceKind::Bool,
            "i64" => PreferenceKind::Int,
            "u64" => PreferenceKind::UInt,
            "f64" => PreferenceKind::Float,
            "[f64; 4]" => PreferenceKind::FloatArray(4),
            _ => PreferenceKind::String,
        })
    }

    fn set(&mut self, name: &str, value: PreferenceValue) {
        let converted = match value.clone() {
            PreferenceValue::Bool(value) => value.into(),
            PreferenceValue::Int(value) => value.into(),
            PreferenceValue::UInt(value) => value.into(),
            PreferenceValue::Float(value) => value.into(),
            PreferenceValue::String(value) => value.into(),
            PreferenceValue::FloatArray(values) => {
                PrefValue::Array(values.into_iter().map(PrefValue::from).collect())
            }
        };
        // Panics when the value is not of the preference's type.
        self.preferences.set_value(name, converted);
        self.set.push((name.to_owned(), value));
    }
}

/// A user's file, arguments and a managed directory.
struct Setup {
    directory: TempDir,
    arguments: Vec<String>,
}

impl Setup {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("managed")).unwrap();
        Setup {
            directory,
            arguments: Vec::new(),
        }
    }

    fn user(self, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.directory.path().join("user.json"), text).unwrap();
        self
    }

    fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    fn managed_path(&self, name: &str) -> PathBuf {
        self.directory.path().join("managed").join(name)
    }

    fn managed(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.managed_path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        self
    }

    /// Loads all of it over the shipped defaults. Without the user's parts when
    /// these have problems.
    fn load(&self) -> (LoadedPreferences, Engine) {
        let mut engine = Engine::default();
        let mut loader = PreferenceLoader::new(&mut engine);
        loader.defaults("resources/prefs.json", SHIPPED).unwrap();
        let user = self.directory.path().join("user.json");
        if user.exists() {
            let _ = loader.file(&user);
        }
        for argument in &self.arguments {
            let _ = loader.argument(argument);
        }
        loader.managed_directory(&self.directory.path().join("managed"));
        (loader.finish(), engine)
    }

    /// The problems with the directory's path taken off.
    fn problems(&self) -> Vec<String> {
        let root = format!("{}/", self.directory.path().display());
        let (loaded, _) = self.load();
        loaded
            .problems
            .iter()
            .map(|problem| problem.to_string().replace(&root, ""))
            .collect()
    }

    fn user_errors(&self) -> Vec<String> {
        let path = self.directory.path().join("user.json");
        let mut engine = Engine::default();
        let errors = PreferenceLoader::new(&mut engine).file(&path).unwrap_err();
        let place = path.display().to_string();
        errors
            .iter()
            .map(|error| error.to_string().replace(&place, "user.json"))
            .collect()
    }
}

fn origins(patterns: &[&str]) -> String {
    let patterns = serde_json::to_string(patterns).unwrap();
    format!("{{\"{ALL_SCREENS_ALLOWED_ORIGINS}\": {patterns}}}")
}

fn allows(loaded: &LoadedPreferences, url: &str) -> bool {
    let origin = Url::parse(url).unwrap().origin();
    loaded.policy.check_all_screens(&origin).is_ok()
}

#[track_caller]
fn check_user_error(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(Setup::new().user(text).user_errors(), [expected]);
}

#[test]
fn the_shipped_preferences_are_servos_and_allow_nobody() {
    let (loaded, engine) = Setup::new().load();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    assert!(loaded.policy.all_screens_enabled);
    assert!(loaded.policy.all_screens_allowed_origins.is_empty());
    assert!(engine.preferences.dom_webrtc_enabled);
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let setup =
        Setup::new().user("{\"dom_webrtc_enabled\": false, \"js_timers_minimum_duration\": 5}");
    assert!(!setup.load().1.preferences.dom_webrtc_enabled);
    let setup = setup.argument("js_timers_minimum_duration=7");
    assert_eq!(setup.load().1.preferences.js_timers_minimum_duration, 7);
    let setup = setup.managed("a.json", "{\"js_timers_minimum_duration\": 9}");
    let (_, engine) = setup.load();
    assert_eq!(engine.preferences.js_timers_minimum_duration, 9);
    assert!(!engine.preferences.dom_webrtc_enabled);
}

#[test]
fn the_order_of_adding_layers_does_not_change_their_rank() {
    let setup = Setup::new().managed("a.json", origins(&["https://managed.test"]));
    let mut engine = Engine::default();
    let mut loader = PreferenceLoader::new(&mut engine);
    loader.managed_directory(&setup.directory.path().join("managed"));
    loader
        .argument(&format!(
            "{ALL_SCREENS_ALLOWED_ORIGINS}=[\"https://user.test\"]"
        ))
        .unwrap();
    loader.defaults("resources/prefs.json", SHIPPED).unwrap();
    let loaded = loader.finish();
    assert!(allows(&loaded, "https://managed.test"));
    assert!(!allows(&loaded, "https://user.test"));
}

#[test]
fn every_type_of_the_engine_is_taken() {
    let setup = Setup::new().user(
        "{\"shell_background_color_rgba\": [1, 0.5, 0, 1.0], \"user_agent\": \"é\", \
          \"network_connection_timeout\": 18446744073709551615, \"js_mem_max\": -1}",
    );
    let preferences = setup.load().1.preferences;
    assert_eq!(
        preferences.shell_background_color_rgba,
        [1.0, 0.5, 0.0, 1.0]
    );
    assert_eq!(preferences.user_agent, "é");
    assert_eq!(preferences.network_connection_timeout, u64::MAX);
    assert_eq!(preferences.js_mem_max, -1);
}

#[test]
fn one_run_lists_every_problem_of_a_users_file_in_its_place() {
    let setup = Setup::new().user(format!(
        "{{\n  \"{ALL_SCREENS_ALLOWED_ORIGINS}\": [\n    \"https://good.test\",\n    \"*.bad.test\", 7,\n    \
         \"file:///x\", [[]]\n  ],\n  \"dom_webrtc_enabled\": \"yes\",\n  \"dom_webrtc_enabled\": true,\n  \
         \"js_mem_max\": 1.5, \"user_agent\": {{\"a\": 1}},\n  \"network_connection_timeout\": -1,\n  \
         \"shell_background_color_rgba\": [1, 2, 3],\n  \
         \"dom_screen_capture_all_screen_enabled\": true, \"dom_nonsense\": null\n}}\n"
    ));
    assert_eq!(
        setup.user_errors(),
        [
            "user.json:4:5: bad origin pattern: a wildcard is [*.] before a whole domain or * alone, found \"*.bad.test\"",
            "user.json:4:19: bad origin pattern: expected a text, found 7",
            "user.json:5:5: bad origin pattern: the scheme must be https, http or *, found \"file\"; \
             pages of other schemes have opaque origins, which nothing matches",
            "user.json:5:18: bad origin pattern: expected a text, found a list",
            "user.json:7:25: preference \"dom_webrtc_enabled\": expected true or false, found the text \"yes\"",
            "user.json:8:3: preference \"dom_webrtc_enabled\" is set twice, first at user.json:7:3",
            "user.json:9:17: preference \"js_mem_max\": expected a whole number \
             from -9223372036854775808 to 9223372036854775807, found 1.5",
            "user.json:9:36: preference \"user_agent\": expected a text, found an object (preferences are not nested)",
            "user.json:10:33: preference \"network_connection_timeout\": expected a whole number \
             from 0 to 18446744073709551615, found -1",
            "user.json:11:34: preference \"shell_background_color_rgba\": expected a list of 4 numbers, \
             found a list of 3 values",
            "user.json:12:3: unknown preference \"dom_screen_capture_all_screen_enabled\", \
             the nearest is \"dom_screen_capture_all_screens_enabled\"",
            "user.json:12:50: unknown preference \"dom_nonsense\"",
        ]
    );
}

#[test]
fn the_engine_has_no_say_in_our_names() {
    check_user_error(
        "{\"dom_screen_capture_of_engine\": true}",
        "user.json:1:2: unknown preference \"dom_screen_capture_of_engine\", \
         the nearest is \"dom_screen_capture_record_enabled\"",
    );
}

#[test]
fn a_users_file_with_a_problem_changes_nothing() {
    let (loaded, engine) = Setup::new()
        .user(format!(
            "{{\"dom_webrtc_enabled\": false, \"{ALL_SCREENS_ALLOWED_ORIGINS}\": [\"https://a.test\", \"\"]}}"
        ))
        .load();
    assert!(engine.preferences.dom_webrtc_enabled);
    assert!(!allows(&loaded, "https://a.test"));
}

#[test]
fn malformed_files_of_users_are_refused() {
    check_user_error(
        "",
        "user.json:1:1: malformed JSON: EOF while parsing a value",
    );
    check_user_error(
        "{\n\"dom_webrtc",
        "user.json:2:12: malformed JSON: EOF while parsing a string",
    );
    check_user_error(
        "{\"é\": 1,}",
        "user.json:1:9: malformed JSON: trailing comma",
    );
    check_user_error(
        "{} {}",
        "user.json:1:4: malformed JSON: trailing characters",
    );
    check_user_error(
        "\u{feff}{}",
        "user.json: starts with a byte order mark, expected UTF-8 without one",
    );
    check_user_error(b"{\n\"\xff\": 1}", "user.json:2:2: expected UTF-8");
    check_user_error(
        vec![b' '; 1024 * 1024 + 1],
        "user.json: must have at most 1048576 bytes",
    );
    check_user_error(
        "{\"dom_screen_capture\": {\"all_screens_enabled\": true}}",
        "user.json:1:2: unknown preference \"dom_screen_capture\"",
    );
    let nested = format!(
        "{{\"{ALL_SCREENS_ENABLED}\": {}{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    check_user_error(
        nested,
        "user.json:1:44: preference \"dom_screen_capture_all_screens_enabled\": \
         expected true or false, found a list of one value",
    );
}

#[test]
fn a_file_full_of_problems_is_told_in_part() {
    let text: Vec<String> = (0..90_000).map(|n| format!("\"x{n}\":0")).collect();
    let errors = Setup::new()
        .user(format!("{{{}}}", text.join(",")))
        .user_errors();
    assert_eq!(errors.len(), 101);
    assert_eq!(
        errors[100],
        "user.json: 89900 more problems of this file are not shown"
    );
}

#[test]
fn a_user_may_point_at_a_link_but_not_at_a_pipe_or_a_directory() {
    let setup = Setup::new();
    let real = setup.directory.path().join("real.json");
    fs::write(&real, origins(&["https://a.test"])).unwrap();
    symlink(&real, setup.directory.path().join("user.json")).unwrap();
    assert!(allows(&setup.load().0, "https://a.test"));

    let setup = Setup::new();
    fs::create_dir(setup.directory.path().join("user.json")).unwrap();
    assert_eq!(
        setup.user_errors(),
        ["user.json: expected a regular file, found a directory"]
    );

    let setup = Setup::new();
    make_pipe(&setup.directory.path().join("user.json"));
    let expected = "user.json: expected a regular file, found a pipe, a socket or a device";
    assert_eq!(setup.user_errors(), [expected]);

    let errors = Setup::new().user_errors();
    assert!(
        errors[0].starts_with("user.json: cannot be read: No such file"),
        "{errors:?}"
    );
}

fn make_pipe(path: &Path) {
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        path,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
}

#[test]
fn arguments_are_name_and_json() {
    #[track_caller]
    fn check(argument: &str, expected: &str) {
        let mut engine = Engine::default();
        let error = PreferenceLoader::new(&mut engine)
            .argument(argument)
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let hint = "expected NAME=JSON, where a text has quotation marks";
    check(
        "user_agent",
        &format!("--pref user_agent:1:11: {hint}: EOF while parsing a value"),
    );
    check(
        "user_agent=Test",
        &format!("--pref user_agent:1:12: {hint}: expected value"),
    );
    check("=1", "--pref :1:1: unknown preference \"\"");
    check(
        "dom_screen_capture_all_screens_enable=true",
        "--pref dom_screen_capture_all_screens_enable:1:1: unknown preference \
         \"dom_screen_capture_all_screens_enable\", the nearest is \"dom_screen_capture_all_screens_enabled\"",
    );
    check(
        "js_mem_max= true",
        "--pref js_mem_max:1:13: preference \"js_mem_max\": expected a whole number \
         from -9223372036854775808 to 9223372036854775807, found true",
    );
    check(
        "dom_screen_capture_all_screens_allowed_origins=[\"https://a.test\",\"\"]",
        "--pref dom_screen_capture_all_screens_allowed_origins:1:66: bad origin pattern: \
         an entry must name an origin or be *, found an empty text",
    );
    let setup = Setup::new().argument("user_agent=\"a=b\"");
    assert_eq!(setup.load().1.preferences.user_agent, "a=b");
}

/// The pieces of preference files, so that many of the texts parse.
fn file_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\n",
        " ",
        "\\ud800",
        "true",
        "null",
        "-1",
        "1e9",
        "é",
        "\u{feff}",
        "\"dom_screen_capture_all_screens_enabled\":",
        "\"dom_webrtc_enabled\":",
        "\"dom_screen_capture_all_screens_allowed_origins\":",
        "[\"*\",\"https://a.test\"]",
    ]);
    let pieces = proptest::collection::vec(piece, 0..12);
    let object = pieces
        .clone()
        .prop_map(|pieces| format!("{{{}}}", pieces.concat()).into_bytes());
    prop_oneof![
        any::<Vec<u8>>(),
        pieces.prop_map(|pieces| pieces.concat().into_bytes()),
        object,
    ]
}

fn any_origins() -> impl Strategy<Value = Vec<&'static str>> {
    let patterns = vec![
        "*",
        "https://a.test",
        "[*.]a.test",
        "http://a.test:8080",
        "*://b.test",
        "[::1]",
        "127.0.0.1",
        "bad.",
    ];
    proptest::collection::vec(proptest::sample::select(patterns), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn loading_arbitrary_bytes_never_panics(user in file_like(), managed in file_like(), argument in any::<String>()) {
        let setup = Setup::new().user(user).managed("a.json", managed).argument(&argument);
        setup.load();
    }

    #[test]
    fn a_managed_list_allows_no_more_whatever_the_user_sets(
        managed in any_origins(),
        user in any_origins(),
        argument in any_origins(),
        garbage in file_like(),
    ) {
        let list: Vec<OriginPattern> =
            managed.iter().filter_map(|pattern| pattern.parse().ok()).collect();
        let argument = serde_json::to_string(&argument).unwrap();
        let setup = Setup::new()
            .user(origins(&user))
            .argument(&format!("{ALL_SCREENS_ALLOWED_ORIGINS}={argument}"))
            .argument(&format!("{ALL_SCREENS_ENABLED}=true"))
            .argument(&String::from_utf8_lossy(&garbage))
            .managed("a.json", origins(&managed));
        let (loaded, _) = setup.load();
        for url in [
            "https://a.test", "https://www.a.test", "http://a.test:8080", "https://b.test", "http://[::1]",
            "http://127.0.0.1:81", "https://c.test",
        ] {
            let origin: Origin = Url::parse(url).unwrap().origin();
            let expected = list.iter().any(|pattern| pattern.matches(&origin));
            prop_assert_eq!(allows(&loaded, url), expected, "{}", url);
        }
    }
}
