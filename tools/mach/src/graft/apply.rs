/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The edits and the overlay, applied to an unpacked crate in memory.
//!
//! Every anchor is sought in the upstream text, never in the result of another
//! graft: the order of grafts is of no concern except where two insert at the
//! same place, and removing one just works.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::{Graft, Manifest, Place};
use super::unpack::Files;

/// Something that keeps a crate from being grafted. The texts say which graft
/// file, which graft, which anchor and which file of the crate.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The crate has no such file.
    #[error("{at}: {crate_file} is not in the crate")]
    NoFile {
        /// Graft file and id.
        at: String,
        /// Crate and path in it.
        crate_file: String,
    },
    /// The file is not text.
    #[error("{at}: {crate_file} is not UTF-8")]
    NotText {
        /// Graft file and id.
        at: String,
        /// Crate and path in it.
        crate_file: String,
    },
    /// The anchor is missing or ambiguous.
    #[error("{at}: the anchor `{anchor}` must match one line of {crate_file}, {}", lines_found(.lines))]
    Anchor {
        /// Graft file and id.
        at: String,
        /// Crate and path in it.
        crate_file: String,
        /// The anchor.
        anchor: String,
        /// The lines it matches, counted from 1.
        lines: Vec<usize>,
    },
    /// A second graft replaces a line that is already replaced.
    #[error("{at}: the line `{anchor}` of {crate_file} is already replaced by graft {other}")]
    Replaced {
        /// Graft file and id.
        at: String,
        /// Crate and path in it.
        crate_file: String,
        /// The anchor.
        anchor: String,
        /// The graft that came first.
        other: String,
    },
    /// A file of ours has the name of an upstream file.
    #[error("{graft_file}: the overlay file {from} would hide the upstream file {crate_file}")]
    Shadows {
        /// The graft file.
        graft_file: String,
        /// Our file.
        from: String,
        /// Crate and path in it.
        crate_file: String,
    },
    /// Two files of ours want the same place.
    #[error("{graft_file}: two overlay files want to be {crate_file}, one is {from}")]
    OverlayTwice {
        /// The graft file.
        graft_file: String,
        /// Our second file.
        from: String,
        /// Crate and path in it.
        crate_file: String,
    },
}

fn lines_found(lines: &[usize]) -> String {
    if lines.is_empty() {
        return "no line does".to_owned();
    }
    let numbers = lines.iter().map(usize::to_string).collect::<Vec<_>>();
    format!("lines {} do", numbers.join(", "))
}

/// A file of ours on its way into the crate.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlayFile {
    /// Path relative to the repository's root, for messages.
    pub from: String,
    /// Path in the crate.
    pub to: String,
    /// The bytes.
    pub content: Vec<u8>,
}

/// Applies `manifest` to `upstream`: the files of the grafted crate.
///
/// # Errors
/// All problems, in the order of the graft file.
pub fn apply(
    manifest: &Manifest,
    upstream: &Files,
    overlay: Vec<OverlayFile>,
) -> Result<Files, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut result = upstream.clone();

    let mut by_file = BTreeMap::<&str, Vec<&Graft>>::new();
    for graft in &manifest.grafts {
        by_file.entry(&graft.file).or_default().push(graft);
    }
    for (file, grafts) in by_file {
        if let Some(text) = edit(manifest, upstream, file, &grafts, &mut problems) {
            result.insert(file.to_owned(), text.into_bytes());
        }
    }
    let mut laid = BTreeSet::new();
    for OverlayFile { from, to, content } in overlay {
        let graft_file = manifest.path.clone();
        let crate_file = format!("{}/{to}", manifest.name);
        if upstream.contains_key(&to) {
            problems.push(Problem::Shadows {
                graft_file,
                from,
                crate_file,
            });
        } else if !laid.insert(to.clone()) {
            problems.push(Problem::OverlayTwice {
                graft_file,
                from,
                crate_file,
            });
        } else {
            result.insert(to, content);
        }
    }
    if problems.is_empty() {
        Ok(result)
    } else {
        Err(problems)
    }
}

/// What is put around and instead of one upstream line.
#[derive(Default)]
struct LineEdit<'a> {
    before: String,
    replace: Option<&'a Graft>,
    after: String,
}

/// Applies all grafts of one file; `None` when one of them cannot be.
fn edit(
    manifest: &Manifest,
    upstream: &Files,
    file: &str,
    grafts: &[&Graft],
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let crate_file = format!("{}/{file}", manifest.name);
    let at = |graft: &Graft| format!("{}, graft {}", manifest.path, graft.id);
    let text = match upstream.get(file).map(|bytes| std::str::from_utf8(bytes)) {
        Some(Ok(text)) => text,
        found => {
            problems.extend(grafts.iter().map(|graft| {
                let (at, crate_file) = (at(graft), crate_file.clone());
                match found {
                    None => Problem::NoFile { at, crate_file },
                    Some(_) => Problem::NotText { at, crate_file },
                }
            }));
            return None;
        }
    };
    let lines = text.split_inclusive('\n').collect::<Vec<_>>();
    let mut edits = BTreeMap::<usize, LineEdit<'_>>::new();
    let before = problems.len();
    for &graft in grafts {
        let matches = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.trim() == graft.anchor)
            .map(|(index, _)| index)
            .collect::<Vec<_>>();
        let &[index] = matches.as_slice() else {
            problems.push(Problem::Anchor {
                at: at(graft),
                crate_file: crate_file.clone(),
                anchor: graft.anchor.clone(),
                lines: matches.iter().map(|index| index + 1).collect(),
            });
            continue;
        };
        let edit = edits.entry(index).or_default();
        match graft.place {
            Place::Before => push_lines(&mut edit.before, &graft.text),
            Place::After => push_lines(&mut edit.after, &graft.text),
            Place::Replace => {
                if let Some(other) = edit.replace.replace(graft) {
                    problems.push(Problem::Replaced {
                        at: at(graft),
                        crate_file: crate_file.clone(),
                        anchor: graft.anchor.clone(),
                        other: other.id.clone(),
                    });
                }
            }
        }
    }
    if problems.len() > before {
        return None;
    }
    let mut result = String::with_capacity(text.len() + 4096);
    for (index, line) in lines.iter().enumerate() {
        let Some(edit) = edits.get(&index) else {
            result.push_str(line);
            continue;
        };
        result.push_str(&edit.before);
        match edit.replace {
            Some(graft) => push_lines(&mut result, &graft.text),
            // The last line of a file may lack its newline.
            None if !edit.after.is_empty() => push_lines(&mut result, line),
            None => result.push_str(line),
        }
        result.push_str(&edit.after);
    }
    Some(result)
}

/// Appends whole lines: what comes next starts on a line of its own.
fn push_lines(target: &mut String, text: &str) {
    target.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        target.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(grafts: &[(&str, Place, &str, &str)]) -> Manifest {
        Manifest {
            path: "components/c/graft.toml".to_owned(),
            name: "c".to_owned(),
            version: "1.0.0".to_owned(),
            checksum: String::new(),
            overlay: Vec::new(),
            grafts: grafts
                .iter()
                .enumerate()
                .map(|(index, (file, place, anchor, text))| Graft {
                    id: format!("C{}", index + 1),
                    file: (*file).to_owned(),
                    why: "a test".to_owned(),
                    place: *place,
                    anchor: (*anchor).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }

    fn check(text: &str, grafts: &[(Place, &str, &str)], expected: &str) {
        let grafts = grafts
            .iter()
            .map(|(place, anchor, text)| ("lib.rs", *place, *anchor, *text))
            .collect::<Vec<_>>();
        let upstream = Files::from([("lib.rs".to_owned(), text.as_bytes().to_vec())]);
        let result = apply(&manifest(&grafts), &upstream, Vec::new()).unwrap();
        assert_eq!(String::from_utf8_lossy(&result["lib.rs"]), expected);
    }

    fn problems(files: &[(&str, &str)], grafts: &[(&str, Place, &str, &str)]) -> Vec<String> {
        let upstream = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect();
        apply(&manifest(grafts), &upstream, Vec::new())
            .unwrap_err()
            .iter()
            .map(Problem::to_string)
            .collect()
    }

    #[test]
    fn text_goes_before_after_or_in_place_of_the_anchor() {
        let text = "a\n  b\nc\n";
        check(text, &[(Place::Before, "b", "x\n")], "a\nx\n  b\nc\n");
        check(text, &[(Place::After, "b", "x\n")], "a\n  b\nx\nc\n");
        check(text, &[(Place::Replace, "b", "x\ny\n")], "a\nx\ny\nc\n");
        check(text, &[(Place::Replace, "b", "")], "a\nc\n");
    }

    #[test]
    fn white_space_around_the_anchor_line_is_ignored_and_inside_it_is_not() {
        check(
            "\tfn  f() {  \r\n",
            &[(Place::After, "fn  f() {", "x\n")],
            "\tfn  f() {  \r\nx\n",
        );
        let found = problems(
            &[("lib.rs", "fn  f() {\n")],
            &[("lib.rs", Place::After, "fn f() {", "x\n")],
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn text_without_a_last_newline_stays_a_line() {
        check("a\nb", &[(Place::After, "b", "x")], "a\nb\nx\n");
        check("a\nb", &[(Place::Before, "b", "x")], "a\nx\nb");
    }

    #[test]
    fn anchors_are_sought_in_the_upstream_text_only() {
        check(
            "a\nb\n",
            &[(Place::Replace, "a", "b\n"), (Place::After, "b", "c\n")],
            "b\nb\nc\n",
        );
    }

    #[test]
    fn grafts_at_one_anchor_keep_the_order_of_the_graft_file() {
        check(
            "a\n",
            &[
                (Place::After, "a", "3\n"),
                (Place::Before, "a", "1\n"),
                (Place::After, "a", "4\n"),
                (Place::Before, "a", "2\n"),
            ],
            "1\n2\na\n3\n4\n",
        );
    }

    #[test]
    fn every_problem_is_reported_with_graft_file_id_anchor_and_crate_file() {
        let found = problems(
            &[("lib.rs", "a\nb\na\n")],
            &[
                ("lib.rs", Place::After, "a", "x\n"),
                ("lib.rs", Place::After, "z", "x\n"),
                ("none.rs", Place::After, "a", "x\n"),
            ],
        );
        assert_eq!(
            found,
            [
                "components/c/graft.toml, graft C1: the anchor `a` must match one line of \
                 c/lib.rs, lines 1, 3 do",
                "components/c/graft.toml, graft C2: the anchor `z` must match one line of \
                 c/lib.rs, no line does",
                "components/c/graft.toml, graft C3: c/none.rs is not in the crate",
            ]
        );
    }

    #[test]
    fn a_line_is_replaced_once() {
        let found = problems(
            &[("lib.rs", "a\n")],
            &[
                ("lib.rs", Place::Replace, "a", "x\n"),
                ("lib.rs", Place::Replace, "a", "y\n"),
            ],
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("graft C2") && found[0].contains("by graft C1"));
    }

    fn overlay(to: &str) -> OverlayFile {
        OverlayFile {
            from: format!("components/c/{to}"),
            to: to.to_owned(),
            content: b"ours".to_vec(),
        }
    }

    #[test]
    fn overlay_files_are_added() {
        let upstream = Files::from([("lib.rs".to_owned(), b"a\n".to_vec())]);
        let result = apply(&manifest(&[]), &upstream, vec![overlay("dom/new.rs")]).unwrap();
        assert_eq!(result["dom/new.rs"], b"ours");
        assert_eq!(result["lib.rs"], b"a\n");
    }

    #[test]
    fn an_overlay_file_hides_neither_upstream_nor_another() {
        let upstream = Files::from([("lib.rs".to_owned(), b"a\n".to_vec())]);
        let found = apply(
            &manifest(&[]),
            &upstream,
            vec![overlay("lib.rs"), overlay("new.rs"), overlay("new.rs")],
        )
        .unwrap_err();
        assert!(matches!(
            found[..],
            [Problem::Shadows { .. }, Problem::OverlayTwice { .. }]
        ));
    }
}
