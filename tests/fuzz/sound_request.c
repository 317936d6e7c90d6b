/* SPDX-License-Identifier: Apache-2.0 */
/* What a control gone mad can ask of sallyport-media: messages, one a line, on
 * an engine of its own; the answer fits into a message, and says ok or why not. */
#include <libavutil/log.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/log.h"
#include "control/media/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void on_send(const struct port *p, bool rtcp, const uint8_t *data,
		    size_t n, void *arg)
{
	(void)p;
	(void)rtcp;
	(void)data;
	(void)arg;
	if (!n || n > 1500)
		abort();
}

static void on_event(json_t *event, void *arg)
{
	(void)arg;
	json_decref(event);
}

static void ask(struct media *m, const uint8_t *p, size_t n)
{
	json_t *reply = request_answer(m, (const char *)p, n);

	if (!json_is_boolean(json_object_get(reply, "ok")) ||
	    (!json_is_true(json_object_get(reply, "ok")) &&
	     !json_is_string(json_object_get(reply, "error"))) ||
	    json_dumpb(reply, NULL, 0, JSON_COMPACT) > MP_MESSAGE_MAX)
		abort();
	json_decref(reply);
	if (m->pass >= 0)
		close(m->pass);
	m->pass = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct engine_limits limits = {8, 4, 4};
	static const struct engine_handlers h = {on_send, on_event, NULL};
	static const struct media_config config = {.ports = 8};
	struct media m = {.config = &config,
			  .listen = -1,
			  .peer = -1,
			  .pass = -1,
			  .greeted = true};
	uint64_t now = 1000000;

	av_log_set_level(AV_LOG_QUIET);
	log_set_level(LEVEL_ERROR);
	codec_probe();
	if (sodium_init() < 0)
		return 0;
	link_init(&m.link, "");
	m.engine = engine_new(&limits, &h);
	m.recordings = recordings_new(m.engine, &config.recording);
	while (n && m.engine && m.recordings) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n;

		ask(&m, p, len);
		for (unsigned i = 0; i < 3; i++, now += FRAME_US)
			engine_tick(m.engine, now);
		p += len + (end != NULL);
		n -= len + (end != NULL);
	}
	recordings_free(m.recordings);
	engine_free(m.engine);
	return 0;
}
