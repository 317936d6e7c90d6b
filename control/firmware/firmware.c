/* SPDX-License-Identifier: Apache-2.0 */
/* See firmware.h. */
#include "control/firmware/firmware.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "control/audit/audit.h"
#include "control/calls/call.h"
#include "control/events.h"
#include "control/firmware/link.h"
#include "control/libre.h"
#include "control/log.h"

#define TICK_MS	   500
#define BYE_MS	   3000	 /* for BYEs, and what they are answered with */
#define RESTART_MS 90000 /* until it is plain that nothing has started again */

enum stage { IDLE, WORK, DRAIN, BYE, RESTART };

static const char *const stages[] = {"idle", "work", "drain", "bye", "restart"};
static const char *const kinds[] = {"install", "rollback", "restart", "reset"};

struct firmware {
	struct firmware_config cfg;
	char socket[PATH_MAX], board[PATH_MAX], upload[PATH_MAX];
	char part[PATH_MAX + sizeof(FIRMWARE_PART)]; /* of upload */
	struct firmware_link *link;
	json_t *status; /* what the service said last; NULL: nothing yet */
	enum stage stage;
	enum firmware_kind kind;
	bool restart;
	unsigned wait;
	char by[192];
	json_int_t number; /* of what the service has been asked for */
	uint64_t until;	   /* ms; DRAIN, BYE, RESTART: they end */
	struct tmr tmr;
	char trouble[192]; /* what control itself has to say; "": nothing */
};

/* ------------------------------------------------------------ what happens */

static void tell(struct firmware *f)
{
	events_publish(f->cfg.events, "firmware",
		       json_pack("{s:s, s:s}", "stage", stages[f->stage],
				 "kind", kinds[f->kind]));
}

static void stage_set(struct firmware *f, enum stage stage)
{
	f->stage = stage;
	log_info(0, "firmware: %s of %s", stages[stage], kinds[f->kind]);
	tell(f);
}

static void record(struct firmware *f, const char *event, const char *error,
		   const char *version)
{
	audit_add(f->cfg.audit, event,
		  json_pack("{s:s, s:s, s:s?, s:s?}", "by", f->by, "kind",
			    kinds[f->kind], "error", error, "version",
			    version));
}

/* It is over, and calls are taken again. error NULL: it was as asked for. */
static void over(struct firmware *f, const char *error, const char *trouble)
{
	tmr_cancel(&f->tmr);
	calls_drain(f->cfg.calls, false);
	unlink(f->upload);
	snprintf(f->trouble, sizeof(f->trouble), "%s", trouble ? trouble : "");
	if (error)
		record(f, "firmware-failed", error, NULL);
	stage_set(f, IDLE);
}

static void away(struct firmware *f)
{
	over(f, "firmware-away",
	     "sallyport-firmware went away before it was done");
}

static bool service_asks(struct firmware *f, json_t *message)
{
	bool sent;

	json_object_set_new(message, "id", json_integer(++f->number));
	sent = firmware_link_send(f->link, message);
	json_decref(message);
	return sent;
}

/* -------------------------------------------------- the machine starts again */

static void start_again(struct firmware *f)
{
	f->until = tmr_jiffies() + RESTART_MS;
	stage_set(f, RESTART);
	record(f, "firmware-restart", NULL, NULL);
	if (!service_asks(f, json_pack("{s:s, s:b}", "do", "restart", "reset",
				       f->kind == FIRMWARE_RESET)))
		away(f);
}

static void hang_up(struct firmware *f)
{
	f->until = tmr_jiffies() + BYE_MS;
	stage_set(f, BYE);
	calls_hangup_all(f->cfg.calls, "the gateway is started again");
}

static void tick(void *arg)
{
	struct firmware *f = arg;
	unsigned n = calls_count(f->cfg.calls);
	bool late = tmr_jiffies() >= f->until;

	tmr_start(&f->tmr, TICK_MS, tick, f);
	switch (f->stage) {
	case DRAIN:
		if (!n)
			start_again(f);
		else if (!f->wait || (late && !calls_emergency(f->cfg.calls)))
			hang_up(f);
		break;
	case BYE:
		if (!n || late)
			start_again(f);
		break;
	case RESTART:
		if (late)
			over(f, "not-restarted",
			     "The machine hasn't been started again");
		break;
	case IDLE:
	case WORK:
		tmr_cancel(&f->tmr);
		break;
	}
}

static void drain(struct firmware *f)
{
	calls_drain(f->cfg.calls, true);
	f->until = tmr_jiffies() + f->wait * 1000ull;
	stage_set(f, DRAIN);
	tmr_start(&f->tmr, 0, tick, f);
}

/* ------------------------------------------------------ what the service says */

static const char *text_of(const json_t *job, const char *key)
{
	return json_string_value(json_object_get(job, key));
}

static void work_done(struct firmware *f, const json_t *job)
{
	record(f,
	       f->kind == FIRMWARE_INSTALL ? "firmware-installed"
					   : "firmware-rolled-back",
	       NULL, text_of(job, "version"));
	unlink(f->upload);
	if (f->restart)
		drain(f);
	else
		over(f, NULL, NULL);
}

/* The job that was asked for has ended? Others are of no concern. */
static void job_heard(struct firmware *f, const json_t *job)
{
	const char *phase = text_of(job, "phase");

	if ((f->stage != WORK && f->stage != RESTART) || !phase ||
	    json_integer_value(json_object_get(job, "id")) != f->number)
		return;
	if (!strcmp(phase, "failed"))
		over(f, text_of(job, "error"), NULL);
	else if (!strcmp(phase, "done") && f->stage == WORK)
		work_done(f, job);
}

static void heard(const json_t *message, void *arg)
{
	struct firmware *f = arg;
	json_t *status = json_object_get(message, "status");

	if (!message) {
		json_decref(f->status);
		f->status = NULL;
		/* while the machine stops, it is stopped, too */
		if (f->stage == WORK)
			away(f);
		return;
	}
	if (json_is_object(status)) {
		json_decref(f->status);
		f->status = json_incref(status);
		job_heard(f, json_object_get(status, "job"));
	} else if (f->stage == WORK || f->stage == RESTART) {
		/* somebody else is at it */
		over(f, "busy", "sallyport-firmware was busy");
	}
}

/* ------------------------------------------------------------ what is asked */

static int no(struct firmware_why *why, int status, const char *error,
	      const char *text)
{
	why->status = status;
	why->error = error;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

/* What the service is at, also where a former run of control asked for it; NULL:
 * nothing. */
static const char *unfinished(const struct firmware *f)
{
	const json_t *job = json_object_get(f->status, "job");
	const char *phase = text_of(job, "phase"), *kind = text_of(job, "kind");

	if (!phase || !strcmp(phase, "done") || !strcmp(phase, "failed"))
		return NULL;
	return kind ? kind : "something";
}

static int at_work(struct firmware_why *why, const char *kind)
{
	char text[96];

	snprintf(text, sizeof(text),
		 "sallyport-firmware hasn't ended yet what it was asked for "
		 "before: %s",
		 kind);
	return no(why, 409, "busy", text);
}

/* Can anything be begun at all? */
static int ready(struct firmware *f, struct firmware_why *why)
{
	if (!firmware_link_there(f->link))
		return no(why, 501, "not-an-image",
			  "This machine doesn't run the appliance's image: it "
			  "is updated as its operating system is, with apt");
	if (!f->status)
		return no(why, 503, "firmware-away",
			  "sallyport-firmware doesn't answer");
	if (f->stage != IDLE)
		return no(why, 409, "busy",
			  f->stage == WORK ? "Something is under way already"
					   : "The machine is about to be "
					     "started again");
	if (unfinished(f))
		return at_work(why, unfinished(f));
	return 0;
}

/* No name and password in it: it is put on record. */
static bool url_ok(const char *url)
{
	size_t n = strlen(url);

	return !strncmp(url, "https://", 8) && n > 8 && n < FIRMWARE_URL_MAX &&
	       !memchr(url + 8, '@', strcspn(url + 8, "/")) &&
	       strspn(url,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789-._~:/?#[]@!$&'()*+,;=%") == n;
}

static int source_ok(const struct firmware *f, const char *source,
		     struct firmware_why *why)
{
	if (!strcmp(source, "upload")) {
		if (access(f->upload, F_OK) == 0)
			return 0;
		if (access(f->part, F_OK) == 0)
			return no(why, 409, "busy",
				  "The upload isn't whole yet");
		return no(why, 409, "nothing-uploaded", "Nothing was uploaded");
	}
	return url_ok(source) ? 0
			      : no(why, 400, "bad-source",
				   "source is \"upload\", or a URL with https "
				   "and without a password");
}

const char *firmware_upload(struct firmware *f, struct firmware_why *why)
{
	return ready(f, why) ? NULL : f->upload;
}

int firmware_begin(struct firmware *f, const struct firmware_wish *w,
		   struct firmware_why *why)
{
	json_t *ask = NULL;

	if (ready(f, why) ||
	    (w->kind == FIRMWARE_INSTALL && source_ok(f, w->source, why)))
		return -1;
	f->kind = w->kind;
	f->restart = w->restart;
	f->wait = w->wait;
	f->trouble[0] = '\0';
	snprintf(f->by, sizeof(f->by), "%s", w->by);
	if (w->kind == FIRMWARE_RESTART || w->kind == FIRMWARE_RESET) {
		drain(f);
		return 0;
	}
	ask = json_pack("{s:s, s:s?}", "do", kinds[w->kind], "source",
			w->source);
	stage_set(f, WORK);
	if (service_asks(f, ask))
		return 0;
	away(f);
	return no(why, 503, "firmware-away",
		  "sallyport-firmware doesn't answer");
}

int firmware_cancel(struct firmware *f, struct firmware_why *why)
{
	if (f->stage != DRAIN)
		return no(why, 409, "nothing-waits",
			  "No restart waits for the end of calls");
	over(f, NULL, NULL);
	return 0;
}

/* ------------------------------------------------------------- how all is */

static json_t *drain_json(const struct firmware *f)
{
	uint64_t now = tmr_jiffies();

	if (f->stage != DRAIN && f->stage != BYE)
		return json_null();
	return json_pack("{s:i, s:b, s:I, s:b, s:s}", "calls",
			 (int)calls_count(f->cfg.calls), "emergency",
			 calls_emergency(f->cfg.calls), "left",
			 (json_int_t)(f->until > now
					      ? (f->until - now + 999) / 1000
					      : 0),
			 "reset", f->kind == FIRMWARE_RESET, "by", f->by);
}

json_t *firmware_json(struct firmware *f)
{
	struct firmware_why why = {.text = ""};
	bool image = firmware_link_there(f->link);
	json_t *j = f->status ? json_copy(f->status) : json_object();

	if (!f->status)
		ready(f, &why);
	if (!json_object_get(j, "slots"))
		json_object_set_new(j, "slots", json_array());
	if (!json_object_get(j, "job"))
		json_object_set_new(j, "job", json_null());
	if (f->trouble[0])
		json_object_set_new(j, "trouble", json_string(f->trouble));
	else if (why.text[0])
		json_object_set_new(j, "trouble", json_string(why.text));
	else if (!json_object_get(j, "trouble"))
		json_object_set_new(j, "trouble", json_null());
	json_object_set_new(j, "image", json_boolean(image));
	json_object_set_new(j, "stage", json_string(stages[f->stage]));
	json_object_set_new(j, "unfinished",
			    json_boolean(f->stage == WORK ||
					 (f->stage == IDLE && unfinished(f))));
	json_object_set_new(j, "restart",
			    json_boolean(f->stage != IDLE && f->restart));
	json_object_set_new(j, "drain", drain_json(f));
	return j;
}

json_t *firmware_board(const struct firmware *f)
{
	json_t *j = json_load_file(f->board, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

static bool yes(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* A slot that was written, and isn't good; or one that waits for a restart. */
static bool slot_attention(const json_t *s, char *about, size_t n_about,
			   char *text, size_t n_text)
{
	const char *slot = text_of(s, "slot"), *version = text_of(s, "version");
	const char *state = text_of(s, "state");

	if (!slot || !version || !state || yes(s, "booted"))
		return false;
	snprintf(about, n_about, "slot %s", slot);
	if (!strcmp(state, "bad"))
		snprintf(text, n_text,
			 "Version %s in slot %s isn't good: it didn't come up "
			 "well, or was only written in part",
			 version, slot);
	else if (yes(s, "next"))
		snprintf(text, n_text,
			 "Version %s is installed, and waits for a restart",
			 version);
	else
		return false;
	return true;
}

bool firmware_attention(const struct firmware *f, char *about, size_t n_about,
			char *text, size_t n_text)
{
	json_t *s;
	size_t i;

	if (f->stage == DRAIN || f->stage == BYE) {
		snprintf(about, n_about, "restart");
		snprintf(text, n_text,
			 "New calls are refused: the machine is about to be "
			 "started again");
		return true;
	}
	if (f->stage != IDLE)
		return false;
	json_array_foreach (json_object_get(f->status, "slots"), i, s)
		if (slot_attention(s, about, n_about, text, n_text))
			return true;
	return false;
}

/* ----------------------------------------------------------- start and stop */

int firmware_alloc(struct firmware **fp, const struct firmware_config *cfg)
{
	struct firmware *f = calloc(1, sizeof(*f));

	if (!f)
		return ENOMEM;
	f->cfg = *cfg;
	/* a former run may have asked for something, and been told of it */
	f->number = (json_int_t)time(NULL) * 1000;
	tmr_init(&f->tmr);
	snprintf(f->socket, sizeof(f->socket), "%s/firmware.sock", cfg->folder);
	snprintf(f->board, sizeof(f->board), "%s/board.json", cfg->folder);
	snprintf(f->upload, sizeof(f->upload), "%s/firmware.raucb", cfg->state);
	snprintf(f->part, sizeof(f->part), "%s" FIRMWARE_PART, f->upload);
	unlink(f->upload); /* of a former run */
	unlink(f->part);
	f->link = firmware_link_new(f->socket, heard, f);
	if (!f->link) {
		free(f);
		return ENOMEM;
	}
	*fp = f;
	return 0;
}

void firmware_free(struct firmware *f)
{
	if (!f)
		return;
	tmr_cancel(&f->tmr);
	firmware_link_free(f->link);
	json_decref(f->status);
	free(f);
}
