/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and how one fails. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"

static const char *ping(struct ng_request *rq)
{
	(void)rq;
	return "pong";
}

static const char *not_here(struct ng_request *rq)
{
	return ng_fail(rq, "This gateway has no such command");
}

static const struct {
	const char *name;
	command_h *run;
} table[] = {
	{"ping", ping},
	{"offer", ng_offer},
	{"answer", ng_answer},
	{"delete", ng_delete},
	{"query", ng_query},
	{"list", ng_list},
	{"statistics", ng_statistics},
	{"start recording", ng_recording_start},
	{"stop recording", ng_recording_stop},
	{"pause recording", ng_recording_pause},
	{"block DTMF", ng_block_dtmf},
	{"unblock DTMF", ng_unblock_dtmf},
	{"block media", ng_block_media},
	{"unblock media", ng_unblock_media},
	{"silence media", ng_silence_media},
	{"unsilence media", ng_unsilence_media},
	{"start forwarding", ng_forwarding_start},
	{"stop forwarding", ng_forwarding_stop},
	{"play media", ng_play_media},
	{"stop media", ng_stop_media},
	{"play DTMF", ng_play_dtmf},
	{"subscribe request", ng_subscribe_request},
	{"subscribe answer", ng_subscribe_answer},
	{"unsubscribe", ng_unsubscribe},
	/* known to others, and not to us */
	{"publish", not_here},
	{"transform", not_here},
	{"connect", not_here},
	{"inject start", not_here},
	{"inject stop", not_here},
	{"create", not_here},
	{"create answer", not_here},
	{"mesh", not_here},
	{"cli", not_here},
};

const char *ng_fail(struct ng_request *rq, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_set_new(rq->reply, "result", json_string("error"));
	json_object_set_new(rq->reply, "error-reason", json_string(text));
	return NULL;
}

const char *ng_fail_media(struct ng_request *rq, const struct media_why *why)
{
	if (why->status != 503) {
		json_object_set_new(rq->reply, "status",
				    json_integer(why->status));
		return ng_fail(rq, "%s", why->text);
	}
	/* no port, no dataplane, no room: a proxy asks its next gateway */
	rq->ng->counts.load_limit++;
	if (rq->f.supports.n && !flags_has(&rq->f.supports, "load limit"))
		return ng_fail(rq, "Ran out of ports");
	json_object_set_new(rq->reply, "message", json_string(why->text));
	return "load limit";
}

const char *ng_fail_feature(struct ng_request *rq,
			    const struct feature_answer *a)
{
	json_object_set_new(rq->reply, "feature", json_string(a->name));
	json_object_set_new(rq->reply, "error", json_string(a->error));
	json_object_set_new(rq->reply, "status", json_integer(a->status));
	return ng_fail(rq, "%s: %s", a->error, a->reason);
}

const char *ng_fail_duty(struct ng_request *rq, enum feature f,
			 const struct duty_why *why)
{
	json_object_set_new(rq->reply, "feature",
			    json_string(feature_info(f)->name));
	json_object_set_new(rq->reply, "error", json_string(why->name));
	json_object_set_new(rq->reply, "status", json_integer(why->status));
	return ng_fail(rq, "%s: %s", why->name, why->text);
}

/* An id that can't be kept whole can't be found again either. */
static bool id_ok(struct pl id)
{
	return id.l <= NG_ID_MAX && !(id.l && memchr(id.p, '\0', id.l));
}

void ng_command(struct ng_request *rq)
{
	const struct ng_flags *f = &rq->f;
	const char *result;

	if (!f->command.l) {
		ng_fail(rq, "Dictionary contains no key \"command\"");
		return;
	}
	if (!id_ok(f->call_id) || !id_ok(f->from_tag) || !id_ok(f->to_tag) ||
	    !id_ok(f->via_branch)) {
		ng_fail(rq, "A call-id, tag or branch has a NUL or more than "
			    "512 octets");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!flags_same(f->command, table[i].name))
			continue;
		result = table[i].run(rq);
		if (result)
			json_object_set_new(rq->reply, "result",
					    json_string(result));
		return;
	}
	ng_fail(rq, "Unrecognized command");
}
