/* SPDX-License-Identifier: Apache-2.0 */
#include "control/audit/chain.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HASH_HEX (2 * CHAIN_HASH)
#define SIG_HEX	 (2 * CHAIN_SIG)

static const char record_open[] = "{\"record\":";
static const char head_open[] = "{\"head\":";
static const char hash_open[] = ",\"hash\":\"";
static const char sig_open[] = "\",\"sig\":\"";
static const char head_sig_open[] = ",\"sig\":\"";
static const char line_close[] = "\"}";
static const char seq_open[] = "{\"seq\":";

#define LEN(s) (sizeof(s) - 1)

void chain_start(const uint8_t public_key[CHAIN_PUBLIC],
		 uint8_t hash[CHAIN_HASH])
{
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, (const uint8_t *)CHAIN_START,
				  LEN(CHAIN_START));
	crypto_hash_sha256_update(&h, public_key, CHAIN_PUBLIC);
	crypto_hash_sha256_final(&h, hash);
}

void chain_next(const uint8_t before[CHAIN_HASH], const char *text, size_t len,
		uint8_t hash[CHAIN_HASH])
{
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, (const uint8_t *)CHAIN_RECORD,
				  LEN(CHAIN_RECORD));
	crypto_hash_sha256_update(&h, before, CHAIN_HASH);
	crypto_hash_sha256_update(&h, (const uint8_t *)text, len);
	crypto_hash_sha256_final(&h, hash);
}

/* What a record's signature covers. */
static void record_message(const uint8_t hash[CHAIN_HASH],
			   uint8_t out[LEN(CHAIN_RECORD) + CHAIN_HASH])
{
	memcpy(out, CHAIN_RECORD, LEN(CHAIN_RECORD));
	memcpy(out + LEN(CHAIN_RECORD), hash, CHAIN_HASH);
}

/* What the head's covers; @return octets, 0: too long. */
static size_t head_message(const char *text, size_t len,
			   uint8_t out[CHAIN_LINE_MAX])
{
	if (len > CHAIN_LINE_MAX - LEN(CHAIN_HEAD))
		return 0;
	memcpy(out, CHAIN_HEAD, LEN(CHAIN_HEAD));
	memcpy(out + LEN(CHAIN_HEAD), text, len);
	return LEN(CHAIN_HEAD) + len;
}

size_t chain_write(const uint8_t secret[CHAIN_SECRET], const char *text,
		   size_t len, uint8_t hash[CHAIN_HASH],
		   char line[CHAIN_LINE_MAX])
{
	uint8_t message[LEN(CHAIN_RECORD) + CHAIN_HASH], sig[CHAIN_SIG];
	char hash_hex[HASH_HEX + 1], sig_hex[SIG_HEX + 1];

	if (len > CHAIN_RECORD_MAX)
		return 0;
	chain_next(hash, text, len, hash);
	record_message(hash, message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), secret);
	sodium_bin2hex(hash_hex, sizeof(hash_hex), hash, CHAIN_HASH);
	sodium_bin2hex(sig_hex, sizeof(sig_hex), sig, CHAIN_SIG);
	return (size_t)snprintf(line, CHAIN_LINE_MAX, "%s%.*s%s%s%s%s%s\n",
				record_open, (int)len, text, hash_open,
				hash_hex, sig_open, sig_hex, line_close);
}

size_t chain_write_head(const uint8_t secret[CHAIN_SECRET], uint64_t seq,
			const char *at, const uint8_t hash[CHAIN_HASH],
			char line[CHAIN_LINE_MAX])
{
	char text[HASH_HEX + 128], hash_hex[HASH_HEX + 1];
	char sig_hex[SIG_HEX + 1];
	uint8_t message[CHAIN_LINE_MAX], sig[CHAIN_SIG];
	size_t n;

	sodium_bin2hex(hash_hex, sizeof(hash_hex), hash, CHAIN_HASH);
	n = (size_t)snprintf(text, sizeof(text),
			     "%s%" PRIu64 ",\"at\":\"%.40s\",\"hash\":\"%s\"}",
			     seq_open, seq, at, hash_hex);
	crypto_sign_detached(sig, NULL, message, head_message(text, n, message),
			     secret);
	sodium_bin2hex(sig_hex, sizeof(sig_hex), sig, CHAIN_SIG);
	return (size_t)snprintf(line, CHAIN_LINE_MAX, "%s%s%s%s%s\n", head_open,
				text, head_sig_open, sig_hex, line_close);
}

/* Does s stand at p[at]? */
static bool stands(const char *p, size_t len, size_t at, const char *s)
{
	size_t n = strlen(s);

	return at <= len && len - at >= n && memcmp(p + at, s, n) == 0;
}

static bool hex_read(const char *p, size_t n, uint8_t *out)
{
	size_t got = 0;

	/* one spelling only */
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'F')
			return false;
	return sodium_hex2bin(out, n / 2, p, n, NULL, &got, NULL) == 0 &&
	       got == n / 2;
}

/* {"seq":N, from 1 and without zeros in front, as we write it. */
static bool seq_read(const char *text, size_t len, uint64_t *seq)
{
	size_t i = LEN(seq_open);
	uint64_t n = 0;

	if (!stands(text, len, 0, seq_open) || i == len || text[i] == '0')
		return false;
	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		if (n > (UINT64_MAX >> 1) / 10)
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*seq = n;
	return n > 0 && i < len && text[i] == ',';
}

bool chain_read(const char *line, size_t len, struct chain_line *out)
{
	size_t tail = LEN(hash_open) + HASH_HEX + LEN(sig_open) + SIG_HEX +
		      LEN(line_close);
	size_t at;

	if (len >= CHAIN_LINE_MAX || len < LEN(record_open) + tail ||
	    !stands(line, len, 0, record_open))
		return false;
	at = len - tail;
	out->text = line + LEN(record_open);
	out->len = at - LEN(record_open);
	if (!stands(line, len, at, hash_open) ||
	    !hex_read(line + at + LEN(hash_open), HASH_HEX, out->hash))
		return false;
	at += LEN(hash_open) + HASH_HEX;
	if (!stands(line, len, at, sig_open) ||
	    !hex_read(line + at + LEN(sig_open), SIG_HEX, out->sig))
		return false;
	at += LEN(sig_open) + SIG_HEX;
	return stands(line, len, at, line_close) &&
	       seq_read(out->text, out->len, &out->seq);
}

bool chain_read_head(const char *line, size_t len, struct chain_line *out)
{
	size_t tail = LEN(head_sig_open) + SIG_HEX + LEN(line_close);
	size_t hash_tail = LEN(hash_open) + HASH_HEX + LEN(line_close), at;

	if (len >= CHAIN_LINE_MAX || len < LEN(head_open) + hash_tail + tail ||
	    !stands(line, len, 0, head_open))
		return false;
	at = len - tail;
	out->text = line + LEN(head_open);
	out->len = at - LEN(head_open);
	return stands(line, len, at, head_sig_open) &&
	       hex_read(line + at + LEN(head_sig_open), SIG_HEX, out->sig) &&
	       stands(line, len, len - LEN(line_close), line_close) &&
	       seq_read(out->text, out->len, &out->seq) &&
	       stands(out->text, out->len, out->len - hash_tail, hash_open) &&
	       hex_read(out->text + out->len - HASH_HEX - LEN(line_close),
			HASH_HEX, out->hash);
}

bool chain_signed(const struct chain_line *l,
		  const uint8_t public_key[CHAIN_PUBLIC])
{
	uint8_t message[LEN(CHAIN_RECORD) + CHAIN_HASH];

	record_message(l->hash, message);
	return crypto_sign_verify_detached(l->sig, message, sizeof(message),
					   public_key) == 0;
}

bool chain_head_signed(const struct chain_line *l,
		       const uint8_t public_key[CHAIN_PUBLIC])
{
	uint8_t message[CHAIN_LINE_MAX];
	size_t n = head_message(l->text, l->len, message);

	return n &&
	       crypto_sign_verify_detached(l->sig, message, n, public_key) == 0;
}
