/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what the appliance has stored, asked of the API; and what they
 * hold, opened here, where the private key is. The appliance never sees it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"
#include "control/sallyctl/unseal.h"

#define PASSPHRASE 256

static const struct {
	const char *name, *text;
	enum exit_status end;
} states[] = {
	[UNSEAL_WHOLE] = {"whole", "Whole", EXIT_DONE},
	[UNSEAL_CUT] = {"cut-off",
			"Cut off: it has no end, what is there is good",
			EXIT_REFUSED},
	[UNSEAL_TAMPERED] = {"tampered",
			     "Changed: good up to there and no further",
			     EXIT_REFUSED},
	[UNSEAL_OTHER] = {"other-key",
			  "Sealed to another key, or its header is changed",
			  EXIT_REFUSED},
	[UNSEAL_NONE] = {"no-recording", "This is no sealed recording",
			 EXIT_REFUSED},
};

/* --- of the API --- */

static void when(const json_t *r, const char *key, struct grid *g)
{
	time_t t = (time_t)(json_integer_value(json_object_get(r, key)) / 1000);
	char text[32];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	grid_text(g, text);
}

static void show_recordings(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {{"RECORDING", 0},
						{"CALL", 0},
						{"STARTED", 0},
						{"OCTETS", 1},
						{"", 0}};
	struct grid *g =
		grid_new(columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *list = json_object_get(j, "recordings"), *r;
	size_t i;

	(void)in;
	json_array_foreach (list, i, r) {
		grid_text(g, show_text(r, "recording"));
		grid_text(g, show_text(r, "call"));
		when(r, "started", g);
		grid_count(g, json_integer_value(json_object_get(r, "size")));
		grid_text(g, json_is_true(json_object_get(r, "open"))
				     ? "being written"
				     : "");
	}
	grid_print(g, "No recordings are stored.");
}

static void show_recording(const json_t *j, const struct invocation *in)
{
	const json_t *keys = json_object_get(j, "keys"), *k;
	size_t i;

	(void)in;
	printf("Recording %s of call %s, %lld octets%s.\n",
	       show_text(j, "recording"), show_text(j, "call"),
	       (long long)json_integer_value(json_object_get(j, "size")),
	       json_is_true(json_object_get(j, "open")) ? ", being written"
							: "");
	json_array_foreach (keys, i, k)
		printf("Sealed to key %s.\n", json_string_value(k));
}

static void show_deleted(const json_t *j, const struct invocation *in)
{
	(void)j;
	printf("Recording %s is deleted.\n", in->arg[0]);
}

/* One page more into *all. @return whether it was the last, or an error. */
static bool last_page(const struct invocation *in, json_t **all,
		      enum exit_status *end)
{
	json_t *list = json_object_get(*all, "recordings"), *j = NULL;
	char path[256] = "/recordings";
	bool more;

	if (*all)
		snprintf(path, sizeof(path), "/recordings?after=%s",
			 show_text(json_array_get(list,
						  json_array_size(list) - 1),
				   "recording"));
	*end = client_request(in->option[OPTION_SOCKET], "GET", path, NULL, &j);
	if (*end != EXIT_DONE)
		return true;
	more = json_is_true(json_object_get(j, "more"));
	if (*all)
		json_array_extend(list, json_object_get(j, "recordings"));
	else
		*all = json_incref(j);
	json_decref(j);
	return !more;
}

enum exit_status recordings_list(const struct invocation *in)
{
	enum exit_status end;
	json_t *all = NULL;

	while (!last_page(in, &all, &end))
		;
	if (end == EXIT_DONE && in->option[OPTION_JSON]) {
		json_object_set_new(all, "more", json_false());
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (end == EXIT_DONE) {
		show_recordings(all, in);
	}
	json_decref(all);
	return end;
}

enum exit_status recordings_show(const struct invocation *in)
{
	return ask_at(in, "GET", "/recordings/%s", 1, in->arg, NULL,
		      show_recording);
}

enum exit_status recordings_delete(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/recordings/%s", 1, in->arg, NULL,
		      show_deleted);
}

/* --- here --- */

static enum exit_status say(const char *what, const char *why)
{
	fprintf(stderr, "sallyctl: %s: %s.\n", what, why);
	return EXIT_REFUSED;
}

enum exit_status recordings_keygen(const struct invocation *in)
{
	char text[RECKEY_TEXT], passphrase[PASSPHRASE] = "";
	bool locked = in->option[OPTION_PASSPHRASE], made;
	struct reckey k;

	if (sodium_init() < 0)
		return say("libsodium", "can't start");
	if (locked && !password_read(passphrase, sizeof(passphrase)))
		return say("passphrase", "none was given");
	made = reckey_make(&k, in->arg[0], locked ? passphrase : NULL);
	sodium_memzero(passphrase, sizeof(passphrase));
	if (!made)
		return EXIT_REFUSED;
	reckey_public(&k, text);
	sodium_memzero(&k, sizeof(k));
	if (in->option[OPTION_JSON])
		printf("{\"public\": \"%s\", \"file\": \"%s\"}\n", text,
		       in->arg[0]);
	else
		printf("Public key, for media.recording.keys: %s\n"
		       "The private half is in %s. Keep it away from the "
		       "appliance, and keep a copy:\nwithout it nobody can "
		       "open a recording.\n",
		       text, in->arg[0]);
	return EXIT_DONE;
}

/* A file, or else what the API has under that name, which is still sealed. */
static FILE *open_sealed(const struct invocation *in, enum exit_status *end)
{
	char *id, path[512];
	FILE *f = fopen(in->arg[0], "rbe");

	*end = EXIT_REFUSED;
	if (f || strchr(in->arg[0], '/')) {
		if (!f)
			say(in->arg[0], strerror(errno));
		return f;
	}
	f = tmpfile();
	id = client_escape(in->arg[0]);
	if (!f || !id) {
		say("a temporary file", strerror(errno));
	} else {
		snprintf(path, sizeof(path), "/recordings/%s/sealed", id);
		*end = client_fetch(in->option[OPTION_SOCKET], path, f);
		rewind(f);
	}
	free(id);
	if (f && *end != EXIT_DONE) {
		fclose(f);
		f = NULL;
	}
	return f;
}

static bool load_key(const struct invocation *in, struct reckey *k)
{
	const char *path = in->option[OPTION_PRIVATE];

	if (!path) {
		fprintf(stderr, "sallyctl: --private FILE names the private "
				"key.\n");
		return false;
	}
	return sodium_init() >= 0 && reckey_load(k, path);
}

static void report(const struct invocation *in, const struct unsealed *u)
{
	const json_t *ms = json_object_get(u->end, "ms");

	if (in->option[OPTION_JSON]) {
		json_t *j = json_pack("{s:s, s:I, s:I, s:O?, s:O?}", "state",
				      states[u->state].name, "pieces",
				      (json_int_t)u->pieces, "octets",
				      (json_int_t)u->octets, "recording",
				      u->meta, "end", u->end);

		json_dumpf(j, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(j);
		return;
	}
	printf("%s: %s; %lu pieces, %llu octets of Matroska", in->arg[0],
	       states[u->state].text, u->pieces, u->octets);
	if (ms)
		printf(", %.1f seconds, ended: %s",
		       (double)json_integer_value(ms) / 1000,
		       show_text(u->end, "reason"));
	puts(".");
}

static void forget(struct unsealed *u)
{
	json_decref(u->meta);
	json_decref(u->end);
}

enum exit_status recordings_verify(const struct invocation *in)
{
	enum exit_status end;
	struct unsealed u;
	struct reckey k;
	FILE *f;

	if (!load_key(in, &k))
		return EXIT_REFUSED;
	f = open_sealed(in, &end);
	if (!f)
		goto out;
	unseal(&u, f, &k, NULL);
	fclose(f);
	report(in, &u);
	end = states[u.state].end;
	forget(&u);
out:
	sodium_memzero(&k, sizeof(k));
	return end;
}

/* What was cut off by a crash is worth having, too; what was tampered with only
 * as far as it is good, and with an exit status that says so. */
static enum exit_status export_to(const struct invocation *in,
				  const struct reckey *k, FILE *f,
				  const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "wb");
	enum exit_status end;
	struct unsealed u;

	if (!to)
		return say(path, strerror(errno));
	unseal(&u, f, k, to);
	u.unwritable |= fclose(to) != 0;
	end = u.state == UNSEAL_CUT ? EXIT_DONE : states[u.state].end;
	report(in, &u);
	if (u.unwritable)
		end = say(path, "can't be written in full");
	if (!u.octets)
		unlink(path);
	forget(&u);
	return end;
}

enum exit_status recordings_export(const struct invocation *in)
{
	enum exit_status end;
	struct reckey k;
	FILE *f;

	if (!load_key(in, &k))
		return EXIT_REFUSED;
	f = open_sealed(in, &end);
	if (f) {
		end = export_to(in, &k, f, in->arg[1]);
		fclose(f);
	}
	sodium_memzero(&k, sizeof(k));
	return end;
}
