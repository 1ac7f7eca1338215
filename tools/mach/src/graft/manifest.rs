/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The graft file: which registry crate is changed, what of ours is laid into
//! it, and which lines of it are edited.
//!
//! ```toml
//! [crate]
//! name = "servo-script"
//! version = "0.7.0"
//! checksum = "<SHA-256 of the .crate file, hexadecimal>"
//! overlay = [ { from = "components/script/dom", to = "dom" } ]
//!
//! [[graft]]
//! id = "S2"
//! file = "dom/mod.rs"
//! why = "declares our DOM modules"
//! before = "pub(crate) mod security;"
//! text = """
//! pub(crate) mod screencapture;
//! """
//! ```
//!
//! `from` is relative to the repository's root, `to` and `file` to the crate's.
//! Exactly one of `before`, `after` and `replace` names the anchor: one line,
//! compared without the white space around it, which must match exactly one
//! line of the upstream file. `text` is inserted as it is written, so it brings
//! its own indentation.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

/// One `graft.toml`, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The graft file's path relative to the repository's root, for messages.
    pub path: String,
    /// The registry crate's name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// SHA-256 of the `.crate` file, 64 lower-case hexadecimal digits.
    pub checksum: String,
    /// Files and directories of ours that are added to the crate.
    pub overlay: Vec<Overlay>,
    /// The edits, in the order of the file.
    pub grafts: Vec<Graft>,
}

/// A file or a directory of ours that is laid into the crate.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Relative to the repository's root.
    pub from: String,
    /// Relative to the crate's root; the name that `from` gets there.
    pub to: String,
}

/// One edit of one upstream file.
#[derive(Clone, Debug, PartialEq)]
pub struct Graft {
    /// Short name, unique in its file.
    pub id: String,
    /// The upstream file, relative to the crate's root.
    pub file: String,
    /// Why the edit is needed.
    pub why: String,
    /// Where `text` goes, seen from the anchor.
    pub place: Place,
    /// The anchor without the white space around it.
    pub anchor: String,
    /// What is inserted.
    pub text: String,
}

/// Where the text of a graft goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Above the anchor line.
    Before,
    /// Below the anchor line.
    After,
    /// In place of the anchor line.
    Replace,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Before => "before",
            Place::After => "after",
            Place::Replace => "replace",
        })
    }
}

/// Why a graft file is refused. Each text names what is wrong; the caller
/// prefixes the file.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, a missing or unknown key, a wrong type.
    #[error("{0}")]
    Syntax(String),
    /// The checksum has another form than SHA-256 in hexadecimal.
    #[error("`checksum` must be 64 hexadecimal digits, found `{0}`")]
    Checksum(String),
    /// A path leaves the crate or the repository.
    #[error("`{key}` must be a relative path without `..`, found `{path}`")]
    Path {
        /// The key that holds the path.
        key: &'static str,
        /// The path as written.
        path: String,
    },
    /// A crate name or version that is not one path component.
    #[error("`{0}` is no crate name or version")]
    Crate(String),
    /// None or several of `before`, `after`, `replace`.
    #[error("graft {id}: exactly one of `before`, `after`, `replace` is required, found {found}")]
    Anchors {
        /// The graft.
        id: String,
        /// How many there are.
        found: usize,
    },
    /// An anchor that is empty or longer than a line.
    #[error("graft {0}: the anchor must be one line that is not empty")]
    AnchorLine(String),
    /// Two grafts of one name.
    #[error("graft {0} is defined twice")]
    Duplicate(String),
    /// A graft that does not give its reason.
    #[error("graft {0}: `why` is empty")]
    Unexplained(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[serde(rename = "crate")]
    krate: RawCrate,
    #[serde(default)]
    graft: Vec<RawGraft>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCrate {
    name: String,
    version: String,
    checksum: String,
    #[serde(default)]
    overlay: Vec<Overlay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGraft {
    id: String,
    file: String,
    why: String,
    before: Option<String>,
    after: Option<String>,
    replace: Option<String>,
    text: String,
}

impl Manifest {
    /// Reads and checks a graft file's text; `path` is what messages call it.
    ///
    /// # Errors
    /// Every [`ManifestError`]; the first one found is returned.
    pub fn parse(path: &str, text: &str) -> Result<Manifest, ManifestError> {
        let raw: RawManifest =
            toml::from_str(text).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        for part in [&raw.krate.name, &raw.krate.version] {
            if part.is_empty() || part.starts_with('.') || part.contains(['/', '\\']) {
                return Err(ManifestError::Crate(part.clone()));
            }
        }
        let checksum = raw.krate.checksum.to_ascii_lowercase();
        if checksum.len() != 64 || !checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ManifestError::Checksum(raw.krate.checksum));
        }
        for overlay in &raw.krate.overlay {
            require_inside("from", &overlay.from)?;
            require_inside("to", &overlay.to)?;
        }
        let mut ids = BTreeSet::new();
        let mut grafts = Vec::new();
        for raw_graft in raw.graft {
            let graft = Graft::from_raw(raw_graft)?;
            if !ids.insert(graft.id.clone()) {
                return Err(ManifestError::Duplicate(graft.id));
            }
            grafts.push(graft);
        }
        Ok(Manifest {
            path: path.to_owned(),
            name: raw.krate.name,
            version: raw.krate.version,
            checksum,
            overlay: raw.krate.overlay,
            grafts,
        })
    }

    /// `name-version`: the directory inside the `.crate` and its file name's
    /// stem.
    pub fn stem(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

impl Graft {
    fn from_raw(raw: RawGraft) -> Result<Graft, ManifestError> {
        let mut anchors = [
            (Place::Before, raw.before),
            (Place::After, raw.after),
            (Place::Replace, raw.replace),
        ]
        .into_iter()
        .filter_map(|(place, anchor)| anchor.map(|anchor| (place, anchor)))
        .collect::<Vec<_>>();
        let found = anchors.len();
        let (Some((place, anchor)), 1) = (anchors.pop(), found) else {
            return Err(ManifestError::Anchors { id: raw.id, found });
        };
        let anchor = anchor.trim();
        if anchor.is_empty() || anchor.contains(['\n', '\r']) {
            return Err(ManifestError::AnchorLine(raw.id));
        }
        if raw.why.trim().is_empty() {
            return Err(ManifestError::Unexplained(raw.id));
        }
        require_inside("file", &raw.file)?;
        Ok(Graft {
            id: raw.id,
            file: raw.file,
            why: raw.why,
            place,
            anchor: anchor.to_owned(),
            text: raw.text,
        })
    }
}

/// Whether `path` is relative, goes only down and is written the plain way, so
/// that one file has one spelling.
fn is_inside(path: &str) -> bool {
    !path.contains('\\') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn require_inside(key: &'static str, path: &str) -> Result<(), ManifestError> {
    if is_inside(path) {
        return Ok(());
    }
    Err(ManifestError::Path {
        key,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn parse(krate: &str, grafts: &str) -> Result<Manifest, ManifestError> {
        let text = format!(
            "[crate]\nname = \"c\"\nversion = \"1.0.0\"\nchecksum = \"{SUM}\"\n{krate}\n{grafts}"
        );
        Manifest::parse("components/c/graft.toml", &text)
    }

    fn graft(rest: &str) -> String {
        format!("[[graft]]\nid = \"C1\"\nfile = \"lib.rs\"\ntext = \"x\\n\"\n{rest}\n")
    }

    #[test]
    fn a_complete_file_is_read() {
        let manifest = parse(
            "overlay = [ { from = \"components/c/dom\", to = \"dom\" } ]",
            &graft("why = \"a reason\"\nafter = \"  mod a;  \""),
        )
        .unwrap();
        assert_eq!(manifest.stem(), "c-1.0.0");
        assert_eq!(manifest.checksum, SUM.to_ascii_lowercase());
        assert_eq!(manifest.overlay[0].to, "dom");
        assert_eq!(
            (
                manifest.grafts[0].place,
                manifest.grafts[0].anchor.as_str(),
                manifest.grafts[0].text.as_str()
            ),
            (Place::After, "mod a;", "x\n")
        );
    }

    #[test]
    fn a_graft_has_exactly_one_anchor() {
        for (anchors, found) in [
            ("", 0),
            ("before = \"a\"\nafter = \"a\"", 2),
            ("before = \"a\"\nafter = \"a\"\nreplace = \"a\"", 3),
        ] {
            let result = parse("", &graft(&format!("why = \"w\"\n{anchors}")));
            let id = "C1".to_owned();
            assert_eq!(result, Err(ManifestError::Anchors { id, found }));
        }
    }

    #[test]
    fn an_anchor_is_one_line() {
        for anchor in ["  ", "a\\nb"] {
            let result = parse("", &graft(&format!("why = \"w\"\nbefore = \"{anchor}\"")));
            assert_eq!(result, Err(ManifestError::AnchorLine("C1".to_owned())));
        }
    }

    #[test]
    fn a_graft_gives_its_reason() {
        let result = parse("", &graft("why = \" \"\nbefore = \"a\""));
        assert_eq!(result, Err(ManifestError::Unexplained("C1".to_owned())));
        let result = parse("", &graft("before = \"a\""));
        assert!(matches!(result, Err(ManifestError::Syntax(text)) if text.contains("why")));
    }

    #[test]
    fn ids_are_unique() {
        let one = graft("why = \"w\"\nbefore = \"a\"");
        let result = parse("", &format!("{one}{one}"));
        assert_eq!(result, Err(ManifestError::Duplicate("C1".to_owned())));
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["/etc", "../c", "a/../../b", "a//b", "a/", ".", "", "a\\\\b"] {
            for (from, to) in [("ok", path), (path, "ok")] {
                let overlay = format!("overlay = [ {{ from = \"{from}\", to = \"{to}\" }} ]");
                assert!(
                    matches!(parse(&overlay, ""), Err(ManifestError::Path { .. })),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn a_checksum_is_a_sha256() {
        for checksum in ["", "12", &"g".repeat(64), &"a".repeat(63)] {
            let text =
                format!("[crate]\nname = \"c\"\nversion = \"1.0.0\"\nchecksum = \"{checksum}\"\n");
            assert_eq!(
                Manifest::parse("p", &text),
                Err(ManifestError::Checksum(checksum.to_owned()))
            );
        }
    }

    #[test]
    fn a_misspelled_key_is_an_error() {
        let result = parse("", &graft("why = \"w\"\nbefore = \"a\"\nreason = \"r\""));
        assert!(matches!(result, Err(ManifestError::Syntax(text)) if text.contains("reason")));
    }

    #[test]
    fn a_crate_name_is_one_path_component() {
        let text = format!("[crate]\nname = \"../c\"\nversion = \"1\"\nchecksum = \"{SUM}\"\n");
        assert_eq!(
            Manifest::parse("p", &text),
            Err(ManifestError::Crate("../c".to_owned()))
        );
    }
}
