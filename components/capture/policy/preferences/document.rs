/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One file or argument of preferences: from text to values, every problem at
//! its line and column.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::super::pattern::OriginPattern;
use super::super::{
    ALL_SCREENS_ALLOWED_ORIGINS, ALL_SCREENS_ENABLED, ISOLATED_ONLY, MASK_INDICATOR,
    MAX_ALLOWED_ORIGINS, RECORD_DIRECTORY, RECORD_ENABLED, RECORD_MAX_BYTES,
    RECORD_MAX_BYTES_RANGE, RECORD_MAX_FILES, RECORD_MAX_FILES_RANGE, RECORD_REQUIRED,
    TOP_LEVEL_ONLY, USER_MAY_STOP,
};
use super::error::{Location, Position, PreferenceError, PreferenceReason};
use super::json::{Entry, Json, Located, Malformed, read_entries, read_value};
use super::{EnginePreferences, PreferenceKind, PreferenceValue};

/// What our own preferences start with, and no other.
const OUR_PREFIX: &str = "dom_screen_capture_";

/// Our own preferences: a closed list.
const OUR_NAMES: [&str; 11] = [
    ALL_SCREENS_ENABLED,
    ALL_SCREENS_ALLOWED_ORIGINS,
    USER_MAY_STOP,
    MASK_INDICATOR,
    RECORD_ENABLED,
    RECORD_REQUIRED,
    RECORD_DIRECTORY,
    RECORD_MAX_BYTES,
    RECORD_MAX_FILES,
    TOP_LEVEL_ONLY,
    ISOLATED_ONLY,
];

/// The most problems of one text that are told one by one.
const MAX_PROBLEMS: usize = 100;

/// The most characters of a name or a value that a message repeats.
const MAX_QUOTED_CHARS: usize = 80;

/// The value of one preference.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SettingValue {
    Engine(PreferenceValue),
    AllScreensEnabled(bool),
    /// Each with its place.
    AllScreensAllowedOrigins(Vec<(OriginPattern, Location)>),
    RecordEnabled(bool),
    RecordRequired(bool),
    UserMayStop(bool),
    MaskIndicator(bool),
    /// None: the default one.
    RecordDirectory(Option<PathBuf>),
    RecordMaxBytes(u64),
    RecordMaxFiles(u64),
    TopLevelOnly(bool),
    IsolatedOnly(bool),
}

/// One preference as a text sets it.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// `None` when the text names the preference but gives it no value that can
    /// be used.
    pub value: Option<SettingValue>,
    /// Where the text sets it.
    pub location: Location,
}

/// The preferences of one text.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub by_name: BTreeMap<String, Setting>,
    pub problems: Vec<PreferenceError>,
    /// Whether a problem may hide a restriction that was meant.
    pub may_hide_restriction: bool,
}

/// Reads a JSON object of preferences. Goes on after a problem unless the text
/// is not JSON.
pub(super) fn read_object(engine: &dyn EnginePreferences, name: &str, text: &str) -> Settings {
    let mut reader = Reader::new(engine, name, text);
    match read_entries(text) {
        Ok(entries) => {
            for entry in entries {
                reader.read_entry(entry);
            }
        }
        Err(Malformed { offset, message }) => {
            reader.problem(offset, PreferenceReason::Malformed(message));
        }
    }
    reader.finish()
}

/// Reads `NAME=JSON`.
pub(super) fn read_argument(engine: &dyn EnginePreferences, argument: &str) -> Settings {
    let name = argument.split('=').next().unwrap_or_default();
    let place = format!("--pref {}", shortened(name));
    let mut reader = Reader::new(engine, &place, argument);
    match read_value(argument, argument.len().min(name.len() + 1)) {
        Ok(value) => reader.read_entry(Entry {
            name: name.to_owned(),
            offset: 0,
            value,
        }),
        Err(Malformed { offset, message }) => {
            reader.problem(offset, PreferenceReason::MalformedArgument(message));
        }
    }
    reader.finish()
}

/// Turns the entries of one text into settings and problems.
struct Reader<'a> {
    engine: &'a dyn EnginePreferences,
    name: &'a str,
    text: &'a str,
    settings: Settings,
    hidden_problems: usize,
}

impl<'a> Reader<'a> {
    fn new(engine: &'a dyn EnginePreferences, name: &'a str, text: &'a str) -> Self {
        Reader {
            engine,
            name,
            text,
            settings: Settings::default(),
            hidden_problems: 0,
        }
    }

    fn finish(mut self) -> Settings {
        if self.hidden_problems > 0 {
            let location = Location {
                name: self.name.to_owned(),
                position: None,
            };
            let reason = PreferenceReason::MoreProblems {
                count: self.hidden_problems,
            };
            self.settings
                .problems
                .push(PreferenceError { location, reason });
        }
        self.settings
    }

    fn read_entry(&mut self, entry: Entry) {
        let Entry {
            name,
            offset,
            value,
        } = entry;
        if let Some(first) = self.settings.by_name.get(&name) {
            let first = Box::new(first.location.clone());
            let name = shortened(&name);
            self.problem(offset, PreferenceReason::Duplicate { name, first });
            return;
        }
        let value = match name.as_str() {
            ALL_SCREENS_ENABLED => self.read_bool(&name, &value, SettingValue::AllScreensEnabled),
            RECORD_ENABLED => self.read_bool(&name, &value, SettingValue::RecordEnabled),
            RECORD_REQUIRED => self.read_bool(&name, &value, SettingValue::RecordRequired),
            USER_MAY_STOP => self.read_bool(&name, &value, SettingValue::UserMayStop),
            MASK_INDICATOR => self.read_bool(&name, &value, SettingValue::MaskIndicator),
            TOP_LEVEL_ONLY => self.read_bool(&name, &value, SettingValue::TopLevelOnly),
            ISOLATED_ONLY => self.read_bool(&name, &value, SettingValue::IsolatedOnly),
            RECORD_DIRECTORY => self.read_directory(&name, &value),
            RECORD_MAX_BYTES => self
                .read_number(&name, &value, RECORD_MAX_BYTES_RANGE)
                .map(SettingValue::RecordMaxBytes),
            RECORD_MAX_FILES => self
                .read_number(&name, &value, RECORD_MAX_FILES_RANGE)
                .map(SettingValue::RecordMaxFiles),
            ALL_SCREENS_ALLOWED_ORIGINS => self.read_origins(&name, value),
            _ => match self.kind_in_engine(&name) {
                Some(kind) => self.read_of_engine(&name, kind, &value),
                None => {
                    // Comparing names is dear, so only for problems that are told.
                    let nearest = if self.settings.problems.len() < MAX_PROBLEMS {
                        nearest_of_ours(&name)
                    } else {
                        None
                    };
                    let name = shortened(&name);
                    self.problem(offset, PreferenceReason::Unknown { name, nearest });
                    return;
                }
            },
        };
        let location = self.location(offset);
        self.settings
            .by_name
            .insert(name, Setting { value, location });
    }

    /// What starts like our names is never the engine's.
    fn kind_in_engine(&self, name: &str) -> Option<PreferenceKind> {
        if name.starts_with(OUR_PREFIX) {
            return None;
        }
        self.engine.kind(name)
    }

    fn read_bool(
        &mut self,
        name: &str,
        value: &Located,
        setting: fn(bool) -> SettingValue,
    ) -> Option<SettingValue> {
        if let Json::Bool(truth) = value.json {
            return Some(setting(truth));
        }
        self.wrong_type(name, PreferenceKind::Bool.expected(), value);
        None
    }

    fn read_number(
        &mut self,
        name: &str,
        value: &Located,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        if let Json::Whole(whole) = value.json
            && let Ok(number) = u64::try_from(whole)
            && range.contains(&number)
        {
            return Some(number);
        }
        let (least, most) = range.into_inner();
        let expected = format!("a whole number from {least} to {most}");
        self.wrong_type(name, expected, value);
        None
    }

    /// A relative path would name another place in each working directory.
    fn read_directory(&mut self, name: &str, value: &Located) -> Option<SettingValue> {
        if let Json::Text(text) = &value.json {
            if text.is_empty() {
                return Some(SettingValue::RecordDirectory(None));
            }
            let path = Path::new(text);
            if path.is_absolute() && !text.contains('\0') {
                return Some(SettingValue::RecordDirectory(Some(path.to_owned())));
            }
        }
        let expected = "an absolute path, or an empty text for the default one";
        self.wrong_type(name, expected.to_owned(), value);
        None
    }

    fn read_of_engine(
        &mut self,
        name: &str,
        kind: PreferenceKind,
        value: &Located,
    ) -> Option<SettingValue> {
        let converted = kind.convert(&value.json);
        if converted.is_none() {
            self.wrong_type(name, kind.expected(), value);
        }
        converted.map(SettingValue::Engine)
    }

    /// The good entries of an allowlist; the bad ones are problems.
    fn read_origins(&mut self, name: &str, value: Located) -> Option<SettingValue> {
        let Json::List(items) = value.json else {
            self.wrong_type(name, "a list of origin patterns".to_owned(), &value);
            return None;
        };
        let mut patterns = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            if index == MAX_ALLOWED_ORIGINS {
                let limit = MAX_ALLOWED_ORIGINS;
                self.problem(item.offset, PreferenceReason::TooManyPatterns { limit });
                break;
            }
            let Json::Text(text) = item.json else {
                let found = item.json.describe();
                self.problem(item.offset, PreferenceReason::PatternNotText { found });
                continue;
            };
            match text.parse() {
                Ok(pattern) => patterns.push((pattern, self.location(item.offset))),
                Err(error) => self.problem(item.offset, PreferenceReason::BadPattern(error)),
            }
        }
        Some(SettingValue::AllScreensAllowedOrigins(patterns))
    }

    fn wrong_type(&mut self, name: &str, expected: String, value: &Located) {
        let reason = PreferenceReason::WrongType {
            name: shortened(name),
            expected: expected.into(),
            found: value.json.describe().into(),
        };
        self.problem(value.offset, reason);
    }

    fn problem(&mut self, offset: usize, reason: PreferenceReason) {
        self.settings.may_hide_restriction |= !reason.only_narrows();
        if self.settings.problems.len() == MAX_PROBLEMS {
            self.hidden_problems += 1;
            return;
        }
        let location = self.location(offset);
        self.settings
            .problems
            .push(PreferenceError { location, reason });
    }

    fn location(&self, offset: usize) -> Location {
        Location {
            name: self.name.to_owned(),
            position: Some(Position::at(self.text.as_bytes(), offset)),
        }
    }
}

impl PreferenceKind {
    /// `None` when the value is not of this kind.
    fn convert(self, json: &Json) -> Option<PreferenceValue> {
        match (self, json) {
            (PreferenceKind::Bool, Json::Bool(value)) => Some(PreferenceValue::Bool(*value)),
            (PreferenceKind::Int, Json::Whole(value)) => {
                (*value).try_into().ok().map(PreferenceValue::Int)
            }
            (PreferenceKind::UInt, Json::Whole(value)) => {
                (*value).try_into().ok().map(PreferenceValue::UInt)
            }
            (PreferenceKind::Float, json) => json.number().map(PreferenceValue::Float),
            (PreferenceKind::String, Json::Text(value)) => {
                Some(PreferenceValue::String(value.clone()))
            }
            (PreferenceKind::FloatArray(length), Json::List(items)) if items.len() == length => {
                items
                    .iter()
                    .map(|item| item.json.number())
                    .collect::<Option<_>>()
                    .map(PreferenceValue::FloatArray)
            }
            _ => None,
        }
    }

    /// In the words of an error: "expected …".
    fn expected(self) -> String {
        match self {
            PreferenceKind::Bool => "true or false".to_owned(),
            PreferenceKind::Int => format!("a whole number from {} to {}", i64::MIN, i64::MAX),
            PreferenceKind::UInt => format!("a whole number from 0 to {}", u64::MAX),
            PreferenceKind::Float => "a number".to_owned(),
            PreferenceKind::String => "a text".to_owned(),
            PreferenceKind::FloatArray(length) => format!("a list of {length} numbers"),
        }
    }
}

impl Json {
    fn number(&self) -> Option<f64> {
        match self {
            Json::Number(value) => Some(*value),
            Json::Whole(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// In the words of an error: "found …".
    fn describe(&self) -> String {
        match self {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Whole(value) => value.to_string(),
            Json::Number(value) => value.to_string(),
            Json::Text(value) => format!("the text {:?}", shortened(value)),
            Json::List(items) if items.len() == 1 => "a list of one value".to_owned(),
            Json::List(items) => format!("a list of {} values", items.len()),
            Json::NestedList => "a list".to_owned(),
            Json::Object => "an object (preferences are not nested)".to_owned(),
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Which of our preferences was probably meant, if any was.
fn nearest_of_ours(name: &str) -> Option<&'static str> {
    // Longer than any slip of the pen, and comparing is quadratic.
    if name.len() > 2 * MAX_QUOTED_CHARS {
        return None;
    }
    let distance = |ours: &&str| strsim::damerau_levenshtein(name, ours);
    let nearest = OUR_NAMES.into_iter().min_by_key(distance)?;
    let is_near = name.starts_with(OUR_PREFIX) || distance(&nearest) <= nearest.len() / 4;
    is_near.then_some(nearest)
}
