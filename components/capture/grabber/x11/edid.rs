/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The name of a monitor's model, from its EDID.
//!
//! Source: VESA Enhanced EDID Standard, release A revision 2, sections 3.1
//! (header) and 3.10 (the four 18-byte descriptors).

const HEADER: [u8; 8] = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
const BASE_BLOCK_BYTES: usize = 128;
const FIRST_DESCRIPTOR: usize = 54;
const DESCRIPTOR_BYTES: usize = 18;
/// Tag of the descriptor that holds the display's product name.
const PRODUCT_NAME: u8 = 0xfc;

/// The product name, if the block has one that people can read.
pub(super) fn model_name(edid: &[u8]) -> Option<String> {
    let block = edid.get(..BASE_BLOCK_BYTES)?;
    if !block.starts_with(&HEADER) {
        return None;
    }
    // The last two bytes are the number of extensions and the checksum.
    block[FIRST_DESCRIPTOR..BASE_BLOCK_BYTES - 2]
        .chunks_exact(DESCRIPTOR_BYTES)
        .filter(|descriptor| descriptor.starts_with(&[0, 0, 0, PRODUCT_NAME, 0]))
        .find_map(|descriptor| text(&descriptor[5..]))
}

/// Up to 13 characters, ended by a line feed and filled with spaces.
fn text(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let text: String = line
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .map(|byte| char::from(*byte))
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An EDID whose descriptor number `place` (0 to 3) is the product name.
    pub(in crate::grabber::x11) fn edid(place: usize, name: &str) -> Vec<u8> {
        let mut edid = vec![0x5a; BASE_BLOCK_BYTES];
        edid[..HEADER.len()].copy_from_slice(&HEADER);
        let start = FIRST_DESCRIPTOR + place * DESCRIPTOR_BYTES;
        let descriptor = &mut edid[start..start + DESCRIPTOR_BYTES];
        descriptor.fill(b' ');
        descriptor[..5].copy_from_slice(&[0, 0, 0, PRODUCT_NAME, 0]);
        descriptor[5..5 + name.len()].copy_from_slice(name.as_bytes());
        if let Some(end) = descriptor.get_mut(5 + name.len()) {
            *end = b'\n';
        }
        edid
    }

    #[test]
    fn a_block_without_the_header_or_the_descriptor_has_no_name() {
        let mut no_header = edid(1, "DELL U2720Q");
        no_header[1] = 0;
        assert_eq!(model_name(&no_header), None);
        assert_eq!(model_name(&edid(0, "   ")), None);
        assert_eq!(model_name(&edid(2, "short")[..127]), None);
        assert_eq!(model_name(&[]), None);
    }

    #[test]
    fn characters_that_could_deceive_are_left_out() {
        let mut edid = edid(3, "AxB");
        edid[FIRST_DESCRIPTOR + 3 * DESCRIPTOR_BYTES + 6] = 0x1b;
        assert_eq!(model_name(&edid).as_deref(), Some("AB"));
    }

    proptest! {
        #[test]
        fn a_name_is_found_in_each_descriptor(
            place in 0..4usize,
            name in "[!-~]([ -~]{0,11}[!-~])?",
        ) {
            prop_assert_eq!(model_name(&edid(place, &name)), Some(name));
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = model_name(&bytes);
            if bytes.len() >= HEADER.len() {
                bytes[..HEADER.len()].copy_from_slice(&HEADER);
                if let Some(name) = model_name(&bytes) {
                    prop_assert!(!name.is_empty() && name.len() <= 13);
                }
            }
        }
    }
}
