/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/config.h - options of the command line and of one file.
 *
 * The same names in both: --audio-in on the command line is audio_in in the
 * file, which is YAML (libcyaml, by schema). The command line wins. Strings
 * live until config_free. */
#pragma once
#include <re.h>
#include <stdbool.h>
#include "control/endpoint/ua.h"

/* name, what it means. All optional but aor. */
#define CONFIG_OPTIONS(X)                                                     \
	X(aor, "sip:user@domain: who you are")                                \
	X(registrar, "sip: URI to register with")                             \
	X(outbound, "sip: URI that all requests go through")                  \
	X(user, "user name for digest (default: that of aor)")                \
	X(password, "its password; better password_file")                     \
	X(password_file, "file that holds the password")                      \
	X(expires, "seconds of a registration (300)")                         \
	X(listen, "address[:port] of SIP and RTP (127.0.0.1)")                \
	X(transport, "udp or tcp (udp)")                                      \
	X(rtp_ports, "LOW-HIGH (16384-32767)")                                \
	X(srtp, "yes: SRTP on the hop, keyed by SDES (no)")                   \
	X(e2ee, "off, on or required (on)")                                   \
	X(identity, "identity file (~/.config/sallyport/identity)")           \
	X(peers, "file of remembered peers (.../peers)")                      \
	X(passphrase_file, "file with the identity's passphrase")             \
	X(audio_in, "capture, FORMAT:TARGET (alsa:default)")                  \
	X(audio_out, "playback, FORMAT:TARGET (alsa:default)")                \
	X(video_in, "camera, or none (none)")                                 \
	X(video_out, "where video is shown, or none (none)")                  \
	X(screen_in, "screen to share, or none (none)")                       \
	X(screen_out, "where a shared screen is shown, or none (none)")       \
	X(codecs, "in your order of liking, from: opus,PCMU,PCMA,H264,VP8")   \
	X(video_size, "WIDTHxHEIGHT (640x480)")                               \
	X(video_fps, "pictures a second (15)")                                \
	X(video_kbps, "kbit/s of video (600)")                                \
	X(opus_bps, "bit/s of Opus (32000)")                                  \
	X(auto_answer, "yes: take calls at once (no)")                        \
	X(step_packets, "packets before SFrame's key steps on (1048576)")     \
	X(phone_listen, "proxy: address:port for the phone (127.0.0.1:5070)") \
	X(phone, "proxy: the phone's sip: URI, where it gets its calls")

struct config_text {
#define X(name, help) char *name;
	CONFIG_OPTIONS(X)
#undef X
};

struct config {
	struct config_text text;
	struct ua_config ua; /* complete but for identity, peers, guard */
	struct sa phone_laddr;
	const char *in[E2EE_KINDS], *out[E2EE_KINDS]; /* NULL: none */
	const char *identity, *peers;
	unsigned width, height, fps, kbps, opus_bps;
	bool proxy, json, auto_answer;
	char identity_default[512], peers_default[512];
	char user_default[E2EE_AOR_USER_MAX + 1];
};

enum config_result { CONFIG_OK, CONFIG_DONE, CONFIG_BAD };

/** Reads arguments and file; tells on standard error what is wrong, and where.
 * CONFIG_DONE: help or version was asked for. */
enum config_result config_read(struct config *c, int argc, char **argv);
/** Wipes passwords. */
void config_free(struct config *c);
/** First line of a file into memory of secret_alloc's. @return NULL, and it was
 * told. */
char *config_secret(const char *path);
