/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The buffers in which frames of one source are made.

use std::sync::Arc;

use euclid::Size2D;
use servo_capture_traits::MonitorPixel;

use crate::grabber::Canvas;

/// How many buffers a source has at most. A `<video>` holds one, the renderer
/// and the compositor one each, and one is being filled; the rest is slack for
/// a second element.
const MAX_BUFFERS: usize = 6;

/// A source's buffers, all of one size. One is free when nobody else holds it.
#[derive(Debug, Default)]
pub(super) struct FramePool {
    buffers: Vec<Arc<Vec<u8>>>,
    len: usize,
}

impl FramePool {
    /// Makes a frame of what the canvas shows: the same pixels, alpha 255, no
    /// padding. None when every buffer is still held by somebody.
    pub(super) fn fill(&mut self, canvas: &Canvas) -> Option<Arc<Vec<u8>>> {
        let len = byte_len(canvas.size);
        if len != self.len {
            // The old size's buffers are freed as their holders let go.
            self.buffers.clear();
            self.len = len;
        }
        let free = self
            .buffers
            .iter_mut()
            .position(|buffer| Arc::get_mut(buffer).is_some());
        let index = match free {
            Some(index) => index,
            None if self.buffers.len() < MAX_BUFFERS => {
                self.buffers.push(Arc::new(vec![0; len]));
                self.buffers.len() - 1
            }
            None => return None,
        };
        let buffer = self.buffers.get_mut(index)?;
        copy_opaque(canvas, Arc::get_mut(buffer)?);
        Some(buffer.clone())
    }

    /// How many buffers there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.buffers.len()
    }
}

/// Bytes of a frame without padding.
fn byte_len(size: Size2D<u32, MonitorPixel>) -> usize {
    size.width as usize * size.height as usize * 4
}

/// Copies the canvas row by row and makes each pixel opaque: the fourth byte of
/// an X image is undefined, and the page's renderer takes it for alpha.
fn copy_opaque(canvas: &Canvas, into: &mut [u8]) {
    let row_bytes = canvas.size.width as usize * 4;
    if row_bytes == 0 {
        return;
    }
    let rows = canvas.pixels.chunks(canvas.stride_bytes.max(row_bytes));
    for (from, into) in rows.zip(into.chunks_exact_mut(row_bytes)) {
        let from = &from[..row_bytes.min(from.len())];
        let (from, _) = from.as_chunks::<4>();
        let (into, _) = into.as_chunks_mut::<4>();
        for (from, into) in from.iter().zip(into) {
            *into = (u32::from_le_bytes(*from) | 0xff00_0000).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_capture_traits::Damage;

    use super::*;

    fn canvas(pixels: &[u8], width: u32, height: u32, stride_bytes: usize) -> Canvas<'_> {
        Canvas {
            size: Size2D::new(width, height),
            stride_bytes,
            pixels,
            damage: Damage::Whole,
            captured_at: CrossProcessInstant::now(),
        }
    }

    #[test]
    fn a_frame_has_the_pixels_of_the_canvas_without_padding_and_opaque() {
        let pixels = [
            1, 2, 3, 0, 4, 5, 6, 7, 99, 99, 99, 99, //
            8, 9, 10, 255, 11, 12, 13, 0,
        ];
        let frame = FramePool::default()
            .fill(&canvas(&pixels, 2, 2, 12))
            .unwrap();
        assert_eq!(
            *frame,
            [1, 2, 3, 255, 4, 5, 6, 255, 8, 9, 10, 255, 11, 12, 13, 255]
        );
    }

    #[test]
    fn a_buffer_that_somebody_holds_is_never_written() {
        let mut pool = FramePool::default();
        let mut held = Vec::new();
        for value in 0..MAX_BUFFERS as u8 {
            held.push(pool.fill(&canvas(&[value; 4], 1, 1, 4)).unwrap());
        }
        assert!(pool.fill(&canvas(&[200; 4], 1, 1, 4)).is_none());
        for (value, frame) in held.iter().enumerate() {
            assert_eq!(frame[0], value as u8);
        }
        held.remove(2);
        assert_eq!(pool.fill(&canvas(&[200; 4], 1, 1, 4)).unwrap()[0], 200);
        assert_eq!(pool.len(), MAX_BUFFERS);
    }

    #[test]
    fn a_new_size_gets_new_buffers() {
        let mut pool = FramePool::default();
        let small = pool.fill(&canvas(&[1; 4], 1, 1, 4)).unwrap();
        let large = pool.fill(&canvas(&[2; 16], 2, 2, 8)).unwrap();
        assert_eq!((small.len(), large.len()), (4, 16));
        assert_eq!(pool.len(), 1);
    }
}
