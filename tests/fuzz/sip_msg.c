/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger sends to the SIP door: libre's decoder, then all that this
 * door reads of a message before it knows who sent it. */
#include <stdint.h>
#include <stdlib.h>
#include "control/sip/dialog.h"
#include "control/sip/digest.h"

static bool credentials(const struct sip_hdr *hdr, const struct sip_msg *m,
			void *arg)
{
	static const char ha1[] = "0123456789abcdef0123456789abcdef";
	char user[DIGEST_USER_MAX + 1];
	struct digest_response r;

	if (!digest_parse(&r, &hdr->val))
		return false;
	digest_username(&r, user);
	digest_is_ours(arg, &r);
	digest_check(arg, &r, &m->met, ha1, 1700000000);
	return false;
}

/* A value is within the message, whatever it is. */
static bool first_octet(const struct pl *val, void *arg)
{
	*(uint32_t *)arg = val->l ? (uint8_t)*val->p : 0;
	return false;
}

static void read_headers(const struct sip_msg *m, struct digest *digest)
{
	static const char *const ours[] = {"100rel", NULL};
	struct message_contacts contacts;
	struct mbuf *mb = mbuf_alloc(64);
	char text[64];
	struct sa sa;
	uint32_t a, b;

	message_contacts(m, &contacts);
	message_contact_addr(m, &sa);
	message_values(m, SIP_HDR_PATH, first_octet, &a);
	message_unsupported(m, ours, text, sizeof(text));
	message_lists(m, SIP_HDR_ALLOW, "UPDATE");
	message_max_forwards(m);
	message_expires(m);
	message_rseq(m, &a);
	message_rack(m, &a, &b);
	message_type(m, text, sizeof(text));
	message_has_sdp(m);
	message_uri_user(&m->uri, text, sizeof(text));
	message_uri_user(&m->to.uri, text, sizeof(text));
	for (struct le *le = m->hdrl.head; le; le = le->next)
		message_copy_line(mb, le->data);
	sip_msg_hdr_apply(m, true, SIP_HDR_AUTHORIZATION, credentials, digest);
	sip_msg_hdr_apply(m, true, SIP_HDR_PROXY_AUTHORIZATION, credentials,
			  digest);
	mem_deref(mb);
}

/* A dialog made of a stranger's message must be fit to be written and saved,
 * and lines of its own making only. */
static void make_dialog(const struct sip_msg *m)
{
	struct dialog d = {0}, back = {0};
	struct mbuf *mb = mbuf_alloc(512);
	json_t *j;
	int err;

	if (m->req) {
		err = dialog_uas(&d, m, 1);
	} else {
		err = dialog_uac(&d, "<sip:a@x>", "<sip:b@x>", "sip:b@x");
		err = err ? err : dialog_learn(&d, m);
	}
	if (!err && d.remote_tag) {
		dialog_has_request(&d, m);
		dialog_sequence(&d, m);
		dialog_request_uri(&d);
		if (dialog_headers(&d, mb, "BYE", 1))
			abort();
		for (size_t i = 0; i + 1 < mb->end; i++)
			if ((mb->buf[i] == '\r') != (mb->buf[i + 1] == '\n'))
				abort();
		j = dialog_save(&d);
		if (!j || !dialog_load(&back, j))
			abort();
		json_decref(j);
	}
	dialog_reset(&d);
	dialog_reset(&back);
	mem_deref(mb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct digest *digest;
	struct message_why why;
	struct sip_msg *m;
	struct mbuf *mb;

	if (!digest && digest_alloc(&digest, "sip.test", 300))
		abort();
	mb = mbuf_alloc(size + 1);
	mbuf_write_mem(mb, data, size);
	mb->pos = 0;
	if (!sip_msg_decode(&m, mb)) {
		if (m->req ? message_check(m, &why)
			   : message_check_response(m)) {
			read_headers(m, digest);
			make_dialog(m);
		}
		mem_deref(m);
	}
	mem_deref(mb);
	return 0;
}
