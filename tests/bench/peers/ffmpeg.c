/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/* ffmpeg's x11grab through libavdevice: one input and one thread for each monitor, no pipe, no
 * encoder. Modes: `capture` reads the frames here; `handoff` copies each into shared memory that
 * another process reads. */

#include "common.h"
#include "handoff.h"

#include <libavdevice/avdevice.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct grab {
	const struct options *options;
	unsigned index;
	bool is_handoff;
	pthread_t thread;
};

static void report(const char *what, int error)
{
	char text[AV_ERROR_MAX_STRING_SIZE];
	fail("%s: %s", what, av_make_error_string(text, sizeof text, error));
}

static AVFormatContext *open_input(const struct options *options, const struct monitor *monitor)
{
	char place[128], size[32], rate[16];
	const char *display = getenv("DISPLAY");
	snprintf(place, sizeof place, "%s+%u,%u", display ? display : "", monitor->x, monitor->y);
	snprintf(size, sizeof size, "%ux%u", monitor->width, monitor->height);
	snprintf(rate, sizeof rate, "%u", options->fps);
	AVDictionary *settings = NULL;
	av_dict_set(&settings, "video_size", size, 0);
	av_dict_set(&settings, "framerate", rate, 0);
	av_dict_set(&settings, "draw_mouse", "0", 0);
	AVFormatContext *input = NULL;
	int error = avformat_open_input(&input, place, av_find_input_format("x11grab"), &settings);
	av_dict_free(&settings);
	if (error < 0) {
		report("opening x11grab", error);
		return NULL;
	}
	const AVCodecParameters *format = input->streams[0]->codecpar;
	if (format->format != AV_PIX_FMT_BGR0) {
		const char *name = av_get_pix_fmt_name(format->format);
		fail("x11grab gives %s, 4 bytes a pixel are wanted", name ? name : "an unknown format");
		avformat_close_input(&input);
	}
	return input;
}

static void *grab_monitor(void *argument)
{
	const struct grab *grab = argument;
	const struct monitor *monitor = &grab->options->monitors[grab->index];
	size_t stride = (size_t)monitor->width * 4, size = stride * monitor->height;
	AVFormatContext *input = open_input(grab->options, monitor);
	AVPacket *packet = av_packet_alloc();
	if (!input || !packet || (grab->is_handoff && !handoff_open(grab->index, size)))
		goto done;
	while (!is_over()) {
		int error = av_read_frame(input, packet);
		if (error < 0) {
			report("x11grab", error);
			break;
		}
		if (grab->is_handoff)
			handoff_frame(grab->index, packet->data, (size_t)packet->size, now_us());
		else
			samples_frame(grab->index, packet->data, (size_t)packet->size, stride);
		av_packet_unref(packet);
	}
done:
	av_packet_free(&packet);
	avformat_close_input(&input);
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = start(argc, argv);
	bool is_handoff = strcmp(options.mode, "handoff") == 0;
	if (!is_handoff && !samples_open(&options))
		return 1;
	av_log_set_level(AV_LOG_ERROR);
	avdevice_register_all();
	struct grab grabs[MAX_MONITORS];
	unsigned running = 0;
	for (; running < options.monitor_count; running++) {
		grabs[running] = (struct grab){ &options, running, is_handoff, 0 };
		if (pthread_create(&grabs[running].thread, NULL, grab_monitor, &grabs[running])) {
			fail("starting a thread");
			break;
		}
	}
	for (unsigned index = 0; index < running; index++)
		pthread_join(grabs[index].thread, NULL);
	samples_close();
	return exit_status();
}
