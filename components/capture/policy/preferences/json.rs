/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! JSON with the place of every value, through serde_json.
//!
//! serde_json tells places only of errors, and stops at the first. It reads
//! from an [`io::Read`] byte by byte, though, so that [`Cursor`] can count how
//! far it got whenever it asks us for a value. That holds for files of a limited
//! size, which preferences are; the tests below pin it.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value of a preference, as deep as preferences go.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// A whole number. Wide enough for all that serde_json takes as one.
    Whole(i128),
    Number(f64),
    Text(String),
    List(Vec<Located>),
    /// A list in a list: no preference has one.
    NestedList,
    /// An object: no preference has one.
    Object,
}

/// A value and the offset of its first byte.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located {
    pub json: Json,
    pub offset: usize,
}

/// A name of an object, the offset of its first byte, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub name: String,
    pub offset: usize,
    pub value: Located,
}

/// The text is not JSON, or not an object where one is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub offset: usize,
    pub message: String,
}

/// Reads `text` as an object, with its names in order and repeated ones kept.
pub(super) fn read_entries(text: &str) -> Result<Vec<Entry>, Malformed> {
    let cursor = Cursor::new(text, 0);
    cursor.read_whole(EntriesSeed { cursor: &cursor })
}

/// Reads what `text` has from `start` on as one value. Offsets are within `text`.
pub(super) fn read_value(text: &str, start: usize) -> Result<Located, Malformed> {
    let cursor = Cursor::new(text, start);
    cursor.read_whole(ValueSeed::first(&cursor))
}

/// How far serde_json has got in a text.
struct Cursor<'a> {
    text: &'a str,
    start: usize,
    taken: Cell<usize>,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, start: usize) -> Self {
        Cursor {
            text,
            start,
            taken: Cell::new(start),
        }
    }

    fn read_whole<'de, S: DeserializeSeed<'de>>(&self, seed: S) -> Result<S::Value, Malformed> {
        let mut deserializer = serde_json::Deserializer::from_reader(self);
        seed.deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| self.malformed(&error))
    }

    fn malformed(&self, error: &serde_json::Error) -> Malformed {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        Malformed {
            offset: if error.is_eof() {
                self.text.len()
            } else {
                self.offset_of(error)
            },
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    }

    /// The byte that serde_json could not take. What it has taken says less: it
    /// still tries to close what is open.
    fn offset_of(&self, error: &serde_json::Error) -> usize {
        // Lines count from 1; columns are the bytes up to the wrong one, with it,
        // and 0 when that is the newline before.
        let part = self.text.get(self.start..).unwrap_or_default();
        let line_start = match error.line() {
            0 | 1 => 0,
            line => part
                .match_indices('\n')
                .nth(line - 2)
                .map_or(part.len(), |(newline, _)| newline + 1),
        };
        self.start + (line_start + error.column()).saturating_sub(1)
    }

    /// The byte that serde_json looks at, when it has looked ahead.
    fn last_taken(&self) -> usize {
        self.taken.get().saturating_sub(1)
    }

    /// The next byte that is not white space, when it has not looked ahead.
    fn next_value(&self) -> usize {
        let rest = self.text.get(self.taken.get()..).unwrap_or_default();
        self.text.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len()
    }
}

impl Read for &Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.text.as_bytes().get(self.taken.get()..);
        let count = rest.unwrap_or_default().read(buffer)?;
        self.taken.set(self.taken.get() + count);
        Ok(count)
    }
}

struct EntriesSeed<'a> {
    cursor: &'a Cursor<'a>,
}

impl<'de> DeserializeSeed<'de> for EntriesSeed<'_> {
    type Value = Vec<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Entry>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntriesSeed<'_> {
    type Value = Vec<Entry>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of preferences")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Entry>, A::Error> {
        let cursor = self.cursor;
        let mut entries = Vec::new();
        while let Some((offset, name)) = map.next_key_seed(NameSeed { cursor })? {
            let value = map.next_value_seed(ValueSeed::first(cursor))?;
            entries.push(Entry {
                name,
                offset,
                value,
            });
        }
        Ok(entries)
    }
}

struct NameSeed<'a> {
    cursor: &'a Cursor<'a>,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = (usize, String);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let offset = self.cursor.last_taken();
        Ok((offset, String::deserialize(deserializer)?))
    }
}

#[derive(Clone, Copy)]
struct ValueSeed<'a> {
    cursor: &'a Cursor<'a>,
    is_in_list: bool,
}

impl<'a> ValueSeed<'a> {
    fn first(cursor: &'a Cursor<'a>) -> Self {
        ValueSeed {
            cursor,
            is_in_list: false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Located;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Located, D::Error> {
        // In a list serde_json has looked ahead for the closing bracket.
        let offset = if self.is_in_list {
            self.cursor.last_taken()
        } else {
            self.cursor.next_value()
        };
        let json = deserializer.deserialize_any(self)?;
        Ok(Located { json, offset })
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        if self.is_in_list {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Json::NestedList);
        }
        let item = ValueSeed {
            is_in_list: true,
            ..self
        };
        let mut items = Vec::new();
        while let Some(value) = list.next_element_seed(item)? {
            items.push(value);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Json::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_where_it_starts() {
        let text = "\n { \"a\" : [ 1,true ,\n\"é\\n\", [[2]] , {\"x\":{}}, null],\n\t\"b\":\t-1.5e0 ,\"a\":{\"c\":[]} } ";
        let entries = read_entries(text).unwrap();
        let starts = |offset: usize, with: &str| {
            assert!(text[offset..].starts_with(with), "{:?}", &text[offset..]);
        };
        for (entry, name, value) in [
            (&entries[0], "\"a\" : [", "[ 1"),
            (&entries[1], "\"b\"", "-1.5e0"),
            (&entries[2], "\"a\":{", "{\"c\""),
        ] {
            starts(entry.offset, name);
            starts(entry.value.offset, value);
        }
        assert_eq!(entries[1].value.json, Json::Number(-1.5));
        assert_eq!(entries[2].value.json, Json::Object);
        let Json::List(items) = &entries[0].value.json else {
            panic!("{:?} is not a list", entries[0]);
        };
        let expected = [
            (Json::Whole(1), "1,"),
            (Json::Bool(true), "true"),
            (Json::Text("é\n".to_owned()), "\"é"),
            (Json::NestedList, "[[2"),
            (Json::Object, "{\"x"),
            (Json::Null, "null"),
        ];
        assert_eq!(items.len(), expected.len());
        for (item, (json, text)) in items.iter().zip(expected) {
            assert_eq!(item.json, json);
            starts(item.offset, text);
        }
    }

    #[test]
    fn offsets_of_a_value_are_within_the_whole_text() {
        let value = read_value("name= [\"x\"]", 5).unwrap();
        assert_eq!(value.offset, 6);
        let Json::List(items) = value.json else {
            panic!("not a list");
        };
        assert_eq!(items[0].offset, 7);
    }

    #[test]
    fn what_is_not_json_is_told_at_the_byte_that_cannot_be_taken() {
        #[track_caller]
        fn check(text: &str, offset: usize, message: &str) {
            let malformed = read_entries(text).unwrap_err();
            assert_eq!(malformed.offset, offset, "{text:?}: {malformed:?}");
            assert!(malformed.message.contains(message), "{malformed:?}");
            assert!(!malformed.message.contains("line"), "{malformed:?}");
        }
        check("", 0, "EOF");
        check("{", 1, "EOF");
        check("{\"a\": tru", 9, "EOF");
        check("{\"a\": 1,\n}", 9, "trailing comma");
        check("{\"a\": 1} x", 9, "trailing characters");
        check("{a: 1}", 1, "key must be a string");
        check("{\"a\": 1 // why\n}", 8, "expected `,` or `}`");
        check("{\"a\": \"x\n\"}", 8, "control character");
        check("{\"a\": 1e999}", 11, "number out of range");
        check("[]", 0, "expected an object of preferences");
        check("null", 3, "expected an object of preferences");
    }

    #[test]
    fn deep_nesting_ends_in_a_value_or_an_error() {
        let deep = |open: &str, close: &str| {
            format!(
                "{{\"a\": {}{}}}",
                open.repeat(100_000),
                close.repeat(100_000)
            )
        };
        assert_eq!(read_entries(&deep("[", "]")).unwrap()[0].name, "a");
        assert_eq!(
            read_entries(&deep("{\"a\":", "}").replace(":}", ":0}")).unwrap()[0]
                .value
                .json,
            Json::Object
        );
        assert!(read_entries(&"[".repeat(100_000)).is_err());
    }
}
