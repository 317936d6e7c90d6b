/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/csv.h"
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX 16 /* different codecs or suites of a call, at most */

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static void put(FILE *f, const char *value)
{
	bool formula = value[0] && strchr("=+-@\t\r", value[0]);

	if (!formula && !strpbrk(value, "\",\r\n")) {
		fputs(value, f);
		return;
	}
	fputc('"', f);
	if (formula)
		fputc('\'', f);
	for (; *value; value++) {
		if (*value == '"')
			fputc('"', f);
		fputc(*value, f);
	}
	fputc('"', f);
}

/* -------------------------------------------------------- of all its media */

/* f for each medium that is active. */
static void each(const json_t *record,
		 void (*f)(const json_t *medium, void *arg), void *arg)
{
	json_t *m;
	size_t i;

	json_array_foreach (json_object_get(record, "media"), i, m)
		if (json_is_true(json_object_get(m, "active")))
			f(m, arg);
}

struct words {
	size_t leg;
	unsigned n;
	const char *word[WORDS_MAX];
};

static void add(struct words *w, const char *word)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->word[i], word) == 0)
			return;
	if (w->n < WORDS_MAX)
		w->word[w->n++] = word;
}

static void codecs_of(const json_t *m, void *arg)
{
	const json_t *leg = json_array_get(json_object_get(m, "legs"),
					   ((struct words *)arg)->leg);

	add(arg, text(leg, "codec"));
}

static void suites_of(const json_t *m, void *arg)
{
	const json_t *leg = json_array_get(json_object_get(m, "legs"),
					   ((struct words *)arg)->leg);

	add(arg, text(leg, "suite_rx"));
	add(arg, text(leg, "suite_tx"));
}

static void words(FILE *f, const json_t *record, size_t leg,
		  void (*of)(const json_t *medium, void *arg))
{
	struct words w = {.leg = leg};
	char out[512] = "";
	size_t n = 0;

	each(record, of, &w);
	for (unsigned i = 0; i < w.n && n < sizeof(out); i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s",
				      i ? " / " : "", w.word[i]);
	put(f, out); /* a codec's name is the phone's */
}

struct legs {
	unsigned all, safe;
};

static void legs_of(const json_t *m, void *arg)
{
	struct legs *l = arg;
	const json_t *leg;
	size_t i;

	json_array_foreach (json_object_get(m, "legs"), i, leg) {
		l->all++;
		l->safe += strcmp(text(leg, "suite_rx"), "plain") != 0 &&
			   strcmp(text(leg, "suite_tx"), "plain") != 0;
	}
}

/* In the console's words. */
static const char *protection(const json_t *record)
{
	struct legs l = {0, 0};

	if (json_is_true(json_object_get(record, "e2ee")))
		return "End-to-end encrypted";
	each(record, legs_of, &l);
	if (!l.safe)
		return "Not encrypted";
	return l.safe == l.all ? "Encrypted hop by hop"
			       : "Encrypted on one leg";
}

struct quality {
	double mos, jitter, lost, packets; /* mos: 0 where unknown */
	unsigned streams;
};

static void quality_of(const json_t *m, void *arg)
{
	struct quality *q = arg;
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(m, "streams"), i, s) {
		double mos = json_number_value(json_object_get(s, "mos"));
		double jitter =
			json_number_value(json_object_get(s, "jitter_ms"));

		if (mos > 0 && (q->mos <= 0 || mos < q->mos))
			q->mos = mos;
		if (jitter > q->jitter)
			q->jitter = jitter;
		q->lost += json_number_value(json_object_get(s, "lost"));
		q->packets +=
			json_number_value(json_object_get(s, "packets_in"));
		q->streams++;
	}
}

/* ---------------------------------------------------------------- columns */

static void time_put(FILE *f, const json_t *r, const char *key)
{
	time_t at = (time_t)json_integer_value(json_object_get(r, key));
	char out[32];
	struct tm tm;

	if (!at || !gmtime_r(&at, &tm))
		return;
	strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fputs(out, f);
}

static void integer_put(FILE *f, const json_t *r, const char *key)
{
	const json_t *j = json_object_get(r, key);

	if (json_is_integer(j))
		fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
}

static void text_put(FILE *f, const json_t *r, const char *key)
{
	put(f, text(r, key));
}

static void protection_put(FILE *f, const json_t *r, const char *key)
{
	(void)key;
	put(f, protection(r));
}

static void caller_codecs(FILE *f, const json_t *r, const char *key)
{
	(void)key;
	words(f, r, 0, codecs_of);
}

static void callee_codecs(FILE *f, const json_t *r, const char *key)
{
	(void)key;
	words(f, r, 1, codecs_of);
}

static void caller_suites(FILE *f, const json_t *r, const char *key)
{
	(void)key;
	words(f, r, 0, suites_of);
}

static void callee_suites(FILE *f, const json_t *r, const char *key)
{
	(void)key;
	words(f, r, 1, suites_of);
}

static void quality_put(FILE *f, const json_t *r, const char *key)
{
	struct quality q = {0};
	double all;

	(void)key;
	each(r, quality_of, &q);
	all = q.lost + q.packets;
	if (q.mos > 0)
		fprintf(f, "%.2f", q.mos);
	fputc(',', f);
	if (q.streams)
		fprintf(f, "%.3f", q.jitter);
	fputc(',', f);
	if (all > 0)
		fprintf(f, "%.3f", 100 * q.lost / all);
}

static const struct column {
	const char *head, *key;
	void (*put)(FILE *f, const json_t *record, const char *key);
} columns[] = {
	{"id", "id", integer_put},
	{"from", "from", text_put},
	{"to", "to", text_put},
	{"started", "started", time_put},
	{"answered", "answered", time_put},
	{"ended", "ended", time_put},
	{"seconds", "seconds", integer_put},
	{"status", "status", integer_put},
	{"ended_by", "ended_by", text_put},
	{"reason", "reason", text_put},
	{"protection", NULL, protection_put},
	{"caller_codecs", NULL, caller_codecs},
	{"callee_codecs", NULL, callee_codecs},
	{"caller_suites", NULL, caller_suites},
	{"callee_suites", NULL, callee_suites},
	{"mos,jitter_ms,loss_percent", NULL, quality_put},
	{"trunk", "trunk", text_put},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

void csv_head(FILE *f)
{
	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(f, "%s%s", i ? "," : "", columns[i].head);
	fputs("\r\n", f);
}

void csv_record(FILE *f, const json_t *record)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		if (i)
			fputc(',', f);
		columns[i].put(f, record, columns[i].key);
	}
	fputs("\r\n", f);
}
