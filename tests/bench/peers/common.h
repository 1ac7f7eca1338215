/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/* What the peers in C share: the command line that src/peers/native.rs makes, the codes of
 * src/code.rs, the records of src/sample.rs and the end of the run. */

#ifndef CAPTURE_BENCH_COMMON_H
#define CAPTURE_BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_MONITORS = 16 };

/* Where a code is on its monitor, in pixels; see CodePlace. */
struct code_place {
	unsigned x, y, cell;
};

struct monitor {
	unsigned x, y, width, height;
	struct code_place top, bottom;
};

/* The command line: MODE FPS SECONDS SAMPLES MONITOR..., a monitor being ten numbers joined by
 * commas: x, y, width, height, then x, y and cell of the upper and of the lower code. */
struct options {
	const char *mode;
	unsigned fps;
	double seconds;
	const char *samples;
	unsigned monitor_count;
	struct monitor monitors[MAX_MONITORS];
};

/* Reads the command line, lets SIGTERM and SIGINT end the run, and starts its time. Says what is
 * wrong on standard error and ends the process if the command line is not one. */
struct options start(int argc, char **argv);

/* Whether the run is over. */
bool is_over(void);

/* Makes every later is_over() true. */
void end_run(void);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t now_us(void);

/* Writes what is wrong and makes this process's exit status 1; the run ends. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 0, or 1 after fail(). */
int exit_status(void);

/* Starts the file of records. */
bool samples_open(const struct options *options);

/* Takes the time and writes the record of a frame of 4 bytes a pixel. Any thread may. */
void samples_frame(unsigned monitor, const uint8_t *pixels, size_t size, size_t stride);

/* Writes a figure of the peer's own. */
void samples_note(const char *key, double value);

/* Writes what is left of the file. */
void samples_close(void);

#endif
