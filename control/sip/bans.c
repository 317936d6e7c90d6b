/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/bans.c - who isn't listened to: for operators, for the log, and
 * by what they say they are. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "control/audit/audit.h"
#include "control/log.h"
#include "control/sip/door.h"

static void source_print(char text[SIP_ADDR_TEXT], const struct sa *sa)
{
	if (re_snprintf(text, SIP_ADDR_TEXT, "%j", sa) < 0)
		text[0] = '\0';
}

void door_ban_changed(const struct sa *source, uint64_t until,
		      const char *reason, void *arg)
{
	char text[SIP_ADDR_TEXT];
	struct door *d = arg;
	json_int_t seconds;

	source_print(text, source);
	if (!until) {
		log_info(0, "SIP: %s is not banned any more", text);
		audit_add(d->cfg.audit, "source-unbanned",
			  json_pack("{s:s}", "source", text));
		return;
	}
	seconds = (json_int_t)((until - tmr_jiffies()) / 1000);
	log_warn(0, "SIP: %s is banned for %lld seconds: %s", text,
		 (long long)seconds, reason);
	audit_add(d->cfg.audit, "source-banned",
		  json_pack("{s:s, s:s, s:I}", "source", text, "reason", reason,
			    "seconds", seconds));
}

static void list_ban(const struct guard_ban *b, void *arg)
{
	uint64_t now = tmr_jiffies();
	char text[SIP_ADDR_TEXT];

	source_print(text, &b->source);
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:I}", "source", text, "reason",
			       b->reason, "seconds",
			       (json_int_t)((b->until - now + 999) / 1000)));
}

json_t *door_bans(struct door *d)
{
	json_t *list = json_array();

	guard_list(stack_guard(d->stack), tmr_jiffies(), list_ban, list);
	return list;
}

json_t *door_guard_counters(struct door *d)
{
	const struct guard *g = stack_guard(d->stack);
	json_t *j = json_object();

	for (unsigned i = 0; i < GUARD_COUNTS; i++)
		json_object_set_new(j, guard_counter_name((enum guard_count)i),
				    json_integer((json_int_t)guard_counter(
					    g, (enum guard_count)i)));
	json_object_set_new(j, "kernel_dropped",
			    json_integer((json_int_t)stack_overflow(d->stack)));
	return j;
}

int door_ban(struct door *d, const char *source, unsigned seconds,
	     const char *reason)
{
	struct sa sa;

	if (sa_set_str(&sa, source, 0))
		return EINVAL;
	return guard_ban(stack_guard(d->stack), &sa, seconds, reason,
			 tmr_jiffies());
}

int door_unban(struct door *d, const char *source)
{
	struct sa sa;

	if (sa_set_str(&sa, source, 0))
		return EINVAL;
	return guard_unban(stack_guard(d->stack), &sa);
}

/* What scanners call themselves. The first is what SIPVicious said for years,
 * and most that were built of it still do. */
static const char *const scanners[] = {
	"friendly-scanner",
	"sipvicious",
	"sundayddr",
	"sip-scan",
	"sipscan",
	"pplsip",
	"VaxSIPUserAgent",
	"sipcli",
	"smap",
	"sivus",
	"iWar",
};

static bool has_word(const struct pl *text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text->l; i++)
		if (!strncasecmp(text->p + i, word, n))
			return true;
	return false;
}

bool door_is_scanner(struct door *d, const struct sip_msg *m)
{
	const struct config_guard *cfg = &d->cfg.sip->guard;
	const struct sip_hdr *ua = sip_msg_hdr(m, SIP_HDR_USER_AGENT);

	if (!ua || (cfg->scanners && !strcmp(cfg->scanners, "answer")))
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(scanners); i++) {
		if (!has_word(&ua->val, scanners[i]))
			continue;
		guard_count(stack_guard(d->stack), GUARD_SCANNERS);
		return true;
	}
	return false;
}
