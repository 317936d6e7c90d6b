/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/keepalive.c - is the trunk there? OPTIONS, RFC 3261 section 11.
 *
 * Any answer but 503 says yes, whatever it thinks of OPTIONS. Two that stay
 * unanswered, one soon after the other, say no. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/timer.h"
#include "control/trunk/impl.h"

#define ANSWER_MS  3000 /* within which an answer has to come */
#define AGAIN_MS   500	/* to the second one */
#define MISSES	   2
#define DOWN_EVERY 10 /* seconds, at most, while it is down */

struct keepalive {
	struct trunk *t;
	struct timer next;
	struct timer deadline;
	struct ctxn *ct;
	unsigned misses;
};

static void send_options(void *arg);

static void keepalive_destructor(void *arg)
{
	struct keepalive *k = arg;

	timer_cancel(&k->next);
	timer_cancel(&k->deadline);
	ctxn_drop(k->ct);
}

static void schedule(struct keepalive *k)
{
	unsigned every = k->t->set.keepalive;

	if (k->t->silent && every > DOWN_EVERY)
		every = DOWN_EVERY;
	timer_start(&k->next, every * 1000, send_options, k);
}

static void missed(struct keepalive *k, const char *why)
{
	timer_cancel(&k->deadline);
	ctxn_drop(k->ct);
	if (++k->misses < MISSES) {
		timer_start(&k->next, AGAIN_MS, send_options, k);
		return;
	}
	k->t->silent = true;
	k->t->alive = false;
	trunk_judge(k->t, why);
	schedule(k);
}

static void unanswered(void *arg)
{
	missed(arg, "it doesn't answer OPTIONS");
}

static void on_answer(int err, const struct sip_msg *m, void *arg)
{
	struct keepalive *k = arg;
	char why[96];

	if (m && m->scode < 200)
		return;
	if (!m) {
		snprintf(why, sizeof(why), "it can't be reached: %s",
			 trunk_unreached(k->t, err));
		missed(k, why);
		return;
	}
	if (m->scode == 503) {
		missed(k, "it answers OPTIONS with 503");
		return;
	}
	timer_cancel(&k->deadline);
	k->misses = 0;
	trunk_heard(k->t);
	schedule(k);
}

static void send_options(void *arg)
{
	struct keepalive *k = arg;
	struct trunk *t = k->t;
	char uri[MESSAGE_URI_MAX], callid[33], tag[17];
	struct mbuf *mb;
	int err = ENOMEM;

	ctxn_drop(k->ct);
	snprintf(uri, sizeof(uri), "sip:%s", trunk_host(t));
	rand_str(callid, sizeof(callid));
	rand_str(tag, sizeof(tag));
	mb = trunk_headers(t, "OPTIONS", uri, callid, tag, 1);
	if (mb)
		err = mbuf_write_str(mb, "Accept: application/sdp\r\n"
					 "Content-Length: 0\r\n\r\n");
	if (!err)
		err = ctxn_send(&k->ct, &t->hop, "OPTIONS", uri, mb, on_answer,
				k);
	mem_deref(mb);
	if (err)
		on_answer(err, NULL, k);
	else
		timer_start(&k->deadline, ANSWER_MS, unanswered, k);
}

int keepalive_start(struct trunk *t)
{
	struct keepalive *k = mem_zalloc(sizeof(*k), keepalive_destructor);

	if (!k)
		return ENOMEM;
	k->t = t;
	t->keepalive = k;
	timer_start(&k->next, 1, send_options, k);
	return 0;
}

void keepalive_now(struct trunk *t)
{
	struct keepalive *k = t->keepalive;

	if (!k->ct)
		timer_start(&k->next, 1, send_options, k);
}
