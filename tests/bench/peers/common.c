/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { COLUMNS = 16, ROWS = 8, CODE_BYTES = 16 };

/* How long a record may wait to be written. */
static const uint64_t FLUSH_INTERVAL_US = 200000;

static atomic_bool over;
static atomic_int status;
static uint64_t deadline_us;

static struct monitor monitors[MAX_MONITORS];
static FILE *file;
static uint64_t flushed_us;
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;

uint64_t now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void on_signal(int signal)
{
	(void)signal;
	atomic_store(&over, true);
}

static void usage(const char *wrong)
{
	fprintf(stderr, "%s\nusage: MODE FPS SECONDS SAMPLES MONITOR...\n", wrong);
	exit(2);
}

struct options start(int argc, char **argv)
{
	struct options options = { 0 };
	char rest;
	if (argc < 6 || argc - 5 > MAX_MONITORS)
		usage("wrong number of arguments");
	options.mode = argv[1];
	if (sscanf(argv[2], "%u%c", &options.fps, &rest) != 1 || options.fps == 0)
		usage("FPS is not a number above 0");
	if (sscanf(argv[3], "%lf%c", &options.seconds, &rest) != 1 || !(options.seconds >= 0 && options.seconds < 1e6))
		usage("SECONDS is not a number");
	options.samples = argv[4];
	for (int index = 5; index < argc; index++) {
		struct monitor *monitor = &options.monitors[options.monitor_count++];
		int numbers = sscanf(argv[index], "%u,%u,%u,%u,%u,%u,%u,%u,%u,%u%c", &monitor->x, &monitor->y,
				     &monitor->width, &monitor->height, &monitor->top.x, &monitor->top.y,
				     &monitor->top.cell, &monitor->bottom.x, &monitor->bottom.y,
				     &monitor->bottom.cell, &rest);
		if (numbers != 10)
			usage("MONITOR is not ten numbers");
	}
	memcpy(monitors, options.monitors, sizeof monitors);
	deadline_us = now_us() + (uint64_t)(options.seconds * 1e6);
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return options;
}

bool is_over(void)
{
	return atomic_load(&over) || now_us() >= deadline_us;
}

void end_run(void)
{
	atomic_store(&over, true);
}

void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	atomic_store(&status, 1);
	end_run();
}

int exit_status(void)
{
	return atomic_load(&status);
}

/* CRC-32 as in zlib. */
static uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
	uint32_t crc = 0xffffffff;
	for (size_t index = 0; index < count; index++) {
		crc ^= bytes[index];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;
	for (size_t index = 0; index < count; index++)
		value = value << 8 | bytes[index];
	return value;
}

/* See Code::read. */
static bool read_code(const uint8_t *pixels, size_t size, size_t stride, struct code_place place, unsigned monitor,
		      uint64_t *drawn_us, uint32_t *seq)
{
	/* The code, then the monitor's index, for the checksum. */
	uint8_t bits[CODE_BYTES] = { 0 };
	for (unsigned cell = 0; cell < COLUMNS * ROWS; cell++) {
		size_t x = place.x + cell % COLUMNS * place.cell + place.cell / 2;
		size_t y = place.y + cell / COLUMNS * place.cell + place.cell / 2;
		size_t green = y * stride + x * 4 + 1;
		if (green >= size)
			return false;
		bits[cell / 8] = (uint8_t)(bits[cell / 8] << 1 | (pixels[green] > 127));
	}
	uint8_t checked[12 + 8] = { 0 };
	memcpy(checked, bits, 12);
	for (unsigned byte = 0; byte < 4; byte++)
		checked[16 + byte] = (uint8_t)(monitor >> (24 - 8 * byte));
	if (big_endian(bits + 12, 4) != crc32_of(checked, sizeof checked))
		return false;
	*drawn_us = big_endian(bits, 8);
	*seq = (uint32_t)big_endian(bits + 8, 4);
	return true;
}

bool samples_open(const struct options *options)
{
	file = fopen(options->samples, "we");
	if (!file)
		fail("creating %s: %s", options->samples, strerror(errno));
	return file != NULL;
}

/* Writes the file when this is its first record or the last time was a while ago. */
static void unlock_after_record(uint64_t now)
{
	if (flushed_us == 0 || now - flushed_us > FLUSH_INTERVAL_US) {
		if (fflush(file))
			fail("writing the samples: %s", strerror(errno));
		flushed_us = now;
	}
	pthread_mutex_unlock(&file_lock);
}

void samples_frame(unsigned monitor, const uint8_t *pixels, size_t size, size_t stride)
{
	uint64_t readable_us = now_us();
	uint64_t top_us, bottom_us;
	uint32_t top_seq, bottom_seq;
	bool readable =
		read_code(pixels, size, stride, monitors[monitor].top, monitor, &top_us, &top_seq) &&
		read_code(pixels, size, stride, monitors[monitor].bottom, monitor, &bottom_us, &bottom_seq);
	pthread_mutex_lock(&file_lock);
	if (readable)
		fprintf(file, "s %u %u %u %llu - %llu\n", monitor, top_seq, bottom_seq,
			(unsigned long long)(top_us < bottom_us ? top_us : bottom_us),
			(unsigned long long)readable_us);
	else
		fprintf(file, "x %u %llu\n", monitor, (unsigned long long)readable_us);
	unlock_after_record(readable_us);
}

void samples_note(const char *key, double value)
{
	pthread_mutex_lock(&file_lock);
	fprintf(file, "n %s %.17g\n", key, value);
	unlock_after_record(now_us());
}

void samples_close(void)
{
	if (file && fclose(file))
		fail("writing the samples: %s", strerror(errno));
	file = NULL;
}
