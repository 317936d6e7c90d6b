/* SPDX-License-Identifier: Apache-2.0 */
#include "control/settings/settings.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "control/audit/audit.h"
#include "control/log.h"
#include "control/settings/impl.h"
#include "dataplane/abi/yaml.h"

static void before_path(char path[PATH_MAX], const char *file)
{
	snprintf(path, PATH_MAX, "%s.before", file);
}

/* ------------------------------------------------------- what is different */

static bool secret(const char *option)
{
	size_t n = strlen(option), k = strlen(".password");

	return n > k && !strcmp(option + n - k, ".password");
}

static const char *program_of(const char *option)
{
	static const char *const programs[][2] = {
		{"dataplane.", "sallyport-dataplane"},
		{"control.", "sallyport-control"},
		{"media.", "sallyport-media"},
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strncmp(option, programs[i][0], strlen(programs[i][0])))
			return programs[i][1];
	return NULL; /* a section that nobody reads */
}

static json_t *shown(const char *option, const json_t *value)
{
	if (value && secret(option))
		return json_string("***");
	return value ? json_incref((json_t *)value) : json_null();
}

static void change_add(json_t *list, const char *option, const json_t *from,
		       const json_t *to)
{
	const char *program = program_of(option);

	json_array_append_new(
		list,
		json_pack("{s:s, s:o, s:o, s:b, s:s?}", "option", option,
			  "from", shown(option, from), "to", shown(option, to),
			  "live", option_live(option), "program", program));
}

static json_t *difference(const json_t *from, const json_t *to)
{
	json_t *list = json_array(), *v;
	const char *option;

	json_object_foreach ((json_t *)to, option, v) {
		json_t *was = json_object_get(from, option);

		if (!was || !json_equal(was, v))
			change_add(list, option, was, v);
	}
	json_object_foreach ((json_t *)from, option, v)
		if (!json_object_get(to, option))
			change_add(list, option, v, NULL);
	return list;
}

json_t *settings_restarts(const json_t *changes)
{
	json_t *out = json_array(), *c, *seen = json_object();
	size_t i;

	json_array_foreach ((json_t *)changes, i, c) {
		json_t *program = json_object_get(c, "program");

		if (json_is_true(json_object_get(c, "live")) ||
		    !json_is_string(program))
			continue;
		if (!json_object_get(seen, json_string_value(program)))
			json_array_append(out, program);
		json_object_set(seen, json_string_value(program), program);
	}
	json_decref(seen);
	return out;
}

/* ------------------------------------------------------------ what there is */

const char *settings_path(const struct settings *s)
{
	return s->parts.path;
}

char *settings_text(const struct settings *s, size_t *len)
{
	return file_read(s->parts.path, len);
}

void settings_hash(char hash[SETTINGS_HASH], const char *text, size_t len)
{
	unsigned char h[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(h, (const unsigned char *)text, len);
	sodium_bin2hex(hash, SETTINGS_HASH, h, sizeof(h));
}

static json_t *options_now(const struct settings *s)
{
	size_t len = 0;
	char err[128], *text = settings_text(s, &len);
	json_t *out = text ? options_of(text, len, err, sizeof(err)) : NULL;

	free(text);
	return out;
}

/* Those of one section as `to` has them, in the place of those of s. */
static void section_take(struct settings *s, const char *section,
			 const json_t *to)
{
	size_t n = strlen(section);
	const char *option;
	json_t *v, *out = json_object();

	json_object_foreach (s->running, option, v)
		if (strncmp(option, section, n) != 0 || option[n] != '.')
			json_object_set(out, option, v);
	json_object_foreach ((json_t *)to, option, v)
		if (!strncmp(option, section, n) && option[n] == '.')
			json_object_set(out, option, v);
	json_decref(s->running);
	s->running = out;
}

/* A program that was started since the file was written has read it. */
static void started_look(struct settings *s)
{
	static const char *const sections[] = {"dataplane", "media"};
	struct stat st;
	json_t *now;

	if (!s->parts.started || stat(s->parts.path, &st))
		return;
	now = options_now(s);
	for (size_t i = 0; now && i < 2; i++)
		if (s->parts.started(sections[i], s->parts.arg) >
		    (int64_t)st.st_mtime)
			section_take(s, sections[i], now);
	json_decref(now);
}

json_t *settings_changes(struct settings *s, const json_t *options)
{
	json_t *now, *list;

	started_look(s);
	if (options)
		return difference(s->running, options);
	now = options_now(s);
	list = now ? difference(s->running, now) : json_array();
	json_decref(now);
	return list;
}

/* --------------------------------------------------------- into effect, back */

/* What takes effect at once does; what was running so far is in c->config
 * then. */
static void take(struct settings *s, struct settings_candidate *c)
{
	json_t *changes, *change;
	size_t i;

	started_look(s);
	changes = difference(s->running, c->options);
	live_take(s->parts.config, c->config, s->parts.live, s->parts.arg);
	json_array_foreach (changes, i, change) {
		const char *option =
			json_string_value(json_object_get(change, "option"));
		json_t *v = json_object_get(c->options, option);

		if (!option_live(option))
			continue;
		if (v)
			json_object_set(s->running, option, v);
		else
			json_object_del(s->running, option);
	}
	json_decref(changes);
}

static void unconfirmed(void *arg)
{
	struct settings *s = arg;
	int e = settings_revert(s, NULL);

	if (e)
		log_error(0, "configuration: %s couldn't be put back: %s",
			  s->parts.path, strerror(e));
}

static void wait_begin(struct settings *s, uint64_t seconds)
{
	s->until = tmr_jiffies() + seconds * 1000;
	tmr_start(&s->tmr, seconds * 1000, unconfirmed, s);
}

static void wait_end(struct settings *s)
{
	s->until = 0;
	tmr_cancel(&s->tmr);
}

/* The file that was confirmed last, beside the one that isn't yet; its time is
 * when it comes back. */
static int before_keep(struct settings *s, unsigned seconds)
{
	struct timespec at[2] = {{.tv_nsec = UTIME_OMIT},
				 {.tv_sec = time(NULL) + seconds}};
	char path[PATH_MAX];
	size_t len = 0;
	char *text;
	int e = 0;

	before_path(path, s->parts.path);
	if (!s->until) {
		text = settings_text(s, &len);
		e = text ? file_replace(path, text, len) : errno;
		free(text);
	}
	if (!e && utimensat(AT_FDCWD, path, at, 0))
		e = errno;
	return e;
}

int settings_apply(struct settings *s, struct settings_candidate *c,
		   unsigned confirm)
{
	char before[PATH_MAX];
	int e;

	before_path(before, s->parts.path);
	e = confirm ? before_keep(s, confirm) : 0;
	if (!e)
		e = file_replace(s->parts.path, c->text, c->len);
	if (e) {
		if (confirm && !s->until)
			unlink(before);
		return e;
	}
	if (confirm) {
		wait_begin(s, confirm);
	} else {
		wait_end(s);
		unlink(before);
	}
	take(s, c);
	return 0;
}

unsigned settings_left(const struct settings *s)
{
	uint64_t now = tmr_jiffies();

	if (!s->until)
		return 0;
	return s->until > now ? (unsigned)((s->until - now + 999) / 1000) : 1;
}

bool settings_confirm(struct settings *s)
{
	char before[PATH_MAX];

	if (!s->until)
		return false;
	before_path(before, s->parts.path);
	unlink(before);
	wait_end(s);
	return true;
}

int settings_revert(struct settings *s, const char *by)
{
	struct settings_candidate c = {.text = NULL};
	char before[PATH_MAX], err[CONF_ERROR_MAX];
	int e = 0;

	if (!s->until)
		return ENOENT;
	before_path(before, s->parts.path);
	c.text = file_read(before, &c.len);
	if (!c.text || rename(before, s->parts.path))
		e = errno;
	wait_end(s);
	if (!e) {
		c.options = options_of(c.text, c.len, err, sizeof(err));
		c.config = config_load(s->parts.path, err);
		if (c.options && c.config)
			take(s, &c);
		log_warn(0, "configuration: %s is as it was before%s",
			 s->parts.path,
			 by ? "" : ", since nobody has confirmed the new one");
		audit_add(s->parts.audit, "config-reverted",
			  json_pack("{s:s}", "by", by ? by : "timer"));
	}
	settings_candidate_clear(&c);
	return e;
}

bool settings_recover(const char *path)
{
	char before[PATH_MAX];
	struct stat st;

	before_path(before, path);
	if (stat(before, &st) || st.st_mtime > time(NULL))
		return false;
	return rename(before, path) == 0;
}

/* ------------------------------------------------------------ start and stop */

static void before_resume(struct settings *s)
{
	char before[PATH_MAX];
	struct stat st;
	time_t now = time(NULL);

	before_path(before, s->parts.path);
	if (stat(before, &st))
		return;
	wait_begin(s, st.st_mtime > now ? (uint64_t)(st.st_mtime - now) : 1);
}

int settings_alloc(struct settings **sp, const struct settings_parts *parts,
		   char *err, size_t errlen)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, errlen, "no memory");
		return ENOMEM;
	}
	s->parts = *parts;
	tmr_init(&s->tmr);
	s->running = options_now(s);
	if (!s->running) {
		snprintf(err, errlen, "%s can't be read any more", parts->path);
		free(s);
		return EIO;
	}
	before_resume(s);
	*sp = s;
	return 0;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	tmr_cancel(&s->tmr);
	json_decref(s->running);
	free(s);
}
