/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sallyctl/client.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define API	   "/api/v1"
#define LINE_MAX_  65536	/* octets of a followed line */
#define ANSWER_MAX (256u << 20) /* octets; a bound, not an expectation */
#define TIMEOUT_MS 30000L
#define CONNECT_MS 5000L

/* Where to, unless a socket: set once, before anything is asked. */
static struct {
	const char *url, *ca;
	char authorization[32 + CLIENT_TOKEN_MAX];
} remote;

struct answer {
	char *p;
	size_t len;
};

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	char *p;

	n *= size;
	if (n > ANSWER_MAX - a->len)
		return 0;
	p = realloc(a->p, a->len + n);
	if (!p)
		return 0;
	memcpy(p + a->len, data, n);
	a->p = p;
	a->len += n;
	return n;
}

static bool quiet;

void client_quiet(bool q)
{
	quiet = q;
}

static void unreachable(const char *socket, CURLcode code)
{
	if (quiet)
		return;
	if (remote.url)
		fprintf(stderr, "sallyctl: %s: %s\n%s", remote.url,
			curl_easy_strerror(code),
			code == CURLE_PEER_FAILED_VERIFICATION
				? "--ca FILE names whom to trust: the "
				  "appliance's certificate, once compared.\n"
				: "");
	else
		fprintf(stderr,
			"sallyctl: %s: %s\n"
			"Is sallyport-control running, and may you open its "
			"socket (--socket PATH names another)?\n",
			socket, curl_easy_strerror(code));
}

bool client_remote(const char *url, const char *token_file, const char *ca)
{
	const char *env = getenv("SALLYPORT_TOKEN");
	char token[CLIENT_TOKEN_MAX] = "";
	FILE *f;

	if (strncmp(url, "https://", 8) != 0) {
		fprintf(stderr,
			"sallyctl: %s: an address such as "
			"https://10.1.0.1:8443\n",
			url);
		return false;
	}
	if (token_file) {
		f = fopen(token_file, "re");
		if (!f || !fgets(token, sizeof(token), f)) {
			perror(token_file);
			if (f)
				fclose(f);
			return false;
		}
		fclose(f);
		token[strcspn(token, "\r\n")] = '\0';
	} else if (env) {
		snprintf(token, sizeof(token), "%s", env);
	}
	if (token[0])
		snprintf(remote.authorization, sizeof(remote.authorization),
			 "Authorization: Bearer %s", token);
	explicit_bzero(token, sizeof(token));
	remote.url = url;
	remote.ca = ca;
	return true;
}

/* An error of the API as a sentence. */
static void refused(long status, const json_t *j)
{
	const char *text = json_string_value(json_object_get(j, "message"));

	if (quiet)
		return;
	if (text)
		fprintf(stderr, "sallyctl: %s%s\n", text,
			text[0] && text[strlen(text) - 1] == '?' ? "" : ".");
	else
		fprintf(stderr, "sallyctl: the answer was status %ld.\n",
			status);
}

/* What every request has in common. @return the headers, to be freed. */
static struct curl_slist *prepare(CURL *curl, const char *socket,
				  const char *path, char *url, size_t size)
{
	struct curl_slist *headers;

	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (remote.url && remote.authorization[0])
		headers = curl_slist_append(headers, remote.authorization);
	snprintf(url, size, "%s" API "%s",
		 remote.url ? remote.url : "http://localhost", path);
	if (!remote.url)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	if (remote.url && remote.ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, remote.ca);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	return headers;
}

static CURLcode perform(CURL *curl, const char *socket, const char *method,
			const char *path, const char *body,
			struct answer *answer)
{
	struct curl_slist *headers;
	char url[2048];
	CURLcode code;

	headers = prepare(curl, socket, path, url, sizeof(url));
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
				 (long)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	return code;
}

/* ----------------------------------------- what comes piece by piece */

/* Where the pieces go: refusals apart, in the API's words. */
struct pieces {
	CURL *curl;
	size_t (*take)(char *data, size_t size, size_t n, void *to);
	void *to;
	struct answer refusal;
};

static size_t on_piece(char *data, size_t size, size_t n, void *arg)
{
	struct pieces *p = arg;
	long status = 0;

	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 400 ? on_data(data, size, n, &p->refusal)
			     : p->take(data, size, n, p->to);
}

/* A GET. @return what it ended with; enough: that was us, who wanted no more. */
static enum exit_status get(const char *socket, const char *path,
			    size_t (*take)(char *data, size_t size, size_t n,
					   void *to),
			    void *to, const bool *enough)
{
	struct pieces p = {curl_easy_init(), take, to, {NULL, 0}};
	enum exit_status end = EXIT_UNREACHABLE;
	struct curl_slist *headers;
	long status = 0;
	char url[2048];
	CURLcode code;

	if (!p.curl)
		return EXIT_UNREACHABLE;
	headers = prepare(p.curl, socket, path, url, sizeof(url));
	curl_easy_setopt(p.curl, CURLOPT_WRITEFUNCTION, on_piece);
	curl_easy_setopt(p.curl, CURLOPT_WRITEDATA, &p);
	code = curl_easy_perform(p.curl);
	curl_easy_getinfo(p.curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (status >= 400) {
		json_t *j = json_loadb(p.refusal.p ? p.refusal.p : "",
				       p.refusal.len, 0, NULL);

		refused(status, j);
		json_decref(j);
		end = EXIT_REFUSED;
	} else if (code == CURLE_OK || *enough) {
		end = EXIT_DONE;
	} else {
		unreachable(socket, code);
	}
	curl_easy_cleanup(p.curl);
	free(p.refusal.p);
	return end;
}

struct follow {
	bool (*f)(const char *line, void *arg);
	void *arg;
	char line[LINE_MAX_];
	size_t len;
	bool enough;
};

static size_t on_lines(char *data, size_t size, size_t n, void *arg)
{
	struct follow *fo = arg;

	n *= size;
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n') {
			if (fo->len < sizeof(fo->line) - 1)
				fo->line[fo->len++] = data[i];
			continue;
		}
		fo->line[fo->len] = '\0';
		fo->len = 0;
		if (!fo->f(fo->line, fo->arg)) {
			fo->enough = true;
			return 0;
		}
	}
	return n;
}

enum exit_status client_follow(const char *socket, const char *path,
			       bool (*f)(const char *line, void *arg),
			       void *arg)
{
	struct follow *fo = calloc(1, sizeof(*fo));
	enum exit_status end = EXIT_UNREACHABLE;

	if (fo) {
		fo->f = f;
		fo->arg = arg;
		end = get(socket, path, on_lines, fo, &fo->enough);
	}
	free(fo);
	return end;
}

static size_t on_file(char *data, size_t size, size_t n, void *to)
{
	return fwrite(data, size, n, to) * size;
}

enum exit_status client_fetch(const char *socket, const char *path, FILE *to)
{
	static const bool enough = false;
	enum exit_status end = get(socket, path, on_file, to, &enough);

	if (end == EXIT_DONE && fflush(to)) {
		perror("sallyctl: writing");
		end = EXIT_REFUSED;
	}
	return end;
}

/* ---------------------------------------------------------------- upload */

struct sending {
	bool (*part)(unsigned percent, void *arg);
	void *arg;
	unsigned percent;
};

static int on_progress(void *arg, curl_off_t all_down, curl_off_t down,
		       curl_off_t all, curl_off_t up)
{
	struct sending *s = arg;
	unsigned percent = all > 0 ? (unsigned)(100 * up / all) : 0;

	(void)all_down;
	(void)down;
	if (percent == s->percent)
		return 0;
	s->percent = percent;
	return s->part(percent, s->arg) ? 0 : 1;
}

enum exit_status client_upload(const char *socket, const char *path, FILE *from,
			       bool (*part)(unsigned percent, void *arg),
			       void *arg)
{
	struct sending s = {part, arg, 0};
	enum exit_status end = EXIT_UNREACHABLE;
	struct answer answer = {0};
	CURL *curl = curl_easy_init();
	struct curl_slist *headers;
	struct stat st = {0};
	long status = 0;
	char url[2048];
	CURLcode code;
	json_t *j;

	if (!curl || fstat(fileno(from), &st))
		return EXIT_UNREACHABLE;
	headers = prepare(curl, socket, path, url, sizeof(url));
	/* refused before it is sent, if it is: RFC 9110 section 10.1.1 */
	headers = curl_slist_append(headers, "Expect: 100-continue");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READDATA, from);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
			 (curl_off_t)st.st_size);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &s);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	j = json_loadb(answer.p ? answer.p : "", answer.len, 0, NULL);
	if (code == CURLE_OK && status >= 200 && status < 300) {
		end = EXIT_DONE;
	} else if (status >= 400) {
		refused(status, j);
		end = EXIT_REFUSED;
	} else {
		unreachable(socket, code);
	}
	json_decref(j);
	free(answer.p);
	curl_easy_cleanup(curl);
	return end;
}

enum exit_status client_request(const char *socket, const char *method,
				const char *path, const json_t *body,
				json_t **out)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum exit_status end = EXIT_UNREACHABLE;
	struct answer answer = {0};
	CURL *curl = curl_easy_init();
	long status = 0;
	CURLcode code = CURLE_FAILED_INIT;
	json_t *j = NULL;

	if (curl)
		code = perform(curl, socket, method, path, text, &answer);
	if (code != CURLE_OK) {
		unreachable(socket, code);
		goto out;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	j = json_loadb(answer.p ? answer.p : "", answer.len, 0, NULL);
	if (status >= 200 && status < 300 && j) {
		*out = json_incref(j);
		end = EXIT_DONE;
	} else {
		refused(status, j);
		end = EXIT_REFUSED;
	}
out:
	if (text)
		explicit_bzero(text, strlen(text)); /* perhaps a password */
	free(text);
	json_decref(j);
	free(answer.p);
	curl_easy_cleanup(curl);
	return end;
}

char *client_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
