/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/* GStreamer's `ximagesrc ! appsink`, one pipeline for each monitor, no conversion. Modes: `capture`
 * takes the whole monitor each time; `damage` lets the source use the DAMAGE extension. */

#include "common.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

enum { BUS_POLL_MS = 100 };

struct branch {
	unsigned index;
	size_t stride;
	GstElement *pipeline;
};

static GstFlowReturn on_sample(GstAppSink *sink, gpointer argument)
{
	const struct branch *branch = argument;
	GstSample *sample = gst_app_sink_pull_sample(sink);
	if (!sample)
		return GST_FLOW_EOS;
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	GstMapInfo map;
	if (buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
		samples_frame(branch->index, map.data, map.size, branch->stride);
		gst_buffer_unmap(buffer, &map);
	}
	gst_sample_unref(sample);
	return GST_FLOW_OK;
}

/* Makes a pipeline, which opens its connection to the X server. */
static void make_branch(struct branch *branch, const struct options *options, unsigned index)
{
	const struct monitor *monitor = &options->monitors[index];
	gchar *text = g_strdup_printf("ximagesrc use-damage=%d show-pointer=false startx=%u starty=%u endx=%u endy=%u ! "
				      "video/x-raw,framerate=%u/1 ! "
				      "appsink name=sink sync=false max-buffers=1 drop=true",
				      strcmp(options->mode, "damage") == 0, monitor->x, monitor->y,
				      monitor->x + monitor->width - 1, monitor->y + monitor->height - 1, options->fps);
	GError *error = NULL;
	branch->index = index;
	branch->stride = (size_t)monitor->width * 4;
	branch->pipeline = gst_parse_launch(text, &error);
	g_free(text);
	if (error || !branch->pipeline) {
		fail("making the pipeline: %s", error ? error->message : "no reason given");
		g_clear_error(&error);
		return;
	}
	GstElement *sink = gst_bin_get_by_name(GST_BIN(branch->pipeline), "sink");
	GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
	gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, branch, NULL);
	gst_object_unref(sink);
}

/* Ends the run if a pipeline has. */
static void check_bus(const struct branch *branch, GstClockTime timeout)
{
	GstBus *bus = gst_element_get_bus(branch->pipeline);
	GstMessage *message = gst_bus_timed_pop_filtered(bus, timeout, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
	gst_object_unref(bus);
	if (!message)
		return;
	if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
		GError *error = NULL;
		gst_message_parse_error(message, &error, NULL);
		fail("monitor %u: %s", branch->index, error->message);
		g_error_free(error);
	} else {
		fail("the stream of monitor %u ended", branch->index);
	}
	gst_message_unref(message);
}

int main(int argc, char **argv)
{
	struct options options = start(argc, argv);
	GError *error = NULL;
	if (!gst_init_check(NULL, NULL, &error)) {
		fail("starting GStreamer: %s", error ? error->message : "no reason given");
		return 1;
	}
	if (!samples_open(&options))
		return 1;
	struct branch branches[MAX_MONITORS] = { 0 };
	/* All connections before any frame: ximagesrc grabs the server for each frame, and for its first
	 * ones needs Xlib's global lock meanwhile, which whoever is connecting holds and so waits forever. */
	for (unsigned index = 0; index < options.monitor_count && !is_over(); index++)
		make_branch(&branches[index], &options, index);
	for (unsigned index = 0; index < options.monitor_count && !is_over(); index++)
		if (gst_element_set_state(branches[index].pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
			fail("starting the pipeline of monitor %u", index);
	while (!is_over())
		for (unsigned index = 0; index < options.monitor_count && !is_over(); index++)
			check_bus(&branches[index], index == 0 ? BUS_POLL_MS * GST_MSECOND : 0);
	for (unsigned index = 0; index < options.monitor_count; index++)
		if (branches[index].pipeline) {
			gst_element_set_state(branches[index].pipeline, GST_STATE_NULL);
			gst_object_unref(branches[index].pipeline);
		}
	samples_close();
	return exit_status();
}
