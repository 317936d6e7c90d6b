/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/ui.h"
#include <jansson.h>
#include <re_types.h>
#include <re_fmt.h>
#include <re_main.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	const struct ui_front *front;
	ui_command_h *h;
	void *data;
	char line[1024];
	size_t len;
	bool too_long;
} ui;

static void line_done(void)
{
	const char *name, *arg;

	ui.line[ui.len] = '\0';
	if (ui.len && ui.line[ui.len - 1] == '\r')
		ui.line[--ui.len] = '\0';
	if (ui.too_long)
		ui_event("error", "{s:s}", "text", "that line is too long");
	else if (ui.len && ui.front->parse(ui.line, &name, &arg))
		ui.h(name, arg, ui.data);
	ui.len = 0;
	ui.too_long = false;
}

static void readable(int flags, void *arg)
{
	char buf[512];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	(void)flags;
	(void)arg;
	if (n <= 0) {
		fd_close(STDIN_FILENO);
		ui.h("quit", "", ui.data);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			line_done();
		else if (ui.len < sizeof(ui.line) - 1)
			ui.line[ui.len++] = buf[i];
		else
			ui.too_long = true;
	}
}

int ui_start(bool json, ui_command_h *h, void *data)
{
	ui.front = json ? &ui_json : &ui_tui;
	ui.h = h;
	ui.data = data;
	setvbuf(stdout, NULL, _IOLBF, 0);
	return fd_listen(STDIN_FILENO, FD_READ, readable, NULL);
}

void ui_stop(void)
{
	fd_close(STDIN_FILENO);
}

void ui_event(const char *name, const char *fmt, ...)
{
	json_error_t error;
	json_t *o, *code;
	va_list ap;

	va_start(ap, fmt);
	o = json_vpack_ex(&error, 0, fmt, ap);
	va_end(ap);
	if (!o)
		return;
	json_object_set_new(o, "event", json_string(name));
	if (ui.front)
		ui.front->show(o);
	code = json_object_get(o, "code");
	if (json_is_string(code))
		sodium_memzero((char *)json_string_value(code),
			       json_string_length(code));
	json_decref(o);
}
