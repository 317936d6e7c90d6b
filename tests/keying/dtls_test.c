/* SPDX-License-Identifier: Apache-2.0 */
/* An association of the gateway against OpenSSL's own client and server over
 * UDP: keys on both ends are the same, and none come where anything is wrong. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "control/keying/dtls.h"
#include "control/keying/identity.h"
#include "control/libre.h"
#include "tests/keying/peer.h"
#include "tests/media/loop.h"

#define ALL                                                           \
	"SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_" \
	"SHA1_80:SRTP_AES128_CM_SHA1_32"

static const uint16_t best_first[8] = {SP_SUITE_AEAD_AES_256_GCM,
				       SP_SUITE_AEAD_AES_128_GCM,
				       SP_SUITE_AES_CM_128_HMAC_SHA1_80};

/* One of our associations, whose media port is a UDP socket. */
struct end {
	struct assoc *d;
	int fd;
	uint16_t port;
	bool trusted, deaf;
	unsigned keys, failed, closed, sent, heard;
	const char *why;
	uint8_t last[1500];
	size_t last_len;
};

static void on_send(const struct sp_addr *to, const void *p, size_t n,
		    void *arg)
{
	struct end *e = arg;
	struct sockaddr_in there = {.sin_family = AF_INET,
				    .sin_port = htons(to->port)};

	assert_true(n <= DTLS_MTU);
	memcpy(&there.sin_addr, to->addr, 4);
	e->sent++;
	memcpy(e->last, p, n);
	e->last_len = n;
	sendto(e->fd, p, n, 0, (struct sockaddr *)&there, sizeof(there));
}

static void on_event(enum assoc_event ev, const char *why, void *arg)
{
	struct end *e = arg;

	e->keys += ev == DTLS_KEYS;
	e->failed += ev == DTLS_FAILED;
	e->closed += ev == DTLS_CLOSED;
	e->why = why;
}

static struct sp_addr local(uint16_t port)
{
	return (struct sp_addr){.family = 4,
				.prefix = 32,
				.port = port,
				.addr = {127, 0, 0, 1}};
}

static void on_datagram(int flags, void *arg)
{
	struct end *e = arg;
	uint8_t octets[2048];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct sp_addr a;
	ssize_t n = recvfrom(e->fd, octets, sizeof(octets), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);

	(void)flags;
	if (n <= 0 || e->deaf)
		return;
	e->heard++;
	a = local(ntohs(from.sin_port));
	assoc_recv(e->d, &a, octets, (size_t)n, e->trusted);
}

static void end_open(struct end *e, const uint16_t suites[8])
{
	const struct assoc_handlers h = {on_send, on_event, e};
	struct identity *id = identity_get(time(NULL));
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(here);

	memset(e, 0, sizeof(*e));
	e->d = assoc_new(id, suites, &h);
	identity_drop(&id);
	assert_non_null(e->d);
	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(e->fd, (struct sockaddr *)&here, n), 0);
	getsockname(e->fd, (struct sockaddr *)&here, &n);
	e->port = ntohs(here.sin_port);
	assert_int_equal(fd_listen(e->fd, FD_READ, on_datagram, e), 0);
}

static void end_close(struct end *e)
{
	assoc_free(e->d);
	fd_close(e->fd);
	close(e->fd);
}

static bool has_keys(void *arg)
{
	return ((struct end *)arg)->keys > 0;
}

static bool has_failed(void *arg)
{
	return ((struct end *)arg)->failed > 0;
}

static bool has_closed(void *arg)
{
	return ((struct end *)arg)->closed > 0;
}

static bool is_done(void *arg)
{
	return peer_done(arg);
}

static void expect(struct end *e, struct peer *p, const char *hash)
{
	const char *text = peer_fingerprint(p, hash);
	struct fingerprint fp;

	assert_int_equal(fingerprint_parse(text, strlen(text), &fp),
			 FINGERPRINT_OK);
	assoc_expect(e->d, &fp, 1);
}

/* Our keys against the octets that the peer exported. */
static void same_keys(const struct end *e, const struct peer *p, bool client)
{
	const struct hopkey *rx = assoc_rx(e->d), *tx = assoc_tx(e->d);
	const struct sp_suite_info *s = sp_suite_info(rx->sdes.suite);
	const struct hopkey *of_client = client ? rx : tx;
	const struct hopkey *of_server = client ? tx : rx;
	const uint8_t *m = peer_material(p);

	assert_int_equal(rx->sdes.suite, tx->sdes.suite);
	assert_int_not_equal(rx->id, tx->id);
	assert_memory_equal(of_client->sdes.key, m, s->key_len);
	assert_memory_equal(of_server->sdes.key, m + s->key_len, s->key_len);
	m += 2 * s->key_len;
	assert_memory_equal(of_client->sdes.salt, m, s->salt_len);
	assert_memory_equal(of_server->sdes.salt, m + s->salt_len, s->salt_len);
}

static void shakes(void **state)
{
	static const struct {
		bool client; /* the peer is */
		const char *srtp, *hash;
		bool rsa, trusted;
		const char *profile;
	} cases[] = {
		{true, ALL, "SHA256", false, false, "SRTP_AEAD_AES_256_GCM"},
		{true, ALL, "SHA384", false, true, "SRTP_AEAD_AES_256_GCM"},
		{true, "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80",
		 "SHA512", true, false, "SRTP_AES128_CM_SHA1_80"},
		{true, "SRTP_AEAD_AES_128_GCM", "SHA256", false, false,
		 "SRTP_AEAD_AES_128_GCM"},
		{false, "SRTP_AES128_CM_SHA1_80", "SHA256", false, false,
		 "SRTP_AES128_CM_SHA1_80"},
		{false, ALL, "SHA256", true, true, "SRTP_AEAD_AES_256_GCM"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_options o = {.client = cases[i].client,
					 .srtp = cases[i].srtp,
					 .rsa = cases[i].rsa};
		struct peer *p = peer_new(&o);
		struct sp_addr there = local(peer_port(p));
		struct end e = {0};

		end_open(&e, best_first);
		e.trusted = cases[i].trusted;
		expect(&e, p, cases[i].hash);
		assert_null(assoc_rx(e.d));
		if (cases[i].client)
			assoc_start(e.d, DTLS_PASSIVE, NULL);
		peer_start(p, e.port);
		if (!cases[i].client)
			assoc_start(e.d, DTLS_ACTIVE, &there);
		assert_true(loop_until(has_keys, &e, 3000));
		assert_true(peer_join(p));
		assert_string_equal(peer_profile(p), cases[i].profile);
		same_keys(&e, p, cases[i].client);
		assert_int_equal(assoc_peer(e.d)->port, there.port);
		assert_int_equal(e.failed, 0);
		peer_close(p);
		assert_true(loop_until(has_closed, &e, 1000));
		end_close(&e);
		peer_free(p);
	}
}

/* Keys come only when the SDP's fingerprint does, and is right. */
static void waits_for_fingerprint(void **state)
{
	struct peer_options o = {.client = true, .srtp = ALL};

	(void)state;
	for (int right = 0; right < 2; right++) {
		struct peer *p = peer_new(&o), *other = peer_new(&o);
		struct end e = {0};

		end_open(&e, best_first);
		assoc_start(e.d, DTLS_PASSIVE, NULL);
		peer_start(p, e.port);
		assert_true(loop_until(is_done, p, 3000));
		assert_true(peer_join(p));
		assert_null(assoc_rx(e.d));
		assert_int_equal(e.keys, 0);
		expect(&e, right ? p : other, "SHA256");
		assert_int_equal(e.keys, right);
		assert_int_equal(e.failed, !right);
		assert_true((assoc_tx(e.d) != NULL) == right);
		end_close(&e);
		peer_free(p);
		peer_free(other);
	}
}

static void refuses(void **state)
{
	static const struct {
		struct peer_options o;
		bool wrong; /* another's fingerprint is in the SDP */
		const char *why;
	} cases[] = {
		{{.client = true, .srtp = ALL}, true, "certificate"},
		{{.client = false, .srtp = ALL}, true, "certificate"},
		{{.client = true, .srtp = NULL}, false, "protection profile"},
		{{.client = true, .srtp = "SRTP_AES128_CM_SHA1_32"},
		 false,
		 "protection profile"},
		{{.client = true, .srtp = ALL, .no_certificate = true},
		 false,
		 "handshake failed"},
		{{.client = true,
		  .srtp = ALL,
		  .version = DTLS1_VERSION,
		  .ciphers = "ALL:@SECLEVEL=0"},
		 false,
		 "handshake failed"},
		{{.client = true,
		  .srtp = ALL,
		  .ciphers = "AES128-GCM-SHA256:AES256-SHA"},
		 false,
		 "handshake failed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_new(&cases[i].o);
		struct peer *other = peer_new(&cases[i].o);
		struct sp_addr there = local(peer_port(p));
		struct end e = {0};

		end_open(&e, best_first);
		e.trusted = true; /* DTLSv1_listen would drop some unheard */
		expect(&e, cases[i].wrong ? other : p, "SHA256");
		if (cases[i].o.client)
			assoc_start(e.d, DTLS_PASSIVE, NULL);
		peer_start(p, e.port);
		if (!cases[i].o.client)
			assoc_start(e.d, DTLS_ACTIVE, &there);
		if (!loop_until(has_failed, &e, 3000))
			fail_msg("case %zu went on", i);
		if (!strstr(e.why, cases[i].why))
			fail_msg("case %zu: %s", i, e.why);
		assert_int_equal(e.keys, 0);
		assert_null(assoc_rx(e.d));
		end_close(&e);
		peer_free(p);
		peer_free(other);
	}
}

/* A stranger in the middle of a handshake, and one before it. */
static void keeps_to_its_peer(void **state)
{
	struct peer_options o = {.client = true, .srtp = ALL};
	struct peer *p = peer_new(&o);
	struct sp_addr stranger = local(9);
	uint8_t hello[1500];
	size_t n;
	struct end e = {0}, spoofed = {0};

	(void)state;
	end_open(&e, best_first);
	end_open(&spoofed, best_first);
	expect(&e, p, "SHA256");
	assoc_start(e.d, DTLS_PASSIVE, NULL);
	/* somebody else's client hello, over and over, from a thousand places:
	 * each is answered with a cookie, no longer than it was, and none is
	 * remembered */
	assoc_start(spoofed.d, DTLS_ACTIVE, &stranger);
	n = spoofed.last_len;
	memcpy(hello, spoofed.last, n);
	for (unsigned i = 0; i < 1000; i++) {
		stranger.port = (uint16_t)(10000 + i);
		assoc_recv(e.d, &stranger, hello, n, false);
		assert_int_equal(e.sent, i + 1);
		assert_true(e.last_len <= n);
		assert_int_equal(assoc_peer(e.d)->family, 0);
	}
	peer_start(p, e.port);
	assert_true(loop_until(has_keys, &e, 3000));
	assert_true(peer_join(p));
	same_keys(&e, p, true);
	/* and afterwards */
	e.sent = 0;
	assoc_recv(e.d, &stranger, hello, n, false);
	assoc_recv(e.d, &stranger, (const uint8_t *)"\x15\xfe\xfd garbage", 11,
		   false);
	assert_int_equal(e.sent, 0);
	assert_int_equal(e.failed + e.closed, 0);
	assert_int_equal(assoc_peer(e.d)->port, peer_port(p));
	end_close(&spoofed);
	end_close(&e);
	peer_free(p);
}

static bool sent_twice(void *arg)
{
	return ((struct end *)arg)->sent >= 2;
}

/* What is lost is sent again, by timers of ours. */
static void retransmits(void **state)
{
	struct peer_options o = {.client = false, .srtp = ALL};
	struct peer *p = peer_new(&o);
	struct sp_addr there = local(peer_port(p));
	struct end e = {0};

	(void)state;
	end_open(&e, best_first);
	expect(&e, p, "SHA256");
	assoc_start(e.d, DTLS_ACTIVE, &there); /* nobody reads yet */
	assert_true(loop_until(sent_twice, &e, 3000));
	e.deaf = true; /* the first answer is lost as well */
	peer_start(p, e.port);
	loop_for(100);
	e.deaf = false;
	assert_true(loop_until(has_keys, &e, 5000));
	assert_true(peer_join(p));
	same_keys(&e, p, false);
	end_close(&e);
	peer_free(p);
}

static void certificate_turns(void **state)
{
	int64_t day = time(NULL) + 10 * IDENTITY_LIFE_S;
	struct identity *a = identity_get(day), *b, *c;

	(void)state;
	b = identity_get(day + IDENTITY_LIFE_S - 1);
	c = identity_get(day + IDENTITY_LIFE_S);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_false(fingerprint_same(&a->fingerprint, &c->fingerprint));
	identity_drop(&a);
	identity_drop(&b);
	identity_drop(&c);
	identity_forget();
}

static int set_up(void **state)
{
	(void)state;
	loop_init();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_forget();
	loop_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shakes),
		cmocka_unit_test(waits_for_fingerprint),
		cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_to_its_peer),
		cmocka_unit_test(retransmits),
		cmocka_unit_test(certificate_turns),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
