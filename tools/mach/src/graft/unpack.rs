/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! From the bytes of a `.crate` file to the files in it, in memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Component;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::EntryType;

/// Files by their path relative to the crate's root, `/` between components.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What Cargo adds to a package when it is published; of no use in the copy.
pub const LEFT_OUT: [&str; 3] = ["Cargo.lock", "Cargo.toml.orig", ".cargo_vcs_info.json"];

/// Why a `.crate` file is refused.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Other bytes than the pinned ones.
    #[error("the .crate file has checksum {found}, the graft file wants {wanted}")]
    Checksum {
        /// As pinned.
        wanted: String,
        /// As computed.
        found: String,
    },
    /// Not a gzip-compressed tar file.
    #[error("the .crate file cannot be read: {0}")]
    Archive(#[from] std::io::Error),
    /// A member that is neither a file nor a directory below the crate's own
    /// directory, or comes twice.
    #[error("odd member `{path}` in the .crate file: {reason}")]
    Member {
        /// The member's path as stored.
        path: String,
        /// What is odd.
        reason: &'static str,
    },
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Verifies and unpacks a `.crate` file whose members stand below `stem/`,
/// without the files in [`LEFT_OUT`].
///
/// # Errors
/// Every [`UnpackError`].
pub fn unpack(bytes: &[u8], stem: &str, checksum: &str) -> Result<Files, UnpackError> {
    let found = sha256(bytes);
    if found != checksum {
        return Err(UnpackError::Checksum {
            wanted: checksum.to_owned(),
            found,
        });
    }
    let mut files = Files::new();
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let odd = |reason| {
            let path = path.clone();
            Err(UnpackError::Member { path, reason })
        };
        let is_file = match entry.header().entry_type() {
            EntryType::Regular => true,
            EntryType::Directory => false,
            _ => return odd("it is neither a file nor a directory"),
        };
        let mut components = entry.path()?.into_owned();
        if !components
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
        {
            return odd("its path is not plain");
        }
        components = match components.strip_prefix(stem) {
            Ok(inner) => inner.to_owned(),
            Err(_) => return odd("it stands outside the crate's directory"),
        };
        let Some(inner) = components.to_str().map(str::to_owned) else {
            return odd("its path is not UTF-8");
        };
        if !is_file || LEFT_OUT.contains(&inner.as_str()) {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if inner.is_empty() || files.insert(inner, content).is_some() {
            return odd("it is there twice");
        }
    }
    Ok(files)
}

/// Crate files made in memory, for tests of this module and its neighbors.
#[cfg(test)]
pub mod fixture {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, EntryType, Header};

    /// Packs members as they are given, however odd; a link's content is its
    /// target.
    pub fn pack(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, content) in members {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let data = if *kind == EntryType::Symlink {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
                &[][..]
            } else {
                *content
            };
            header.set_size(data.len() as u64);
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        let mut encoder = builder.into_inner().unwrap();
        encoder.flush().unwrap();
        encoder.finish().unwrap()
    }

    /// Packs files of a crate `c-1.0.0`.
    pub fn crate_of(files: &[(&str, &str)]) -> Vec<u8> {
        let paths = files
            .iter()
            .map(|(path, _)| format!("c-1.0.0/{path}"))
            .collect::<Vec<_>>();
        let members = paths
            .iter()
            .zip(files)
            .map(|(path, (_, text))| (path.as_str(), EntryType::Regular, text.as_bytes()))
            .collect::<Vec<_>>();
        pack(&members)
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{crate_of, pack};
    use super::*;

    fn unpacked(bytes: &[u8]) -> Result<Files, UnpackError> {
        unpack(bytes, "c-1.0.0", &sha256(bytes))
    }

    #[test]
    fn the_files_of_the_crate_come_out() {
        let files = unpacked(&crate_of(&[("lib.rs", "mod a;\n"), ("dom/a.rs", "")])).unwrap();
        assert_eq!(files["lib.rs"], b"mod a;\n");
        assert_eq!(files.keys().collect::<Vec<_>>(), ["dom/a.rs", "lib.rs"]);
    }

    #[test]
    fn what_cargo_added_is_left_out() {
        let files = unpacked(&crate_of(&[
            ("Cargo.toml", "a"),
            ("Cargo.lock", "b"),
            ("Cargo.toml.orig", "c"),
            (".cargo_vcs_info.json", "d"),
            ("sub/Cargo.lock", "e"),
        ]))
        .unwrap();
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["Cargo.toml", "sub/Cargo.lock"]
        );
    }

    #[test]
    fn another_checksum_is_refused() {
        let bytes = crate_of(&[("lib.rs", "")]);
        let result = unpack(&bytes, "c-1.0.0", &sha256(b"other"));
        assert!(matches!(result, Err(UnpackError::Checksum { .. })));
    }

    #[test]
    fn odd_members_are_refused() {
        let file = EntryType::Regular;
        for members in [
            &[("c-1.0.0/../../x", file, &b""[..])][..],
            &[("/etc/x", file, b"")],
            &[("other-1.0.0/lib.rs", file, b"")],
            &[("c-1.0.0/link", EntryType::Symlink, b"lib.rs")],
            &[("c-1.0.0/fifo", EntryType::Fifo, b"")],
            &[("c-1.0.0/a", file, b"1"), ("c-1.0.0/a", file, b"2")],
        ] {
            let result = unpacked(&pack(members));
            assert!(
                matches!(result, Err(UnpackError::Member { .. })),
                "{members:?}: {result:?}"
            );
        }
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let mut bytes = crate_of(&[("lib.rs", "mod a;\n")]);
        bytes.truncate(bytes.len() / 2);
        assert!(matches!(unpacked(&bytes), Err(UnpackError::Archive(_))));
    }
}
