/* SPDX-License-Identifier: Apache-2.0 */
/* The order of elements is that of the schema, RFC 7865 section 10. */
#include "control/siprec/metadata.h"
#include <sodium.h>

/* What is ours and not the schema's has a name space of its own. */
#define OURS "tag:sallyport.example,2026:siprec"

#define ID_TEXT \
	sodium_base64_ENCODED_LEN(METADATA_ID, sodium_base64_VARIANT_ORIGINAL)

struct id {
	char text[ID_TEXT];
};

static struct id print_id(const uint8_t octets[METADATA_ID])
{
	struct id id;

	sodium_bin2base64(id.text, sizeof(id.text), octets, METADATA_ID,
			  sodium_base64_VARIANT_ORIGINAL);
	return id;
}

/* What strangers have made up (an AOR's user part): no octet of it can end the
 * attribute, and none is one that XML doesn't have. */
static int write_escaped(struct mbuf *mb, const char *text)
{
	int err = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 0x7f)
			err |= mbuf_printf(mb, "%%%02X", c);
		else if (c == '&' || c == '<' || c == '>' || c == '"' ||
			 c == '\'')
			err |= mbuf_printf(mb, "&#%u;", c);
		else
			err |= mbuf_write_u8(mb, c);
	}
	return err;
}

static int write_time(struct mbuf *mb, const char *element, time_t at)
{
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return mbuf_printf(mb, "<%s>%s</%s>", element, text, element);
}

static int write_session(struct mbuf *mb, const struct metadata *m)
{
	int err = mbuf_printf(mb, "<session session_id=\"%s\">",
			      print_id(m->session).text);

	err |= write_time(mb, "start-time", m->started);
	err |= mbuf_printf(mb, "<s:call xmlns:s=\"" OURS "\">%llu</s:call>",
			   (unsigned long long)m->call);
	for (unsigned i = 0; i < m->n_uses; i++)
		err |= mbuf_printf(mb, "<s:use xmlns:s=\"" OURS "\">%s</s:use>",
				   m->uses[i]);
	return err | mbuf_write_str(mb, "</session>\r\n");
}

static int write_parties(struct mbuf *mb, const struct metadata *m)
{
	int err = 0;

	for (unsigned i = 0; i < 2; i++) {
		err |= mbuf_printf(mb,
				   "<participant participant_id=\"%s\">"
				   "<nameID aor=\"",
				   print_id(m->party[i].id).text);
		err |= write_escaped(mb, m->party[i].aor);
		err |= mbuf_write_str(mb, "\"/></participant>\r\n");
	}
	return err;
}

static int write_streams(struct mbuf *mb, const struct metadata *m)
{
	struct id session = print_id(m->session);
	int err = 0;

	for (unsigned i = 0; i < m->streams; i++)
		err |= mbuf_printf(mb,
				   "<stream stream_id=\"%s\" session_id=\"%s\">"
				   "<label>%s</label></stream>\r\n",
				   print_id(m->stream[i].id).text, session.text,
				   m->stream[i].label);
	err |= mbuf_printf(mb, "<sessionrecordingassoc session_id=\"%s\">",
			   session.text);
	err |= write_time(mb, "associate-time", m->joined);
	return err | mbuf_write_str(mb, "</sessionrecordingassoc>\r\n");
}

static int write_associations(struct mbuf *mb, const struct metadata *m)
{
	struct id session = print_id(m->session);
	int err = 0;

	for (unsigned i = 0; i < 2; i++) {
		err |= mbuf_printf(mb,
				   "<participantsessionassoc "
				   "participant_id=\"%s\" session_id=\"%s\">",
				   print_id(m->party[i].id).text, session.text);
		err |= write_time(mb, "associate-time", m->started);
		err |= mbuf_write_str(mb, "</participantsessionassoc>\r\n");
	}
	for (unsigned i = 0; i < 2; i++) {
		err |= mbuf_printf(mb,
				   "<participantstreamassoc "
				   "participant_id=\"%s\">",
				   print_id(m->party[i].id).text);
		/* all that it sends, then all that it hears */
		for (unsigned k = 0; k < 2 * m->streams; k++) {
			const struct metadata_stream *s =
				&m->stream[k % m->streams];
			bool sends = k < m->streams;

			if (s->flows && (s->from == i) == sends)
				err |= mbuf_printf(mb, "<%s>%s</%s>",
						   sends ? "send" : "recv",
						   print_id(s->id).text,
						   sends ? "send" : "recv");
		}
		err |= mbuf_write_str(mb, "</participantstreamassoc>\r\n");
	}
	return err;
}

int metadata_print(struct mbuf *mb, const struct metadata *m)
{
	int err = mbuf_write_str(
		mb, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		    "<recording xmlns=\"urn:ietf:params:xml:ns:recording:1\">"
		    "\r\n<datamode>complete</datamode>\r\n");

	err |= write_session(mb, m);
	err |= write_parties(mb, m);
	err |= write_streams(mb, m);
	err |= write_associations(mb, m);
	return err | mbuf_write_str(mb, "</recording>\r\n");
}
