/* SPDX-License-Identifier: Apache-2.0 */
/* The machine, and updates of its image. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "control/firmware/firmware.h"
#include "control/http/impl.h"
#include "version.h"

/* ------------------------------------------------------------- the machine */

/* What the firmware says of the machine; where it is allowed to be read. */
static json_t *dmi(const char *name)
{
	char path[64], text[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", name);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text[0] ? json_string(text) : json_null();
}

void api_system(const struct request *rq, struct reply *rp)
{
	json_t *board = firmware_board(rq->ctx->firmware);
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	reply_ok(rp,
		 json_pack("{s:s, s:s, s:o, s:o, s:o}", "version", SP_VERSION,
			   "host", host, "board", board ? board : json_null(),
			   "vendor", dmi("sys_vendor"), "product",
			   dmi("product_name")));
}

void api_firmware(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, firmware_json(rq->ctx->firmware));
}

/* ------------------------------------------------------------------ changes */

static void refused(const struct firmware_why *why, struct reply *rp)
{
	reply_error(rp, why->status, why->error, "%s", why->text);
}

const char *firmware_bundle_path(const struct request *rq, struct reply *rp)
{
	struct firmware_why why;
	const char *path = firmware_upload(rq->ctx->firmware, &why);

	if (!path)
		refused(&why, rp);
	return path;
}

void api_firmware_bundle(const struct request *rq, struct reply *rp)
{
	uint64_t octets;
	int err;

	/* it is asked again: something may have been begun while it came */
	if (!firmware_bundle_path(rq, rp))
		return;
	err = request_upload(rq, &octets);
	if (err) {
		if (err == ENODATA)
			reply_error(rp, 409, "busy",
				    "Another upload was under way");
		else
			reply_error(rp, 500, "not-written", "%s",
				    strerror(err));
		return;
	}
	reply_ok(rp, json_pack("{s:I}", "octets", (json_int_t)octets));
	change_recorded(rq, "firmware-uploaded",
			json_pack("{s:I}", "octets", (json_int_t)octets));
}

static bool wait_ok(json_int_t wait, struct reply *rp)
{
	if (wait >= 0 && wait <= FIRMWARE_WAIT_MAX)
		return true;
	reply_error(rp, 400, "bad-wait",
		    "wait is how many seconds calls may go on, from 0 to %d",
		    FIRMWARE_WAIT_MAX);
	return false;
}

static void begin(const struct request *rq, const char *event,
		  struct firmware_wish *w, json_int_t wait, struct reply *rp)
{
	struct firmware_why why;

	if (!wait_ok(wait, rp))
		return;
	w->wait = (unsigned)wait;
	w->by = rq->by;
	if (firmware_begin(rq->ctx->firmware, w, &why)) {
		refused(&why, rp);
		return;
	}
	change_recorded(rq, event,
			json_pack("{s:s?, s:b, s:i}", "source", w->source,
				  "restart", w->restart, "wait", (int)w->wait));
	rp->status = 202;
	rp->body = firmware_json(rq->ctx->firmware);
}

static void bad(struct reply *rp, const char *text)
{
	reply_error(rp, 400, "bad-firmware", "%s", text);
}

void api_firmware_install(const struct request *rq, struct reply *rp)
{
	struct firmware_wish w = {.kind = FIRMWARE_INSTALL};
	json_int_t wait = FIRMWARE_WAIT;
	int restart = 1;

	if (json_unpack((json_t *)rq->body, "{s:s, s?b, s?I !}", "source",
			&w.source, "restart", &restart, "wait", &wait)) {
		bad(rp, "source is \"upload\" or a URL; restart and wait may "
			"follow");
		return;
	}
	w.restart = restart;
	begin(rq, "firmware-install", &w, wait, rp);
}

void api_firmware_rollback(const struct request *rq, struct reply *rp)
{
	struct firmware_wish w = {.kind = FIRMWARE_ROLLBACK};
	json_int_t wait = FIRMWARE_WAIT;
	int restart = 1;

	if (json_unpack((json_t *)rq->body, "{s?b, s?I !}", "restart", &restart,
			"wait", &wait)) {
		bad(rp, "restart and wait, and nothing else");
		return;
	}
	w.restart = restart;
	begin(rq, "firmware-rollback", &w, wait, rp);
}

void api_firmware_restart(const struct request *rq, struct reply *rp)
{
	struct firmware_wish w = {.kind = FIRMWARE_RESTART, .restart = true};
	json_int_t wait = FIRMWARE_WAIT;

	if (json_unpack((json_t *)rq->body, "{s?I !}", "wait", &wait)) {
		bad(rp, "wait, and nothing else");
		return;
	}
	begin(rq, "firmware-restart-asked", &w, wait, rp);
}

void api_firmware_cancel(const struct request *rq, struct reply *rp)
{
	struct firmware_why why;

	if (firmware_cancel(rq->ctx->firmware, &why)) {
		refused(&why, rp);
		return;
	}
	change_recorded(rq, "firmware-cancelled", NULL);
	reply_ok(rp, firmware_json(rq->ctx->firmware));
}

/* What can't be undone takes a word that nobody sends by accident. */
void api_firmware_reset(const struct request *rq, struct reply *rp)
{
	struct firmware_wish w = {.kind = FIRMWARE_RESET, .restart = true};
	json_int_t wait = FIRMWARE_WAIT;
	const char *erase = "";

	if (json_unpack((json_t *)rq->body, "{s:s, s?I !}", "erase", &erase,
			"wait", &wait) ||
	    strcmp(erase, "everything")) {
		bad(rp, "erase has to be \"everything\": users, keys, "
			"recordings, configuration");
		return;
	}
	begin(rq, "firmware-reset", &w, wait, rp);
}
