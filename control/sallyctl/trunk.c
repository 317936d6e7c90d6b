/* SPDX-License-Identifier: Apache-2.0 */
/* Trunks, routes, numbers, what users may dial: what is asked of the API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"

#define PASSWORD_MAX 128

static enum exit_status misused(const char *sentence)
{
	fprintf(stderr, "sallyctl: %s\n", sentence);
	return EXIT_USAGE;
}

/* KEY=VALUE into body. @return false: it isn't one. */
static bool put_word(json_t *body, const char *word)
{
	const char *eq = strchr(word, '=');
	char key[32];

	if (!eq || eq == word || eq - word >= (long)sizeof(key))
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)(eq - word), word);
	return !json_object_set_new(body, key, json_string(eq + 1));
}

static bool put_words(json_t *body, const struct invocation *in)
{
	for (unsigned i = 0; i < in->n_more; i++)
		if (!put_word(body, in->more[i]))
			return false;
	return true;
}

/* Asked for where it is given a user, or on demand. */
static bool put_password(json_t *body, const struct invocation *in)
{
	char text[PASSWORD_MAX + 2];
	bool wanted = in->option[OPTION_PASSWORD_STDIN] ||
		      json_object_get(body, "user");

	if (in->option[OPTION_PASSWORD])
		return !json_object_set_new(
			body, "password",
			json_string(in->option[OPTION_PASSWORD]));
	if (!wanted)
		return true;
	if (!password_read(text, sizeof(text)))
		return false;
	json_object_set_new(body, "password", json_string(text));
	explicit_bzero(text, sizeof(text));
	return true;
}

enum exit_status trunk_list(const struct invocation *in)
{
	return ask(in, "GET", "/trunks", NULL, show_trunks);
}

enum exit_status trunk_show(const struct invocation *in)
{
	return ask_at(in, "GET", "/trunks/%s", 1, in->arg, NULL, show_trunk);
}

static enum exit_status trunk_write(const struct invocation *in, json_t *body,
				    const char *method, const char *fmt,
				    unsigned n)
{
	enum exit_status end;

	if (!body || !put_words(body, in))
		end = misused("settings are KEY=VALUE; \"trunk show\" has the "
			      "keys.");
	else if (!put_password(body, in))
		end = misused("a trunk with a user needs a password; it is "
			      "read from standard input.");
	else
		end = ask_at(in, method, fmt, n, in->arg, body, show_trunk);
	json_decref(body);
	return end;
}

enum exit_status trunk_add(const struct invocation *in)
{
	return trunk_write(in, json_pack("{s:s}", "name", in->arg[0]), "POST",
			   "/trunks", 0);
}

enum exit_status trunk_set(const struct invocation *in)
{
	return trunk_write(in, json_object(), "PATCH", "/trunks/%s", 1);
}

enum exit_status trunk_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/trunks/%s", 1, in->arg, NULL,
		      show_trunk_gone);
}

/* ----------------------------------------------------------------- routes */

enum exit_status route_list(const struct invocation *in)
{
	return ask(in, "GET", "/routes", NULL, show_routes);
}

/* The second word is a trunk, or KEY=VALUE already. */
enum exit_status route_add(const struct invocation *in)
{
	json_t *body = json_pack("{s:s}", "prefix", in->arg[0]), *priority;
	const char *second = in->arg[1];
	enum exit_status end;
	bool ok = body && put_words(body, in);

	if (ok && second && strchr(second, '='))
		ok = put_word(body, second);
	else if (ok && second)
		ok = !json_object_set_new(body, "trunk", json_string(second));
	priority = ok ? json_object_get(body, "priority") : NULL;
	if (priority) {
		const char *text = json_string_value(priority);
		char *rest;
		long n = strtol(text, &rest, 10);

		ok = *text && !*rest;
		json_object_set_new(body, "priority", json_integer(n));
	}
	end = ok ? ask_at(in, "POST", "/routes", 0, in->arg, body, show_route)
		 : misused("after prefix and trunk come priority=N and "
			   "kind=KIND.");
	json_decref(body);
	return end;
}

enum exit_status route_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", in->arg[1] ? "/routes/%s/%s" : "/routes/%s",
		      in->arg[1] ? 2 : 1, in->arg, NULL, show_route_gone);
}

enum exit_status route_test(const struct invocation *in)
{
	return ask_at(in, "GET",
		      in->arg[1] ? "/routes/test?number=%s&user=%s"
				 : "/routes/test?number=%s",
		      in->arg[1] ? 2 : 1, in->arg, NULL, show_route_test);
}

/* ---------------------------------------------------------------- numbers */

enum exit_status number_list(const struct invocation *in)
{
	return ask(in, "GET", "/numbers", NULL, show_numbers);
}

enum exit_status number_add(const struct invocation *in)
{
	json_t *body = json_pack("{s:s}", "number", in->arg[0]);
	enum exit_status end;

	if (!body || !put_word(body, in->arg[1]))
		end = misused("whose? user=NAME or group=NAME.");
	else
		end = ask_at(in, "POST", "/numbers", 0, in->arg, body,
			     show_number);
	json_decref(body);
	return end;
}

enum exit_status number_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/numbers/%s", 1, in->arg, NULL,
		      show_number_gone);
}

enum exit_status user_dial(const struct invocation *in)
{
	json_t *body = json_pack("{s:s}", "dial", in->arg[0]);
	enum exit_status end = ask_at(in, "PUT", "/users/%s/dial", 1,
				      &in->arg[1], body, show_dial);

	json_decref(body);
	return end;
}
