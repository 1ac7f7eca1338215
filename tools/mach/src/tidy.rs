/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Rules of the house that no compiler checks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{sources, threats};

/// The license text at the top of each Rust file.
const HEADER: &str = "\
/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */
";

/// More lines than this are more than one job.
const LINES: usize = 500;

/// How many lines above an `unsafe` its proof may start.
const PROOF_DISTANCE: usize = 12;

/// The first directories of paths that exist on one machine only.
const MACHINE_DIRECTORIES: [&str; 3] = ["home", "root", "work"];

/// Marks of unfinished work, in two halves, so that this file has none.
const UNFINISHED: [(&str, &str); 5] = [
    ("todo", "!("),
    ("unimple", "mented!("),
    ("FIX", "ME"),
    ("#[ig", "nore]"),
    ("#[ig", "nore ="),
];

/// One broken rule.
#[derive(Debug, PartialEq)]
struct Finding {
    /// Line, counted from 1.
    line: usize,
    message: String,
}

/// Checks every file of the repository and prints what breaks a rule.
///
/// # Errors
/// When a rule is broken.
pub fn tidy(root: &Path) -> Result<()> {
    let mut count = 0;
    let files = sources::all(root)?;
    for path in &files {
        let bytes =
            fs::read(root.join(path)).with_context(|| format!("reading {}", path.display()))?;
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        let mut findings = check(&text, sources::is_rust(path));
        if path == Path::new(threats::DOCUMENT) {
            let unknown = threats::unknown_names(root, &files, &text)?;
            findings.extend(unknown.into_iter().map(|(index, message)| Finding {
                line: index + 1,
                message,
            }));
        }
        for Finding { line, message } in findings {
            count += 1;
            eprintln!("{}:{line}: {message}", path.display());
        }
    }
    if count > 0 {
        let noun = if count == 1 { "rule is" } else { "rules are" };
        bail!("{count} {noun} broken");
    }
    Ok(())
}

/// All findings in one text, by line.
fn check(text: &str, is_rust: bool) -> Vec<Finding> {
    let lines = text.lines().collect::<Vec<_>>();
    let mut findings = Vec::new();
    let mut find = |index: usize, message: &str| {
        findings.push(Finding {
            line: index + 1,
            message: message.to_owned(),
        });
    };
    if is_rust && !text.starts_with(HEADER) {
        find(0, "the MPL header is missing");
    }
    if is_rust && lines.len() > LINES {
        find(
            LINES,
            &format!("{} lines, at most {LINES} are wanted", lines.len()),
        );
    }
    for (index, line) in lines.iter().enumerate() {
        if let Some(directory) = machine_path(line) {
            find(index, &format!("a path of one machine, below /{directory}"));
        }
        if !is_rust {
            continue;
        }
        if is_unsafe(line) && !is_proved(&lines[..index]) {
            find(index, "`unsafe` without a `// SAFETY:` comment above it");
        }
        for (half, other) in UNFINISHED {
            if line.contains(&format!("{half}{other}")) {
                find(
                    index,
                    &format!("`{half}{other}`: unfinished or switched off"),
                );
            }
        }
    }
    findings
}

/// The directory of an absolute path that names one machine. What precedes the
/// slash must not belong to a longer path or an address.
fn machine_path(line: &str) -> Option<&'static str> {
    MACHINE_DIRECTORIES.into_iter().find(|directory| {
        let wanted = format!("/{directory}/");
        line.match_indices(&wanted).any(|(start, _)| {
            let before = line[..start].chars().next_back();
            let after = line[start + wanted.len()..].chars().next();
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || "_.-}".contains(c))
                && after.is_some_and(|c| c.is_ascii_lowercase() || c == '.')
        })
    })
}

/// Whether code on this line opens an unsafe block or implements an unsafe
/// trait. Comments and strings before the word are looked at roughly: the word
/// must not follow `//` or a quote.
fn is_unsafe(line: &str) -> bool {
    ["unsafe {", "unsafe impl"].iter().any(|wanted| {
        line.find(wanted)
            .is_some_and(|start| !line[..start].contains("//") && !line[..start].contains('"'))
    })
}

/// Whether a proof stands above, with nothing but comments, attributes and the
/// head of the same statement between.
fn is_proved(above: &[&str]) -> bool {
    above
        .iter()
        .rev()
        .take(PROOF_DISTANCE)
        .take_while(|line| !line.trim().is_empty())
        .any(|line| line.contains("// SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(body: &str) -> Vec<String> {
        check(&format!("{HEADER}{body}"), true)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_rust_file_starts_with_the_license() {
        assert_eq!(check("fn f() {}\n", true)[0].line, 1);
        assert!(check("fn f() {}\n", false).is_empty());
        assert!(messages("fn f() {}\n").is_empty());
    }

    #[test]
    fn a_file_has_at_most_the_wanted_lines() {
        let fits = "//\n".repeat(LINES - 3);
        assert!(messages(&fits).is_empty());
        assert!(messages(&format!("{fits}//\n"))[0].contains("501 lines"));
    }

    #[test]
    fn unsafe_code_is_proved() {
        for (body, expected) in [
            ("unsafe { f() }\n", 1),
            ("unsafe impl Send for A {}\n", 1),
            ("let a =\n    unsafe { f() };\n", 1),
            ("// SAFETY: f is fine.\nunsafe { f() }\n", 0),
            (
                "// SAFETY: f is fine,\n// see g.\nlet a =\n    unsafe { f() };\n",
                0,
            ),
            ("// SAFETY: elsewhere.\n\nunsafe { f() }\n", 1),
            ("// unsafe { f() }\n", 0),
            ("let a = \"unsafe {\";\n", 0),
        ] {
            assert_eq!(messages(body).len(), expected, "{body}");
        }
    }

    #[test]
    fn paths_of_one_machine_are_found_in_every_kind_of_file() {
        for directory in MACHINE_DIRECTORIES {
            let text = format!("see /{directory}/someone/file\n");
            assert_eq!(check(&text, false).len(), 1, "{text}");
            assert_eq!(messages(&format!("// {text}")).len(), 1);
            for fine in [
                format!("https://example.org/{directory}/someone"),
                format!("a/{directory}/b"),
                format!("/{directory}/"),
                format!("/{directory}er/x"),
            ] {
                assert!(check(&fine, false).is_empty(), "{fine}");
            }
        }
    }

    #[test]
    fn unfinished_work_is_found() {
        for (half, other) in UNFINISHED {
            assert_eq!(messages(&format!("{half}{other}\n")).len(), 1);
        }
        assert!(messages("let todo = 1;\n").is_empty());
        assert!(messages("#[ignore_malloc_size_of = \"x\"]\n").is_empty());
    }
}
