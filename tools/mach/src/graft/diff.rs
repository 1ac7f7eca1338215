/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The result against upstream as a unified diff that `git apply` takes: the
//! form in which a graft could be sent upstream.

use std::fmt::Write;

use similar::TextDiff;

use super::unpack::Files;

/// The unified diff from `upstream` to `result`, in paths below `crate_name`,
/// sorted by path. Empty when nothing differs.
pub fn unified(crate_name: &str, upstream: &Files, result: &Files) -> String {
    let mut diff = String::new();
    for (path, new) in result {
        let old = upstream.get(path);
        if old == Some(new) {
            continue;
        }
        let name = format!("{crate_name}/{path}");
        // Writing to a string cannot fail.
        let _ = writeln!(diff, "diff --git a/{name} b/{name}");
        if old.is_none() {
            diff.push_str("new file mode 100644\n");
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let old_name = match old {
            Some(_) => format!("a/{name}"),
            None => "/dev/null".to_owned(),
        };
        match (text(old.map_or(&[][..], Vec::as_slice)), text(new)) {
            (Some(old), Some(new)) => {
                let hunks = TextDiff::from_lines(&old, &new)
                    .unified_diff()
                    .header(&old_name, &format!("b/{name}"))
                    .to_string();
                diff.push_str(&hunks);
            }
            _ => {
                let _ = writeln!(diff, "Binary files {old_name} and b/{name} differ");
            }
        }
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &[u8])]) -> Files {
        list.iter()
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect()
    }

    fn check(upstream: &[(&str, &[u8])], result: &[(&str, &[u8])], expected: &str) {
        assert_eq!(unified("c", &files(upstream), &files(result)), expected);
    }

    #[test]
    fn an_edit_is_a_hunk() {
        check(
            &[("lib.rs", b"a\nb\n"), ("same.rs", b"x")],
            &[("lib.rs", b"a\nnew\nb\n"), ("same.rs", b"x")],
            "diff --git a/c/lib.rs b/c/lib.rs\n--- a/c/lib.rs\n+++ b/c/lib.rs\n\
             @@ -1,2 +1,3 @@\n a\n+new\n b\n",
        );
    }

    #[test]
    fn a_new_file_comes_whole() {
        check(
            &[],
            &[("dom/a.rs", b"one\ntwo\n")],
            "diff --git a/c/dom/a.rs b/c/dom/a.rs\nnew file mode 100644\n\
             --- /dev/null\n+++ b/c/dom/a.rs\n@@ -0,0 +1,2 @@\n+one\n+two\n",
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_named_only() {
        check(
            &[],
            &[("a.bin", b"\xff\xfe")],
            "diff --git a/c/a.bin b/c/a.bin\nnew file mode 100644\n\
             Binary files /dev/null and b/c/a.bin differ\n",
        );
    }
}
