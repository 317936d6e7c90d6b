/* SPDX-License-Identifier: Apache-2.0 */
/* Call detail records: searched, counted, as CSV; on a thread, since the whole
 * table may have to be read. The CSV of all of them is made in pieces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/http/csv.h"
#include "control/http/impl.h"
#include "control/store/store.h"

static const char *const kinds[] = {
	[CDR_ANY] = "any",
	[CDR_ANSWERED] = "answered",
	[CDR_UNANSWERED] = "unanswered",
	[CDR_E2EE] = "e2ee",
	[CDR_RECORDED] = "recorded",
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

#define PIECE 500 /* records of CSV that are in memory at once */
#define SORRY "The records can't be read; see the log"

struct asked {
	struct store_cdr_query q;
	char text[HTTP_ARG_MAX]; /* q's */
};

struct search {
	struct later later; /* first: it is what the thread is given */
	struct store *store;
	struct asked asked;
	FILE *f; /* into out, of len octets */
	char *out;
	size_t len, n; /* n: records so far */
	int64_t found, kept;
	int err;
};

/* --------------------------------------------------------- what is asked */

static bool kind(const struct request *rq, enum store_cdr_kind *out)
{
	const char *text = request_query(rq, "kind");

	for (unsigned i = 0; i < KINDS; i++) {
		if (strcmp(text ? text : kinds[CDR_ANY], kinds[i]))
			continue;
		*out = (enum store_cdr_kind)i;
		return true;
	}
	return false;
}

static bool query(const struct request *rq, struct asked *x, struct reply *rp)
{
	const char *text = request_query(rq, "text");

	x->q = (struct store_cdr_query){
		.text = x->text,
		.until = INT64_MAX,
		.before = INT64_MAX,
		.max = rq->max,
	};
	if (request_number(rq, "from", &x->q.from) &&
	    request_number(rq, "until", &x->q.until) &&
	    request_number(rq, "before", &x->q.before) &&
	    kind(rq, &x->q.kind) &&
	    strlen(text ? text : "") < sizeof(x->text)) {
		strcpy(x->text, text ? text : "");
		return true;
	}
	reply_error(rp, 400, "bad-query",
		    "from and until are UNIX seconds, before a number, kind is "
		    "any, answered, unanswered, e2ee or recorded, text has %zu "
		    "octets at most",
		    sizeof(x->text) - 1);
	return false;
}

static void search_free(struct search *x)
{
	if (x->f)
		fclose(x->f);
	free(x->out);
	free(x);
}

static void begin(const struct request *rq, struct reply *rp,
		  void (*work)(struct later *l),
		  void (*finish)(struct later *l, const struct request *rq,
				 struct reply *rp))
{
	struct search *x = calloc(1, sizeof(*x));

	if (x)
		x->f = open_memstream(&x->out, &x->len);
	if (!x || !x->f) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		free(x);
		return;
	}
	x->store = rq->ctx->store;
	x->later.work = work;
	x->later.finish = finish;
	if (!query(rq, &x->asked, rp) ||
	    !http_later(rq, LATER_SEARCH, &x->later, rp))
		search_free(x);
}

/* @return whether there is anything to answer with, and anybody to answer */
static bool went_well(const struct search *x, const struct request *rq,
		      struct reply *rp)
{
	if (rq && x->err)
		reply_error(rp, 500, "database", SORRY);
	return rq && !x->err;
}

/* ---------------------------------------------------------- GET /records */

/* "{...}" as it is kept, with its number put in front of the rest. */
static void list_one(int64_t seq, const char *json, void *arg)
{
	struct search *x = arg;

	fprintf(x->f, "%s{\"seq\":%lld,%s", x->n++ ? "," : "", (long long)seq,
		json + 1);
}

static void list(struct later *l)
{
	struct search *x = (struct search *)l;

	fputc('[', x->f);
	x->err = store_cdr_find(x->store, &x->asked.q, list_one, x);
	fputc(']', x->f);
	if (fclose(x->f) != 0) /* all of it is there, with a NUL behind it */
		x->err = ENOMEM;
	x->f = NULL;
}

static void listed(struct later *l, const struct request *rq, struct reply *rp)
{
	struct search *x = (struct search *)l;

	if (went_well(x, rq, rp)) {
		rp->status = 200;
		rp->type = "application/json";
		rp->text = x->out; /* the server's now */
		x->out = NULL;
	}
	search_free(x);
}

void api_records(const struct request *rq, struct reply *rp)
{
	begin(rq, rp, list, listed);
}

/* ---------------------------------------------------- GET /records/count */

static void count(struct later *l)
{
	struct search *x = (struct search *)l;

	x->err = store_cdr_count(x->store, &x->asked.q, &x->found, &x->kept);
}

static void counted(struct later *l, const struct request *rq, struct reply *rp)
{
	struct search *x = (struct search *)l;

	if (went_well(x, rq, rp))
		reply_ok(rp,
			 json_pack("{s:I, s:I}", "found", (json_int_t)x->found,
				   "kept", (json_int_t)x->kept));
	search_free(x);
}

void api_records_count(const struct request *rq, struct reply *rp)
{
	begin(rq, rp, count, counted);
}

/* ------------------------------------------------------ GET /records.csv */

struct csv {
	struct pages pages; /* first: it is what the server is given */
	struct store *store;
	struct asked asked;
	bool begun;
	unsigned left, n; /* records at most; of them in this piece */
	FILE *f;
};

static void csv_one(int64_t seq, const char *json, void *arg)
{
	struct csv *x = arg;
	json_t *record = json_loads(json, 0, NULL);

	x->asked.q.before = seq;
	x->n++;
	if (record)
		csv_record(x->f, record);
	json_decref(record);
}

static int csv_write(struct pages *p, FILE *f)
{
	struct csv *x = (struct csv *)p;
	struct store_cdr_query *q = &x->asked.q;
	int err;

	if (!x->begun)
		csv_head(f);
	x->begun = true;
	x->f = f;
	x->n = 0;
	q->max = x->left < PIECE ? x->left : PIECE;
	err = store_cdr_find(x->store, q, csv_one, x);
	x->left -= x->n;
	p->last = x->n < q->max || !x->left;
	return err;
}

static void csv_free(struct pages *p)
{
	free(p);
}

void api_records_csv(const struct request *rq, struct reply *rp)
{
	struct csv *x = calloc(1, sizeof(*x));

	if (!x) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	x->pages.write = csv_write;
	x->pages.free = csv_free;
	x->pages.type = "text/csv; charset=utf-8";
	x->pages.sorry = SORRY;
	x->store = rq->ctx->store;
	x->left = request_query(rq, "max") ? rq->max : STORE_CDR_KEEP;
	if (!query(rq, &x->asked, rp) ||
	    !http_pages(rq, LATER_SEARCH, &x->pages, rp))
		free(x);
}
