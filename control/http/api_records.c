/* SPDX-License-Identifier: Apache-2.0 */
/* Call detail records: searched, counted, as CSV; on a thread, since the whole
 * table may have to be read. */
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

struct search {
	struct later later; /* first: it is what the thread is given */
	struct store *store;
	struct store_cdr_query q;
	char text[HTTP_ARG_MAX];
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

static bool query(const struct request *rq, struct search *x, struct reply *rp)
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
	if (!query(rq, x, rp) || !http_later(rq, LATER_SEARCH, &x->later, rp))
		search_free(x);
}

/* @return whether there is anything to answer with, and anybody to answer */
static bool went_well(const struct search *x, const struct request *rq,
		      struct reply *rp)
{
	if (rq && x->err)
		reply_error(rp, 500, "database",
			    "The records can't be read; see the log");
	return rq && !x->err;
}

static void finish_text(struct later *l, const struct request *rq,
			struct reply *rp, const char *type)
{
	struct search *x = (struct search *)l;

	if (went_well(x, rq, rp)) {
		rp->status = 200;
		rp->type = type;
		rp->text = x->out; /* the server's now */
		x->out = NULL;
	}
	search_free(x);
}

/* What was written is all there, with a NUL behind it. */
static void done(struct search *x)
{
	if (fclose(x->f) != 0)
		x->err = ENOMEM;
	x->f = NULL;
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
	x->err = store_cdr_find(x->store, &x->q, list_one, x);
	fputc(']', x->f);
	done(x);
}

static void listed(struct later *l, const struct request *rq, struct reply *rp)
{
	finish_text(l, rq, rp, "application/json");
}

void api_records(const struct request *rq, struct reply *rp)
{
	begin(rq, rp, list, listed);
}

/* ---------------------------------------------------- GET /records/count */

static void count(struct later *l)
{
	struct search *x = (struct search *)l;

	x->err = store_cdr_count(x->store, &x->q, &x->found, &x->kept);
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

static void csv_one(int64_t seq, const char *json, void *arg)
{
	struct search *x = arg;
	json_t *record = json_loads(json, 0, NULL);

	(void)seq;
	if (record)
		csv_record(x->f, record);
	json_decref(record);
}

static void csv(struct later *l)
{
	struct search *x = (struct search *)l;

	csv_head(x->f);
	x->err = store_cdr_find(x->store, &x->q, csv_one, x);
	done(x);
}

static void csv_done(struct later *l, const struct request *rq,
		     struct reply *rp)
{
	finish_text(l, rq, rp, "text/csv; charset=utf-8");
}

void api_records_csv(const struct request *rq, struct reply *rp)
{
	struct request all = *rq;

	if (!request_query(rq, "max"))
		all.max = STORE_CDR_KEEP;
	begin(&all, rp, csv, csv_done);
}
