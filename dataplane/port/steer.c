/* SPDX-License-Identifier: Apache-2.0 */
/* See steer.h. */
#include "dataplane/port/steer.h"
#include <string.h>
#include <rte_byteorder.h>
#include <rte_flow.h>
#include "dataplane/app/log.h"

#define RULES_MAX (2 * SP_WORKER_MAX) /* IPv4 and IPv6 */

bool steer_bits(unsigned workers, unsigned worker, struct steer_bits *out)
{
	if (workers & (workers - 1))
		return false;
	out->port = (uint16_t)(worker << 1);
	out->mask = (uint16_t)((workers - 1) << 1);
	return true;
}

/* Everything that one rule points to. */
struct rule {
	struct rte_flow_attr attr;
	struct rte_flow_item_vlan vlan, vlan_mask;
	struct rte_flow_item_udp udp, udp_mask;
	struct rte_flow_item item[5];
	struct rte_flow_action_queue queue;
	struct rte_flow_action action[2];
};

static void rule_fill(struct rule *r, const struct port *p, bool six,
		      const struct steer_bits *bits, uint16_t queue)
{
	unsigned n = 0;

	memset(r, 0, sizeof(*r));
	r->attr.ingress = 1;
	r->item[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	if (p->cfg.vlan) {
		r->vlan.tci = rte_cpu_to_be_16(p->cfg.vlan);
		r->vlan_mask.tci = rte_cpu_to_be_16(0x0fff);
		r->item[n++] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_VLAN,
			.spec = &r->vlan,
			.mask = &r->vlan_mask,
		};
	}
	r->item[n++].type =
		six ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	r->udp.hdr.dst_port = rte_cpu_to_be_16(bits->port);
	r->udp_mask.hdr.dst_port = rte_cpu_to_be_16(bits->mask);
	r->item[n++] = (struct rte_flow_item){
		.type = RTE_FLOW_ITEM_TYPE_UDP,
		.spec = &r->udp,
		.mask = &r->udp_mask,
	};
	r->item[n].type = RTE_FLOW_ITEM_TYPE_END;
	r->queue.index = queue;
	r->action[0] = (struct rte_flow_action){
		.type = RTE_FLOW_ACTION_TYPE_QUEUE,
		.conf = &r->queue,
	};
	r->action[1].type = RTE_FLOW_ACTION_TYPE_END;
}

/* @return NULL: the device can't, why says what it says to that. */
static struct rte_flow *rule_make(const struct port *p, struct rule *r,
				  const char **why)
{
	struct rte_flow_error e = {.message = NULL};
	struct rte_flow *f = NULL;

	if (rte_flow_validate(p->id, &r->attr, r->item, r->action, &e) == 0)
		f = rte_flow_create(p->id, &r->attr, r->item, r->action, &e);
	if (!f)
		*why = e.message ? e.message : "it has no such rules";
	return f;
}

/* All rules or none. @return NULL, or why there are none. */
static const char *rules_make(const struct port *p, unsigned workers)
{
	struct rte_flow *made[RULES_MAX];
	struct rte_flow_error e;
	const char *why = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < 2u * p->queues; i++) {
		struct steer_bits bits;
		struct rule r;

		if (!steer_bits(workers, i / 2, &bits))
			return "workers are no power of two";
		rule_fill(&r, p, i % 2, &bits, (uint16_t)(i / 2));
		made[n] = rule_make(p, &r, &why);
		if (!made[n])
			goto undo;
		n++;
	}
	return NULL;
undo:
	while (n)
		rte_flow_destroy(p->id, made[--n], &e);
	return why;
}

bool steer(struct port *p, const char *driver, unsigned workers)
{
	const char *why;

	if (workers < 2)
		return false;
	if (p->queues < 2)
		why = "it has one queue";
	else if (!strcmp(driver, "net_tap"))
		/* It takes such rules, and leaves the mask out of them. */
		why = "net_tap compares whole ports only";
	else
		why = rules_make(p, workers);
	if (why)
		log_line(LOG_NOTICE,
			 "port %s (%s): no steering by UDP port (%s): packets "
			 "that come to another worker's queue are handed over",
			 p->cfg.name, p->cfg.device, why);
	else
		log_line(LOG_INFO,
			 "port %s (%s): flow rules bring media to %u queues by "
			 "UDP port",
			 p->cfg.name, p->cfg.device, p->queues);
	return !why;
}
