/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file good for every program? Each checks its own section: control here,
 * the others started with --check on the text in a memfd, so that nothing has
 * to be written anywhere. */
#define _GNU_SOURCE /* memfd_create, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "control/settings/impl.h"
#include "dataplane/abi/yaml.h"

#define CHECK_SECONDS 20 /* of a program: loading its libraries takes most */
#define SAID_MAX      4096
#define CHILD_FD      3
#define CHILD_PATH    "/proc/self/fd/3"

/* The programs beside this one, and the section that each reads. */
static const struct {
	const char *section, *program;
} others[] = {
	{"dataplane", "sallyport-dataplane"},
	{"media", "sallyport-media"},
};

/* "PATH, line 19: what" as what, with its line apart: the path is that of the
 * candidate, which nobody knows. */
static void complain(json_t *errors, const char *program, const char *said,
		     const char *path)
{
	const char *at = strstr(said, path);
	unsigned line = 0;
	char text[SAID_MAX];
	int n = 0;

	if (at) {
		said = at + strlen(path);
		if (sscanf(said, ", line %u: %n", &line, &n) >= 1 && n)
			said += n;
		else
			said += strspn(said, ":, ");
	}
	snprintf(text, sizeof(text), "%s", said);
	text[strcspn(text, "\n")] = '\0';
	json_array_append_new(
		errors, json_pack("{s:s, s:o, s:s}", "program", program, "line",
				  line ? json_integer(line) : json_null(),
				  "message", text));
}

static int memory_file(const char *text, size_t len)
{
	int fd = memfd_create("sallyport.yaml", MFD_CLOEXEC);

	while (fd >= 0 && len) {
		ssize_t n = write(fd, text, len);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		text += n;
		len -= (size_t)n;
	}
	return fd;
}

/* @return false: it isn't installed beside this one. */
static bool program_path(const char *program, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 64);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash + 1, 64, "%s", program);
	return access(path, X_OK) == 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* All that it says, until it ends or its time is over. */
static void hear(int fd, pid_t pid, char said[SAID_MAX])
{
	int64_t end = now_ms() + CHECK_SECONDS * 1000;
	struct pollfd p = {fd, POLLIN, 0};
	char rest[512];
	size_t len = 0;

	for (;;) {
		int64_t left = end - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			kill(pid, SIGKILL);
			break;
		}
		if (len < SAID_MAX - 1)
			n = read(fd, said + len, SAID_MAX - 1 - len);
		else
			n = read(fd, rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (len < SAID_MAX - 1)
			len += (size_t)n;
	}
	said[len] = '\0';
}

/* @return its exit status; -1: it couldn't be started, or was ended. */
static int run(char *path, int text, char said[SAID_MAX])
{
	char *const argv[] = {path, "--config", CHILD_PATH, "--check", NULL};
	char *const env[] = {"LC_ALL=C", NULL};
	posix_spawn_file_actions_t fa;
	int talk[2], status, e;
	pid_t pid;

	said[0] = '\0';
	if (pipe2(talk, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, talk[1], 1);
	posix_spawn_file_actions_adddup2(&fa, talk[1], 2);
	posix_spawn_file_actions_adddup2(&fa, text, CHILD_FD);
	e = posix_spawn(&pid, path, &fa, NULL, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	close(talk[1]);
	if (!e) {
		hear(talk[0], pid, said);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(talk[0]);
	return !e && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_other(struct settings_candidate *c, int text,
			const char *program)
{
	char path[PATH_MAX], said[SAID_MAX];
	int status;

	/* not on this machine: then its section is somebody else's */
	if (!program_path(program, path))
		return;
	status = run(path, text, said);
	if (status == 0)
		return;
	complain(c->errors, program,
		 said[0] ? said : "its check couldn't be run", CHILD_PATH);
}

static bool has_section(const json_t *options, const char *section)
{
	size_t n = strlen(section);
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)options, key, v)
		if (!strncmp(key, section, n) && key[n] == '.')
			return true;
	return false;
}

bool settings_check(struct settings_candidate *c)
{
	char here[64], err[CONF_ERROR_MAX] = "", yaml[256];
	int fd = memory_file(c->text, c->len);

	c->errors = json_array();
	if (fd < 0 || !c->errors)
		goto out;
	c->options = options_of(c->text, c->len, yaml, sizeof(yaml));
	snprintf(here, sizeof(here), "/proc/self/fd/%d", fd);
	c->config = config_load(here, err);
	if (!c->config)
		complain(c->errors, "sallyport-control", err, here);
	else if (!c->options)
		complain(c->errors, "sallyport-control", yaml, here);
	if (!c->options)
		goto out;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (has_section(c->options, others[i].section))
			check_other(c, fd, others[i].program);
out:
	if (fd >= 0)
		close(fd);
	return fd >= 0 && c->errors;
}

void settings_candidate_clear(struct settings_candidate *c)
{
	config_free(c->config);
	json_decref(c->errors);
	json_decref(c->options);
	free(c->text);
	memset(c, 0, sizeof(*c));
}
