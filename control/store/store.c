/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/store.c - opening, migrating, and the writing worker. */
#include "control/store/impl.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/log.h"

/* A queue as long as this means a disk that has stopped: then wait for it
 * rather than grow without end. */
#define QUEUE_MAX 65536

static const char *const statements[STMT_MAX] = {
	[USER_ADD] = "INSERT INTO user (name, ha1, display, security, suites)"
		     " VALUES (?, ?, ?, ?, ?)",
	[PROFILE_SET] = "UPDATE user SET security = ?, suites = ?, profile = ?"
			" WHERE name = ?",
	[USER_HA1] = "UPDATE user SET ha1 = ?2 WHERE name = ?1",
	[USER_REMOVE] = "DELETE FROM user WHERE name = ?",
	[BINDING_PUT] = "INSERT OR REPLACE INTO binding (user, contact, source,"
			" local, transport, callid, user_agent, cseq, expires,"
			" instance, reg_id, path)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[BINDING_REMOVE] = "DELETE FROM binding WHERE user = ? AND contact = ?",
	[CALL_PUT] = "INSERT OR REPLACE INTO call (id, json) VALUES (?, ?)",
	[CALL_REMOVE] = "DELETE FROM call WHERE id = ?",
	[CDR_ADD] = "INSERT INTO cdr (id, start, json) VALUES (?, ?, ?)",
	[CDR_TRIM] = "DELETE FROM cdr WHERE seq <="
		     " (SELECT max(seq) FROM cdr) - ?",
	[TRUNK_ADD] = "INSERT INTO trunk (settings, password, name)"
		      " VALUES (?, ?, ?)",
	[TRUNK_SET] = "UPDATE trunk SET settings = ?, password = ?"
		      " WHERE name = ?",
	[TRUNK_REMOVE] = "DELETE FROM trunk WHERE name = ?",
	[ROUTE_ADD] = "INSERT INTO route (prefix, trunk, priority, kind)"
		      " VALUES (?, ?, ?, ?)",
	[ROUTE_REMOVE] = "DELETE FROM route WHERE prefix = ? AND"
			 " (? = '' OR trunk = ?)",
	[DID_ADD] = "INSERT INTO did (number, user, grp) VALUES (?, ?, ?)",
	[DID_REMOVE] = "DELETE FROM did WHERE number = ?",
	[FORWARD_PUT] = "INSERT OR REPLACE INTO forward (user, always, busy,"
			" no_answer, after, also) VALUES (?, ?, ?, ?, ?, ?)",
	[DIAL_SET] = "INSERT OR REPLACE INTO dial (user, class) VALUES (?, ?)",
};

/* migrations[n] leads from user_version n to n + 1. Never edit one that has
 * been released; add another. */
static const char *const migrations[] = {
	"CREATE TABLE user (name TEXT PRIMARY KEY, ha1 TEXT NOT NULL,"
	" display TEXT NOT NULL, security INTEGER NOT NULL,"
	" suites TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE binding (user TEXT NOT NULL, contact TEXT NOT NULL,"
	" source TEXT NOT NULL, local TEXT NOT NULL, transport TEXT NOT NULL,"
	" callid TEXT NOT NULL, user_agent TEXT NOT NULL,"
	" cseq INTEGER NOT NULL, expires INTEGER NOT NULL,"
	" PRIMARY KEY (user, contact)) WITHOUT ROWID;"
	"CREATE TABLE call (id INTEGER PRIMARY KEY, json TEXT NOT NULL);"
	"CREATE TABLE cdr (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id INTEGER NOT NULL, start INTEGER NOT NULL, json TEXT NOT NULL);",

	/* Policies. calling, e2ee and compliance as policy.h and store/policy.h
	 * number them; what a user or a group leaves behind goes with it. */
	"CREATE TABLE policy (identity TEXT PRIMARY KEY COLLATE NOCASE,"
	" description TEXT NOT NULL, calling INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO policy VALUES ('Global', '', 0);"
	"CREATE TABLE grp (name TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;"
	"CREATE TABLE member (grp TEXT NOT NULL COLLATE NOCASE,"
	" user TEXT NOT NULL, PRIMARY KEY (grp, user)) WITHOUT ROWID;"
	"CREATE INDEX member_user ON member (user);"
	"CREATE TABLE grant_user (user TEXT PRIMARY KEY,"
	" policy TEXT NOT NULL COLLATE NOCASE) WITHOUT ROWID;"
	"CREATE TABLE grant_group (grp TEXT PRIMARY KEY COLLATE NOCASE,"
	" policy TEXT NOT NULL COLLATE NOCASE,"
	" rank INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE switch (user TEXT PRIMARY KEY,"
	" e2ee INTEGER NOT NULL DEFAULT 0,"
	" compliance INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE TRIGGER user_gone AFTER DELETE ON user BEGIN"
	" DELETE FROM member WHERE user = OLD.name;"
	" DELETE FROM grant_user WHERE user = OLD.name;"
	" DELETE FROM switch WHERE user = OLD.name; END;"
	"CREATE TRIGGER grp_gone AFTER DELETE ON grp BEGIN"
	" DELETE FROM member WHERE grp = OLD.name;"
	" DELETE FROM grant_group WHERE grp = OLD.name; END;"
	"CREATE TRIGGER grant_group_gone AFTER DELETE ON grant_group BEGIN"
	" UPDATE grant_group SET rank = rank - 1 WHERE rank > OLD.rank; END;",

	/* Who may administer, and the tokens of programs that do. */
	"CREATE TABLE admin (name TEXT PRIMARY KEY, role TEXT NOT NULL,"
	" hash TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE token (name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
	" role TEXT NOT NULL, created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL) WITHOUT ROWID;",
	/* Trunks to the PSTN; kind and class as route.h and policy.h number
	 * them, settings as JSON (trunk/settings.c). */
	"CREATE TABLE trunk (name TEXT PRIMARY KEY, settings TEXT NOT NULL,"
	" password TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE route (prefix TEXT NOT NULL, trunk TEXT NOT NULL,"
	" priority INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" PRIMARY KEY (prefix, trunk)) WITHOUT ROWID;"
	"CREATE TABLE did (number TEXT PRIMARY KEY, user TEXT NOT NULL,"
	" grp TEXT NOT NULL COLLATE NOCASE) WITHOUT ROWID;"
	"CREATE INDEX did_user ON did (user);"
	"CREATE TABLE dial (user TEXT PRIMARY KEY,"
	" class INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TRIGGER user_gone_pstn AFTER DELETE ON user BEGIN"
	" DELETE FROM did WHERE user = OLD.name;"
	" DELETE FROM dial WHERE user = OLD.name; END;"
	"CREATE TRIGGER grp_gone_pstn AFTER DELETE ON grp BEGIN"
	" DELETE FROM did WHERE grp = OLD.name; END;",

	/* Which device registered, by which of its connections (RFC 5626). */
	("ALTER TABLE binding ADD COLUMN instance TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE binding ADD COLUMN reg_id INTEGER NOT NULL DEFAULT 0;"),

	/* ICE, AVPF, rtcp-mux, BUNDLE, codecs: see profiles.c. */
	"ALTER TABLE user ADD COLUMN profile TEXT NOT NULL DEFAULT '';",

	/* Where a user's calls go: see forwards.h; also with spaces between. */
	"CREATE TABLE forward (user TEXT PRIMARY KEY, always TEXT NOT NULL,"
	" busy TEXT NOT NULL, no_answer TEXT NOT NULL, after INTEGER NOT NULL,"
	" also TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TRIGGER user_gone_forward AFTER DELETE ON user BEGIN"
	" DELETE FROM forward WHERE user = OLD.name; END;",

	/* By which proxies a phone is reached (RFC 3327). */
	"ALTER TABLE binding ADD COLUMN path TEXT NOT NULL DEFAULT '';",
};
#define VERSION_NOW ((int)(sizeof(migrations) / sizeof(migrations[0])))

static void op_free(struct op *op)
{
	for (unsigned i = 0; op && i < op->n; i++)
		free(op->v[i].text);
	free(op);
}

static int op_run(struct store *s, struct op *op, int *changes)
{
	sqlite3_stmt *st = s->stmts[op->stmt];
	int rc;

	for (unsigned i = 0; i < op->n; i++) {
		const struct value *v = &op->v[i];

		if (v->text)
			sqlite3_bind_text(st, (int)i + 1, v->text, -1,
					  SQLITE_STATIC);
		else
			sqlite3_bind_int64(st, (int)i + 1, v->number);
	}
	rc = sqlite3_step(st);
	*changes = sqlite3_changes(s->write);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What fails takes back what it has done, and nothing else of the list. */
static int op_work(struct store *s, struct op *op)
{
	int rc = sqlite3_exec(s->write, "SAVEPOINT work", NULL, NULL, NULL);
	int err = rc == SQLITE_OK ? op->work(s->write, op->arg) : EIO;

	op->ticket->err = err;
	if (rc == SQLITE_OK && err)
		sqlite3_exec(s->write, "ROLLBACK TO work", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->write, "RELEASE work", NULL, NULL, NULL);
	return rc;
}

/* One transaction for all of a list. A statement that fails (a name taken, say)
 * fails alone; when the commit fails, all have. */
static void commit_list(struct store *s, struct op *list)
{
	int rc, changes;

	rc = sqlite3_exec(s->write, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (struct op *op = list; op && rc == SQLITE_OK; op = op->next) {
		int one;

		changes = 0;
		one = op->work ? op_work(s, op) : op_run(s, op, &changes);
		if (op->ticket) {
			op->ticket->rc = one;
			op->ticket->changes = changes;
		} else if (one != SQLITE_OK) {
			log_error(0, "database: %s", sqlite3_errmsg(s->write));
		}
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->write, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return;
	log_error(0, "database: nothing written: %s; check the disk",
		  sqlite3_errmsg(s->write));
	if (!sqlite3_get_autocommit(s->write))
		sqlite3_exec(s->write, "ROLLBACK", NULL, NULL, NULL);
	for (struct op *op = list; op; op = op->next)
		if (op->ticket)
			op->ticket->rc = rc;
}

static void *worker_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct op *list;

		while (!s->head && !s->stop)
			pthread_cond_wait(&s->more, &s->lock);
		if (!s->head)
			break;
		list = s->head;
		s->head = NULL;
		s->tail = &s->head;
		s->queued = 0;
		s->busy = true;
		pthread_mutex_unlock(&s->lock);

		commit_list(s, list);

		pthread_mutex_lock(&s->lock);
		s->busy = false;
		while (list) {
			struct op *next = list->next;

			if (list->ticket)
				list->ticket->done = true;
			op_free(list);
			list = next;
		}
		pthread_cond_broadcast(&s->less);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static struct op *op_make(enum stmt stmt, const char *kinds, va_list ap)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->stmt = stmt;
	for (; *kinds; kinds++) {
		struct value *v = &op->v[op->n++];

		if (*kinds == 'i') {
			v->number = va_arg(ap, int64_t);
			continue;
		}
		v->text = strdup(va_arg(ap, const char *));
		if (!v->text) {
			op_free(op);
			return NULL;
		}
	}
	return op;
}

static void enqueue(struct store *s, struct op *op)
{
	pthread_mutex_lock(&s->lock);
	while (s->queued >= QUEUE_MAX)
		pthread_cond_wait(&s->less, &s->lock);
	*s->tail = op;
	s->tail = &op->next;
	s->queued++;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static void ticket_wait(struct store *s, const struct ticket *t)
{
	pthread_mutex_lock(&s->lock);
	while (!t->done)
		pthread_cond_wait(&s->less, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

int store_queue(struct store *s, enum stmt stmt, const char *kinds, ...)
{
	struct op *op;
	va_list ap;

	va_start(ap, kinds);
	op = op_make(stmt, kinds, ap);
	va_end(ap);
	if (!op)
		return ENOMEM;
	enqueue(s, op);
	return 0;
}

int store_run(struct store *s, enum stmt stmt, int *changes, const char *kinds,
	      ...)
{
	struct ticket ticket = {.done = false};
	struct op *op;
	va_list ap;

	va_start(ap, kinds);
	op = op_make(stmt, kinds, ap);
	va_end(ap);
	if (!op)
		return SQLITE_NOMEM;
	op->ticket = &ticket;
	enqueue(s, op);
	ticket_wait(s, &ticket);
	if (changes)
		*changes = ticket.changes;
	return ticket.rc;
}

int store_work(struct store *s, work_f *work, void *arg)
{
	struct ticket ticket = {.done = false};
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return ENOMEM;
	op->work = work;
	op->arg = arg;
	op->ticket = &ticket;
	enqueue(s, op);
	ticket_wait(s, &ticket);
	if (ticket.rc != SQLITE_OK)
		return EIO;
	return ticket.err;
}

void store_flush(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->head || s->busy)
		pthread_cond_wait(&s->less, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

int store_prepare(sqlite3 *db, sqlite3_stmt **st, const char *sql)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, st,
				  NULL);
}

void column_copy(char *dst, size_t size, sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	snprintf(dst, size, "%s", text ? text : "");
}

static int migrate(sqlite3 *db, char *err, size_t errlen)
{
	sqlite3_stmt *st = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (version < 0)
		return EIO;
	if (version > VERSION_NOW) {
		snprintf(err, errlen,
			 "the database is of version %d, this program knows up "
			 "to %d: it was written by a newer release",
			 version, VERSION_NOW);
		return EINVAL;
	}
	for (; version < VERSION_NOW; version++) {
		char set[48];

		snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT",
			 version + 1);
		if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ||
		    sqlite3_exec(db, migrations[version], NULL, NULL, NULL) ||
		    sqlite3_exec(db, set, NULL, NULL, NULL))
			return EIO;
	}
	return 0;
}

static int open_one(sqlite3 **db, const char *path)
{
	int rc = sqlite3_open_v2(
		path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_busy_timeout(*db, 5000);
	/* NORMAL: a crash of this program loses nothing that was committed; a
	 * power cut may lose the last moments, never the database. */
	return sqlite3_exec(*db,
			    "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = NORMAL;"
			    "PRAGMA secure_delete = ON;",
			    NULL, NULL, NULL);
}

static int prepare_all(struct store *s)
{
	int rc = SQLITE_OK;

	for (unsigned i = 0; i < STMT_MAX && rc == SQLITE_OK; i++)
		rc = store_prepare(s->write, &s->stmts[i], statements[i]);
	if (rc == SQLITE_OK)
		rc = store_prepare(s->read, &s->user_get,
				   "SELECT name, ha1, display, security,"
				   " suites, profile FROM user WHERE name = ?");
	if (rc == SQLITE_OK)
		rc = store_prepare(s->read, &s->user_list,
				   "SELECT name, ha1, display, security,"
				   " suites, profile FROM user ORDER BY name");
	if (rc == SQLITE_OK)
		rc = store_prepare(s->read, &s->call_list,
				   "SELECT id, json FROM call ORDER BY id");
	if (rc == SQLITE_OK)
		rc = store_prepare(s->read, &s->subject, policy_subject_sql);
	if (rc == SQLITE_OK)
		rc = store_prepare(s->read, &s->forward_get,
				   "SELECT always, busy, no_answer, after, also"
				   " FROM forward WHERE user = ?");
	return rc;
}

static int start_worker(struct store *s)
{
	sigset_t all, old;
	int err;

	sigfillset(&all); /* signals are the event loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->worker, NULL, worker_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static void store_free(struct store *s)
{
	for (unsigned i = 0; i < STMT_MAX; i++)
		sqlite3_finalize(s->stmts[i]);
	sqlite3_finalize(s->user_get);
	sqlite3_finalize(s->user_list);
	sqlite3_finalize(s->call_list);
	sqlite3_finalize(s->subject);
	sqlite3_finalize(s->forward_get);
	sqlite3_close(s->read);
	sqlite3_close(s->write);
	bindings_free(s);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->less);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

int store_open(struct store **sp, const char *path, char *err, size_t errlen)
{
	struct store *s = calloc(1, sizeof(*s));
	int fd = -1, rc;

	if (!s)
		return ENOMEM;
	s->tail = &s->head;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	pthread_cond_init(&s->less, NULL);
	s->path = strdup(path);
	if (!s->path) {
		snprintf(err, errlen, "out of memory");
		goto fail;
	}

	/* SQLite gives its -wal and -shm files the mode of the database. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0600)) {
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
		goto fail;
	}
	close(fd);
	fd = -1;

	err[0] = '\0';
	if (open_one(&s->write, path) != SQLITE_OK ||
	    migrate(s->write, err, errlen) ||
	    open_one(&s->read, path) != SQLITE_OK ||
	    prepare_all(s) != SQLITE_OK || bindings_load(s)) {
		if (!err[0])
			snprintf(err, errlen, "%s: %s", path,
				 sqlite3_errmsg(s->read ? s->read : s->write));
		goto fail;
	}
	rc = start_worker(s);
	if (rc) {
		snprintf(err, errlen, "starting a thread: %s", strerror(rc));
		goto fail;
	}
	*sp = s;
	return 0;

fail:
	if (fd >= 0)
		close(fd);
	store_free(s);
	return EIO;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->worker, NULL); /* writes what is queued first */
	store_free(s);
}
