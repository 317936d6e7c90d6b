/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that are up as JSON, and back after a restart of control. Tags may
 * hold any octet, so they are kept in base64. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/ng/impl.h"

#define VARIANT sodium_base64_VARIANT_ORIGINAL

static json_t *text_save(const char *text)
{
	char out[sodium_base64_ENCODED_LEN(NG_ID_MAX, VARIANT)];
	size_t n = text ? strlen(text) : 0;

	if (!text || n > NG_ID_MAX)
		return json_null();
	sodium_bin2base64(out, sizeof(out), (const unsigned char *)text, n,
			  VARIANT);
	return json_string(out);
}

json_t *ng_session_save(void *arg)
{
	const struct ng_session *s = arg;

	return json_pack("{s:o, s:o, s:o, s:o, s:I}", "call-id",
			 text_save(s->call_id), "from",
			 text_save(s->tag[LEG_A]), "to",
			 text_save(s->tag[LEG_B]), "branch",
			 text_save(s->branch), "created",
			 (json_int_t)s->created);
}

static bool text_load(const json_t *j, char buf[NG_ID_MAX], struct pl *out)
{
	const char *text = json_string_value(j);
	size_t n = 0;

	*out = (struct pl){buf, 0};
	if (!text)
		return json_is_null(j);
	if (sodium_base642bin((unsigned char *)buf, NG_ID_MAX, text,
			      strlen(text), NULL, &n, NULL, VARIANT) != 0)
		return false;
	out->l = n;
	return true;
}

void *ng_session_load(void *arg, struct call *c, struct path *p,
		      const json_t *saved)
{
	char buf[4][NG_ID_MAX];
	struct ng_flags f = {0};
	struct ng_session *s;
	json_int_t created;
	json_t *v[4];

	if (json_unpack((json_t *)saved, "{s:o, s:o, s:o, s:o, s:I}", "call-id",
			&v[0], "from", &v[1], "to", &v[2], "branch", &v[3],
			"created", &created) != 0 ||
	    !text_load(v[0], buf[0], &f.call_id) ||
	    !text_load(v[1], buf[1], &f.from_tag) ||
	    !text_load(v[2], buf[2], &f.to_tag) ||
	    !text_load(v[3], buf[3], &f.via_branch) || !f.call_id.l)
		return NULL;
	s = ng_session_new(arg, &f, NULL, NULL);
	if (!s)
		return NULL;
	s->call = c;
	s->path = p;
	s->up = true;
	s->created = created;
	return s;
}
