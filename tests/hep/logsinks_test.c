/* SPDX-License-Identifier: Apache-2.0 */
/* The log's ways beside stderr: octets that the journal and a syslog server
 * get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/log.h"
#include "control/logsinks.h"

static int journal, syslogd;
static char path[] = "/tmp/logsinks_test.XXXXXX/socket";

static void patience(int fd)
{
	const struct timeval t = {5, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static int set_up(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	char where[64];

	(void)state;
	*strrchr(path, '/') = '\0';
	assert_non_null(mkdtemp(path));
	path[strlen(path)] = '/';
	strcpy(un.sun_path, path);
	journal = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(journal, (struct sockaddr *)&un, sizeof(un)), 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	syslogd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(syslogd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(syslogd, 1), 0);
	getsockname(syslogd, (struct sockaddr *)&in, &len);
	snprintf(where, sizeof(where), "tcp:127.0.0.1:%u", ntohs(in.sin_port));
	assert_int_equal(log_journal(path), 0);
	assert_int_equal(log_syslog(where), 0);
	syslogd = accept(syslogd, NULL, NULL);
	assert_true(syslogd >= 0);
	patience(journal);
	patience(syslogd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static const struct {
	enum log_level level;
	uint64_t call;
	const char *event, *text, *journal, *pri, *tail;
} lines[] = {
	{LEVEL_INFO, 0, NULL, "hello",
	 "MESSAGE=hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=sallyport-control\n",
	 "<134>1 ", " - - hello"},
	{LEVEL_ERROR, 42, NULL, "its keys were lost",
	 "MESSAGE=its keys were lost\nPRIORITY=3\n"
	 "SYSLOG_IDENTIFIER=sallyport-control\nCALL_ID=42\n",
	 "<131>1 ", " - - [call 42] its keys were lost"},
	{LEVEL_WARN, 0, "alarm-raised", "alarm",
	 "MESSAGE=alarm\nPRIORITY=4\nSYSLOG_IDENTIFIER=sallyport-control\n"
	 "SALLYPORT_EVENT=alarm-raised\n",
	 "<132>1 ", " alarm-raised - alarm"},
	/* who sends a newline can't add a field, nor a line */
	{LEVEL_INFO, 0, NULL, "a\nPRIORITY=0\nCALL_ID=7",
	 "MESSAGE=a?PRIORITY=0?CALL_ID=7\nPRIORITY=6\n"
	 "SYSLOG_IDENTIFIER=sallyport-control\n",
	 "<134>1 ", " - - a?PRIORITY=0?CALL_ID=7"},
};

/* One message of RFC 6587's octet counting. */
static void syslog_read(char *out, size_t size)
{
	size_t n = 0, got = 0;
	char c;

	while (recv(syslogd, &c, 1, 0) == 1 && c != ' ')
		n = n * 10 + (size_t)(c - '0');
	assert_in_range(n, 1, size - 1);
	while (got < n) {
		ssize_t r = recv(syslogd, out + got, n - got, 0);

		assert_true(r > 0);
		got += (size_t)r;
	}
	out[n] = '\0';
}

static void octets(void **state)
{
	char text[2048], want[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ssize_t n;

		if (lines[i].event)
			log_event(lines[i].level, lines[i].call, lines[i].event,
				  "%s", lines[i].text);
		else
			log_write(lines[i].level, lines[i].call, "%s",
				  lines[i].text);
		n = recv(journal, text, sizeof(text) - 1, 0);
		assert_true(n > 0);
		text[n] = '\0';
		assert_string_equal(text, lines[i].journal);
		syslog_read(text, sizeof(text));
		assert_memory_equal(text, lines[i].pri, strlen(lines[i].pri));
		snprintf(want, sizeof(want), " sallyport-control %d%s",
			 (int)getpid(), lines[i].tail);
		assert_true(strlen(text) > strlen(want));
		assert_string_equal(text + strlen(text) - strlen(want), want);
	}
}

static void what_is_too_quiet_is_nowhere(void **state)
{
	char c;

	(void)state;
	log_debug(0, "nobody asked");
	assert_int_equal(recv(journal, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(recv(syslogd, &c, 1, MSG_DONTWAIT), -1);
}

/* Nothing blocks, and nothing ends, where the server has gone. */
static void the_server_goes(void **state)
{
	char text[2048];

	(void)state;
	close(syslogd);
	for (int i = 0; i < 10; i++) {
		log_info(0, "on and on");
		assert_true(recv(journal, text, sizeof(text), 0) > 0);
	}
}

static void whose_stderr_is(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_false(log_is_journal());
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(log_is_journal());
	setenv("JOURNAL_STREAM", "8:1234", 1);
	assert_false(log_is_journal());
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets),
		cmocka_unit_test(what_is_too_quiet_is_nowhere),
		cmocka_unit_test(the_server_goes),
		cmocka_unit_test(whose_stderr_is),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
