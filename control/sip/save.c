/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/save.c - calls that are up as JSON, and back after a restart. */
#include <string.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/trunk/trunk.h"

static json_t *addr_json(const struct sa *sa)
{
	char text[SIP_ADDR_TEXT];

	if (!sa_isset(sa, SA_ALL))
		return json_null();
	sip_addr_print(text, sa);
	return json_string(text);
}

static json_t *session_save(const struct session *s)
{
	json_t *j;

	if (!s->dlg.remote_tag) /* nobody */
		return json_null();
	j = json_pack("{s:o, s:o, s:s, s:o, s:o, s:i, s:I, s:b}", "dialog",
		      dialog_save(&s->dlg), "local",
		      addr_json(listener_addr(s->hop.via)), "transport",
		      sip_tp_name(s->hop.tp), "peer", addr_json(&s->hop.peer),
		      "other", addr_json(&s->hop.other), "methods",
		      (int)s->methods, "session_expires",
		      (json_int_t)s->se.interval, "refresher", s->se.ours);
	if (s->line)
		json_object_set_new(
			j, "trunk",
			json_string(trunk_name(trunk_line_trunk(s->line))));
	return j;
}

json_t *bridge_save(void *arg)
{
	const struct bridge *b = arg;

	return json_pack("[o, o, {s:o, s:o, s:b}]",
			 session_save(b->up->s[LEG_A]),
			 session_save(b->up->s[LEG_B]), "park", park_save(b),
			 "focus", focus_save(b), "alone", b->alone);
}

static bool session_load(struct session *s, const struct door *d, json_t *saved)
{
	const char *local, *tp, *peer, *other, *trunk;
	struct trunk *t;
	json_t *dlg, *second;
	struct sa at;
	json_int_t expires = 0;
	int methods, ours = 0;

	if (json_is_null(saved))
		return true;
	if (!saved ||
	    json_unpack(saved, "{s:o, s:s, s:s, s:s, s:o, s:i, s?I, s?b}",
			"dialog", &dlg, "local", &local, "transport", &tp,
			"peer", &peer, "other", &second, "methods", &methods,
			"session_expires", &expires, "refresher", &ours))
		return false;
	other = json_string_value(second); /* NULL: there is no other */
	if (!sip_tp_parse(&s->hop.tp, tp) || !sip_addr_parse(&at, local) ||
	    !sip_addr_parse(&s->hop.peer, peer) ||
	    (other && !sip_addr_parse(&s->hop.other, other)))
		return false;
	s->hop.via = stack_find(d->stack, &at, s->hop.tp);
	if (!s->hop.via) {
		log_error(0, "%s:%s isn't listened on any more", tp, local);
		return false;
	}
	s->methods = (unsigned)methods;
	s->se.interval = (uint32_t)expires;
	s->se.ours = ours;
	trunk = json_string_value(json_object_get(saved, "trunk"));
	t = trunk ? trunks_find(d->trunks, trunk) : NULL;
	if (t) /* regardless of the limit: it is there already */
		s->line = trunk_line_new(t, true);
	return dialog_load(&s->dlg, dlg);
}

void *bridge_load(void *door, struct call *c, struct path *p,
		  const json_t *saved)
{
	struct door *d = door;
	struct bridge *b = bridge_alloc(d);
	struct branch *br = b ? branch_alloc(b) : NULL;
	const json_t *more;

	for (enum leg l = LEG_A; br && l <= LEG_B; l++)
		if (!session_load(br->s[l], d, json_array_get(saved, l)))
			return mem_deref(b);
	if (!br)
		return mem_deref(b);
	b->call = c;
	b->up = br;
	br->path = p;
	more = json_array_get(saved, 2);
	b->alone = json_is_true(json_object_get(more, "alone"));
	if (!park_load(b, json_object_get(more, "park")) ||
	    !focus_load(b, json_object_get(more, "focus")))
		return mem_deref(b);
	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (br->s[l]->dlg.callid)
			door_add_session(d, br->s[l]);
	refresh_restored(br->s[LEG_A]);
	refresh_restored(br->s[LEG_B]);
	return b;
}
