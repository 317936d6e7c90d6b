/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "control/endpoint/ui.h"

/* What people read for each event; {member} stands for the event's member.
 * An event with a "state" has a line of its own for each. */
static const struct {
	const char *event, *line;
} lines[] = {
	{"ready", "Ready as {aor} on {address}. `help` lists the commands."},
	{"registered", "Registered with {registrar}."},
	{"unregistered", "Not registered with {registrar}: {text}."},
	{"calling", "Calling {peer} (call {call})."},
	{"redirected", "That address is an alias: now calling {peer}."},
	{"ringing", "{peer} is being alerted."},
	{"incoming", "{peer} is calling (call {call}): `answer` or `hangup`."},
	{"established", "Connected with {peer}."},
	{"shield.locked",
	 "Shield with lock: end-to-end encrypted, with {peer}{verified}.\n"
	 "  Security code  {code}\n"
	 "  Read it to each other. `codes match` marks {peer} as verified."},
	{"shield.plain", "Plain shield: protected hop by hop."},
	{"verified", "{peer} is verified: you compared the codes."},
	{"warning", "Warning: {text}."},
	{"refused", "Refused for this call: {what}."},
	{"closed", "Call {call} with {peer} is over: {text} ({reason})."},
	{"digit", "{peer} pressed {digit}."},
	{"muted", "{kind} is muted."},
	{"unmuted", "{kind} is on."},
	{"held", "On hold."},
	{"resumed", "Resumed."},
	{"peer", "  {aor}  {key}  {trust}"},
	{"stats",
	 "  {kind}: {sent} sent, {received} received, {lost} lost, {dropped} "
	 "dropped, {refused} refused by SFrame"},
	{"help", "  {usage}"},
	{"error", "That didn't work: {text}."},
	{"bye", "Goodbye."},
};

static void member(const json_t *event, const char *name)
{
	const json_t *v = json_object_get(event, name);

	if (json_is_string(v)) {
		/* What a peer sent must not steer the terminal. */
		for (const char *p = json_string_value(v); *p; p++)
			putchar((unsigned char)*p < 0x20 || *p == 0x7f ? '?'
								       : *p);
	} else if (json_is_integer(v)) {
		printf("%lld", (long long)json_integer_value(v));
	} else if (json_is_true(v)) {
		printf(", %s", name);
	}
}

static void show(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *state = json_string_value(json_object_get(event, "state"));
	const char *p = NULL;
	char key[64];

	snprintf(key, sizeof(key), "%s%s%s", name, state ? "." : "",
		 state ? state : "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!strcmp(lines[i].event, key))
			p = lines[i].line;
	while (p && *p) {
		size_t n = strcspn(p, "{");
		char field[32];

		printf("%.*s", (int)n, p);
		p += n;
		if (*p++ != '{')
			break;
		n = strcspn(p, "}");
		snprintf(field, sizeof(field), "%.*s", (int)n, p);
		member(event, field);
		p += n + 1;
	}
	putchar('\n');
}

static bool parse(char *line, const char **name, const char **arg)
{
	size_t n = strcspn(line, " ");

	*name = line;
	*arg = line + n + strspn(line + n, " ");
	line[n] = '\0';
	return n;
}

const struct ui_front ui_tui = {show, parse};
