/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The documented schema is the one of what is written.

use schemars::schema_for;
use serde_json::Value;

use super::*;

/// One of each.
pub(super) fn every_entry() -> Vec<RecordEntry> {
    let origin = || "https://wall.example".to_owned();
    let reason = || "a \"reason\"\nof two lines, é".to_owned();
    let monitor = || RecordedMonitor {
        label: "DP-1".to_owned(),
        x: -1920,
        y: 0,
        width: 1920,
        height: 1080,
        scale: 1.25,
    };
    vec![
        RecordEntry::Grant {
            session: 1,
            origin: origin(),
            api: RecordedApi::GetAllScreensMedia,
            monitors: vec![monitor()],
            indicator_confirmed_us: u64::MAX,
        },
        RecordEntry::Refusal {
            origin: "null".to_owned(),
            api: RecordedApi::GetAllScreensMedia,
            kind: RefusalKind::InactiveDocument,
            reason: reason(),
            count: 3,
        },
        RecordEntry::Start {
            session: 1,
            origin: origin(),
            monitor: monitor(),
        },
        RecordEntry::Stop {
            session: 1,
            origin: origin(),
            monitor: monitor(),
            reason: reason(),
        },
        RecordEntry::End {
            session: 1,
            origin: origin(),
            reason: reason(),
        },
        RecordEntry::IndicatorFault {
            sessions: vec![1, 2],
            outcome: FaultOutcome::Ended,
            reason: reason(),
        },
        RecordEntry::IndicatorRestored { sessions: vec![] },
        RecordEntry::PolicyError { reason: reason() },
        RecordEntry::Recovered { torn_bytes: 7 },
        RecordEntry::Gap {
            lost: 2,
            since_us: 9,
            reason: reason(),
        },
        RecordEntry::PolicyChange { reason: reason() },
    ]
}

/// Run with `UPDATE_RECORD_SCHEMA=1` after changing the form of an entry.
#[test]
fn the_documented_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../resources/record.schema.json");
    let mut schema = schema_for!(RecordLine);
    let title = "A line of the record of screen captures";
    schema.insert("title".to_owned(), title.into());
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    if std::env::var_os("UPDATE_RECORD_SCHEMA").is_some() {
        fs::write(&path, &text).unwrap();
    }
    // As values: the order of members is another with another set of features.
    let documented: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        documented,
        serde_json::to_value(&schema).unwrap(),
        "the form has changed, update the schema"
    );
}

#[test]
fn every_field_that_is_written_is_documented() {
    let schema: Value = serde_json::to_value(schema_for!(RecordLine)).unwrap();
    let mut events = Vec::new();
    for entry in every_entry() {
        let line = stamp().line(&entry).unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        let event = &line["event"];
        let of_event = schema["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .find(|variant| variant["properties"]["event"]["const"] == *event)
            .unwrap_or_else(|| panic!("{event} is not documented"));
        for field in line.as_object().unwrap().keys() {
            let documented = [&schema, of_event]
                .iter()
                .find_map(|part| part["properties"].get(field))
                .unwrap_or_else(|| panic!("{field} of {event} is not documented"));
            let has_meaning = documented.get("description").is_some() || field == "event";
            assert!(has_meaning, "{field} of {event} has no description");
        }
        events.push(event.clone());
    }
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), events.len());
}
