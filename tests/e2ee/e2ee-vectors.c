/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee-vectors.c - handshake vectors: both sides of the real state
 * machine get the vector's randomness and the vector's messages, and what they
 * send, show and hold is compared; then every value between. */
#include "tests/e2ee/vectors.h"
#include "control/e2ee/e2ee.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char *const side_name[] = {"I", "R"};
static const char *const dir_name[] = {"I2R", "R2I"};
static const char *const kind_name[] = {"audio", "video", "screen"};

/* One side's values, as the vector has them. */
struct side {
	enum e2ee_side side;
	uint8_t x_secret[32], x[32], r[32], other[32], seed[32];
	const char *aor;
	struct e2ee_media_list media;
	bool required;
	struct identity *id;
	struct e2ee *h;
};

static void draw(void *arg, enum e2ee_random what, uint8_t *out, size_t n)
{
	const struct side *s = arg;
	const uint8_t *from[] = {
		[E2EE_RND_X25519] = s->x_secret,
		[E2EE_RND_R] = s->r,
		[E2EE_RND_N] = s->other,
		[E2EE_RND_CALL_ID] = s->other,
	};

	memcpy(out, from[what], n);
}

static json_t *get_media(json_t *v, const char *key, struct e2ee_media_list *l)
{
	json_t *list = json_object_get(v, key), *entry;
	size_t i;

	memset(l, 0, sizeof(*l));
	json_array_foreach (list, i, entry) {
		json_int_t kind = json_integer_value(json_array_get(entry, 0));

		if (kind < 0 || kind >= E2EE_KINDS)
			differs("%s has kind %lld", key, (long long)kind);
		else
			l->suite[kind] = (uint16_t)json_integer_value(
				json_array_get(entry, 1));
	}
	if (!i)
		differs("%s is missing, or empty", key);
	return list;
}

static void side_read(struct side *s, json_t *v, enum e2ee_side which)
{
	const char *n = side_name[which];
	char key[32];

#define KEY(prefix) (snprintf(key, sizeof(key), prefix "_%s", n), key)
	s->side = which;
	get_fixed(v, KEY("x25519_secret"), s->x_secret, 32);
	get_fixed(v, KEY("ed25519_seed"), s->seed, 32);
	get_fixed(v, KEY("r"), s->r, 32);
	get_fixed(v, which == E2EE_I ? "call_id" : "n_R", s->other, 32);
	s->aor = get_text(v, KEY("aor"));
	get_media(v, KEY("media"), &s->media);
	s->required = get_number(v, KEY("flags")) == 1;
#undef KEY
	crypto_scalarmult_base(s->x, s->x_secret);
	s->id = identity_from_seed(s->seed);
}

static bool side_start(struct side *s, const struct side *peer)
{
	const struct e2ee_config c = {
		.side = s->side,
		.identity = s->id,
		.own_aor = s->aor,
		.peer_aor = peer->aor,
		.media = s->media,
		.required = s->required,
		.random = draw,
		.arg = s,
	};
	enum e2ee_reason why;

	s->h = e2ee_new(&c, 0, &why);
	if (!s->h)
		differs("%s can't begin: %s", side_name[s->side],
			e2ee_reason_name(why));
	return s->h != NULL;
}

/* Whether a side did what it should on getting the vector's message. */
static bool did(const struct side *s, const char *what, struct e2ee_result r,
		enum e2ee_act want)
{
	const char *where;

	if (r.act == want)
		return true;
	e2ee_why(s->h, &where);
	differs("%s doesn't take %s: %s (%s)", side_name[s->side], what,
		e2ee_reason_name(r.reason), where);
	return false;
}

static const char *sdp_of(const struct octets *m)
{
	static char sdp[E2EE_ATTR_MAX + 32];

	strcpy(sdp, "v=0\r\na=e2ee:");
	e2ee_attr_encode(sdp + strlen(sdp), sizeof(sdp) - 13, m->p, m->n);
	return strcat(sdp, "\r\n");
}

static void expect_attribute(json_t *v, const char *key, const struct side *s)
{
	char value[E2EE_ATTR_MAX + 1];
	uint8_t got[E2EE_MSG_MAX];
	size_t n = e2ee_attribute(s->h, value, sizeof(value));

	if (e2ee_attr_decode(value, n, got, &n))
		n = 0;
	expect(v, key, "", got, n);
	if (n >= 32 + 2) /* C_I and C_R stand before an empty lv */
		expect(v, s->side == E2EE_I ? "C_I" : "C_R", "",
		       got + n - 2 - 32, 32);
}

/* Both sides, each fed with what the vector says the other one sent. */
static void drive(json_t *v, struct side *i, struct side *r)
{
	struct octets m[6];
	struct e2ee_result res;

	for (int k = 1; k <= 5; k++) {
		const char key[] = {'M', (char)('0' + k), 0};

		m[k] = get_hex(v, key);
	}
	expect_attribute(v, "M1", i);
	res = e2ee_sdp(r->h, sdp_of(&m[1]), strlen(sdp_of(&m[1])), 0);
	if (!did(r, "M1", res, E2EE_WAIT))
		return;
	e2ee_answer(r->h, 0);
	expect_attribute(v, "M2", r);
	res = e2ee_sdp(i->h, sdp_of(&m[2]), strlen(sdp_of(&m[2])), 0);
	if (!did(i, "M2", res, E2EE_SEND))
		return;
	expect(v, "M3", "", res.msg, res.len);
	res = e2ee_feed(r->h, m[3].p, m[3].n, 0);
	if (!did(r, "M3", res, E2EE_SEND))
		return;
	expect(v, "M4", "", res.msg, res.len);
	res = e2ee_feed(i->h, m[4].p, m[4].n, 0);
	if (!did(i, "M4", res, E2EE_SEND))
		return;
	expect(v, "M5", "", res.msg, res.len);
	did(r, "M5", e2ee_feed(r->h, m[5].p, m[5].n, 0), E2EE_LOCK);
	did(i, "R's media", e2ee_media_seen(i->h, 0), E2EE_LOCK);
}

/* What the state machine holds in the end. */
static void compare_end(json_t *v, const struct side *s,
			const struct side *peer)
{
	const char *name = side_name[s->side], *code = e2ee_code(s->h);
	const struct e2ee_media_list *l = e2ee_peer_media(s->h);
	json_t *keys = json_object_get(v, "base_keys");
	uint8_t key[E2EE_BASE_KEY];

	if (!code)
		return; /* it failed, and was told */
	if (strcmp(code, get_text(v, "code")))
		differs("code of %s differs: vector %s, ours %s", name,
			get_text(v, "code"), code);
	if (strcmp(e2ee_peer_aor(s->h), peer->aor))
		differs("%s takes its peer for %s", name, e2ee_peer_aor(s->h));
	if (memcmp(e2ee_peer_key(s->h), identity_key(peer->id), 32))
		differs("%s has another key of its peer", name);
	if (memcmp(l, &peer->media, sizeof(*l)))
		differs("%s has another media list of its peer", name);
	for (unsigned d = 0; d < 2; d++)
		for (unsigned k = 0; k < E2EE_KINDS; k++) {
			char path[32];

			snprintf(path, sizeof(path), "%s/%s/0", dir_name[d],
				 kind_name[k]);
			e2ee_key(s->h, d, k, key);
			expect(keys, path, name, key, sizeof(key));
		}
	if (json_object_size(keys) != 2 * E2EE_KINDS)
		differs("base_keys has %zu keys, not %d",
			json_object_size(keys), 2 * E2EE_KINDS);
}

/* The values between, by the functions that the state machine calls. */
static void compare_between(json_t *v, const struct side *i,
			    const struct side *r)
{
	uint8_t idb_i[E2EE_IDB_MAX], idb_r[E2EE_IDB_MAX], th[3][E2EE_TH];
	uint8_t dh[32], dh_r[32], prk[E2EE_PRK], ms[64];
	struct octets m1 = get_hex(v, "M1"), m2 = get_hex(v, "M2");
	struct e2ee_view vi = {idb_i, 0}, vr = {idb_r, 0};
	char code[E2EE_CODE];

	vi.n = e2ee_idb_write(idb_i, identity_key(i->id), i->aor, r->aor,
			      &i->media);
	vr.n = e2ee_idb_write(idb_r, identity_key(r->id), r->aor, i->aor,
			      &r->media);
	if (!e2ee_dh(dh, i->x_secret, r->x) ||
	    !e2ee_dh(dh_r, r->x_secret, i->x))
		differs("dh is refused");
	expect(v, "dh", "I", dh, 32);
	expect(v, "dh", "R", dh_r, 32);
	e2ee_th1(th[0], (struct e2ee_view){m1.p, m1.n},
		 (struct e2ee_view){m2.p, m2.n}, i->x, i->r);
	e2ee_th2(th[1], th[0], vi);
	e2ee_th3(th[2], th[1], r->r, vr);
	expect(v, "TH1", "", th[0], E2EE_TH);
	expect(v, "TH2", "", th[1], E2EE_TH);
	expect(v, "TH3", "", th[2], E2EE_TH);
	e2ee_prk(prk, th[0], dh);
	expect(v, "PRK", "", prk, sizeof(prk));
	e2ee_ms(ms, prk, th[2]);
	expect(v, "MS", "", ms, sizeof(ms));
	e2ee_code_make(code, prk, th[2]);
	if (strcmp(code, get_text(v, "code")))
		differs("code differs: vector %s, ours %s", get_text(v, "code"),
			code);
}

static void check(json_t *root)
{
	json_t *list = json_object_get(root, "vectors"), *v;
	size_t n;

	json_array_foreach (list, n, v) {
		struct side i = {0}, r = {0};

		case_begin("handshake %zu", n);
		side_read(&i, v, E2EE_I);
		side_read(&r, v, E2EE_R);
		compare_between(v, &i, &r);
		if (side_start(&i, &r) && side_start(&r, &i)) {
			drive(v, &i, &r);
			compare_end(v, &i, &r);
			compare_end(v, &r, &i);
		}
		e2ee_free(i.h);
		e2ee_free(r.h);
		identity_free(i.id);
		identity_free(r.id);
		case_end();
	}
}

int main(int argc, char **argv)
{
	return vectors_run(argc, argv, "tests/vectors/e2ee-handshake.json",
			   check);
}
