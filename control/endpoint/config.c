/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/config.h"
#include <cyaml/cyaml.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "control/e2ee/secret.h"
#include "version.h"

#define SECRET_MAX 1024

struct option_info {
	const char *name, *help;
	size_t offset;
};

static const struct option_info options[] = {
#define X(n, h) {#n, h, offsetof(struct config_text, n)},
	CONFIG_OPTIONS(X)
#undef X
};

#define OPTIONS (sizeof(options) / sizeof(*options))

static const cyaml_schema_field_t fields[] = {
#define X(n, h)                                                              \
	CYAML_FIELD_STRING_PTR(#n, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
			       struct config_text, n, 0, SECRET_MAX),
	CONFIG_OPTIONS(X)
#undef X
		CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_text, fields)};

static char **text_of(struct config *c, size_t i)
{
	return (char **)((char *)&c->text + options[i].offset);
}

static void log_yaml(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	(void)level;
	fprintf(stderr, "%s: ", (const char *)ctx);
	vfprintf(stderr, fmt, ap);
}

/* What the command line said already stays. */
static bool read_file(struct config *c, char *path)
{
	cyaml_config_t yaml = {.log_fn = log_yaml,
			       .log_ctx = path,
			       .mem_fn = cyaml_mem,
			       .log_level = CYAML_LOG_WARNING};
	struct config_text *t = NULL;
	cyaml_err_t err = cyaml_load_file(path, &yaml, &schema,
					  (cyaml_data_t **)&t, NULL);

	if (err != CYAML_OK) {
		fprintf(stderr, "sallyport-endpoint: cannot read %s: %s\n",
			path, cyaml_strerror(err));
		return false;
	}
	for (size_t i = 0; i < OPTIONS; i++) {
		char **from = (char **)((char *)t + options[i].offset);
		char **to = text_of(c, i);

		if (*from && !*to) {
			*to = *from;
			*from = NULL;
		}
	}
	cyaml_free(&yaml, &schema, t, 0);
	return true;
}

static void help(void)
{
	printf("usage: sallyport-endpoint [proxy] [--json] [--config FILE] "
	       "[--OPTION VALUE ...]\n\n"
	       "Places and takes calls, end-to-end encrypted where the other "
	       "side can.\n`proxy` does it for a phone on this machine.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s", options[i].name);
		for (char *p = name; *p; p++)
			if (*p == '_')
				*p = '-';
		printf("  --%-16s %s\n", name, options[i].help);
	}
}

static enum config_result read_arguments(struct config *c, int argc,
					 char **argv)
{
	enum { ASK_HELP = 1000, ASK_VERSION, ASK_JSON, ASK_FILE };
	struct option longs[OPTIONS + 5] = {{0}};
	char names[OPTIONS][32], *file = NULL;
	int o;

	for (size_t i = 0; i < OPTIONS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s", options[i].name);
		for (char *p = names[i]; *p; p++)
			if (*p == '_')
				*p = '-';
		longs[i] = (struct option){names[i], 1, NULL, (int)i};
	}
	longs[OPTIONS] = (struct option){"help", 0, NULL, ASK_HELP};
	longs[OPTIONS + 1] = (struct option){"version", 0, NULL, ASK_VERSION};
	longs[OPTIONS + 2] = (struct option){"json", 0, NULL, ASK_JSON};
	longs[OPTIONS + 3] = (struct option){"config", 1, NULL, ASK_FILE};
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == ASK_HELP || o == ASK_VERSION) {
			if (o == ASK_HELP)
				help();
			else
				puts("sallyport-endpoint " SP_VERSION);
			return CONFIG_DONE;
		}
		if (o == ASK_JSON) {
			c->json = true;
		} else if (o == ASK_FILE) {
			file = optarg;
		} else if (o >= 0 && o < (int)OPTIONS) {
			char **to = text_of(c, (size_t)o);

			free(*to);
			*to = strdup(optarg);
		} else {
			fputs("Try `sallyport-endpoint --help`.\n", stderr);
			return CONFIG_BAD;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "proxy")) {
		c->proxy = true;
		optind++;
	}
	if (optind < argc) {
		fprintf(stderr,
			"sallyport-endpoint: \"%s\" is no option; try "
			"--help\n",
			argv[optind]);
		return CONFIG_BAD;
	}
	return !file || read_file(c, file) ? CONFIG_OK : CONFIG_BAD;
}

static bool bad(const char *name, const char *value, const char *want)
{
	fprintf(stderr, "sallyport-endpoint: %s: \"%s\" isn't %s\n", name,
		value ? value : "", want);
	return false;
}

static bool number(const char *name, const char *text, unsigned low,
		   unsigned high, unsigned standard, unsigned *out)
{
	unsigned long v = standard;
	char *end = NULL, want[64];

	if (text)
		v = strtoul(text, &end, 10);
	*out = (unsigned)v;
	if ((!text || (end != text && !*end)) && v >= low && v <= high)
		return true;
	snprintf(want, sizeof(want), "a number from %u to %u", low, high);
	return bad(name, text, want);
}

static bool choice(const char *name, const char *text, const char *const *of,
		   unsigned *out)
{
	char want[64] = "one of";

	if (!text)
		return true;
	for (unsigned i = 0; of[i]; i++) {
		if (!strcmp(text, of[i])) {
			*out = i;
			return true;
		}
		strncat(want, " ", sizeof(want) - strlen(want) - 1);
		strncat(want, of[i], sizeof(want) - strlen(want) - 1);
	}
	return bad(name, text, want);
}

static bool address(const char *name, const char *text, uint16_t port,
		    struct sa *out)
{
	if (strchr(text, ':') && text[0] != '[' &&
	    strchr(text, ':') == strrchr(text, ':'))
		return !sa_decode(out, text, strlen(text)) ||
		       bad(name, text, "ADDRESS:PORT");
	if (text[0] == '[')
		return !sa_decode(out, text, strlen(text)) ||
		       bad(name, text, "[ADDRESS]:PORT");
	return !sa_set_str(out, text, port) || bad(name, text, "an address");
}

static bool resolve_codecs(struct config *c)
{
	const char *p = c->text.codecs;

	/* Digits go with any audio. */
	c->ua.codecs = 1u << (codec_by_id(MEDIA_EVENT) - codecs);
	if (!p)
		p = "opus,PCMU,PCMA,H264,VP8";
	while (*p) {
		size_t n = strcspn(p, ",");
		const struct codec *k = codec_by_name(p, n);

		if (!k)
			return bad("codecs", p,
				   "a list of opus, PCMU, PCMA, H264, VP8");
		c->ua.codecs |= 1u << (k - codecs);
		p += n + (p[n] == ',');
	}
	return true;
}

static bool resolve_media(struct config *c)
{
	struct config_text *t = &c->text;
	const char *in[] = {t->audio_in, t->video_in, t->screen_in};
	const char *out[] = {t->audio_out, t->video_out, t->screen_out};

	for (int k = 0; k < E2EE_KINDS; k++) {
		c->in[k] = in[k] && strcmp(in[k], "none") ? in[k] : NULL;
		c->out[k] = out[k] && strcmp(out[k], "none") ? out[k] : NULL;
		c->ua.can_send[k] = c->in[k];
		c->ua.wants[k] = k == E2EE_AUDIO || c->in[k] || c->out[k];
	}
	if (!in[E2EE_AUDIO])
		c->in[E2EE_AUDIO] = "alsa:default";
	if (!out[E2EE_AUDIO])
		c->out[E2EE_AUDIO] = "alsa:default";
	if (!c->in[E2EE_AUDIO])
		c->in[E2EE_AUDIO] = "silence";
	c->ua.can_send[E2EE_AUDIO] = true;
	c->width = 640;
	c->height = 480;
	if (t->video_size &&
	    (sscanf(t->video_size, "%ux%u", &c->width, &c->height) != 2 ||
	     c->width < 16 || c->width > 4096 || c->height < 16 ||
	     c->height > 4096 || c->width % 2 || c->height % 2))
		return bad("video_size", t->video_size, "WIDTHxHEIGHT, even");
	return number("video_fps", t->video_fps, 1, 60, 15, &c->fps) &&
	       number("video_kbps", t->video_kbps, 20, 20000, 600, &c->kbps) &&
	       number("opus_bps", t->opus_bps, 6000, 128000, 32000,
		      &c->opus_bps);
}

static bool resolve_files(struct config *c)
{
	const char *home = getenv("HOME"), *conf = getenv("XDG_CONFIG_HOME");
	char dir[400];

	if (conf && *conf)
		snprintf(dir, sizeof(dir), "%s/sallyport", conf);
	else
		snprintf(dir, sizeof(dir), "%s/.config/sallyport",
			 home ? home : ".");
	snprintf(c->identity_default, sizeof(c->identity_default),
		 "%s/identity", dir);
	snprintf(c->peers_default, sizeof(c->peers_default), "%s/peers", dir);
	c->identity = c->text.identity ? c->text.identity : c->identity_default;
	c->peers = c->text.peers ? c->text.peers : c->peers_default;
	if (!c->text.identity && c->ua.e2ee != UA_E2EE_OFF) {
		if (!conf || !*conf) {
			char up[400];

			snprintf(up, sizeof(up), "%s/.config",
				 home ? home : ".");
			(void)mkdir(up, 0700);
		}
		if (mkdir(dir, 0700) && errno != EEXIST) {
			fprintf(stderr,
				"sallyport-endpoint: cannot make %s: %s\n", dir,
				strerror(errno));
			return false;
		}
	}
	return true;
}

static bool resolve_sip(struct config *c)
{
	static const char *const transports[] = {"udp", "tcp", NULL};
	static const char *const e2ee[] = {"off", "on", "required", NULL};
	static const char *const yes[] = {"no", "yes", NULL};
	struct config_text *t = &c->text;
	unsigned transp = 0, mode = UA_E2EE_ON, srtp = 0, answer = 0, low, high,
		 step;
	const char *at;

	if (!t->aor || !e2ee_aor_valid(t->aor, strlen(t->aor)))
		return bad("aor", t->aor,
			   "an address like sip:alice@branch.example, in "
			   "small letters");
	at = strchr(t->aor, '@');
	snprintf(c->user_default, sizeof(c->user_default), "%.*s",
		 (int)(at - t->aor - 4), t->aor + 4);
	if (!choice("transport", t->transport, transports, &transp) ||
	    !choice("e2ee", t->e2ee, e2ee, &mode) ||
	    !choice("srtp", t->srtp, yes, &srtp) ||
	    !choice("auto_answer", t->auto_answer, yes, &answer) ||
	    !number("expires", t->expires, 10, 86400, 300, &c->ua.expires) ||
	    !number("step_packets", t->step_packets, 1, 1u << 20, 1u << 20,
		    &step) ||
	    !address("listen", t->listen ? t->listen : "127.0.0.1", 0,
		     &c->ua.laddr) ||
	    !address("phone_listen",
		     t->phone_listen ? t->phone_listen : "127.0.0.1:5070", 5070,
		     &c->phone_laddr))
		return false;
	if (!ua_is_loopback(&c->phone_laddr))
		return bad("phone_listen", t->phone_listen,
			   "an address of this machine's loopback");
	c->ua.limits.step_packets = step;
	c->ua.limits.step_ms = MEDIA_STEP_MS;
	low = 16384;
	high = 32767;
	if (t->rtp_ports && (sscanf(t->rtp_ports, "%u-%u", &low, &high) != 2 ||
			     low < 1024 || high > 65535 || low >= high))
		return bad("rtp_ports", t->rtp_ports, "LOW-HIGH");
	c->ua.rtp_low = (uint16_t)low;
	c->ua.rtp_high = (uint16_t)high;
	c->ua.transp = transp ? SIP_TRANSP_TCP : SIP_TRANSP_UDP;
	c->ua.e2ee = (enum ua_e2ee)mode;
	c->ua.srtp = srtp;
	c->auto_answer = answer;
	c->ua.aor = t->aor;
	c->ua.registrar = t->registrar;
	c->ua.outbound = t->outbound;
	c->ua.user = t->user ? t->user : c->user_default;
	c->ua.password = t->password;
	return true;
}

char *config_secret(const char *path)
{
	FILE *f = fopen(path, "re");
	char *s = f ? secret_alloc(SECRET_MAX) : NULL;

	if (f)
		setvbuf(f, NULL, _IONBF, 0);
	if (!s || !fgets(s, SECRET_MAX, f)) {
		fprintf(stderr, "sallyport-endpoint: cannot read %s: %s\n",
			path, errno ? strerror(errno) : "it is empty");
		secret_free(s);
		s = NULL;
	}
	if (f)
		fclose(f);
	if (s)
		s[strcspn(s, "\r\n")] = '\0';
	return s;
}

enum config_result config_read(struct config *c, int argc, char **argv)
{
	enum config_result r;

	memset(c, 0, sizeof(*c));
	r = read_arguments(c, argc, argv);
	if (r != CONFIG_OK)
		return r;
	if (!resolve_sip(c) || !resolve_codecs(c) || !resolve_media(c) ||
	    !resolve_files(c))
		return CONFIG_BAD;
	if (c->text.password_file) {
		c->ua.password = config_secret(c->text.password_file);
		if (!c->ua.password)
			return CONFIG_BAD;
	}
	return CONFIG_OK;
}

void config_free(struct config *c)
{
	if (c->text.password_file)
		secret_free((char *)c->ua.password);
	if (c->text.password)
		sodium_memzero(c->text.password, strlen(c->text.password));
	for (size_t i = 0; i < OPTIONS; i++)
		free(*text_of(c, i));
}
