/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/* The capturing end of src/peers/handoff.rs: buffers in memfds that another process maps once, and
 * after that one short message a frame. The socket is standard input. */

#ifndef CAPTURE_BENCH_HANDOFF_H
#define CAPTURE_BENCH_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

/* Makes the buffers of one monitor and sends them. False after fail(). */
_Bool handoff_open(unsigned monitor, size_t size);

/* Copies a frame into a free buffer and tells the reader; drops the frame when the reader holds
 * all buffers. Each monitor's frames come from one thread. */
void handoff_frame(unsigned monitor, const uint8_t *pixels, size_t size, uint64_t captured_us);

#endif
