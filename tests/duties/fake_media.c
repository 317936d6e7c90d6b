/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/duties/fake_media.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/media/protocol.h"

#define PAGE 2 /* items in a list's page: so that there are more */

struct fake_media {
	char path[64];
	int listener, conn, wake[2];
	bool stop, away, mute;
	char refuse[32], error[32];
	unsigned instance;
	json_t *there; /* {"port": {id: request}, ...} */
	json_t *asked; /* {request: count} */
	pthread_mutex_t lock;
	pthread_t thread;
};

static void say(struct fake_media *f, json_t *m)
{
	char *text = json_dumps(m, JSON_COMPACT);

	if (f->conn >= 0)
		(void)!send(f->conn, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	json_decref(m);
}

static json_t *hello(const struct fake_media *f)
{
	static const char *const names[] = {"opus", "PCMU", "PCMA", "G722"};
	json_t *codecs = json_array();
	char instance[16];

	snprintf(instance, sizeof(instance), "i%u", f->instance);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_array_append_new(codecs,
				      json_pack("{s:s, s:i, s:b, s:b}", "codec",
						names[i], "clock", 8000,
						"decode", 1, "encode", 1));
	json_array_append_new(codecs,
			      json_pack("{s:s, s:b, s:b}", "codec", "AMR-WB",
					"decode", 1, "encode", 0));
	return json_pack("{s:i, s:s, s:s, s:o, s:{s:i}, s:{s:b, s:s, s:[]}, "
			 "s:b}",
			 "version", MP_VERSION, "program", "fake", "instance",
			 instance, "codecs", codecs, "limits", "transcodings",
			 100, "recording", "ready", 1, "reason", "", "keys",
			 "dataplane", 1);
}

static json_t *list(struct fake_media *f, const json_t *m)
{
	const char *what = json_string_value(json_object_get(m, "what"));
	const char *after = json_string_value(json_object_get(m, "after"));
	bool more = false;
	json_t *items = json_array(), *j;
	char kind[16];
	const char *id;

	snprintf(kind, sizeof(kind), "%.*s", (int)strlen(what) - 1, what);
	json_object_foreach (json_object_get(f->there, kind), id, j) {
		if (after && strcmp(id, after) <= 0)
			continue; /* the tests plant them in order */
		if (json_array_size(items) == PAGE)
			more = true;
		else
			json_array_append_new(items,
					      json_pack("{s:s}", kind, id));
	}
	return json_pack("{s:o, s:b}", "items", items, "more", more);
}

/* "port.set" and so on. @return NULL: ok, and nothing more to say. */
static json_t *change(struct fake_media *f, const char *what, json_t *m)
{
	static const struct {
		const char *set, *remove, *kind;
	} verbs[] = {{"port.set", "port.remove", "port"},
		     {"room.set", "room.remove", "room"},
		     {"record.start", "record.stop", "recording"}};

	for (size_t i = 0; i < 3; i++) {
		json_t *of = json_object_get(f->there, verbs[i].kind);
		const char *id =
			json_string_value(json_object_get(m, verbs[i].kind));

		if (id && strcmp(what, verbs[i].set) == 0)
			json_object_set(of, id, m);
		if (id && strcmp(what, verbs[i].remove) == 0)
			json_object_del(of, id);
	}
	return NULL;
}

static void request(struct fake_media *f, json_t *m)
{
	const char *what = json_string_value(json_object_get(m, "do"));
	json_t *reply = NULL;

	json_object_set_new(f->asked, what,
			    json_integer(1 + json_integer_value(json_object_get(
						     f->asked, what))));
	if (f->mute)
		return;
	if (strcmp(what, f->refuse) == 0)
		reply = json_pack("{s:b, s:s, s:s}", "ok", 0, "error", f->error,
				  "message", "no, says the fake");
	else if (strcmp(what, "hello") == 0)
		reply = hello(f);
	else if (strcmp(what, "list") == 0)
		reply = list(f, m);
	else
		reply = change(f, what, m);
	if (!reply)
		reply = json_object();
	if (!json_object_get(reply, "ok"))
		json_object_set_new(reply, "ok", json_true());
	json_object_set(reply, "seq", json_object_get(m, "seq"));
	say(f, reply);
}

static void read_one(struct fake_media *f)
{
	static char text[MP_MESSAGE_MAX];
	ssize_t n = recv(f->conn, text, sizeof(text), MSG_DONTWAIT);
	json_t *m;

	if (n < 0 && errno == EAGAIN)
		return;
	m = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	if (!m) {
		close(f->conn);
		f->conn = -1;
		return;
	}
	request(f, m);
	json_decref(m);
}

static void *serve(void *arg)
{
	struct fake_media *f = arg;

	for (;;) {
		struct pollfd p[3] = {{.fd = f->wake[0], .events = POLLIN}};
		char c;

		pthread_mutex_lock(&f->lock);
		p[1] = (struct pollfd){f->away ? -1 : f->listener, POLLIN, 0};
		p[2] = (struct pollfd){f->conn, POLLIN, 0};
		pthread_mutex_unlock(&f->lock);
		poll(p, 3, -1);
		pthread_mutex_lock(&f->lock);
		if (p[0].revents)
			(void)!read(f->wake[0], &c, 1);
		if (f->conn >= 0 && p[2].fd == f->conn && p[2].revents)
			read_one(f);
		if (p[1].revents && !f->away) {
			if (f->conn >= 0)
				close(f->conn);
			f->conn = accept(f->listener, NULL, NULL);
		}
		if (f->stop)
			break;
		pthread_mutex_unlock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void poke(struct fake_media *f)
{
	(void)!write(f->wake[1], "x", 1);
}

static void forget(struct fake_media *f)
{
	json_decref(f->there);
	f->there = json_pack("{s:{}, s:{}, s:{}}", "port", "room", "recording");
	f->instance++;
}

struct fake_media *fake_media_new(void)
{
	static unsigned count;
	struct fake_media *f = calloc(1, sizeof(*f));
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(f->path, sizeof(f->path), "/tmp/fake-media-%d-%u",
		 (int)getpid(), ++count);
	strcpy(un.sun_path, f->path);
	unlink(f->path);
	f->conn = -1;
	f->asked = json_object();
	forget(f);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(f->listener, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(f->listener, 4) != 0 || pipe(f->wake) != 0)
		abort();
	pthread_mutex_init(&f->lock, NULL);
	pthread_create(&f->thread, NULL, serve, f);
	return f;
}

void fake_media_free(struct fake_media *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_mutex_unlock(&f->lock);
	poke(f);
	pthread_join(f->thread, NULL);
	if (f->conn >= 0)
		close(f->conn);
	close(f->listener);
	close(f->wake[0]);
	close(f->wake[1]);
	unlink(f->path);
	json_decref(f->there);
	json_decref(f->asked);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const char *fake_media_path(const struct fake_media *f)
{
	return f->path;
}

void fake_media_crash(struct fake_media *f, bool away)
{
	pthread_mutex_lock(&f->lock);
	if (f->conn >= 0)
		close(f->conn);
	f->conn = -1;
	if (away != f->away && away)
		unlink(f->path);
	if (away != f->away && !away) {
		struct sockaddr_un un = {.sun_family = AF_UNIX};

		close(f->listener);
		strcpy(un.sun_path, f->path);
		f->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (bind(f->listener, (struct sockaddr *)&un, sizeof(un)) ||
		    listen(f->listener, 4))
			abort();
	}
	f->away = away;
	forget(f);
	pthread_mutex_unlock(&f->lock);
	poke(f);
}

void fake_media_mute(struct fake_media *f, bool mute)
{
	pthread_mutex_lock(&f->lock);
	f->mute = mute;
	pthread_mutex_unlock(&f->lock);
}

void fake_media_refuse(struct fake_media *f, const char *what,
		       const char *error)
{
	pthread_mutex_lock(&f->lock);
	snprintf(f->refuse, sizeof(f->refuse), "%s", what ? what : "");
	snprintf(f->error, sizeof(f->error), "%s", error ? error : "");
	pthread_mutex_unlock(&f->lock);
}

void fake_media_say(struct fake_media *f, const char *text)
{
	pthread_mutex_lock(&f->lock);
	if (f->conn >= 0)
		(void)!send(f->conn, text, strlen(text), MSG_NOSIGNAL);
	pthread_mutex_unlock(&f->lock);
}

void fake_media_plant(struct fake_media *f, const char *kind, const char *id)
{
	pthread_mutex_lock(&f->lock);
	json_object_set_new(json_object_get(f->there, kind), id, json_object());
	pthread_mutex_unlock(&f->lock);
}

json_t *fake_media_get(struct fake_media *f, const char *kind, const char *id)
{
	json_t *j;

	pthread_mutex_lock(&f->lock);
	j = json_deep_copy(
		json_object_get(json_object_get(f->there, kind), id));
	pthread_mutex_unlock(&f->lock);
	return j;
}

unsigned fake_media_count(struct fake_media *f, const char *kind)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = (unsigned)json_object_size(json_object_get(f->there, kind));
	pthread_mutex_unlock(&f->lock);
	return n;
}

unsigned fake_media_asked(struct fake_media *f, const char *what)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = (unsigned)json_integer_value(json_object_get(f->asked, what));
	pthread_mutex_unlock(&f->lock);
	return n;
}
