/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Loading preferences, ours and the engine's, from all who may set them.
//!
//! Three layers, each above the one before: the defaults that the product
//! ships, the user's files and arguments, the administrator's managed files.
//! A text is a JSON object with the names of preferences as keys; nothing is
//! nested. Names that start with `dom_screen_capture_` are ours, all others the
//! engine's.
//!
//! - A managed file locks what it sets: the user's value for it is ignored and
//!   [`PreferenceReason::Locked`] says so. Of two managed files that set the same
//!   preference, the one with the later name wins, as in Chromium.
//! - A bad entry of a managed allowlist is dropped and the rest is kept, since
//!   that can only allow less. **Any** other problem of a managed file turns
//!   capturing all screens off, because it is not known what else the file was
//!   to lock.
//! - A problem of a user's file or argument is an error, and nothing of it is
//!   taken.

mod document;
mod error;
mod file;
mod json;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use self::document::{Setting, SettingValue, Settings, read_argument, read_object};
pub use self::error::{Location, Position, PreferenceError, PreferenceReason};
use self::file::{FileKind, FileProblem, managed_files, read_text};
use super::{CapturePolicy, OriginPattern};
use crate::record::RecordSettings;

/// The engine's preferences, by name.
pub trait EnginePreferences {
    /// What values the preference takes. `None`: the engine has no such
    /// preference.
    fn kind(&self, name: &str) -> Option<PreferenceKind>;

    /// Sets a preference. Only called with a name that has a kind and with a
    /// value of that kind.
    fn set(&mut self, name: &str, value: PreferenceValue);
}

/// The type of a preference of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferenceKind {
    /// A truth value.
    Bool,
    /// A signed number of 64 bits.
    Int,
    /// An unsigned number of 64 bits.
    UInt,
    /// A finite number.
    Float,
    /// A text.
    String,
    /// A list of as many finite numbers.
    FloatArray(usize),
}

/// The value of a preference of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum PreferenceValue {
    /// Of [`PreferenceKind::Bool`].
    Bool(bool),
    /// Of [`PreferenceKind::Int`].
    Int(i64),
    /// Of [`PreferenceKind::UInt`].
    UInt(u64),
    /// Of [`PreferenceKind::Float`].
    Float(f64),
    /// Of [`PreferenceKind::String`].
    String(String),
    /// Of [`PreferenceKind::FloatArray`], with its length.
    FloatArray(Vec<f64>),
}

/// Who set a preference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PreferenceLayer {
    /// The product's own files.
    Shipped,
    /// The user's files and arguments.
    User,
    /// The administrator's files.
    Managed,
}

/// An entry of the list of those who may capture, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedOrigin {
    /// Whom it names.
    pub pattern: OriginPattern,
    /// Who put it there.
    pub layer: PreferenceLayer,
    /// In which file or argument.
    pub location: Location,
}

/// What [`PreferenceLoader::finish`] found.
#[derive(Clone, Debug)]
pub struct LoadedPreferences {
    /// Who may capture what.
    pub policy: CapturePolicy,
    /// The policy's allowed origins with their places, in the same order.
    pub listed: Vec<ListedOrigin>,
    /// What is kept of it. Problems of managed files leave this as it is set.
    pub record: RecordSettings,
    /// What is wrong with managed files, and what of the user's they override.
    /// None of it allows more.
    pub problems: Vec<PreferenceError>,
}

/// Gathers the layers, then sets the engine's preferences and makes the policy.
///
/// The layers keep their rank in whatever order they are added. Within a layer,
/// what is added later wins. Nothing is set before [`Self::finish`].
pub struct PreferenceLoader<'a> {
    engine: &'a mut dyn EnginePreferences,
    defaults: BTreeMap<String, Setting>,
    user: BTreeMap<String, Setting>,
    managed: BTreeMap<String, Setting>,
    problems: Vec<PreferenceError>,
    /// Whether a managed file has a problem that may hide a restriction.
    is_capture_turned_off: bool,
}

impl<'a> PreferenceLoader<'a> {
    /// A loader with no layers, which allows nobody.
    pub fn new(engine: &'a mut dyn EnginePreferences) -> Self {
        PreferenceLoader {
            engine,
            defaults: BTreeMap::new(),
            user: BTreeMap::new(),
            managed: BTreeMap::new(),
            problems: Vec::new(),
            is_capture_turned_off: false,
        }
    }

    /// Adds the values that the product ships. `name` is for messages.
    ///
    /// # Errors
    /// The first problem of `text`. Nothing of it is taken then.
    pub fn defaults(&mut self, name: &str, text: &str) -> Result<(), PreferenceError> {
        let settings = read_object(self.engine, name, text);
        if let Some(problem) = settings.problems.into_iter().next() {
            return Err(problem);
        }
        self.defaults.extend(settings.by_name);
        Ok(())
    }

    /// Adds a file of the user.
    ///
    /// # Errors
    /// Every problem of the file. Nothing of it is taken then.
    pub fn file(&mut self, path: &Path) -> Result<(), Vec<PreferenceError>> {
        let settings = self
            .read_file(path, FileKind::User)
            .map_err(|problem| vec![problem])?;
        if !settings.problems.is_empty() {
            return Err(settings.problems);
        }
        self.user.extend(settings.by_name);
        Ok(())
    }

    /// Adds `NAME=JSON` of the command line. Positions in messages are within
    /// the argument.
    ///
    /// # Errors
    /// The first problem of the argument, which is not taken then.
    pub fn argument(&mut self, argument: &str) -> Result<(), PreferenceError> {
        let settings = read_argument(self.engine, argument);
        if let Some(problem) = settings.problems.into_iter().next() {
            return Err(problem);
        }
        self.user.extend(settings.by_name);
        Ok(())
    }

    /// Adds the administrator's files: every `*.json` of the directory, in the
    /// order of their names. A missing directory means that nothing is managed.
    pub fn managed_directory(&mut self, directory: &Path) {
        match managed_files(directory) {
            Ok(None) => {}
            Ok(Some(files)) => {
                for file in files {
                    self.managed_file(&file);
                }
            }
            Err(problem) => {
                self.problems.push(problem_of(directory, problem));
                self.turn_capture_off(directory);
            }
        }
    }

    /// Applies the layers.
    pub fn finish(mut self) -> LoadedPreferences {
        let mut settings: BTreeMap<String, (PreferenceLayer, Setting)> =
            std::mem::take(&mut self.defaults)
                .into_iter()
                .map(|(name, setting)| (name, (PreferenceLayer::Shipped, setting)))
                .collect();
        for (name, setting) in std::mem::take(&mut self.user) {
            match self.managed.get(&name) {
                Some(lock) => {
                    let by = Box::new(lock.location.clone());
                    self.problems.push(PreferenceError {
                        location: setting.location,
                        reason: PreferenceReason::Locked { name, by },
                    });
                }
                None => {
                    settings.insert(name, (PreferenceLayer::User, setting));
                }
            }
        }
        for (name, setting) in std::mem::take(&mut self.managed) {
            // A managed value that cannot be used leaves the shipped one.
            if setting.value.is_some() {
                settings.insert(name, (PreferenceLayer::Managed, setting));
            }
        }
        let mut policy = CapturePolicy::default();
        let mut listed = Vec::new();
        let mut record = RecordSettings::default();
        for (name, (layer, setting)) in settings {
            match setting.value {
                Some(SettingValue::Engine(value)) => self.engine.set(&name, value),
                Some(SettingValue::AllScreensEnabled(enabled)) => {
                    policy.all_screens_enabled = enabled;
                }
                Some(SettingValue::AllScreensAllowedOrigins(patterns)) => {
                    listed = patterns
                        .into_iter()
                        .map(|(pattern, location)| ListedOrigin {
                            pattern,
                            layer,
                            location,
                        })
                        .collect();
                }
                Some(SettingValue::RecordEnabled(enabled)) => record.enabled = enabled,
                Some(SettingValue::RecordRequired(required)) => policy.record_required = required,
                Some(SettingValue::UserMayStop(may_stop)) => policy.user_may_stop = may_stop,
                Some(SettingValue::MaskIndicator(mask)) => policy.mask_indicator = mask,
                Some(SettingValue::TopLevelOnly(only)) => policy.top_level_only = only,
                Some(SettingValue::IsolatedOnly(only)) => policy.isolated_only = only,
                Some(SettingValue::RecordDirectory(directory)) => record.directory = directory,
                Some(SettingValue::RecordMaxBytes(bytes)) => record.max_bytes = bytes,
                Some(SettingValue::RecordMaxFiles(files)) => {
                    record.max_files = files.try_into().unwrap_or(usize::MAX);
                }
                None => {}
            }
        }
        if self.is_capture_turned_off {
            listed.clear();
            policy = CapturePolicy {
                record_required: policy.record_required,
                ..CapturePolicy::default()
            };
        }
        policy.all_screens_allowed_origins =
            listed.iter().map(|entry| entry.pattern.clone()).collect();
        LoadedPreferences {
            policy,
            listed,
            record,
            problems: self.problems,
        }
    }

    fn managed_file(&mut self, path: &Path) {
        match self.read_file(path, FileKind::Managed) {
            Ok(settings) => {
                self.managed.extend(settings.by_name);
                self.problems.extend(settings.problems);
                if settings.may_hide_restriction {
                    self.turn_capture_off(path);
                }
            }
            Err(problem) => {
                self.problems.push(problem);
                self.turn_capture_off(path);
            }
        }
    }

    fn read_file(&self, path: &Path, kind: FileKind) -> Result<Settings, PreferenceError> {
        let text = read_text(path, kind).map_err(|problem| problem_of(path, problem))?;
        Ok(read_object(self.engine, &path.display().to_string(), &text))
    }

    fn turn_capture_off(&mut self, because_of: &Path) {
        self.is_capture_turned_off = true;
        let reason = PreferenceReason::CaptureTurnedOff;
        self.problems.push(problem_of(because_of, reason.into()));
    }
}

fn problem_of(path: &Path, problem: FileProblem) -> PreferenceError {
    PreferenceError {
        location: Location {
            name: path.display().to_string(),
            position: problem.position,
        },
        reason: problem.reason,
    }
}
