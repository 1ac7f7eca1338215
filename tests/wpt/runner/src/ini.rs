/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The ini files of wptrunner: what a test is expected to do.
//!
//! ```text
//! [file.html]
//!   expected: TIMEOUT
//!   [name of a subtest]
//!     expected:
//!       if multiprocess: [PASS, FAIL]
//!       FAIL
//! ```
//!
//! Nesting is by indentation. This module knows the syntax alone;
//! `expectations` knows what the keys mean.

use std::fmt::{self, Write};

use thiserror::Error;

/// A file: entries that stand before any heading, and sections.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Section {
    /// The text between the brackets; empty for the file itself.
    pub heading: String,
    /// Comment lines above the heading, without the `#`.
    pub comments: Vec<String>,
    /// `key: value` lines, in order.
    pub entries: Vec<Entry>,
    /// Sections inside this one, in order.
    pub sections: Vec<Section>,
}

/// One key with all the values it may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The word before the colon.
    pub key: String,
    /// Comment lines above the entry, without the `#`.
    pub comments: Vec<String>,
    /// Values that hold under a condition, the first that is true wins.
    pub branches: Vec<(String, Value)>,
    /// The value when no condition is true.
    pub default: Option<Value>,
}

/// What stands after a colon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// `word` or `"quoted text"`.
    Text(String),
    /// `[a, b]`.
    List(Vec<String>),
}

/// Where and why a file is not well formed.
#[derive(Debug, Error, Eq, PartialEq)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected there.
    pub reason: &'static str,
}

impl Section {
    /// The section with this heading, directly inside this one.
    pub fn section(&self, heading: &str) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.heading == heading)
    }

    /// The entry of this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When a line is neither a comment, a heading nor an entry, or is
    /// indented under something that cannot hold it.
    pub fn parse(text: &str) -> Result<Section, ParseError> {
        let lines = significant_lines(text)?;
        let mut parser = Parser { lines, next: 0 };
        let mut root = Section::default();
        parser.section_body(&mut root, 0)?;
        match parser.lines.get(parser.next) {
            Some(line) => Err(line.error("this indentation belongs to nothing above it")),
            None => Ok(root),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_body(self, 0, out)
    }
}

struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
    comments: Vec<String>,
}

impl Line<'_> {
    fn error(&self, reason: &'static str) -> ParseError {
        ParseError {
            line: self.number,
            reason,
        }
    }
}

fn significant_lines(text: &str) -> Result<Vec<Line<'_>>, ParseError> {
    let mut lines = Vec::new();
    let mut comments = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(comment) = trimmed.strip_prefix('#') {
            comments.push(comment.trim().to_owned());
            continue;
        }
        if line[indent..].starts_with(char::is_whitespace) {
            return Err(ParseError {
                line: index + 1,
                reason: "indentation is by spaces",
            });
        }
        lines.push(Line {
            number: index + 1,
            indent,
            text: trimmed,
            comments: std::mem::take(&mut comments),
        });
    }
    Ok(lines)
}

struct Parser<'a> {
    lines: Vec<Line<'a>>,
    next: usize,
}

impl Parser<'_> {
    /// Everything indented by exactly `indent`, until something stands
    /// further to the left.
    fn section_body(&mut self, section: &mut Section, indent: usize) -> Result<(), ParseError> {
        while let Some(line) = self.lines.get_mut(self.next) {
            if line.indent < indent {
                return Ok(());
            }
            if line.indent > indent {
                return Err(line.error("this indentation belongs to nothing above it"));
            }
            let comments = std::mem::take(&mut line.comments);
            self.next += 1;
            let line = &self.lines[self.next - 1];
            if let Some(rest) = line.text.strip_prefix('[') {
                let heading = heading(rest).ok_or_else(|| line.error("a heading ends with ]"))?;
                let mut inner = Section {
                    heading,
                    comments,
                    ..Section::default()
                };
                if let Some(below) = self.lines.get(self.next)
                    && below.indent > indent
                {
                    let below = below.indent;
                    self.section_body(&mut inner, below)?;
                }
                section.sections.push(inner);
            } else {
                let entry = self.entry(comments, indent)?;
                section.entries.push(entry);
            }
        }
        Ok(())
    }

    /// The entry that starts on the line just taken, with its branches.
    fn entry(&mut self, comments: Vec<String>, indent: usize) -> Result<Entry, ParseError> {
        let line = &self.lines[self.next - 1];
        let (key, rest) = line
            .text
            .split_once(':')
            .ok_or_else(|| line.error("a heading, or a key and a colon"))?;
        let mut entry = Entry {
            key: key.trim().to_owned(),
            comments,
            branches: Vec::new(),
            default: None,
        };
        if !rest.trim().is_empty() {
            entry.default = Some(value(rest.trim()).map_err(|reason| line.error(reason))?);
            return Ok(entry);
        }
        let first = self.next;
        while let Some(line) = self.lines.get(self.next)
            && line.indent > indent
        {
            if entry.default.is_some() {
                return Err(line.error("the value without a condition comes last"));
            }
            match line.text.strip_prefix("if ") {
                Some(branch) => {
                    let (condition, result) = split_condition(branch)
                        .ok_or_else(|| line.error("a condition ends with a colon"))?;
                    let result = value(result).map_err(|reason| line.error(reason))?;
                    entry.branches.push((condition.to_owned(), result));
                }
                None => {
                    entry.default = Some(value(line.text).map_err(|reason| line.error(reason))?);
                }
            }
            self.next += 1;
        }
        if self.next == first {
            return Err(self.lines[first - 1].error("a value"));
        }
        Ok(entry)
    }
}

/// Splits `condition: value` at the first colon outside quotes.
fn split_condition(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if character == '"' || character == '\'' => quote = Some(character),
            None if character == ':' => {
                return Some((text[..at].trim(), text[at + 1..].trim()));
            }
            None => {}
        }
    }
    None
}

fn heading(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let mut heading = String::new();
    loop {
        match characters.next()? {
            ']' => {
                let rest = characters.as_str().trim();
                return (rest.is_empty() || rest.starts_with('#')).then_some(heading);
            }
            '\\' => heading.push(unescape(&mut characters)?),
            character => heading.push(character),
        }
    }
}

/// The character that an escape stands for, after the backslash.
fn unescape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match characters.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'x' => {
            let digits: String = characters.take(2).collect();
            char::from(u8::from_str_radix(&digits, 16).ok()?)
        }
        'u' => {
            let digits: String = characters.take(4).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        other => other,
    })
}

fn value(text: &str) -> Result<Value, &'static str> {
    let mut characters = text.chars();
    let parsed = if let Some(rest) = text.strip_prefix('[') {
        characters = rest.chars();
        Value::List(list(&mut characters)?)
    } else {
        Value::Text(word(&mut characters, &[])?)
    };
    let rest = characters.as_str().trim();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(parsed)
    } else {
        Err("one value a line")
    }
}

fn list(characters: &mut std::str::Chars<'_>) -> Result<Vec<String>, &'static str> {
    let mut items = Vec::new();
    loop {
        let rest = characters.as_str().trim_start();
        if let Some(rest) = rest.strip_prefix(']') {
            *characters = rest.chars();
            return Ok(items);
        }
        if rest.is_empty() || rest.starts_with('#') {
            return Err("a list ends with ]");
        }
        *characters = rest.chars();
        items.push(word(characters, &[',', ']'])?);
        let rest = characters.as_str().trim_start();
        match rest.strip_prefix(',') {
            Some(rest) => *characters = rest.chars(),
            None if rest.starts_with(']') => *characters = rest.chars(),
            None => return Err("a comma or ] after an item"),
        }
    }
}

/// A quoted text, or everything up to a comment or one of `ends`.
fn word(characters: &mut std::str::Chars<'_>, ends: &[char]) -> Result<String, &'static str> {
    let rest = characters.as_str();
    let Some(quote @ ('"' | '\'')) = rest.chars().next() else {
        let end = rest
            .find(|character| character == '#' || ends.contains(&character))
            .unwrap_or(rest.len());
        *characters = rest[end..].chars();
        return Ok(rest[..end].trim().to_owned());
    };
    characters.next();
    let mut text = String::new();
    loop {
        match characters.next().ok_or("a closing quote")? {
            '\\' => text.push(unescape(characters).ok_or("a known escape")?),
            character if character == quote => return Ok(text),
            character => text.push(character),
        }
    }
}

fn print_body(section: &Section, indent: usize, out: &mut impl Write) -> fmt::Result {
    let margin = " ".repeat(indent);
    for entry in &section.entries {
        print_comments(&entry.comments, &margin, out)?;
        match &entry.default {
            Some(value) if entry.branches.is_empty() => {
                writeln!(out, "{margin}{}: {}", entry.key, Printed(value))?;
            }
            default => {
                writeln!(out, "{margin}{}:", entry.key)?;
                for (condition, value) in &entry.branches {
                    writeln!(out, "{margin}  if {condition}: {}", Printed(value))?;
                }
                if let Some(value) = default {
                    writeln!(out, "{margin}  {}", Printed(value))?;
                }
            }
        }
    }
    for (index, inner) in section.sections.iter().enumerate() {
        if index > 0 || !section.entries.is_empty() {
            writeln!(out)?;
        }
        print_comments(&inner.comments, &margin, out)?;
        writeln!(out, "{margin}[{}]", Escaped(&inner.heading, ']'))?;
        print_body(inner, indent + 2, out)?;
    }
    Ok(())
}

fn print_comments(comments: &[String], margin: &str, out: &mut impl Write) -> fmt::Result {
    for comment in comments {
        writeln!(out, "{margin}# {comment}")?;
    }
    Ok(())
}

struct Escaped<'a>(&'a str, char);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                '\t' => out.write_str("\\t")?,
                '\\' => out.write_str("\\\\")?,
                _ if character == self.1 => write!(out, "\\{character}")?,
                _ if character.is_control() => write!(out, "\\u{:04x}", u32::from(character))?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

struct Printed<'a>(&'a Value);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => print_word(text, out),
            Value::List(items) => {
                out.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    print_word(item, out)?;
                }
                out.write_char(']')
            }
        }
    }
}

fn print_word(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':')
    };
    if !text.is_empty() && text.chars().all(is_plain) {
        out.write_str(text)
    } else {
        write!(out, "\"{}\"", Escaped(text, '"'))
    }
}

#[cfg(test)]
mod tests;
