/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/pass.c - which headers of one side the other one sees: those of
 * this table, and no other. Everything else that a message needs is written
 * here, from what we know ourselves.
 *
 * Not in it, on purpose: P-Asserted-Identity and its kin (a phone may not
 * assert, and who calls is written by us), Call-Info and Organization (URLs of
 * the other side), User-Agent and Server, Warning (it names a host), History-
 * and Diversion headers, and whatever begins with X-. */
#include <string.h>
#include "control/sip/door.h"

static const struct {
	const char *name;
	unsigned where;
} table[] = {
	{"Subject", PASS_INVITE | PASS_REINVITE | PASS_REQUEST},
	{"s", PASS_INVITE | PASS_REINVITE},
	{"Priority", PASS_INVITE},
	{"Alert-Info", PASS_INVITE | PASS_INVITE_ANSWER},
	{"Answer-Mode", PASS_INVITE},
	{"Priv-Answer-Mode", PASS_INVITE},
	{"Accept-Language", PASS_INVITE},
	{"Reason", PASS_INVITE | PASS_INVITE_ANSWER | PASS_REINVITE |
			   PASS_REQUEST | PASS_ANSWER},
	{"Retry-After", PASS_INVITE_ANSWER | PASS_ANSWER},
	{"Content-Disposition", PASS_REQUEST},
	{"Info-Package", PASS_REQUEST},
	{"Recv-Info", PASS_ANSWER},
};

static bool contains(const struct pl *text, const char *word, size_t n)
{
	for (size_t i = 0; n && i + n <= text->l; i++)
		if (!strncasecmp(text->p + i, word, n))
			return true;
	return false;
}

bool tells_where(const struct sip_msg *m, const struct pl *text)
{
	char source[SIP_ADDR_TEXT];
	struct message_contact c;

	return (re_snprintf(source, sizeof(source), "%j", &m->src) >= 0 &&
		contains(text, source, strlen(source))) ||
	       (message_contact(m, &c) &&
		contains(text, c.parsed.host.p, c.parsed.host.l));
}

/* Even of these, not a value that says where the sender is. */
static bool pass_line(const struct sip_hdr *hdr, const struct sip_msg *m,
		      void *arg)
{
	return !tells_where(m, &hdr->val) && message_copy_line(arg, hdr);
}

int pass_headers(struct mbuf *mb, const struct sip_msg *m, unsigned where)
{
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if ((table[i].where & where) &&
		    sip_msg_xhdr_apply(m, true, table[i].name, pass_line, mb))
			return -1;
	return 0;
}
