/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Preferences: ours go to the capture policy, Servo's to Servo.

use std::path::Path;

use servo::{PrefValue, Preferences};
use servo_capture::RecordSettings;
use servo_capture::policy::{
    CapturePolicy, EnginePreferences, ListedOrigin, PreferenceError, PreferenceKind,
    PreferenceLoader, PreferenceValue,
};

use crate::cli::{Arguments, MANAGED_PREFERENCES};

/// The preferences that the browser ships with: they let nobody capture all screens.
const SHIPPED: &str = include_str!("../../../resources/prefs.json");

/// What all layers of preferences come to.
pub struct Configuration {
    /// Servo's own.
    pub engine: Preferences,
    /// Who may capture what.
    pub policy: CapturePolicy,
    /// The policy's allowed origins, and where each stands.
    pub listed: Vec<ListedOrigin>,
    /// What is kept of it.
    pub record: RecordSettings,
    /// What is wrong with the administrator's files, and what they override.
    pub warnings: Vec<PreferenceError>,
}

/// Reads all layers: shipped, user's, administrator's.
///
/// # Errors
/// Everything that is wrong with the user's files and arguments.
pub fn load(arguments: &Arguments) -> Result<Configuration, Vec<PreferenceError>> {
    load_managed(arguments, Path::new(MANAGED_PREFERENCES))
}

/// Reads all layers while the browser runs, when nothing can be allowed that was not before: what
/// is wrong with the user's files leaves them out and is among the warnings.
pub fn load_again(arguments: &Arguments) -> Configuration {
    let (mut configuration, mut problems) = gather(arguments, Path::new(MANAGED_PREFERENCES));
    problems.append(&mut configuration.warnings);
    configuration.warnings = problems;
    configuration
}

fn load_managed(
    arguments: &Arguments,
    system_directory: &Path,
) -> Result<Configuration, Vec<PreferenceError>> {
    let (configuration, errors) = gather(arguments, system_directory);
    if errors.is_empty() {
        Ok(configuration)
    } else {
        Err(errors)
    }
}

/// What can be used, and what is wrong with the user's files and arguments.
fn gather(arguments: &Arguments, system_directory: &Path) -> (Configuration, Vec<PreferenceError>) {
    let mut engine = ServoPreferences(Preferences::default());
    let mut loader = PreferenceLoader::new(&mut engine);
    let mut errors = Vec::new();
    errors.extend(loader.defaults("the shipped preferences", SHIPPED).err());
    if let Some(path) = &arguments.prefs_file {
        errors.extend(loader.file(path).err().into_iter().flatten());
    }
    for preference in &arguments.prefs {
        errors.extend(loader.argument(preference).err());
    }
    if let Some(directory) = &arguments.managed_prefs_dir {
        loader.managed_directory(directory);
    }
    // Last, so that nobody who chooses the command line gets around it.
    loader.managed_directory(system_directory);
    let loaded = loader.finish();
    let configuration = Configuration {
        engine: engine.0,
        policy: loaded.policy,
        listed: loaded.listed,
        record: loaded.record,
        warnings: loaded.problems,
    };
    (configuration, errors)
}

/// Servo's preferences by their names. Servo itself panics at a name it does not know and at a
/// value of another type.
struct ServoPreferences(Preferences);

impl EnginePreferences for ServoPreferences {
    fn kind(&self, name: &str) -> Option<PreferenceKind> {
        if !Preferences::exists(name) {
            return None;
        }
        Some(match self.0.get_value(name) {
            PrefValue::Bool(_) => PreferenceKind::Bool,
            PrefValue::Int(_) => PreferenceKind::Int,
            PrefValue::UInt(_) => PreferenceKind::UInt,
            PrefValue::Float(_) => PreferenceKind::Float,
            PrefValue::Str(_) => PreferenceKind::String,
            PrefValue::Array(values) => PreferenceKind::FloatArray(values.len()),
        })
    }

    fn set(&mut self, name: &str, value: PreferenceValue) {
        let value = match value {
            PreferenceValue::Bool(value) => PrefValue::Bool(value),
            PreferenceValue::Int(value) => PrefValue::Int(value),
            PreferenceValue::UInt(value) => PrefValue::UInt(value),
            PreferenceValue::Float(value) => PrefValue::Float(value),
            PreferenceValue::String(value) => PrefValue::Str(value),
            PreferenceValue::FloatArray(values) => {
                PrefValue::Array(values.into_iter().map(PrefValue::Float).collect())
            }
        };
        self.0.set_value(name, value);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn load_with(arguments: &[&str]) -> Result<Configuration, Vec<PreferenceError>> {
        let arguments = [&["captureshell"], arguments].concat();
        load_managed(&Arguments::parse_from(arguments), Path::new("/nonexistent"))
    }

    #[test]
    fn the_shipped_preferences_let_nobody_capture_all_screens() {
        let configuration = load_with(&[]).unwrap();
        assert!(configuration.policy.all_screens_allowed_origins.is_empty());
        assert!(configuration.engine.dom_webrtc_enabled);
        assert!(configuration.warnings.is_empty());
    }

    #[test]
    fn every_preference_of_servo_can_be_set_to_its_own_value() {
        let mut preferences = ServoPreferences(Preferences::default());
        let mut kinds = Vec::new();
        for name in Preferences::all_fields() {
            let kind = preferences.kind(name).unwrap();
            let value = match preferences.0.get_value(name) {
                PrefValue::Bool(value) => PreferenceValue::Bool(value),
                PrefValue::Int(value) => PreferenceValue::Int(value),
                PrefValue::UInt(value) => PreferenceValue::UInt(value),
                PrefValue::Float(value) => PreferenceValue::Float(value),
                PrefValue::Str(value) => PreferenceValue::String(value),
                PrefValue::Array(values) => PreferenceValue::FloatArray(
                    values
                        .into_iter()
                        .map(|value| value.try_into().unwrap())
                        .collect(),
                ),
            };
            preferences.set(name, value);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        assert!(preferences.0.diff(&Preferences::default()).is_empty());
        for kind in [
            PreferenceKind::Bool,
            PreferenceKind::Int,
            PreferenceKind::UInt,
            PreferenceKind::String,
            PreferenceKind::FloatArray(4),
        ] {
            assert!(kinds.contains(&kind), "{kind:?}");
        }
    }

    #[test]
    fn a_preference_of_the_command_line_reaches_servo() {
        let configuration = load_with(&[
            "--pref",
            "dom_bluetooth_enabled=true",
            "--pref",
            "shell_background_color_rgba=[0, 0.5, 1, 1]",
            "--pref",
            "fonts_default=\"Ahem\"",
        ])
        .unwrap();
        assert!(configuration.engine.dom_bluetooth_enabled);
        assert_eq!(
            configuration.engine.shell_background_color_rgba,
            [0.0, 0.5, 1.0, 1.0]
        );
        assert_eq!(configuration.engine.fonts_default, "Ahem");
    }

    #[test]
    fn an_unknown_name_and_a_wrong_type_are_errors_and_all_are_told() {
        let errors = load_with(&[
            "--pref",
            "no_such_preference=true",
            "--pref",
            "dom_bluetooth_enabled=\"yes\"",
            "--pref",
            "dom_bluetooth_enabled",
        ])
        .err()
        .unwrap();
        assert_eq!(errors.len(), 3);
    }

    /// A managed directory that sets one preference.
    fn managed(value: bool) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("policy.json"),
            format!(r#"{{"dom_bluetooth_enabled": {value}}}"#),
        )
        .unwrap();
        directory
    }

    #[test]
    fn the_administrator_has_the_last_word() {
        let directory = managed(false);
        let arguments = ["captureshell", "--pref", "dom_bluetooth_enabled=true"];
        let arguments = Arguments::parse_from(arguments);
        let configuration = load_managed(&arguments, directory.path()).unwrap();
        assert!(!configuration.engine.dom_bluetooth_enabled);
        assert_eq!(configuration.warnings.len(), 1);
    }

    #[test]
    fn a_further_managed_directory_wins_over_the_user_but_not_over_the_system() {
        let (further, system) = (managed(true), managed(false));
        let arguments = Arguments::parse_from([
            "captureshell".as_ref(),
            "--managed-prefs-dir".as_ref(),
            further.path().as_os_str(),
            "--pref".as_ref(),
            "dom_bluetooth_enabled=false".as_ref(),
        ]);
        let alone = load_managed(&arguments, Path::new("/nonexistent")).unwrap();
        assert!(alone.engine.dom_bluetooth_enabled);
        let both = load_managed(&arguments, system.path()).unwrap();
        assert!(!both.engine.dom_bluetooth_enabled);
    }
}
