/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "control/sip/ws.h"
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

/* The HTTP request */

struct upgrade {
	struct pl key, origin;
	bool upgrade, connection, version, sip;
};

/* Is the token in a list with commas? */
static bool lists(const struct pl *val, const char *token)
{
	size_t n = strlen(token), i = 0;

	while (i < val->l) {
		size_t end = i;

		while (end < val->l && val->p[end] != ',')
			end++;
		while (i < end && (val->p[i] == ' ' || val->p[i] == '\t'))
			i++;
		if (end - i >= n && !strncasecmp(val->p + i, token, n)) {
			size_t rest = i + n;

			while (rest < end &&
			       (val->p[rest] == ' ' || val->p[rest] == '\t'))
				rest++;
			if (rest == end)
				return true;
		}
		i = end + 1;
	}
	return false;
}

static void header(struct upgrade *u, const struct pl *name,
		   const struct pl *val)
{
	if (!pl_strcasecmp(name, "Upgrade"))
		u->upgrade |= lists(val, "websocket");
	else if (!pl_strcasecmp(name, "Connection"))
		u->connection |= lists(val, "Upgrade");
	else if (!pl_strcasecmp(name, "Sec-WebSocket-Version"))
		u->version |= lists(val, "13");
	else if (!pl_strcasecmp(name, "Sec-WebSocket-Protocol"))
		u->sip |= lists(val, "sip");
	else if (!pl_strcasecmp(name, "Sec-WebSocket-Key"))
		u->key = *val;
	else if (!pl_strcasecmp(name, "Origin"))
		u->origin = *val;
}

/* One line without its end; *next: behind it. */
static struct pl line_at(const char *p, size_t len, size_t *next)
{
	const char *nl = memchr(p, '\n', len);
	struct pl line = {p, nl ? (size_t)(nl - p) : len};

	*next = nl ? line.l + 1 : len;
	if (line.l && p[line.l - 1] == '\r')
		line.l--;
	return line;
}

static void headers(struct upgrade *u, const char *p, size_t len)
{
	size_t next;

	for (; len; p += next, len -= next) {
		struct pl line = line_at(p, len, &next), name = line, val;
		const char *colon = memchr(line.p, ':', line.l);

		if (!colon)
			continue;
		name.l = (size_t)(colon - line.p);
		val.p = colon + 1;
		val.l = line.l - name.l - 1;
		while (val.l && (*val.p == ' ' || *val.p == '\t'))
			pl_advance(&val, 1);
		while (val.l && val.p[val.l - 1] == ' ')
			val.l--;
		header(u, &name, &val);
	}
}

static bool allowed(const char *const *origins, const struct pl *origin)
{
	if (!origins || !*origins)
		return true;
	for (; *origins; origins++)
		if (!pl_strcasecmp(origin, *origins))
			return true;
	return false;
}

static int refuse(struct mbuf *answer, const char *status, const char *more)
{
	mbuf_printf(answer,
		    "HTTP/1.1 %s\r\n%sContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n",
		    status, more);
	return -EPROTO;
}

/* RFC 6455 section 4.2.2, step 5. */
static int welcome(struct mbuf *answer, const struct pl *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char sum[SHA_DIGEST_LENGTH];
	unsigned char text[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
	char in[64];

	if (key->l != 24)
		return refuse(answer, "400 Bad Request", "");
	memcpy(in, key->p, key->l);
	memcpy(in + key->l, guid, sizeof(guid) - 1);
	SHA1((unsigned char *)in, key->l + sizeof(guid) - 1, sum);
	EVP_EncodeBlock(text, sum, sizeof(sum));
	return mbuf_printf(answer,
			   "HTTP/1.1 101 Switching Protocols\r\n"
			   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Protocol: sip\r\n"
			   "Sec-WebSocket-Accept: %s\r\n\r\n",
			   text)
		       ? -ENOMEM
		       : 0;
}

ssize_t ws_accept(const uint8_t *p, size_t len, const char *const *origins,
		  struct mbuf *answer)
{
	const char *text = (const char *)p;
	struct upgrade u = {.upgrade = false};
	const char *end;
	size_t next;
	int err;

	end = memmem(p, len, "\r\n\r\n", 4);
	if (!end)
		return len < WS_HEAD_MAX ? 0 : -EMSGSIZE;
	if (len < 4 || memcmp(text, "GET ", 4))
		return refuse(answer, "405 Method Not Allowed",
			      "Allow: GET\r\n");
	line_at(text, len, &next);
	headers(&u, text + next, (size_t)(end + 2 - text) - next);
	if (!u.upgrade || !u.connection)
		err = refuse(answer, "426 Upgrade Required",
			     "Upgrade: websocket\r\n");
	else if (!u.version)
		err = refuse(answer, "426 Upgrade Required",
			     "Sec-WebSocket-Version: 13\r\n");
	else if (!u.sip)
		err = refuse(answer, "400 Bad Request", "");
	else if (!allowed(origins, &u.origin))
		err = refuse(answer, "403 Forbidden", "");
	else
		err = welcome(answer, &u.key);
	return err ? err : end + 4 - text;
}

/* Frames */

static ssize_t payload_length(const uint8_t *p, size_t len, size_t *at)
{
	size_t n = p[1] & 0x7f;
	unsigned octets = n == 126 ? 2 : n == 127 ? 8 : 0;

	*at = 2 + octets;
	if (!octets)
		return (ssize_t)n;
	if (len < *at)
		return -EAGAIN;
	n = 0;
	for (unsigned i = 0; i < octets; i++) {
		if (n > WS_MESSAGE_MAX)
			return -EMSGSIZE;
		n = n << 8 | p[2 + i];
	}
	return n > WS_MESSAGE_MAX ? -EMSGSIZE : (ssize_t)n;
}

ssize_t ws_read(uint8_t *p, size_t len, struct ws_frame *f)
{
	const uint8_t *mask;
	ssize_t n;
	size_t at;

	if (len < 2)
		return 0;
	f->fin = p[0] & 0x80;
	f->opcode = (enum ws_opcode)(p[0] & 0x0f);
	/* No extension was agreed to, so nothing may use the reserved bits;
	 * section 5.1: a client masks, or is cut off. */
	if ((p[0] & 0x70) || !(p[1] & 0x80))
		return -EPROTO;
	if (f->opcode > WS_PONG ||
	    (f->opcode > WS_BINARY && f->opcode < WS_CLOSE))
		return -EPROTO;
	n = payload_length(p, len, &at);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return n;
	if (f->opcode >= WS_CLOSE && (!f->fin || n > 125))
		return -EPROTO;
	if (len < at + 4 + (size_t)n)
		return 0;
	mask = p + at;
	f->data = p + at + 4;
	f->len = (size_t)n;
	for (size_t i = 0; i < f->len; i++)
		f->data[i] ^= mask[i & 3];
	return (ssize_t)(at + 4 + f->len);
}

int ws_write(struct mbuf *mb, enum ws_opcode opcode, const uint8_t *data,
	     size_t len)
{
	int err = mbuf_write_u8(mb, 0x80 | (uint8_t)opcode);

	if (len < 126) {
		err |= mbuf_write_u8(mb, (uint8_t)len);
	} else if (len <= UINT16_MAX) {
		err |= mbuf_write_u8(mb, 126);
		err |= mbuf_write_u8(mb, (uint8_t)(len >> 8));
		err |= mbuf_write_u8(mb, (uint8_t)len);
	} else {
		return EMSGSIZE;
	}
	return len ? err | mbuf_write_mem(mb, data, len) : err;
}

/* Octets that follow the first of a character; -1: none begins so. */
static int utf8_more(uint8_t c)
{
	return c < 0x80	  ? 0
	       : c < 0xc2 ? -1
	       : c < 0xe0 ? 1
	       : c < 0xf0 ? 2
	       : c < 0xf5 ? 3
			  : -1;
}

/* Not overlong, no surrogate, not beyond U+10FFFF: told by the second octet. */
static bool utf8_second(uint8_t first, uint8_t second)
{
	return !(first == 0xe0 && second < 0xa0) &&
	       !(first == 0xed && second > 0x9f) &&
	       !(first == 0xf0 && second < 0x90) &&
	       !(first == 0xf4 && second > 0x8f);
}

enum ws_opcode ws_opcode_for(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t first = data[i];
		int more = utf8_more(first);

		if (more < 0 || (size_t)more >= len - i ||
		    (more && !utf8_second(first, data[i + 1])))
			return WS_BINARY;
		while (more--)
			if ((data[++i] & 0xc0) != 0x80)
				return WS_BINARY;
	}
	return WS_TEXT;
}
