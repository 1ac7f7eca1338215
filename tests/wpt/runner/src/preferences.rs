/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Preferences of the browser that a test runs in.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::discovery::Test;

/// Preferences by name. Ordered, so that equal ones are one group.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Preferences(BTreeMap<String, Value>);

impl Preferences {
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// When the text is no JSON object.
    pub fn from_json(text: &str) -> Result<Preferences> {
        serde_json::from_str(text)
            .map(Preferences)
            .context("preferences are a JSON object")
    }

    /// Sets one preference from `name:value`. The value is JSON, or else text.
    ///
    /// # Errors
    ///
    /// When there is no colon.
    pub fn set(&mut self, pair: &str) -> Result<()> {
        let (name, value) = pair
            .split_once(':')
            .with_context(|| format!("a preference is name:value, found {pair:?}"))?;
        let value = value.trim();
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        self.0.insert(name.trim().to_owned(), value);
        Ok(())
    }

    /// The arguments of the shell's command line.
    pub fn arguments(&self) -> impl Iterator<Item = String> + '_ {
        self.0
            .iter()
            .flat_map(|(name, value)| ["--pref".to_owned(), format!("{name}={value}")])
    }
}

/// Puts tests of the same preferences together, so that each set costs one
/// start of the browser. Groups stand in the order of their first tests.
pub fn group(tests: Vec<(Test, Preferences)>) -> Vec<(Preferences, Vec<Test>)> {
    let mut groups: Vec<(Preferences, Vec<Test>)> = Vec::new();
    for (test, preferences) in tests {
        match groups.iter_mut().find(|(of, _)| *of == preferences) {
            Some((_, group)) => group.push(test),
            None => groups.push((preferences, vec![test])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(pairs: &[&str]) -> Preferences {
        let mut preferences = Preferences::default();
        for pair in pairs {
            preferences.set(pair).unwrap();
        }
        preferences
    }

    fn test(url: &str) -> Test {
        Test {
            url: url.to_owned(),
            source: url.into(),
            is_long: false,
        }
    }

    #[test]
    fn values_are_json_or_else_text() {
        let preferences = preferences(&["b:true", "n:1.5", "l:[\"http://a:1\"]", "t:some:words"]);
        let arguments: Vec<String> = preferences.arguments().collect();
        assert_eq!(
            arguments,
            [
                "--pref",
                "b=true",
                "--pref",
                "l=[\"http://a:1\"]",
                "--pref",
                "n=1.5",
                "--pref",
                "t=\"some:words\""
            ]
        );
        assert!(Preferences::default().set("name").is_err());
        assert!(Preferences::from_json("[]").is_err());
    }

    #[test]
    fn tests_of_equal_preferences_share_a_browser() {
        let on = preferences(&["a:true", "b:1"]);
        let same = preferences(&["b:1", "a:true"]);
        let off = preferences(&["a:false", "b:1"]);
        let groups = group(vec![
            (test("1"), on.clone()),
            (test("2"), off.clone()),
            (test("3"), same),
            (test("4"), Preferences::default()),
        ]);
        assert_eq!(
            groups,
            [
                (on, vec![test("1"), test("3")]),
                (off, vec![test("2")]),
                (Preferences::default(), vec![test("4")]),
            ]
        );
    }
}
