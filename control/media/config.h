/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/config.h - the `media` section of sallyport.yaml. */
#pragma once
#include <stdint.h>

#define CONFIG_KEYS 8

struct media_config_recording {
	char *folder; /* NULL: nothing is ever recorded */
	char **keys;  /* base64 of X25519 public keys */
	unsigned keys_count;
	char *codec;	    /* opus, flac */
	unsigned quota;	    /* MiB */
	unsigned retention; /* days; 0: for ever */
	unsigned sync;	    /* seconds between writes that are final */
};

struct media_config {
	char *socket, *group, *divert, *music, *log;
	unsigned ports, rooms, transcodings;
	struct media_config_recording recording;
};

/** @return NULL, with a sentence in err[CONF_ERROR_MAX]. Start-up only. */
struct media_config *media_config_load(const char *path, char *err);
void media_config_free(struct media_config *c);
