/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/media/loop.h"
#include "tests/media/talk.h"

static unsigned ups, events;

static void on_up(bool fresh, void *arg)
{
	(void)fresh;
	(void)arg;
	ups++;
}

static void on_event(const struct sp_event *e, void *arg)
{
	(void)e;
	(void)arg;
	events++;
}

static bool is_up(void *arg)
{
	return ups && dp_connected(((struct talk *)arg)->dp);
}

static bool has_event(void *arg)
{
	(void)arg;
	return events > 0;
}

void talk_up(struct talk *t)
{
	assert_true(loop_until(is_up, t, 3000));
	ups = 0;
}

void talk_event(struct talk *t, const struct sp_event *e)
{
	events = 0;
	fake_event(t->fake, e);
	assert_true(loop_until(has_event, t, 1000));
}

int talk_set_up(void **state)
{
	static const struct media_leg_addr where[2] = {
		{{4, 24, 5060, {10, 1, 0, 1}}, {4, 32, 5060, {10, 1, 0, 9}}},
		{{4, 24, 5060, {10, 2, 0, 1}}, {4, 32, 5060, {10, 2, 0, 9}}},
	};
	struct talk *t = calloc(1, sizeof(*t));

	*state = t;
	ups = 0;
	memcpy(t->addr, where, sizeof(where));
	t->fake = fake_start(NULL);
	assert_int_equal(
		dp_alloc(&t->dp, fake_path(t->fake), on_event, on_up, t), 0);
	dp_ready(t->dp);
	talk_up(t);
	return 0;
}

int talk_tear_down(void **state)
{
	struct talk *t = *state;
	struct sp_transport left[FAKE_MAX];
	bool gone;

	media_free(t->m);
	gone = fake_transports(t->fake, left) == 0;
	dp_free(t->dp);
	fake_stop(t->fake);
	free(t);
	return gone ? 0 : -1; /* a call that ends leaves nothing behind */
}

void talk_call_suites(struct talk *t, enum media_security a,
		      const uint16_t suites_a[8], enum media_security b,
		      const uint16_t suites_b[8])
{
	struct media_profile p[2] = {{.security = a}, {.security = b}};

	if (suites_a)
		memcpy(p[0].suites, suites_a, sizeof(p[0].suites));
	if (suites_b)
		memcpy(p[1].suites, suites_b, sizeof(p[1].suites));
	media_free(t->m);
	t->m = media_new(t->dp, 7, t->addr, p);
	assert_non_null(t->m);
}

void talk_call(struct talk *t, enum media_security a, enum media_security b)
{
	talk_call_suites(t, a, NULL, b, NULL);
}

/* Copy, with what is random replaced. */
static void normalise(const char *in, char *out)
{
	while (*in) {
		size_t n = strcspn(in, "\n") + 1;
		char line[4096], *p;

		assert_true(n < sizeof(line));
		memcpy(line, in, n);
		line[n] = '\0';
		in += n;
		assert_memory_equal(line + n - 2, "\r\n", 2);
		line[n - 2] = '\n';
		line[n - 1] = '\0';
		if (strncmp(line, "o=sallyport ", 12) == 0) {
			p = strchr(line + 12, ' ');
			out += sprintf(out, "o=sallyport ID%s", p);
		} else if (strncmp(line, "m=", 2) == 0) {
			p = strchr(line, ' ');
			*p++ = '\0';
			if (isdigit((unsigned char)*p) && *p != '0') {
				p = strchr(p, ' ');
				out += sprintf(out, "%s PORT%s", line, p);
			} else {
				out += sprintf(out, "%s %s", line, p);
			}
		} else if ((p = strstr(line, "inline:"))) {
			out += sprintf(out, "%.*sKEY\n", (int)(p + 7 - line),
				       line);
		} else {
			out += sprintf(out, "%s", line);
		}
	}
	*out = '\0';
}

static const char *took(struct talk *t, int err, char *out)
{
	if (err)
		print_error("%d: %s\n", t->why.status, t->why.text);
	assert_int_equal(err, 0);
	assert_non_null(out);
	assert_true(strlen(out) < sizeof(t->raw));
	strcpy(t->raw, out);
	normalise(out, t->text);
	free(out);
	return t->text;
}

static void refused(struct talk *t, int err, const char *out, int status,
		    const char *words)
{
	assert_int_equal(err, -1);
	assert_null(out);
	if (t->why.status != status || !strstr(t->why.text, words))
		print_error("%d: %s\n", t->why.status, t->why.text);
	assert_int_equal(t->why.status, status);
	assert_non_null(strstr(t->why.text, words));
	assert_null(strstr(t->why.text, "inline:")); /* nothing leaks */
}

const char *talk_offer(struct talk *t, enum leg from, const char *sdp)
{
	char *out;
	int err = media_offer(t->m, from, sdp, strlen(sdp), &out, &t->why);

	return took(t, err, out);
}

const char *talk_answer(struct talk *t, enum leg from, const char *sdp)
{
	char *out;
	int err = media_answer(t->m, from, sdp, strlen(sdp), &out, &t->why);

	return took(t, err, out);
}

void talk_offer_refused(struct talk *t, enum leg from, const char *sdp,
			int status, const char *words)
{
	char *out;
	int err = media_offer(t->m, from, sdp, strlen(sdp), &out, &t->why);

	refused(t, err, out, status, words);
}

void talk_answer_refused(struct talk *t, enum leg from, const char *sdp,
			 int status, const char *words)
{
	char *out;
	int err = media_answer(t->m, from, sdp, strlen(sdp), &out, &t->why);

	refused(t, err, out, status, words);
}

const char *talk_line(struct talk *t, const char *start, unsigned nth)
{
	static char line[4096];
	const char *p = t->raw;

	for (; *p; p += strcspn(p, "\n") + 1) {
		if (strncmp(p, start, strlen(start)) != 0 || nth-- > 0)
			continue;
		snprintf(line, sizeof(line), "%.*s",
			 (int)(strcspn(p, "\r") - strlen(start)),
			 p + strlen(start));
		return line;
	}
	fail_msg("no line %s...", start);
	return NULL;
}

void talk_key(struct talk *t, unsigned nth, char out[128])
{
	snprintf(out, 128, "%s",
		 strstr(talk_line(t, "a=crypto:", nth), "inline:"));
}

/* ------------------------------------------------------------------ flows */

static int addr_print(char *out, const struct sp_addr *a)
{
	if (a->family == 4)
		return sprintf(out, "%u.%u.%u.%u/%u:%u", a->addr[0], a->addr[1],
			       a->addr[2], a->addr[3], a->prefix, a->port);
	return sprintf(out, "IPv%u:%u", a->family, a->port);
}

static const char *suite(uint16_t id)
{
	return id ? sp_suite_info(id)->name : "plain";
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

const char *talk_flows(struct talk *t)
{
	static struct sp_transport tr[FAKE_MAX];
	static struct sp_stream st[FAKE_MAX];
	static char lines[64][256], all[sizeof(lines)];
	unsigned n = fake_transports(t->fake, tr), m;
	char *p = all;

	assert_true(n <= 16);
	for (unsigned i = 0; i < n; i++) {
		char *o = lines[i];

		assert_int_equal(tr[i].call, 7);
		assert_int_equal(tr[i].source, SP_SOURCE_LEARN);
		o += sprintf(o, "%c dscp %u peer ", 'A' + tr[i].media_addr,
			     tr[i].dscp);
		o += addr_print(o, &tr[i].peer_rtp);
		o += sprintf(o, tr[i].flags & SP_TRANSPORT_RTCP_MUX ? " mux "
								    : " rtcp ");
		o += addr_print(o, &tr[i].peer_rtcp);
		sprintf(o, " rx %s tx %s\n", suite(tr[i].rx.suite),
			suite(tr[i].tx.suite));
	}
	m = fake_streams(t->fake, st);
	for (unsigned i = 0; i < m; i++) {
		struct sp_transport from, to;

		assert_true(fake_transport(t->fake, st[i].from, &from));
		assert_true(fake_transport(t->fake, st[i].to, &to));
		sprintf(lines[n++], "%c>%c clock %u%s\n", 'A' + from.media_addr,
			'A' + to.media_addr, st[i].clock,
			st[i].blocked ? " blocked" : "");
	}
	qsort(lines, n, sizeof(lines[0]), by_text);
	*p = '\0';
	for (unsigned i = 0; i < n; i++)
		p += sprintf(p, "%s", lines[i]);
	return all;
}

struct sp_transport talk_transport(struct talk *t, enum leg l)
{
	static struct sp_transport tr[FAKE_MAX];
	unsigned n = fake_transports(t->fake, tr);

	for (unsigned i = 0; i < n; i++)
		if (tr[i].media_addr == (int)l)
			return tr[i];
	fail_msg("no transport on leg %d", l);
	return tr[0];
}

struct sp_stream talk_stream(struct talk *t, enum leg from)
{
	struct sp_transport tr = talk_transport(t, from);
	static struct sp_stream st[FAKE_MAX];
	unsigned n = fake_streams(t->fake, st);

	for (unsigned i = 0; i < n; i++)
		if (st[i].from == tr.id)
			return st[i];
	fail_msg("no stream from leg %d", from);
	return st[0];
}
