/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/settings.c - see settings.h. */
#include "control/trunk/settings.h"
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/addr.h"
#include "dataplane/abi/suite.h"

static const char *const inbounds[INBOUNDS] = {"address", "digest", "no"};
static const char *const froms[FROMS] = {"number", "account"};
/* Of media_security_names, those that carriers speak. */
static const char *const medias[] = {
	[MEDIA_PLAIN] = "plain",
	[MEDIA_SDES] = "sdes",
	[MEDIA_EITHER] = "either",
};

static bool is_address(const char *s)
{
	struct sa sa;

	return sip_addr_parse(&sa, s) && !sa_is_any(&sa);
}

static bool is_address_or_none(const char *s)
{
	return !*s || is_address(s);
}

static bool is_transport(const char *s)
{
	enum sip_tp tp;

	/* WebSocket is for browsers. */
	return sip_tp_parse(&tp, s) && tp <= SIP_TLS;
}

static bool any_source(const char *addr, unsigned prefix, void *arg)
{
	(void)addr;
	(void)arg;
	return prefix > 0; /* the whole Internet isn't a trunk */
}

static bool is_sources(const char *s)
{
	return trunk_sources_each(s, any_source, NULL);
}

static bool is_domain(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]");

	return !s[n];
}

/* It goes into URIs and quoted strings as it is. */
static bool is_account(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			     "-_.!~*'()&=+$,?/");

	return !s[n];
}

static bool is_account_with_domain(const char *s)
{
	const char *at = strchr(s, '@');
	char user[TRUNK_TEXT_MAX];

	if (!at)
		return is_account(s);
	snprintf(user, sizeof(user), "%.*s", (int)(at - s), s);
	return is_account(user) && is_domain(at + 1);
}

static bool is_number_or_none(const char *s)
{
	return !*s || number_is_e164(s);
}

#define SUITES_MAX 8

/* Names with commas or blanks between. @return how many, -1: one is unknown. */
static int suites_read(uint16_t out[SUITES_MAX], const char *s)
{
	int n = 0;

	for (s += strspn(s, ", "); *s; s += strspn(s, ", ")) {
		size_t len = strcspn(s, ", ");
		const struct sp_suite_info *suite = sp_suite_named(s, len);

		if (!suite || n == SUITES_MAX)
			return -1;
		out[n++] = suite->id;
		s += len;
	}
	return n;
}

static bool is_suites(const char *s)
{
	uint16_t ids[SUITES_MAX];

	return suites_read(ids, s) >= 0;
}

static bool is_codecs(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-/ ");

	return !s[n];
}

enum type { TEXT, NUMBER, SWITCH, CHOICE };

static const struct member {
	const char *name;
	enum type type;
	size_t offset, size;	    /* size: of a TEXT's array */
	bool (*ok)(const char *);   /* TEXT */
	unsigned min, max;	    /* NUMBER */
	const char *const *choices; /* CHOICE: max of them */
	const char *expected;
	const char *text; /* defaults: of a TEXT, */
	unsigned number;  /* of the others */
} members[] = {
#define AT(m)	   .offset = offsetof(struct trunk_settings, m)
#define TEXT_AT(m) TEXT, AT(m), .size = sizeof(((struct trunk_settings *)0)->m)
	{"enabled", SWITCH, AT(enabled), .number = 1},
	{"address", TEXT_AT(address), .ok = is_address,
	 .expected = "address and port, such as 192.0.2.10:5060", .text = ""},
	{"transport", TEXT_AT(transport), .ok = is_transport,
	 .expected = "udp, tcp or tls", .text = "udp"},
	{"sources", TEXT_AT(sources), .ok = is_sources,
	 .expected = "addresses or networks, such as 192.0.2.10, 2001:db8::/48",
	 .text = ""},
	{"local", TEXT_AT(local), .ok = is_address_or_none,
	 .expected = "address and port of a listener of ours, or nothing",
	 .text = ""},
	{"domain", TEXT_AT(domain), .ok = is_domain,
	 .expected = "the carrier's SIP domain", .text = ""},
	{"user", TEXT_AT(user), .ok = is_account,
	 .expected = "letters, digits and what a URI's user part may have",
	 .text = ""},
	{"auth_user", TEXT_AT(auth_user), .ok = is_account_with_domain,
	 .expected = "a user name, where the digest has another than user",
	 .text = ""},
	{"register", SWITCH, AT(registers)},
	{"expires", NUMBER, AT(expires), .min = 10, .max = 86400,
	 .number = 3600},
	{"keepalive", NUMBER, AT(keepalive), .max = 3600, .number = 30},
	{"timeout", NUMBER, AT(timeout), .min = 1, .max = 60, .number = 4},
	{"progress", NUMBER, AT(progress), .min = 1, .max = 180, .number = 20},
	{"calls", NUMBER, AT(calls), .max = 100000},
	{"reserve", NUMBER, AT(reserve), .max = 1000},
	{"format", CHOICE, AT(format), .choices = number_format_names,
	 .max = NUMBER_FORMATS},
	{"from", CHOICE, AT(from), .choices = froms, .max = FROMS},
	{"caller", TEXT_AT(caller), .ok = is_number_or_none,
	 .expected = "+ and digits, of callers without a number of their own",
	 .text = ""},
	{"inbound", CHOICE, AT(inbound), .choices = inbounds, .max = INBOUNDS},
	{"media", CHOICE, AT(media), .choices = medias,
	 .max = sizeof(medias) / sizeof(medias[0])},
	{"suites", TEXT_AT(suites), .ok = is_suites,
	 .expected = "names of SRTP suites with commas between, best first",
	 .text = ""},
	{"codecs", TEXT_AT(codecs), .ok = is_codecs,
	 .expected = "names of codecs with blanks between, best first",
	 .text = ""},
#undef AT
#undef TEXT_AT
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static char *text_at(struct trunk_settings *s, const struct member *m)
{
	return (char *)s + m->offset;
}

static unsigned *number_at(struct trunk_settings *s, const struct member *m)
{
	return (unsigned *)((char *)s + m->offset);
}

void trunk_settings_default(struct trunk_settings *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];

		if (m->type == TEXT)
			snprintf(text_at(s, m), m->size, "%s", m->text);
		else
			*number_at(s, m) = m->number;
	}
}

static bool take_text(struct trunk_settings *s, const struct member *m,
		      const json_t *v)
{
	const char *text = json_string_value(v);

	if (!text || strlen(text) >= m->size || !m->ok(text))
		return false;
	strcpy(text_at(s, m), text);
	return true;
}

static bool take_number(struct trunk_settings *s, const struct member *m,
			const json_t *v)
{
	json_int_t n = json_integer_value(v);
	const char *text = json_string_value(v);
	char *end;

	if (text) {
		n = strtoll(text, &end, 10);
		if (*text < '0' || *text > '9' || *end)
			return false;
	} else if (!json_is_integer(v)) {
		return false;
	}
	if (n < m->min || n > m->max)
		return false;
	*number_at(s, m) = (unsigned)n;
	return true;
}

static bool take_switch(struct trunk_settings *s, const struct member *m,
			const json_t *v)
{
	const char *text = json_string_value(v);

	if (text && strcmp(text, "yes") && strcmp(text, "no"))
		return false;
	if (!text && !json_is_boolean(v))
		return false;
	*number_at(s, m) = text ? !strcmp(text, "yes") : json_is_true(v);
	return true;
}

static bool take_choice(struct trunk_settings *s, const struct member *m,
			const json_t *v)
{
	const char *text = json_string_value(v);

	for (unsigned i = 0; text && i < m->max; i++) {
		if (strcmp(m->choices[i], text))
			continue;
		*number_at(s, m) = i;
		return true;
	}
	return false;
}

static bool (*const takes[])(struct trunk_settings *, const struct member *,
			     const json_t *) = {
	[TEXT] = take_text,
	[NUMBER] = take_number,
	[SWITCH] = take_switch,
	[CHOICE] = take_choice,
};

static void say_expected(const struct member *m, char *err, size_t errlen)
{
	size_t n;

	if (m->type == TEXT)
		snprintf(err, errlen, "%s: %s", m->name, m->expected);
	else if (m->type == NUMBER)
		snprintf(err, errlen, "%s: a number from %u to %u", m->name,
			 m->min, m->max);
	else if (m->type == SWITCH)
		snprintf(err, errlen, "%s: yes or no", m->name);
	else {
		n = (size_t)snprintf(err, errlen, "%s: one of", m->name);
		for (unsigned i = 0; i < m->max && n < errlen; i++)
			n += (size_t)snprintf(err + n, errlen - n, " %s",
					      m->choices[i]);
	}
}

bool trunk_settings_take(struct trunk_settings *s, const json_t *j,
			 const char *const skip[], char *err, size_t errlen)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)j, key, v) {
		unsigned i = 0;

		while (skip && skip[i] && strcmp(skip[i], key))
			i++;
		if (skip && skip[i])
			continue;
		for (i = 0; i < MEMBERS && strcmp(members[i].name, key);)
			i++;
		if (i == MEMBERS) {
			snprintf(err, errlen, "A trunk has no %s", key);
			return false;
		}
		if (!takes[members[i].type](s, &members[i], v)) {
			say_expected(&members[i], err, errlen);
			return false;
		}
	}
	return true;
}

bool trunk_settings_check(const struct trunk_settings *s, char *err,
			  size_t errlen)
{
	const char *what = NULL;

	if (!s->address[0])
		what = "address: where the trunk is has to be said";
	else if (s->registers && !s->user[0])
		what = "user: who registers needs one";
	else if (s->inbound == INBOUND_DIGEST && !s->user[0])
		what = "user: digest needs one";
	else if (s->reserve && s->reserve >= s->calls)
		what = "reserve: less than calls";
	else if (s->from == FROM_ACCOUNT && !s->user[0])
		what = "user: From is to have the account";
	if (what)
		snprintf(err, errlen, "%s", what);
	return !what;
}

json_t *trunk_settings_json(const struct trunk_settings *s)
{
	json_t *j = json_object();

	for (size_t i = 0; j && i < MEMBERS; i++) {
		const struct member *m = &members[i];
		const char *text = (const char *)s + m->offset;
		unsigned n = 0;

		if (m->type != TEXT)
			memcpy(&n, text, sizeof(n));
		json_object_set_new(j, m->name,
				    m->type == TEXT	? json_string(text)
				    : m->type == NUMBER ? json_integer(n)
				    : m->type == SWITCH
					    ? json_boolean(n)
					    : json_string(m->choices[n]));
	}
	return j;
}

struct media_profile trunk_settings_profile(const struct trunk_settings *s)
{
	struct media_profile p = {.security = (enum media_security)s->media};

	suites_read(p.suites, s->suites);
	snprintf(p.codecs, sizeof(p.codecs), "%s", s->codecs);
	return p;
}

bool trunk_name_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && !name[n] && n < TRUNK_NAME_MAX;
}

bool trunk_sources_each(const char *list,
			bool (*f)(const char *addr, unsigned prefix, void *arg),
			void *arg)
{
	struct in6_addr bin;

	for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
		size_t len = strcspn(list, ", "), n;
		char one[INET6_ADDRSTRLEN + 5], *end;
		unsigned long prefix;
		bool v4;

		if (len >= sizeof(one))
			return false;
		memcpy(one, list, len);
		one[len] = '\0';
		list += len;
		n = strcspn(one, "/");
		end = one + n;
		v4 = !memchr(one, ':', n);
		prefix = v4 ? 32 : 128;
		if (*end) {
			if (end[1] < '0' || end[1] > '9')
				return false;
			if (strtoul(end + 1, &end, 10) > prefix || *end)
				return false;
			prefix = strtoul(one + n + 1, NULL, 10);
		}
		one[n] = '\0';
		if (inet_pton(v4 ? AF_INET : AF_INET6, one, &bin) != 1 ||
		    !f(one, (unsigned)prefix, arg))
			return false;
	}
	return true;
}
