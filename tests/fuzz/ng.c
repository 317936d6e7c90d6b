/* SPDX-License-Identifier: Apache-2.0 */
/* The ng door's readers: a message, what its dictionary says, and the words in
 * it. What was read is written and read again, and must be the same. */
#include <stdlib.h>
#include <string.h>
#include "control/ng/bencode.h"
#include "control/ng/flags.h"
#include "control/ng/listen.h"
#include "control/ng/wire.h"

static volatile unsigned sum; /* of all octets, so that they are read */

static void read_view(struct pl v)
{
	for (size_t k = 0; k < v.l; k++)
		sum += (unsigned char)v.p[k];
}

static void unknown(struct pl name, void *arg)
{
	(void)arg;
	read_view(name);
}

/* Every view must lie in the dictionary, so that reading it is fine. */
static void read_all(const struct flags_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		read_view(l->v[i]);
}

static void again(const struct wire_message *m)
{
	struct bencode_error e;
	size_t len;
	char *p = bencode_encode(m->dict, &len);
	json_t *v;

	if (!p)
		return; /* JSON has values that bencode hasn't */
	v = bencode_decode(p, len, NULL, &e);
	if (m->format == WIRE_BENCODE && len <= BENCODE_SIZE_MAX &&
	    (!v || !json_equal(v, m->dict)))
		abort();
	json_decref(v);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;
	struct ng_flags f;
	struct sp_addr a;
	enum wire_result r;

	if (size < 1)
		return 0;
	r = wire_read((const char *)data + 1, size - 1, data[0] & 1,
		      data[0] & 2, &m);
	if (m.used > size)
		abort();
	if (r == WIRE_OK) {
		again(&m);
		if (!flags_read(&f, m.dict, unknown, NULL)) {
			read_all(&f.direction);
			read_all(&f.codec_strip);
			read_all(&f.sdes);
			read_view(f.call_id);
			read_view(f.sdp);
			flags_has(&f.mux, "offer");
			ng_addr_parse(&a, f.media_address.p, f.media_address.l);
		}
	}
	json_decref(m.dict);
	return 0;
}
