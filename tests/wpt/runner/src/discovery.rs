/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which tests a tree of files holds, and what each file says about itself.
//!
//! The rules are those of
//! <https://web-platform-tests.org/writing-tests/file-names.html>, for
//! testharness.js tests that run in a window.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One page to load.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Test {
    /// Its URL from the server's root, with the variant's query.
    pub url: String,
    /// The file that it comes from, relative to the root of the tests.
    pub source: PathBuf,
    /// Whether it asked for the long time limit.
    pub is_long: bool,
}

/// Directories whose files help tests and are none.
const HELPER_DIRECTORIES: &[&str] = &["resources", "support", "common", "interfaces", "tools"];

/// Everything under `root` that matches one of `paths`; all of it if there is
/// none. A path is a file or directory, from the root or the working
/// directory, a test's URL, or the beginning of files' names, up to a dot.
///
/// # Errors
///
/// When a file cannot be read, or when a path matches no test: a run that
/// tests nothing must not pass.
pub fn collect(root: &Path, paths: &[String]) -> Result<Vec<Test>> {
    let mut collected = BTreeSet::new();
    if paths.is_empty() {
        collected.extend(tests_under(root, root)?);
    }
    for path in paths {
        let tests = collect_one(root, path)?;
        if tests.is_empty() {
            bail!("{path} matches no test under {}", root.display());
        }
        collected.extend(tests);
    }
    if collected.is_empty() {
        bail!("there are no tests under {}", root.display());
    }
    Ok(collected.into_iter().collect())
}

fn collect_one(root: &Path, path: &str) -> Result<Vec<Test>> {
    let from_root = root.join(path.trim_start_matches('/'));
    let from_here = Path::new(path)
        .canonicalize()
        .ok()
        .filter(|absolute| absolute.starts_with(root));
    for candidate in [Some(from_root), from_here].into_iter().flatten() {
        if candidate.is_dir() {
            return tests_under(root, &candidate);
        }
        if candidate.is_file() {
            return tests_in(root, &candidate);
        }
    }
    // The URL of a generated page or of a variant.
    let url = format!("/{}", path.trim_start_matches('/'));
    let (page, _) = url.split_once('?').unwrap_or((&url, ""));
    let Some(directory) = root.join(&page[1..]).parent().map(Path::to_owned) else {
        return Ok(Vec::new());
    };
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let is_name = !path.contains(['/', '.']);
    let tests = tests_under(root, &directory)?;
    Ok(tests
        .into_iter()
        .filter(|test| {
            test.url == url
                || test.url.split('?').next() == Some(&url)
                || (is_name && has_name(&test.source, path))
        })
        .collect())
}

/// Whether a file's name is `name` up to its first dot.
fn has_name(source: &Path, name: &str) -> bool {
    let file = source.file_name().and_then(|file| file.to_str());
    file.is_some_and(|file| file.split('.').next() == Some(name))
}

fn tests_under(root: &Path, directory: &Path) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    let entries = fs::read_dir(directory)
        .with_context(|| format!("reading the directory {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", directory.display()))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let file_type = entry.file_type()?;
        if file_type.is_dir() {
            if !name.starts_with('.') && !HELPER_DIRECTORIES.contains(&name.as_str()) {
                tests.extend(tests_under(root, &path)?);
            }
        } else if file_type.is_file() {
            tests.extend(tests_in(root, &path)?);
        }
    }
    Ok(tests)
}

fn tests_in(root: &Path, path: &Path) -> Result<Vec<Test>> {
    let source = path.strip_prefix(root)?.to_owned();
    let Some(kind) = Kind::of(&source) else {
        return Ok(Vec::new());
    };
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(tests_of(&source, kind, &text))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Page,
    Window,
    Worker,
    Any,
}

impl Kind {
    /// What a file's name says; `None` for what is certainly no test.
    fn of(source: &Path) -> Option<Kind> {
        let name = source.file_name()?.to_str()?;
        let (stem, extension) = name.rsplit_once('.')?;
        let flags: Vec<&str> = stem.split('.').skip(1).collect();
        if stem.ends_with("-manual") || stem.ends_with("-ref") || stem.ends_with("-notref") {
            return None;
        }
        match extension {
            "html" | "htm" | "xhtml" | "xht" => Some(Kind::Page),
            "js" => match flags.last() {
                Some(&"window") => Some(Kind::Window),
                Some(&"worker") => Some(Kind::Worker),
                Some(&"any") => Some(Kind::Any),
                _ => None,
            },
            _ => None,
        }
    }
}

fn tests_of(source: &Path, kind: Kind, text: &str) -> Vec<Test> {
    let path = source.to_string_lossy().replace('\\', "/");
    let metadata = match kind {
        Kind::Page => match page_metadata(text) {
            Some(metadata) => metadata,
            None => return Vec::new(),
        },
        _ => script_metadata(text),
    };
    let stem = |suffix: &str| path.strip_suffix(suffix).unwrap_or(&path).to_owned();
    let pages = match kind {
        Kind::Page => vec![path.clone()],
        Kind::Window | Kind::Worker => vec![stem(".js") + ".html"],
        Kind::Any => {
            let globals = metadata
                .globals
                .as_deref()
                .unwrap_or("window,dedicatedworker");
            let has = |names: &[&str]| globals.split(',').any(|item| names.contains(&item.trim()));
            let mut pages = Vec::new();
            if has(&["window"]) {
                pages.push(stem(".any.js") + ".any.html");
            }
            if has(&["worker", "dedicatedworker"]) {
                pages.push(stem(".any.js") + ".any.worker.html");
            }
            pages
        }
    };
    let variants = if metadata.variants.is_empty() {
        vec![String::new()]
    } else {
        metadata.variants
    };
    pages
        .iter()
        .flat_map(|page| {
            variants
                .iter()
                .map(move |variant| format!("/{page}{variant}"))
        })
        .map(|url| Test {
            url,
            source: source.to_owned(),
            is_long: metadata.is_long,
        })
        .collect()
}

#[derive(Debug, Default)]
struct Metadata {
    is_long: bool,
    variants: Vec<String>,
    globals: Option<String>,
}

/// The `// META:` lines at a script's top.
fn script_metadata(text: &str) -> Metadata {
    let mut metadata = Metadata::default();
    for line in text.lines() {
        let Some(comment) = line.trim().strip_prefix("//") else {
            break;
        };
        let Some((key, value)) = comment
            .trim()
            .strip_prefix("META:")
            .and_then(|pair| pair.split_once('='))
        else {
            break;
        };
        match key.trim() {
            "timeout" => metadata.is_long = value.trim() == "long",
            "variant" => metadata.variants.push(value.trim().to_owned()),
            "global" => metadata.globals = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    metadata
}

/// What a page's tags say, or `None` if it does not load testharness.js.
fn page_metadata(text: &str) -> Option<Metadata> {
    let mut metadata = Metadata::default();
    let mut is_test = false;
    for tag in tags(text) {
        match tag.name.as_str() {
            "script" => {
                is_test |= tag
                    .attribute("src")
                    .is_some_and(|source| source.ends_with("/resources/testharness.js"));
            }
            "meta" => match (tag.attribute("name"), tag.attribute("content")) {
                (Some("timeout"), Some(content)) => metadata.is_long = content == "long",
                (Some("variant"), Some(content)) => metadata.variants.push(content.to_owned()),
                _ => {}
            },
            _ => {}
        }
    }
    is_test.then_some(metadata)
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The opening `script` and `meta` tags of a page. What stands in comments
/// and in scripts is passed over.
fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let end = rest
            .find(|character: char| !character.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name != "script" && name != "meta" {
            continue;
        }
        let (attributes, after) = attributes(&rest[end..]);
        rest = after;
        if name == "script" {
            rest = rest.find("</script").map_or("", |end| &rest[end..]);
        }
        tags.push(Tag { name, attributes });
    }
    tags
}

/// Reads attributes up to the end of the tag.
fn attributes(text: &str) -> (Vec<(String, String)>, &str) {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        rest = rest
            .trim_start_matches(|character: char| character.is_whitespace() || character == '/');
        if rest.is_empty() {
            return (attributes, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (attributes, after);
        }
        let ends_name =
            |character: char| character.is_whitespace() || character == '=' || character == '>';
        let end = rest.find(ends_name).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if end == 0 {
            // A stray `=`.
            rest = &rest[1..];
            continue;
        }
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            rest = after.trim_start();
            let quote = rest
                .chars()
                .next()
                .filter(|first| matches!(first, '"' | '\''));
            let end = match quote {
                Some(quote) => {
                    rest = &rest[1..];
                    rest.find(quote)
                }
                None => rest.find(|character: char| character.is_whitespace() || character == '>'),
            }
            .unwrap_or(rest.len());
            value = rest[..end].replace("&amp;", "&");
            rest = &rest[end..];
            if quote.is_some() {
                rest = rest.get(1..).unwrap_or("");
            }
        }
        attributes.push((name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(source: &str, text: &str) -> Vec<String> {
        let source = Path::new(source);
        Kind::of(source)
            .map(|kind| tests_of(source, kind, text))
            .unwrap_or_default()
            .into_iter()
            .map(|test| test.url)
            .collect()
    }

    const HARNESS: &str = "<script src=/resources/testharness.js></script>";

    #[test]
    fn a_page_is_a_test_when_it_loads_the_harness() {
        let check = |name: &str, text: &str, expected: &[&str]| {
            assert_eq!(urls(name, text), expected, "{name} {text}");
        };
        check("a/b.https.html", HARNESS, &["/a/b.https.html"]);
        check(
            "b.sub.html",
            "<script async src='../resources/testharness.js'></script>",
            &["/b.sub.html"],
        );
        check("b.html", "<p>nothing</p>", &[]);
        check(
            "b.html",
            "<!-- <script src=/resources/testharness.js></script> -->",
            &[],
        );
        check(
            "b.html",
            "<script>'<script src=/resources/testharness.js>'</script>",
            &[],
        );
        check("b-manual.html", HARNESS, &[]);
        check("b-ref.html", HARNESS, &[]);
        check("b.txt", HARNESS, &[]);
    }

    #[test]
    fn scripts_become_the_pages_of_their_globals() {
        let check = |name: &str, text: &str, expected: &[&str]| {
            assert_eq!(urls(name, text), expected, "{name} {text}");
        };
        check("x.https.window.js", "", &["/x.https.window.html"]);
        check("x.worker.js", "", &["/x.worker.html"]);
        check("x.any.js", "", &["/x.any.html", "/x.any.worker.html"]);
        check("x.any.js", "// META: global=window\n", &["/x.any.html"]);
        check(
            "x.any.js",
            "// META: global=worker,shadowrealm\n",
            &["/x.any.worker.html"],
        );
        check("helper.js", "", &[]);
    }

    #[test]
    fn a_long_time_limit_is_seen_in_pages_and_scripts() {
        let check = |name: &str, text: &str, expected: bool| {
            let source = Path::new(name);
            let tests = tests_of(source, Kind::of(source).unwrap(), text);
            assert!(!tests.is_empty());
            assert!(tests.iter().all(|test| test.is_long == expected), "{text}");
        };
        check(
            "a.html",
            &format!("<meta name=timeout content=long>{HARNESS}"),
            true,
        );
        check(
            "a.html",
            &format!("<meta content='long' name=\"timeout\"/>{HARNESS}"),
            true,
        );
        check(
            "a.html",
            &format!("<meta name=timeout content=short>{HARNESS}"),
            false,
        );
        check(
            "a.html",
            &format!("<!--<meta name=timeout content=long>-->{HARNESS}"),
            false,
        );
        check(
            "a.any.js",
            "// META: title=x\n// META: timeout=long\n",
            true,
        );
        check("a.any.js", "'use strict';\n// META: timeout=long\n", false);
    }

    #[test]
    fn every_variant_is_a_test_of_its_own() {
        let page = format!(
            "<meta name=variant content='?a'><meta name=variant content='?b&amp;c'>{HARNESS}"
        );
        assert_eq!(urls("v.html", &page), ["/v.html?a", "/v.html?b&c"]);
        let script = "// META: variant=?1\n// META: variant=?2\n";
        assert_eq!(
            urls("v.window.js", script),
            ["/v.window.html?1", "/v.window.html?2"]
        );
    }

    #[test]
    fn paths_select_directories_files_and_generated_pages() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("one/resources")).unwrap();
        fs::create_dir_all(root.join("two")).unwrap();
        for page in ["one/a.html", "one/resources/frame.html", "two/b.html"] {
            fs::write(root.join(page), HARNESS).unwrap();
        }
        fs::write(root.join("two/c.any.js"), "").unwrap();
        let check = |paths: &[&str], expected: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
            let tests = collect(&root, &paths).unwrap();
            let urls: Vec<&str> = tests.iter().map(|test| test.url.as_str()).collect();
            assert_eq!(urls, expected, "{paths:?}");
        };
        let c = ["/two/c.any.html", "/two/c.any.worker.html"];
        check(&[], &["/one/a.html", "/two/b.html", c[0], c[1]]);
        check(&["one"], &["/one/a.html"]);
        check(&["/two/b.html", "two/b.html"], &["/two/b.html"]);
        check(&["two/c.any.js"], &c);
        check(&["c"], &c);
        check(&["two/c.any.worker.html"], &c[1..]);
        check(&[root.join("one").to_str().unwrap()], &["/one/a.html"]);
    }

    #[test]
    fn collecting_nothing_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        assert!(collect(&root, &[]).is_err());
        fs::write(root.join("a.html"), HARNESS).unwrap();
        assert!(collect(&root, &["a.html".into()]).is_ok());
        for path in ["b.html", "c/", "a.html?x"] {
            assert!(
                collect(&root, &["a.html".into(), path.to_owned()]).is_err(),
                "{path}"
            );
        }
    }
}
