/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sallyctl/client.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE	   "http://localhost/api/v1"
#define ANSWER_MAX (256u << 20) /* octets; a bound, not an expectation */
#define TIMEOUT_MS 30000L
#define CONNECT_MS 5000L

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

static void unreachable(const char *socket, CURLcode code)
{
	fprintf(stderr,
		"sallyctl: %s: %s\n"
		"Is sallyport-control running, and may you open its socket "
		"(--socket PATH names another)?\n",
		socket, curl_easy_strerror(code));
}

/* An error of the API as a sentence. */
static void refused(long status, const json_t *j)
{
	const char *text = json_string_value(json_object_get(j, "message"));

	if (text)
		fprintf(stderr, "sallyctl: %s%s\n", text,
			text[0] && text[strlen(text) - 1] == '?' ? "" : ".");
	else
		fprintf(stderr, "sallyctl: the answer was status %ld.\n",
			status);
}

static CURLcode perform(CURL *curl, const char *socket, const char *method,
			const char *url, const char *body,
			struct answer *answer)
{
	struct curl_slist *headers = NULL;
	CURLcode code;

	headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
				 (long)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	return code;
}

enum exit_status client_request(const char *socket, const char *method,
				const char *path, const json_t *body,
				json_t **out)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum exit_status end = EXIT_UNREACHABLE;
	struct answer answer = {0};
	CURL *curl = curl_easy_init();
	char url[1024];
	long status = 0;
	CURLcode code = CURLE_FAILED_INIT;
	json_t *j = NULL;

	snprintf(url, sizeof(url), BASE "%s", path);
	if (curl)
		code = perform(curl, socket, method, url, text, &answer);
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
