/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#define _GNU_SOURCE
#include "handoff.h"
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET = 0, BUFFERS = 4 };

/* A frame that can be read, or with a memfd beside it a new buffer. As src/peers/handoff.rs. */
struct message {
	uint32_t monitor;
	uint32_t buffer;
	uint64_t captured_us;
	/* Frames dropped so far, for want of a free buffer. */
	uint64_t dropped;
};

/* The reader has done with a buffer. */
struct release {
	uint32_t monitor;
	uint32_t buffer;
};

struct ring {
	size_t size;
	uint8_t *memory[BUFFERS];
	atomic_bool is_held[BUFFERS];
	uint64_t dropped;
};

static struct ring rings[MAX_MONITORS];

/* Sends one message; the reader's end is the run's end. */
static _Bool send_message(const struct message *message, int memory)
{
	struct iovec part = { (void *)message, sizeof *message };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	if (memory >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof control.bytes;
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &memory, sizeof memory);
	}
	if (sendmsg(SOCKET, &header, MSG_NOSIGNAL) == sizeof *message)
		return 1;
	if (errno == EPIPE || errno == ECONNRESET)
		end_run();
	else
		fail("telling the reader: %s", strerror(errno));
	return 0;
}

/* One buffer: a memfd of a fixed size that only the map made here can write. */
static _Bool make_buffer(struct ring *ring, unsigned monitor, unsigned buffer)
{
	int memory = memfd_create("captured-monitor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0 || ftruncate(memory, (off_t)ring->size)) {
		fail("making a buffer: %s", strerror(errno));
		return 0;
	}
	void *map = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (map == MAP_FAILED ||
	    fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)) {
		fail("mapping a buffer: %s", strerror(errno));
		return 0;
	}
	ring->memory[buffer] = map;
	struct message message = { .monitor = monitor, .buffer = buffer };
	_Bool sent = send_message(&message, memory);
	close(memory);
	return sent;
}

_Bool handoff_open(unsigned monitor, size_t size)
{
	struct ring *ring = &rings[monitor];
	ring->size = size;
	for (unsigned buffer = 0; buffer < BUFFERS; buffer++)
		if (!make_buffer(ring, monitor, buffer))
			return 0;
	return 1;
}

/* Takes note of what the reader has done with, on any monitor. */
static void take_releases(void)
{
	struct release release;
	while (recv(SOCKET, &release, sizeof release, MSG_DONTWAIT) == sizeof release)
		if (release.monitor < MAX_MONITORS && release.buffer < BUFFERS)
			atomic_store(&rings[release.monitor].is_held[release.buffer], 0);
}

void handoff_frame(unsigned monitor, const uint8_t *pixels, size_t size, uint64_t captured_us)
{
	struct ring *ring = &rings[monitor];
	if (size != ring->size) {
		fail("a frame of %zu bytes where %zu were expected", size, ring->size);
		return;
	}
	take_releases();
	for (unsigned buffer = 0; buffer < BUFFERS; buffer++) {
		if (atomic_load(&ring->is_held[buffer]))
			continue;
		memcpy(ring->memory[buffer], pixels, size);
		atomic_store(&ring->is_held[buffer], 1);
		struct message message = { monitor, buffer, captured_us, ring->dropped };
		send_message(&message, -1);
		return;
	}
	ring->dropped++;
}
