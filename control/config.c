/* SPDX-License-Identifier: Apache-2.0 */
/* control/config.c - see config.h. One table says what the file may hold, one
 * what each value may be, one what it is when absent. */
#include "control/config.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "control/ng/listen.h"
#include "control/media/protocol.h"
#include "control/sip/addr.h"
#include "control/sip/numbers.h"
#include "control/sip/guard.h"
#include "control/siprec/siprec.h"
#include "dataplane/abi/yaml.h"

#define TEXT_MAX      256
#define LISTEN_MAX    32
#define ALLOW_MAX     64
#define NG_INTERFACES 16
#define SIPREC_USERS  1024
#define OPTIONAL      CYAML_FLAG_OPTIONAL

#define TEXT(key, flags, type, member)                                  \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, \
			       member, 1, TEXT_MAX)
#define NUMBER(key, type, member) CYAML_FIELD_UINT(key, OPTIONAL, type, member)

static const cyaml_schema_value_t listen_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

static const cyaml_schema_field_t tls_fields[] = {
	TEXT("certificate", OPTIONAL, struct config_tls, certificate),
	TEXT("key", OPTIONAL, struct config_tls, key),
	TEXT("ca", OPTIONAL, struct config_tls, ca),
	TEXT("clients", OPTIONAL, struct config_tls, clients),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t guard_fields[] = {
	NUMBER("requests", struct config_guard, requests),
	NUMBER("failures", struct config_guard, failures),
	NUMBER("connections", struct config_guard, connections),
	NUMBER("half_open", struct config_guard, half_open),
	NUMBER("ban", struct config_guard, ban),
	CYAML_FIELD_SEQUENCE("allow", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_guard, allow, &listen_schema, 0,
			     ALLOW_MAX),
	TEXT("scanners", OPTIONAL, struct config_guard, scanners),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t sip_fields[] = {
	CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER, struct config_sip,
			     listen, &listen_schema, 1, LISTEN_MAX),
	NUMBER("ring_timeout", struct config_sip, ring_timeout),
	NUMBER("min_expires", struct config_sip, min_expires),
	NUMBER("default_expires", struct config_sip, default_expires),
	NUMBER("max_expires", struct config_sip, max_expires),
	NUMBER("nonce_lifetime", struct config_sip, nonce_lifetime),
	NUMBER("session_expires", struct config_sip, session_expires),
	NUMBER("min_se", struct config_sip, min_se),
	CYAML_FIELD_MAPPING("tls", OPTIONAL, struct config_sip, tls,
			    tls_fields),
	CYAML_FIELD_SEQUENCE("origins", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_sip, origins, &listen_schema, 0,
			     CONFIG_ORIGINS_MAX),
	CYAML_FIELD_MAPPING("guard", OPTIONAL, struct config_sip, guard,
			    guard_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t calls_fields[] = {
	TEXT("orbits", OPTIONAL, struct config_calls, orbits),
	TEXT("conferences", OPTIONAL, struct config_calls, conferences),
	TEXT("music", OPTIONAL, struct config_calls, music),
	TEXT("notice", OPTIONAL, struct config_calls, notice),
	NUMBER("notice_every", struct config_calls, notice_every),
	TEXT("voicemail", OPTIONAL, struct config_calls, voicemail),
	NUMBER("park_timeout", struct config_calls, park_timeout),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t https_fields[] = {
	CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_https, listen, &listen_schema, 0,
			     HTTPS_LISTEN_MAX),
	TEXT("certificate", OPTIONAL, struct config_https, certificate),
	TEXT("key", OPTIONAL, struct config_https, key),
	TEXT("console", OPTIONAL, struct config_https, console),
	NUMBER("session_idle", struct config_https, session_idle),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t ng_fields[] = {
	CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_ng, listen, &listen_schema, 1,
			     LISTEN_MAX),
	CYAML_FIELD_SEQUENCE("allow", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_ng, allow, &listen_schema, 1,
			     LISTEN_MAX),
	CYAML_FIELD_SEQUENCE("interfaces", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_ng, interfaces, &listen_schema, 1,
			     NG_INTERFACES),
	NUMBER("calls", struct config_ng, calls),
	CYAML_FIELD_BOOL("end_to_end", OPTIONAL, struct config_ng, end_to_end),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t media_fields[] = {
	TEXT("socket", OPTIONAL, struct config_media, socket),
	NUMBER("transcodings", struct config_media, transcodings),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t siprec_fields[] = {
	TEXT("server", OPTIONAL, struct config_siprec, server),
	TEXT("media", OPTIONAL, struct config_siprec, media),
	CYAML_FIELD_SEQUENCE("users", CYAML_FLAG_POINTER | OPTIONAL,
			     struct config_siprec, users, &listen_schema, 0,
			     SIPREC_USERS),
	NUMBER("keepalive", struct config_siprec, keepalive),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t hep_fields[] = {
	TEXT("collector", 0, struct config_hep, collector),
	NUMBER("id", struct config_hep, id),
	TEXT("password", OPTIONAL, struct config_hep, password),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t pstn_fields[] = {
	TEXT("country", OPTIONAL, struct config_pstn, country),
	TEXT("area", OPTIONAL, struct config_pstn, area),
	TEXT("international", OPTIONAL, struct config_pstn, international),
	TEXT("national", OPTIONAL, struct config_pstn, national),
	NUMBER("internal_digits", struct config_pstn, internal_digits),
	TEXT("location", OPTIONAL, struct config_pstn, location),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
	TEXT("dataplane", 0, struct config, dataplane),
	TEXT("api", 0, struct config, api),
	TEXT("database", 0, struct config, database),
	TEXT("audit", OPTIONAL, struct config, audit),
	NUMBER("audit_size", struct config, audit_size),
	TEXT("domain", 0, struct config, domain),
	CYAML_FIELD_MAPPING("sip", CYAML_FLAG_DEFAULT, struct config, sip,
			    sip_fields),
	CYAML_FIELD_MAPPING("calls", OPTIONAL, struct config, calls,
			    calls_fields),
	CYAML_FIELD_MAPPING("https", OPTIONAL, struct config, https,
			    https_fields),
	CYAML_FIELD_MAPPING("ng", OPTIONAL, struct config, ng, ng_fields),
	CYAML_FIELD_MAPPING("pstn", OPTIONAL, struct config, pstn, pstn_fields),
	CYAML_FIELD_MAPPING("media", OPTIONAL, struct config, media,
			    media_fields),
	CYAML_FIELD_MAPPING("hep", OPTIONAL, struct config, hep, hep_fields),
	CYAML_FIELD_MAPPING("siprec", OPTIONAL, struct config, siprec,
			    siprec_fields),
	NUMBER("media_timeout", struct config, media_timeout),
	TEXT("firmware", OPTIONAL, struct config, firmware),
	TEXT("syslog", OPTIONAL, struct config, syslog),
	TEXT("log", OPTIONAL, struct config, log),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields),
};

static bool is_file_name(const char *s)
{
	return s[0] != '.' && strlen(s) <= MP_FILE_MAX && !strchr(s, '/');
}

static bool is_voicemail(const char *s)
{
	size_t n = strlen(s);

	return strspn(s, "+0123456789*#") == n ||
	       (strncmp(s, "sip:", 4) == 0 && n > 4 && n < 200 &&
		!strpbrk(s, " <>\"\\"));
}

static bool is_domain(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-");

	return n && !s[n] && n <= 190 && isalnum((unsigned char)s[0]);
}

static bool is_listen(const char *s)
{
	struct sip_listen l;

	return sip_listen_parse(&l, s);
}

static bool is_syslog(const char *s)
{
	struct sip_listen l;

	return sip_listen_parse(&l, s) && (l.tp == SIP_UDP || l.tp == SIP_TCP);
}

static bool is_network(const char *s)
{
	unsigned bits;
	struct sa sa;

	return guard_prefix_parse(s, &sa, &bits);
}

static bool is_origin(const char *s)
{
	return !strncmp(s, "https://", 8) || !strncmp(s, "http://", 7);
}

static bool is_clients(const char *s)
{
	return !strcmp(s, "none") || !strcmp(s, "optional") ||
	       !strcmp(s, "required");
}

static bool is_scanners(const char *s)
{
	return !strcmp(s, "drop") || !strcmp(s, "answer");
}

static bool is_address(const char *s)
{
	struct sa sa;

	return sip_addr_parse(&sa, s) && sa_port(&sa);
}

static bool is_ng_listen(const char *s)
{
	struct ng_listen l;

	return ng_listen_parse(&l, s);
}

static bool is_ng_network(const char *s)
{
	struct ng_network n;

	return ng_network_parse(&n, s);
}

static bool is_interface(const char *s)
{
	struct ng_interface i;

	return ng_interface_parse(&i, s);
}

static bool is_digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && !s[n] && n <= 7;
}

static bool is_national(const char *s)
{
	return !strcmp(s, "-") || is_digits(s);
}

/* It goes into a header as it is. */
static bool is_uri(const char *s)
{
	return strchr(s, ':') && !strpbrk(s, " \t\r\n<>\"");
}

static bool is_siprec_media(const char *s)
{
	return !strcmp(s, "plain") || !strcmp(s, "sdes");
}

static bool is_user(const char *s)
{
	return s[0] && !strpbrk(s, " @:/");
}

static bool is_level(const char *s)
{
	enum log_level level;

	return log_level_parse(s, &level);
}

static const struct conf_rule rules[] = {
	{"dataplane", "the path of the dataplane's socket",
	 .ok = conf_is_socket},
	{"api", "a path of at most 107 characters for the control API's socket",
	 .ok = conf_is_socket},
	{"database", "a path that starts with /", .ok = conf_is_path},
	{"audit", "a path that starts with /", .ok = conf_is_path},
	{"audit_size", "MiB from 1 to 4096", .min = 1, .max = 4096},
	{"domain", "a SIP domain in small letters, such as sallyport.example",
	 .ok = is_domain},
	{"sip.listen[]",
	 "udp:, tcp:, tls:, ws: or wss:, one address of this machine and a "
	 "port, such as udp:10.1.0.1:5060 or tls:[2001:db8::1]:5061",
	 .ok = is_listen},
	{"sip.ring_timeout", "seconds from 1 to 3600", .min = 1, .max = 3600},
	{"sip.min_expires", "seconds from 1 to 3600", .min = 1, .max = 3600},
	{"calls.orbits", "numbers such as 700-719, or 700-719,*8",
	 .ok = numbers_ok},
	{"calls.conferences", "numbers such as 800-809", .ok = numbers_ok},
	{"calls.music", "the name of a file, without its folder",
	 .ok = is_file_name},
	{"calls.notice", "tone, or the name of a file, without its folder",
	 .ok = is_file_name},
	{"calls.notice_every", "seconds from 0 to 3600", .max = 3600},
	{"calls.voicemail",
	 "an address such as sip:mail@sallyport.example, or "
	 "a number",
	 .ok = is_voicemail},
	{"calls.park_timeout", "seconds from 1 to 86400", .min = 1,
	 .max = 86400},
	{"sip.default_expires", "seconds from 1 to 86400", .min = 1,
	 .max = 86400},
	{"sip.max_expires", "seconds from 1 to 86400", .min = 1, .max = 86400},
	{"sip.nonce_lifetime", "seconds from 1 to 3600", .min = 1, .max = 3600},
	{"sip.session_expires", "seconds from 2 to 86400", .min = 2,
	 .max = 86400},
	{"sip.min_se", "seconds from 1 to 86400", .min = 1, .max = 86400},
	{"sip.tls.certificate", "a path that starts with /",
	 .ok = conf_is_path},
	{"sip.tls.key", "a path that starts with /", .ok = conf_is_path},
	{"sip.tls.ca", "a path that starts with /", .ok = conf_is_path},
	{"sip.tls.clients", "none, optional or required", .ok = is_clients},
	{"sip.origins[]", "a web origin such as https://phones.example",
	 .ok = is_origin},
	{"sip.guard.requests", "requests a second from 1 to 100000", .min = 1,
	 .max = 100000},
	{"sip.guard.failures", "a number from 1 to 1000", .min = 1,
	 .max = 1000},
	{"sip.guard.connections", "a number from 1 to 10000", .min = 1,
	 .max = 10000},
	{"sip.guard.half_open", "a number from 1 to 10000", .min = 1,
	 .max = 10000},
	{"sip.guard.ban", "seconds from 1 to 31536000", .min = 1,
	 .max = 31536000},
	{"sip.guard.allow[]", "a network such as 10.1.0.0/16 or 2001:db8::/32",
	 .ok = is_network},
	{"sip.guard.scanners", "drop or answer", .ok = is_scanners},
	{"https.listen[]",
	 "one address of this machine and a port, such as 10.1.0.1:8443 or "
	 "[2001:db8::1]:8443",
	 .ok = is_address},
	{"https.certificate", "a path that starts with /", .ok = conf_is_path},
	{"https.key", "a path that starts with /", .ok = conf_is_path},
	{"https.console", "a path that starts with /", .ok = conf_is_path},
	{"https.session_idle", "seconds from 60 to 86400", .min = 60,
	 .max = 86400},
	{"ng.listen[]",
	 "udp:, tcp: or http:, one address of this machine and a port, such as "
	 "udp:127.0.0.1:2223 or tcp:[::1]:2223",
	 .ok = is_ng_listen},
	{"ng.allow[]", "a network, such as 192.0.2.0/24 or 2001:db8::/32",
	 .ok = is_ng_network},
	{"ng.interfaces[]",
	 "a name and a media address of the dataplane, such as "
	 "internal/10.1.0.1",
	 .ok = is_interface},
	{"ng.calls", "a number from 1 to 1000000", .min = 1, .max = 1000000},
	{"pstn.country", "digits of a country's code, such as \"49\"",
	 .ok = is_digits},
	{"pstn.area",
	 "digits of an area code without the prefix, such as "
	 "\"30\"",
	 .ok = is_digits},
	{"pstn.international", "the digits dialled first, such as \"00\"",
	 .ok = is_digits},
	{"pstn.national",
	 "the digits dialled first, such as \"0\", or "
	 "\"-\" where there are none",
	 .ok = is_national},
	{"pstn.internal_digits", "a number from 0 to 8", .max = 8},
	{"pstn.location", "a URI, such as https://lis.example/branch-7",
	 .ok = is_uri},
	{"media.socket", "the path of sallyport-media's socket",
	 .ok = conf_is_socket},
	{"media.transcodings", "calls from 1 to 10000", .min = 1, .max = 10000},
	{"siprec.server",
	 "a SIP URI with an address, such as "
	 "sip:recorder@10.2.0.20:5060;transport=tcp",
	 .ok = siprec_server_ok},
	{"siprec.media", "plain or sdes", .ok = is_siprec_media},
	{"siprec.users[]", "a user's name, or \"*\" for everybody",
	 .ok = is_user},
	{"siprec.keepalive", "seconds from 1 to 3600", .min = 1, .max = 3600},
	{"hep.collector",
	 "the collector's address and port, such as 10.3.0.9:9060",
	 .ok = is_address},
	{"hep.id", "a number from 0 to 4294967295", .max = UINT32_MAX},
	{"media_timeout", "seconds from 1 to 86400", .min = 1, .max = 86400},
	{"firmware", "a path that starts with /", .ok = conf_is_path},
	{"syslog",
	 "udp: or tcp:, an address and a port, such as udp:10.3.0.9:514",
	 .ok = is_syslog},
	{"log", "error, warn, info or debug", .ok = is_level},
	{.field = NULL},
};

static const struct {
	size_t offset;
	unsigned value;
} defaults[] = {
	{offsetof(struct config, sip.ring_timeout), 180},
	{offsetof(struct config, sip.min_expires), 60},
	{offsetof(struct config, sip.default_expires), 3600},
	{offsetof(struct config, calls.park_timeout), 120},
	{offsetof(struct config, sip.max_expires), 7200},
	{offsetof(struct config, sip.nonce_lifetime), 300},
	{offsetof(struct config, sip.session_expires), 1800},
	{offsetof(struct config, sip.min_se), 90},
	{offsetof(struct config, sip.guard.requests), 200},
	{offsetof(struct config, sip.guard.failures), 10},
	{offsetof(struct config, sip.guard.connections), 200},
	{offsetof(struct config, sip.guard.half_open), 50},
	{offsetof(struct config, sip.guard.ban), 600},
	{offsetof(struct config, https.session_idle), 1800},
	{offsetof(struct config, ng.calls), 10000},
	{offsetof(struct config, media.transcodings), 32},
	{offsetof(struct config, siprec.keepalive), 30},
	{offsetof(struct config, media_timeout), 60},
	{offsetof(struct config, audit_size), 64},
	{offsetof(struct config, hep.id), 1},
};

static void fill_in(struct config *c)
{
	for (unsigned i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		unsigned *v = (unsigned *)((char *)c + defaults[i].offset);

		if (!*v)
			*v = defaults[i].value;
	}
}

static bool check(const struct conf *file, const struct config *c, char *err)
{
	if (c->sip.min_expires > c->sip.default_expires ||
	    c->sip.default_expires > c->sip.max_expires) {
		conf_fail(file, "sip", err,
			  "min_expires (%u) <= default_expires (%u) <= "
			  "max_expires (%u).",
			  c->sip.min_expires, c->sip.default_expires,
			  c->sip.max_expires);
		return false;
	}
	if (!c->https.certificate != !c->https.key) {
		conf_fail(file, "https", err,
			  "certificate and key: both, or neither.");
		return false;
	}
	if (c->sip.min_se > c->sip.session_expires) {
		conf_fail(file, "sip", err,
			  "min_se (%u) <= session_expires (%u).", c->sip.min_se,
			  c->sip.session_expires);
		return false;
	}
	return true;
}

struct config *config_load(const char *path, char *err)
{
	struct conf *file = conf_open(path, err);
	struct config *c = NULL;

	if (!file)
		return NULL;
	c = conf_load(file, "control", &schema, rules, err);
	if (c) {
		fill_in(c);
		if (!check(file, c, err)) {
			config_free(c);
			c = NULL;
		}
	}
	conf_close(file);
	return c;
}

void config_free(struct config *c)
{
	conf_free(&schema, c);
}
