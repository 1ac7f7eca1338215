/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `THREATS.md` names the test behind each defense. A name of no test is a
//! defense that nobody checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sources;

/// The document.
pub const DOCUMENT: &str = "THREATS.md";
/// Where web-platform-tests are.
const WPT: &str = "tests/wpt/tests";

/// What in the document's backticks names a test.
#[derive(Debug, PartialEq)]
enum Name<'a> {
    /// A function.
    Function(&'a str),
    /// A line of the attack suite.
    Attack(&'a str),
    /// A web-platform-test.
    Page(&'a str),
}

/// Each name of the document that no test has, with its line, counted from 0.
///
/// # Errors
/// When a file cannot be read.
pub fn unknown_names(root: &Path, files: &[PathBuf], text: &str) -> Result<Vec<(usize, String)>> {
    let mut functions = BTreeSet::new();
    let mut literals = String::new();
    for path in files.iter().filter(|path| sources::is_rust(path)) {
        let source = fs::read_to_string(root.join(path))
            .with_context(|| format!("reading {}", path.display()))?;
        functions.extend(source.lines().filter_map(function).map(str::to_owned));
        literals.push_str(&source);
    }
    let is_known = |name: &Name| match name {
        Name::Function(name) => functions.contains(*name),
        Name::Attack(name) => literals.contains(&format!("\"{name}\"")),
        Name::Page(name) => root.join(WPT).join(name).is_file(),
    };
    let mut unknown = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for name in names(line).filter(|name| !is_known(name)) {
            unknown.push((index, format!("no test has this name: {name:?}")));
        }
    }
    Ok(unknown)
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let name = line.strip_prefix("fn ")?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    Some(&name[..end])
}

/// The names in one line: functions have an underscore, attacks a colon and a
/// blank, pages their extension. Other code is none.
fn names(line: &str) -> impl Iterator<Item = Name<'_>> {
    let code = line.split('`').skip(1).step_by(2);
    code.filter_map(|code| {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if code.ends_with(".html") {
            Some(Name::Page(code))
        } else if code.contains(": ") {
            Some(Name::Attack(code))
        } else if code.contains('_') && code.chars().all(is_word) {
            Some(Name::Function(code))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_told_from_other_code() {
        let line = "| `a_claim`, `cover: twice` | `a/b.https.html` | `Word`, `--option` |";
        let found: Vec<_> = names(line).collect();
        assert_eq!(
            found,
            [
                Name::Function("a_claim"),
                Name::Attack("cover: twice"),
                Name::Page("a/b.https.html")
            ]
        );
    }

    #[test]
    fn a_name_that_no_test_has_is_found() {
        let root = tempfile::tempdir().unwrap();
        let source = "#[test]\nfn a_claim() {}\nconst A: &str = \"cover: twice\";\n";
        fs::write(root.path().join("a.rs"), source).unwrap();
        let files = [PathBuf::from("a.rs")];
        let text = "`a_claim` `cover: twice`\n\n`a_claim_of_nobody` `b.html` `cover: never`\n";
        let unknown = unknown_names(root.path(), &files, text).unwrap();
        let lines: Vec<usize> = unknown.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 2, 2]);
        assert!(unknown[0].1.contains("a_claim_of_nobody"), "{unknown:?}");
    }
}
