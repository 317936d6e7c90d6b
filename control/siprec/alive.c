/* SPDX-License-Identifier: Apache-2.0 */
/* Is the recorder still there, and still in this session? OPTIONS within the
 * dialog, every so often. Any answer but 481 and 408 says yes. */
#include "control/siprec/impl.h"

#define ANSWER_MS 2000
#define MISSES	  2

static void ask(void *arg);

void rec_unwatch(struct rec *r)
{
	timer_cancel(&r->alive);
	ctxn_drop(r->options);
	r->misses = 0;
}

static void missed(void *arg)
{
	struct rec *r = arg;

	ctxn_drop(r->options);
	if (++r->misses < MISSES)
		ask(r);
	else
		rec_failed(r, false, "the recorder doesn't answer any more");
}

static void on_answer(int err, const struct sip_msg *m, void *arg)
{
	struct rec *r = arg;

	(void)err;
	if (m && m->scode < 200)
		return;
	if (!m) {
		missed(r);
	} else if (m->scode == 481 || m->scode == 408) {
		rec_failed(r, false, "the recorder has lost the session");
	} else {
		r->misses = 0;
		rec_watch(r);
	}
}

static void ask(void *arg)
{
	struct rec *r = arg;
	struct mbuf *mb = rec_headers(r, "OPTIONS", dialog_next(&r->dlg));

	timer_start(&r->alive, ANSWER_MS, missed, r);
	if (mb && !mbuf_write_str(mb, "Content-Length: 0\r\n\r\n"))
		ctxn_send(&r->options, &r->hop, "OPTIONS",
			  dialog_request_uri(&r->dlg), mb, on_answer, r);
	mem_deref(mb);
}

void rec_watch(struct rec *r)
{
	timer_start(&r->alive, r->sr->cfg.set->keepalive * 1000, ask, r);
}
