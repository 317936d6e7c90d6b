/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/join.c - two phones, from different calls, into one: see join.h.
 *
 *   leg that begins   gives the offer        gets it, and answers
 *   a phone rung      its 2xx (leg B)        leg A, by re-INVITE
 *   b's INVITE        it, or leg B if it     leg B, by re-INVITE, or b's
 *                     has no SDP             INVITE in its 2xx and ACK
 *   neither           leg B, by re-INVITE    leg A, by re-INVITE
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/join.h"

struct join {
	struct bridge *b;
	struct branch *br; /* NULL: phones still ring */
	struct session *from[2];
	char *reason;
	char *refusal; /* of the offer that a phone has made for it */
	bool mending; /* b is the old call, and its own two are to agree anew */
	join_h *h;
	void *arg;
};

static void answer_came(uint16_t status, const struct sip_msg *m, void *arg);

static void join_destructor(void *arg)
{
	struct join *j = arg;

	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (j->from[l] && j->from[l]->join == j) {
			reoffer_drop(j->from[l]);
			j->from[l]->join = NULL;
		}
	if (j->b->join == j)
		j->b->join = NULL;
	mem_deref(j->reason);
	free(j->refusal);
}

struct join *join_new(struct bridge *b, struct session *const leg[2],
		      const char *reason, join_h *h, void *arg)
{
	struct join *j;

	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (leg[l] && (leg[l]->join || leg[l]->br->b->up != leg[l]->br))
			return NULL;
	j = mem_zalloc(sizeof(*j), join_destructor);
	if (!j)
		return NULL;
	j->b = b;
	j->h = h;
	j->arg = arg;
	if (str_dup(&j->reason, reason))
		return mem_deref(j);
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		j->from[l] = leg[l];
		if (leg[l])
			leg[l]->join = j;
	}
	b->join = j;
	return j;
}

struct bridge *join_bridge(const struct join *j)
{
	return j->b;
}

bool join_decided(const struct join *j)
{
	return j->br;
}

struct session *join_leg(const struct join *j, enum leg l)
{
	return j->from[l] ? j->from[l] : j->br ? j->br->s[l] : NULL;
}

/* Is who is left of that call to come elsewhere, too? Then it ends with that. */
static bool is_awaited(const struct bridge *b)
{
	return b->up && (b->up->s[LEG_A]->join || b->up->s[LEG_B]->join);
}

/* Both agree; the sessions move, and what they leave ends. */
static void done(struct join *j, const char *sdp)
{
	struct bridge *b = j->b, *left[2] = {NULL, NULL};
	struct branch *br = j->br;
	bool mending = j->mending;
	char *reason = j->reason;

	j->reason = NULL;
	for (enum leg l = LEG_A; !mending && l <= LEG_B; l++) {
		struct session *s = j->from[l];

		if (!s)
			continue;
		left[l] = s->br->b;
		relays_end(s->br, 500);
		session_swap(s, br->s[l]);
	}
	if (mending)
		call_save(b->call);
	else
		bridge_up(b, br, sdp);
	if (j->h)
		j->h(j, 200, NULL, j->arg);
	mem_deref(j);
	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (left[l] && !is_awaited(left[l]))
			bridge_end(left[l], CALL_BY_GATEWAY, 200, reason, NULL);
	mem_deref(reason);
}

/* The phone whose offer came to nothing: it gets an answer that refuses every
 * m-line, and, where it was in a call before, that call's media anew. */
static void refuse_offer(struct join *j)
{
	struct session *s = NULL;

	for (enum leg l = LEG_A; !s && l <= LEG_B; l++)
		if (join_leg(j, l) && join_leg(j, l)->owes_ack)
			s = join_leg(j, l);
	if (!s)
		return;
	session_ack(s, s->ack_seq, j->refusal);
	if (s == j->from[LEG_A] || s == j->from[LEG_B])
		join_mend(s);
	else
		session_bye(s, "the call can't be put through");
}

void join_failed(struct join *j, uint16_t status, const char *reason)
{
	struct session *from[2] = {j->from[LEG_A], j->from[LEG_B]};
	bool mending = j->mending;

	log_info(j->b->call ? call_id(j->b->call) : 0, "not joined: %u%s%s",
		 status, reason ? ", " : "", reason ? reason : "");
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		if (!from[l])
			continue;
		from[l]->join = NULL;
		reoffer_drop(from[l]);
	}
	j->b->join = NULL;
	if (j->br && !mending)
		refuse_offer(j);
	if (j->h)
		j->h(j, status, reason, j->arg);
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		struct session *s = from[l];

		/* whom it spoke with has hung up in the meantime */
		if (s && s->br->b->call && !path_is_solo(s->br->path) &&
		    !s->br->s[OTHER_LEG(s->side)]->dlg.remote_tag)
			bridge_end(s->br->b, CALL_BY_GATEWAY, status,
				   reason ? reason : j->reason, NULL);
	}
	mem_deref(j);
}

/* Everything that goes wrong from the inside goes by the end of the call. */
static void fail(struct join *j, uint16_t status, const char *reason)
{
	bridge_end(j->b, CALL_BY_GATEWAY, status, reason, NULL);
}

void join_lost(struct session *s, const char *reason)
{
	struct join *j = s->join;

	if (!j)
		return;
	reoffer_drop(s);
	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (j->from[l] == s)
			j->from[l] = NULL;
	s->join = NULL;
	fail(j, 487, reason);
}

void join_alone(struct join *j, struct branch *br)
{
	j->br = br;
	done(j, NULL);
}

/* An offer for leg `to`, which is no phone that is rung. */
static void propose(struct join *j, enum leg to, const char *sdp)
{
	struct session *s = join_leg(j, to);

	if (to == LEG_A && j->b->st && !j->mending) {
		done(j, sdp); /* its answer comes in the ACK */
		return;
	}
	if (reoffer_start(s, sdp, answer_came, j))
		fail(j, 500, "a dialog is busy");
}

static const char *refused(uint16_t status)
{
	return status == 491   ? "the phone keeps changing the call"
	       : status == 408 ? "the phone doesn't answer"
	       : status >= 400 && status != 481 ? "the phone refuses the change"
						: "the phone has lost the call";
}

/* Who was asked is to be alone: its offer is answered here. */
static void answer_here(struct join *j)
{
	struct session *s = j->from[LEG_A];
	struct media_why why;
	char *sdp = NULL;

	if (path_answer_self(j->br->path, &sdp, &why)) {
		fail(j, (uint16_t)why.status, why.text);
		return;
	}
	session_ack(s, s->ack_seq, sdp);
	free(sdp);
	done(j, NULL);
}

/* The leg that was asked for an offer makes one: it is leg B, where there are
 * two. */
static void offer_came(uint16_t status, const struct sip_msg *m, void *arg)
{
	struct join *j = arg;
	struct pl body = m ? message_body(m) : pl_null;
	struct media_why why = {.status = 488,
				.text = "the phone made no offer"};
	enum leg from;
	char *sdp = NULL;

	if (status != 200) {
		fail(j, status, refused(status));
		return;
	}
	from = path_is_solo(j->br->path) ? LEG_A : LEG_B;
	j->refusal = path_refusal(j->br->path, from, body.p, body.l);
	if (!message_has_sdp(m) ||
	    path_offer(j->br->path, from, body.p, body.l, &sdp, &why)) {
		fail(j, (uint16_t)why.status, why.text);
		return;
	}
	if (from == LEG_A)
		answer_here(j);
	else
		propose(j, LEG_A, sdp);
	free(sdp);
}

static void answer_came(uint16_t status, const struct sip_msg *m, void *arg)
{
	struct join *j = arg;
	struct path *p = j->br->path;
	enum leg from = path_awaits_answer_to(p, LEG_A) ? LEG_B : LEG_A;
	struct session *s = join_leg(j, from), *other;
	struct pl body = m ? message_body(m) : pl_null;
	struct media_why why = {.status = 488,
				.text = "the phone gave no answer"};
	bool mending = j->mending;
	char *sdp = NULL;

	if (status != 200) {
		fail(j, status, refused(status));
		return;
	}
	session_ack(s, s->ack_seq, NULL);
	if (!message_has_sdp(m) ||
	    path_answer(p, from, body.p, body.l, true, &sdp, &why)) {
		fail(j, (uint16_t)why.status, why.text);
		if (!mending) /* it has agreed to what isn't there */
			join_mend(s);
		return;
	}
	other = join_leg(j, OTHER_LEG(from));
	if (other->owes_ack)
		session_ack(other, other->ack_seq, sdp);
	done(j, sdp);
	free(sdp);
}

void join_start(struct join *j)
{
	const struct sip_msg *m = j->b->st ? stxn_request(j->b->st) : NULL;
	struct pl body = m ? message_body(m) : pl_null;
	struct media_why why;
	char *sdp = NULL;

	if (!j->br)
		j->br = list_ledata(list_head(&j->b->branches));
	if (!j->b->st || j->b->delayed) {
		enum leg first = path_is_solo(j->br->path) ? LEG_A : LEG_B;

		if (reoffer_start(join_leg(j, first), NULL, offer_came, j))
			fail(j, 500, "a dialog is busy");
		return;
	}
	if (path_offer(j->br->path, LEG_A, body.p, body.l, &sdp, &why)) {
		fail(j, (uint16_t)why.status, why.text);
		return;
	}
	propose(j, LEG_B, sdp);
	free(sdp);
}

void join_progress(struct join *j, uint16_t status)
{
	if (j->h && !j->br)
		j->h(j, status, NULL, j->arg);
}

void join_answered(struct join *j, struct branch *br, const struct sip_msg *m,
		   const char *sdp)
{
	struct pl body = message_body(m);
	struct le *le;

	j->br = br;
	j->refusal = path_refusal(br->path, LEG_B, body.p, body.l);
	timer_cancel(&j->b->ring);
	LIST_FOREACH (&j->b->branches, le)
		if (le->data != br)
			branch_cancel(le->data);
	propose(j, LEG_A, sdp);
}

/* ----------------------------------------------- back to the call as it was */

static void mended(struct join *j, uint16_t status, const char *reason,
		   void *arg)
{
	(void)reason;
	(void)arg;
	log_info(call_id(j->b->call), "its media %s",
		 status == 200 ? "are as before" : "can't be had back");
}

static void mended_alone(uint16_t status, const struct sip_msg *m, void *arg)
{
	struct session *s = arg;
	struct pl body = m ? message_body(m) : pl_null;
	struct media_why why = {.status = status, .text = "it makes no offer"};
	char *heard, *sdp = NULL;
	int err = -1;

	if (m && message_has_sdp(m))
		err = path_offer(s->br->path, s->side, body.p, body.l, &heard,
				 &why);
	if (!err) {
		free(heard);
		err = path_answer_self(s->br->path, &sdp, &why);
	}
	if (s->owes_ack)
		session_ack(s, s->ack_seq, sdp);
	free(sdp);
	if (err)
		bridge_end(s->br->b, CALL_BY_GATEWAY, (uint16_t)why.status,
			   why.text, NULL);
}

/* One that was alone, and stays so. */
static void mend_alone(struct session *s)
{
	if (reoffer_start(s, NULL, mended_alone, s))
		bridge_end(s->br->b, CALL_BY_GATEWAY, 500, "a dialog is busy",
			   NULL);
}

void join_mend(struct session *s)
{
	struct bridge *b = s->br->b;
	struct join *j;

	if (!b->call || b->join || b->up != s->br)
		return;
	if (path_is_solo(s->br->path)) {
		mend_alone(s);
		return;
	}
	if (!s->br->s[OTHER_LEG(s->side)]->dlg.remote_tag)
		return;
	j = join_new(b, s->br->s, "", mended, NULL);
	if (!j)
		return;
	j->mending = true;
	j->br = s->br;
	if (reoffer_start(s->br->s[LEG_B], NULL, offer_came, j))
		fail(j, 500, "a dialog is busy");
}
