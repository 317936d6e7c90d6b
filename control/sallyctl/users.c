/* SPDX-License-Identifier: Apache-2.0 */
/* Users, and passwords as people give them. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"

#define PASSWORD_MAX 256

/* One line from stdin; without echo where that is a terminal. */
bool password_read(char *out, size_t size)
{
	struct termios before, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	char *got;

	if (terminal) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "Password: ");
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(out, (int)size, stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (!got)
		return false;
	out[strcspn(out, "\r\n")] = '\0';
	return out[0] != '\0';
}

json_t *names_json(const char *list)
{
	json_t *out = json_array();

	while (*list) {
		size_t n = strcspn(list, ",");

		json_array_append_new(out, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return out;
}

/* Of the command line, or else of standard input. @return false, having said
 * so: there is none. */
static bool password_take(const struct invocation *in,
			  char out[PASSWORD_MAX + 2])
{
	const char *given = in->option[OPTION_PASSWORD];

	if (given) {
		snprintf(out, PASSWORD_MAX + 2, "%s", given);
		return true;
	}
	if (password_read(out, PASSWORD_MAX + 2))
		return true;
	fprintf(stderr, "sallyctl: a user needs a password; it is read from "
			"standard input.\n");
	return false;
}

static void show_password(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("User %s has another password.\n", show_text(j, "user"));
}

enum exit_status users_password(const struct invocation *in)
{
	char password[PASSWORD_MAX + 2] = "";
	enum exit_status end;
	json_t *body;

	if (!password_take(in, password))
		return EXIT_USAGE;
	body = json_pack("{s:s}", "password", password);
	explicit_bzero(password, sizeof(password));
	end = ask_at(in, "PUT", "/users/%s/password", 1, in->arg, body,
		     show_password);
	json_decref(body);
	return end;
}

enum exit_status users_add(const struct invocation *in)
{
	static const struct {
		enum option option;
		const char *member;
	} texts[] = {{OPTION_MEDIA, "media"}, {OPTION_DISPLAY, "display"}};
	char password[PASSWORD_MAX + 2] = "";
	enum exit_status end;
	json_t *body;

	if (!password_take(in, password))
		return EXIT_USAGE;
	body = json_pack("{s:s, s:s}", "name", in->arg[0], "password",
			 password);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (in->option[texts[i].option])
			json_object_set_new(
				body, texts[i].member,
				json_string(in->option[texts[i].option]));
	if (in->option[OPTION_SUITES])
		json_object_set_new(body, "suites",
				    names_json(in->option[OPTION_SUITES]));
	explicit_bzero(password, sizeof(password));
	if (!body) {
		fprintf(stderr, "sallyctl: name and password must be UTF-8.\n");
		return EXIT_USAGE;
	}
	end = ask(in, "POST", "/users", body, show_added);
	json_decref(body);
	return end;
}
