/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/config.h"
#include <sodium.h>
#include <string.h>
#include "control/log.h"
#include "dataplane/abi/yaml.h"

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define TEXT(key, flags, type, member)                                  \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, \
			       member, 1, 256)
#define NUMBER(key, type, member) CYAML_FIELD_UINT(key, OPTIONAL, type, member)

static const cyaml_schema_value_t key_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 256),
};

#define R struct media_config_recording
static const cyaml_schema_field_t recording_fields[] = {
	TEXT("folder", 0, R, folder),
	CYAML_FIELD_SEQUENCE("keys", CYAML_FLAG_POINTER, R, keys, &key_schema,
			     1, CONFIG_KEYS),
	TEXT("codec", OPTIONAL, R, codec),
	NUMBER("quota", R, quota),
	NUMBER("retention", R, retention),
	NUMBER("sync", R, sync),
	CYAML_FIELD_END,
};

#define C struct media_config
static const cyaml_schema_field_t fields[] = {
	TEXT("socket", 0, C, socket),
	TEXT("group", OPTIONAL, C, group),
	TEXT("divert", 0, C, divert),
	TEXT("music", OPTIONAL, C, music),
	NUMBER("ports", C, ports),
	NUMBER("rooms", C, rooms),
	NUMBER("transcodings", C, transcodings),
	CYAML_FIELD_MAPPING("recording", CYAML_FLAG_DEFAULT | OPTIONAL, C,
			    recording, recording_fields),
	TEXT("log", OPTIONAL, C, log),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, C, fields),
};

static bool is_key(const char *s)
{
	unsigned char key[crypto_box_PUBLICKEYBYTES];
	size_t n;

	return !sodium_base642bin(key, sizeof(key), s, strlen(s), NULL, &n,
				  NULL, sodium_base64_VARIANT_ORIGINAL) &&
	       n == sizeof(key);
}

static bool is_codec(const char *s)
{
	return !strcmp(s, "opus") || !strcmp(s, "flac");
}

static bool is_level(const char *s)
{
	enum log_level level;

	return log_level_parse(s, &level);
}

static const struct conf_rule rules[] = {
	{"socket", "a path of at most 107 characters", .ok = conf_is_socket},
	{"divert", "the path of the dataplane's divert socket",
	 .ok = conf_is_socket},
	{"music", "a folder's path that starts with /", .ok = conf_is_path},
	{"ports", "a number from 2 to 20000", .min = 2, .max = 20000},
	{"rooms", "a number from 1 to 1000", .min = 1, .max = 1000},
	{"transcodings", "a number from 1 to 20000", .min = 1, .max = 20000},
	{"recording.folder", "a folder's path that starts with /",
	 .ok = conf_is_path},
	{"recording.keys[]",
	 "a public key as `sallyctl recordings keygen` prints it",
	 .ok = is_key},
	{"recording.codec", "opus or flac", .ok = is_codec},
	{"recording.quota", "MiB from 1 to 100000000", .min = 1,
	 .max = 100000000},
	{"recording.retention", "days from 1 to 36500", .min = 1, .max = 36500},
	{"recording.sync", "seconds from 1 to 60", .min = 1, .max = 60},
	{"log", "error, warn, info or debug", .ok = is_level},
	{.field = NULL},
};

static const struct {
	size_t offset;
	unsigned value;
} defaults[] = {
	{offsetof(C, ports), 2000},	  {offsetof(C, rooms), 100},
	{offsetof(C, transcodings), 200}, {offsetof(C, recording.quota), 10240},
	{offsetof(C, recording.sync), 2},
};

struct media_config *media_config_load(const char *path, char *err)
{
	struct conf *file = conf_open(path, err);
	struct media_config *c;

	if (!file)
		return NULL;
	c = conf_load(file, "media", &schema, rules, err);
	for (unsigned i = 0; c && i < sizeof(defaults) / sizeof(defaults[0]);
	     i++) {
		unsigned *v = (unsigned *)((char *)c + defaults[i].offset);

		if (!*v)
			*v = defaults[i].value;
	}
	conf_close(file);
	return c;
}

void media_config_free(struct media_config *c)
{
	conf_free(&schema, c);
}
