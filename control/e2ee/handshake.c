/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/handshake.c - the course of a handshake: who may say what when,
 * the waits, what every failure does. messages.c knows the messages. */
#include "control/e2ee/handshake_int.h"
#include "control/e2ee/secret.h"

/* Which message a state waits for, and who reads it. */
static const struct step {
	enum e2ee_reason (*take)(struct e2ee *h, struct e2ee_view m,
				 uint64_t now, size_t *out_len);
	uint8_t type;
} steps[] = {
	[ST_START] = {e2ee_on_m1, 1},	[ST_WAIT_M2] = {e2ee_on_m2, 2},
	[ST_WAIT_M3] = {e2ee_on_m3, 3}, [ST_WAIT_M4] = {e2ee_on_m4, 4},
	[ST_WAIT_M5] = {e2ee_on_m5, 5}, [ST_FAILED] = {NULL, 0},
};

/* Who sends each message. */
static const enum e2ee_side sender[E2EE_MESSAGES + 1] = {
	[1] = E2EE_I, [2] = E2EE_R, [3] = E2EE_I, [4] = E2EE_R, [5] = E2EE_I,
};

static const enum e2ee_reason late[] = {
	[ST_WAIT_M3] = E2EE_R_TIME_M3,
	[ST_WAIT_M4] = E2EE_R_TIME_M4,
	[ST_WAIT_M5] = E2EE_R_TIME_M5,
	[ST_WAIT_MEDIA] = E2EE_R_TIME_MEDIA,
};

static struct e2ee_result act(enum e2ee_act a)
{
	return (struct e2ee_result){.act = a};
}

static struct e2ee_result refuse(enum e2ee_reason why)
{
	return (struct e2ee_result){.act = E2EE_REFUSE, .reason = why};
}

static void guard_leave(const struct e2ee *h)
{
	if (h->c.guard)
		guard_end(h->c.guard, h);
}

static void wipe(struct e2ee *h)
{
	sodium_memzero(&h->s, sizeof(h->s));
	sodium_memzero(&h->res, sizeof(h->res));
	sodium_memzero(h->out, sizeof(h->out));
}

/* A failure of our own machine isn't somebody's guess, nor is one that comes
 * when the handshake was over. */
static bool counts(const struct e2ee *h, enum e2ee_reason why)
{
	return h->c.guard && h->begun && h->state != ST_LOCKED &&
	       why != E2EE_R_INTERNAL;
}

static struct e2ee_result fail(struct e2ee *h, enum e2ee_reason why,
			       uint64_t now)
{
	if (counts(h, why))
		guard_failed(h->c.guard, h->peer_aor, now);
	guard_leave(h);
	wipe(h);
	h->state = ST_FAILED;
	h->reason = why;
	h->deadline = E2EE_NEVER;
	return (struct e2ee_result){.act = h->begun ? E2EE_END : E2EE_REFUSE,
				    .reason = why};
}

/* What a call that has failed says to everything. */
static struct e2ee_result again(const struct e2ee *h)
{
	return (struct e2ee_result){.act = h->begun ? E2EE_END : E2EE_REFUSE,
				    .reason = h->reason};
}

static bool is_late(const struct e2ee *h, uint64_t now)
{
	return now >= h->deadline;
}

static struct e2ee_result fail_late(struct e2ee *h, uint64_t now)
{
	h->where = "";
	return fail(h, late[h->state], now);
}

static bool config_ok(const struct e2ee_config *c)
{
	return c->identity && c->own_aor && c->peer_aor &&
	       e2ee_aor_valid(c->own_aor, strlen(c->own_aor)) &&
	       e2ee_aor_valid(c->peer_aor, strlen(c->peer_aor)) &&
	       e2ee_media_valid(&c->media);
}

struct e2ee *e2ee_new(const struct e2ee_config *c, uint64_t now,
		      enum e2ee_reason *why)
{
	struct e2ee *h;

	*why = E2EE_R_CONFIG;
	if (!config_ok(c))
		return NULL;
	*why = E2EE_R_BLOCKED;
	if (c->guard && guard_blocked(c->guard, c->peer_aor, now))
		return NULL;
	*why = E2EE_R_INTERNAL;
	h = secret_alloc(sizeof(*h));
	if (!h)
		return NULL;
	*why = E2EE_R_BUSY;
	if (c->guard && !guard_begin(c->guard, h)) {
		secret_free(h);
		return NULL;
	}
	*why = E2EE_R_NONE;
	h->c = *c;
	strcpy(h->own_aor, c->own_aor);
	strcpy(h->peer_aor, c->peer_aor);
	h->c.own_aor = h->own_aor;
	h->c.peer_aor = h->peer_aor;
	h->where = "";
	h->deadline = E2EE_NEVER;
	h->state = c->side == E2EE_I ? ST_WAIT_M2 : ST_START;
	if (c->side == E2EE_I)
		e2ee_make_own(h);
	return h;
}

void e2ee_free(struct e2ee *h)
{
	if (!h)
		return;
	guard_leave(h);
	secret_free(h);
}

/* The lock shows: remember the key, let the next handshake begin. */
static struct e2ee_result lock(struct e2ee *h, uint64_t now)
{
	static const enum e2ee_warning warnings[] = {
		[PEERS_FIRST] = E2EE_WARN_FIRST,
		[PEERS_NEW] = E2EE_WARN_NEW_KEY,
		[PEERS_REFUSE] = E2EE_NO_WARNING,
	};
	struct e2ee_result res = act(E2EE_LOCK);
	enum peers_trust trust;

	if (h->c.peers) {
		trust = peers_judge(h->c.peers, h->peer_aor, h->peer_key);
		/* a key may have been verified since M3 or M4 was judged */
		h->where = "identity key";
		if (trust == PEERS_REFUSE)
			return fail(h, E2EE_R_IDENTITY, now);
		if (!peers_remember(h->c.peers, h->peer_aor, h->peer_key)) {
			h->where = "remembered peers";
			return fail(h, E2EE_R_INTERNAL, now);
		}
		res.warning = warnings[trust];
	}
	h->where = "";
	h->state = ST_LOCKED;
	h->deadline = E2EE_NEVER;
	guard_leave(h);
	return res;
}

/* A message whose turn it is. */
static struct e2ee_result take(struct e2ee *h, struct e2ee_view m, uint64_t now)
{
	const struct step *s = &steps[h->state];
	enum e2ee_reason why;
	size_t n = 0;

	e2ee_note(h, s->type, m);
	why = s->take(h, m, now, &n);
	if (why)
		return fail(h, why, now);
	h->where = "";
	if (s->type == 5)
		return lock(h, now);
	return (struct e2ee_result){.act = n ? E2EE_SEND : E2EE_WAIT,
				    .msg = n ? h->out : NULL,
				    .len = n};
}

/* What is wrong with a message before it is its turn; *copy: nothing, it is
 * one that we had. */
static enum e2ee_reason screen(struct e2ee *h, struct e2ee_view m, bool *copy)
{
	uint8_t hash[32], type = m.n ? m.p[0] : 0;

	*copy = false;
	h->where = "message";
	if (m.n > E2EE_MSG_MAX)
		return E2EE_R_SIZE;
	h->where = "message type";
	if (type < 1 || type > E2EE_MESSAGES)
		return E2EE_R_MALFORMED;
	if (sender[type] == h->c.side)
		return E2EE_R_SIDE;
	if (h->seen[type]) {
		crypto_hash_sha256(hash, m.p, m.n);
		*copy = !memcmp(hash, h->hash[type], sizeof(hash));
		return *copy ? E2EE_R_NONE : E2EE_R_DIFFERS;
	}
	if (steps[h->state].type != type)
		return E2EE_R_ORDER;
	return E2EE_R_NONE;
}

struct e2ee_result e2ee_feed(struct e2ee *h, const uint8_t *msg, size_t len,
			     uint64_t now)
{
	struct e2ee_view m = {msg, len};
	enum e2ee_reason why;
	bool copy;

	if (h->state == ST_FAILED)
		return again(h);
	if (!h->begun) /* an early dialog, or no end-to-end call at all */
		return refuse(E2EE_R_ORDER);
	if (is_late(h, now))
		return fail_late(h, now);
	why = screen(h, m, &copy);
	if (why)
		return fail(h, why, now);
	return copy ? act(E2EE_WAIT) : take(h, m, now);
}

/* No a=e2ee in the INVITE or 2xx: an ordinary call, if that's allowed. */
static struct e2ee_result ordinary(struct e2ee *h, uint64_t now)
{
	struct e2ee_result res = act(E2EE_ORDINARY);

	h->where = "SDP";
	if (h->c.required) {
		/* I answers its 2xx with ACK and BYE; nobody guessed yet */
		res = fail(h, E2EE_R_REQUIRED, now);
		h->begun = h->c.side == E2EE_I;
		return again(h);
	}
	if (h->c.peers && peers_once(h->c.peers, h->peer_aor))
		res.warning = E2EE_WARN_NO_LONGER;
	guard_leave(h);
	wipe(h);
	h->state = ST_ORDINARY;
	return res;
}

/* The SDP that may hold M1 or M2 for the first time. */
static struct e2ee_result first_sdp(struct e2ee *h, const char *sdp, size_t len,
				    uint64_t now)
{
	uint8_t type = steps[h->state].type;
	struct e2ee_view value;
	enum e2ee_reason why;
	struct kept got;
	bool copy;

	got.n = 0;
	h->where = "a=e2ee";
	if (e2ee_attr_find(sdp, len, &value, &why)) {
		if (!value.p)
			return ordinary(h, now);
		why = e2ee_attr_decode((const char *)value.p, value.n, got.p,
				       &got.n);
	}
	/* From here on the INVITE or 2xx does have an a=e2ee. */
	h->begun = type == 2;
	if (!why)
		why = screen(h, view(got.p, got.n), &copy);
	if (why)
		return fail(h, why, now);
	return take(h, view(got.p, got.n), now);
}

/* Every other SDP of the dialog repeats what the first one had. */
static struct e2ee_result later_sdp(const struct e2ee *h, const char *sdp,
				    size_t len)
{
	const struct kept *had = h->c.side == E2EE_I ? &h->m2 : &h->m1;
	struct e2ee_view value;
	enum e2ee_reason why;
	struct kept got;

	if (!e2ee_attr_find(sdp, len, &value, &why) || !value.p ||
	    e2ee_attr_decode((const char *)value.p, value.n, got.p, &got.n) ||
	    got.n != had->n || memcmp(got.p, had->p, had->n))
		return refuse(E2EE_R_SDP_CHANGED);
	return act(E2EE_WAIT);
}

struct e2ee_result e2ee_sdp(struct e2ee *h, const char *sdp, size_t len,
			    uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	if (h->state == ST_ORDINARY) /* a new handshake needs a new call */
		return act(E2EE_ORDINARY);
	if (is_late(h, now))
		return fail_late(h, now);
	if (h->state == ST_START || h->state == ST_WAIT_M2)
		return first_sdp(h, sdp, len, now);
	return later_sdp(h, sdp, len);
}

struct e2ee_result e2ee_answer(struct e2ee *h, uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	if (h->state != ST_RINGING)
		return act(E2EE_WAIT);
	e2ee_make_own(h);
	h->begun = true;
	h->state = ST_WAIT_M3;
	h->deadline = now + E2EE_WAIT_MS;
	return act(E2EE_WAIT);
}

size_t e2ee_attribute(const struct e2ee *h, char *out, size_t room)
{
	const struct kept *own = h->c.side == E2EE_I ? &h->m1 : &h->m2;

	if (!own->n || h->state == ST_ORDINARY || h->state == ST_FAILED)
		return 0;
	return e2ee_attr_encode(out, room, own->p, own->n);
}

struct e2ee_result e2ee_refused(struct e2ee *h, uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	if (!h->begun)
		return act(E2EE_WAIT);
	h->where = "INFO";
	return fail(h, E2EE_R_INFO_REFUSED, now);
}

struct e2ee_result e2ee_peer_ended(struct e2ee *h, uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	if (!h->begun || h->state == ST_LOCKED)
		return act(E2EE_WAIT);
	h->where = "BYE";
	return fail(h, E2EE_R_PEER_ENDED, now);
}

struct e2ee_result e2ee_media_seen(struct e2ee *h, uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	if (h->state != ST_WAIT_MEDIA)
		return act(E2EE_WAIT);
	if (is_late(h, now))
		return fail_late(h, now);
	return lock(h, now);
}

uint64_t e2ee_deadline(const struct e2ee *h)
{
	return h->deadline;
}

struct e2ee_result e2ee_tick(struct e2ee *h, uint64_t now)
{
	if (h->state == ST_FAILED)
		return again(h);
	return is_late(h, now) ? fail_late(h, now) : act(E2EE_WAIT);
}

bool e2ee_locked(const struct e2ee *h)
{
	return h->state == ST_LOCKED;
}

enum e2ee_reason e2ee_why(const struct e2ee *h, const char **where)
{
	if (where)
		*where = h->where;
	return h->reason;
}

const char *e2ee_code(const struct e2ee *h)
{
	return e2ee_locked(h) ? h->res.code : NULL;
}

const char *e2ee_peer_aor(const struct e2ee *h)
{
	return h->peer_signed ? h->peer_aor : NULL;
}

const uint8_t *e2ee_peer_key(const struct e2ee *h)
{
	return h->peer_signed ? h->peer_key : NULL;
}

const struct e2ee_media_list *e2ee_peer_media(const struct e2ee *h)
{
	return h->peer_signed ? &h->peer_media : NULL;
}

bool e2ee_verify(struct e2ee *h)
{
	return e2ee_locked(h) && h->c.peers &&
	       peers_verify(h->c.peers, h->peer_aor, h->peer_key, true);
}

bool e2ee_key(const struct e2ee *h, enum e2ee_dir dir, enum e2ee_kind kind,
	      uint8_t key[E2EE_BASE_KEY])
{
	if (h->state != ST_LOCKED && h->state != ST_WAIT_MEDIA)
		return false;
	memcpy(key, h->res.base[dir][kind], E2EE_BASE_KEY);
	return true;
}

enum e2ee_side e2ee_side_of(const struct e2ee *h)
{
	return h->c.side;
}

const struct e2ee_media_list *e2ee_own_media(const struct e2ee *h)
{
	return &h->c.media;
}
