/* SPDX-License-Identifier: Apache-2.0 */
/* Flow rules against the one who owns a port: every UDP port has one rule, and
 * that brings it to its worker. The device is this test: it takes rules, or
 * refuses one. What RSS and the hand-over ring do is workers_test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rte_byteorder.h>
#include <rte_flow.h>
#include "dataplane/port/steer.h"

struct kept {
	bool six;
	int vlan; /* -1: none asked for */
	uint16_t port, mask, queue;
};

static struct kept rule[256];
static unsigned rules, refuse_at, destroyed;
static bool unsupported;

/* In DPDK's place: this program's functions go before the library's. */
int rte_flow_validate(uint16_t port_id, const struct rte_flow_attr *attr,
		      const struct rte_flow_item pattern[],
		      const struct rte_flow_action actions[],
		      struct rte_flow_error *error)
{
	(void)actions;
	assert_int_equal(port_id, 3);
	assert_int_equal(attr->ingress, 1);
	assert_int_equal(attr->egress, 0);
	assert_int_equal(pattern[0].type, RTE_FLOW_ITEM_TYPE_ETH);
	error->message = unsupported ? "no flow rules here" : NULL;
	return unsupported ? -1 : 0;
}

struct rte_flow *rte_flow_create(uint16_t port_id,
				 const struct rte_flow_attr *attr,
				 const struct rte_flow_item item[],
				 const struct rte_flow_action action[],
				 struct rte_flow_error *error)
{
	struct kept *k = &rule[rules];
	const struct rte_flow_item_udp *udp, *mask;

	(void)port_id;
	(void)attr;
	error->message = NULL;
	if (rules == refuse_at)
		return NULL;
	k->vlan = -1;
	item++;
	if (item->type == RTE_FLOW_ITEM_TYPE_VLAN) {
		const struct rte_flow_item_vlan *v = item->spec;

		k->vlan = rte_be_to_cpu_16(v->tci);
		v = item->mask;
		assert_int_equal(rte_be_to_cpu_16(v->tci), 0xfff);
		item++;
	}
	k->six = item->type == RTE_FLOW_ITEM_TYPE_IPV6;
	assert_true(k->six || item->type == RTE_FLOW_ITEM_TYPE_IPV4);
	item++;
	assert_int_equal(item->type, RTE_FLOW_ITEM_TYPE_UDP);
	udp = item->spec;
	mask = item->mask;
	k->port = rte_be_to_cpu_16(udp->hdr.dst_port);
	k->mask = rte_be_to_cpu_16(mask->hdr.dst_port);
	assert_int_equal(mask->hdr.src_port, 0);
	assert_int_equal(item[1].type, RTE_FLOW_ITEM_TYPE_END);
	assert_int_equal(action[0].type, RTE_FLOW_ACTION_TYPE_QUEUE);
	k->queue =
		((const struct rte_flow_action_queue *)action[0].conf)->index;
	assert_int_equal(action[1].type, RTE_FLOW_ACTION_TYPE_END);
	rules++;
	return (struct rte_flow *)k;
}

int rte_flow_destroy(uint16_t port_id, struct rte_flow *flow,
		     struct rte_flow_error *error)
{
	(void)port_id;
	(void)error;
	assert_ptr_equal(flow, &rule[rules - 1]);
	rules--;
	destroyed++;
	return 0;
}

static struct port port(uint16_t queues)
{
	return (struct port){.cfg = {.name = "trunk0",
				     .device = "0000:03:00.0"},
			     .id = 3,
			     .queues = queues};
}

static int reset(void **state)
{
	(void)state;
	rules = destroyed = 0;
	refuse_at = UINT32_MAX;
	unsupported = false;
	return 0;
}

static void check(unsigned workers, unsigned queues)
{
	for (unsigned udp = 0; udp < 65536; udp++) {
		unsigned owner = (udp >> 1) % workers, hits = 0;

		for (unsigned i = 0; i < rules; i++)
			if ((udp & rule[i].mask) == rule[i].port) {
				assert_int_equal(rule[i].queue, owner);
				hits++;
			}
		assert_int_equal(hits, owner < queues ? 2 : 0);
	}
}

static void test_every_port_comes_home(void **state)
{
	(void)state;
	for (unsigned workers = 2; workers <= SP_WORKER_MAX; workers *= 2) {
		struct port p = port((uint16_t)workers);

		reset(NULL);
		assert_true(steer(&p, "mlx5_pci", workers));
		assert_int_equal(rules, 2 * workers);
		check(workers, workers);
	}
}

/* Those without a queue are told nothing of, and get theirs by the ring. */
static void test_fewer_queues_than_workers(void **state)
{
	struct port p = port(3);

	(void)state;
	assert_true(steer(&p, "mlx5_pci", 8));
	check(8, 3);
}

static void test_vlan(void **state)
{
	struct port p = port(2);

	(void)state;
	assert_true(steer(&p, "mlx5_pci", 2));
	assert_int_equal(rule[0].vlan, -1);
	reset(NULL);
	p.cfg.vlan = 7;
	assert_true(steer(&p, "mlx5_pci", 2));
	for (unsigned i = 0; i < rules; i++)
		assert_int_equal(rule[i].vlan, 7);
}

static void test_where_it_cannot(void **state)
{
	static const struct {
		const char *driver;
		unsigned queues, workers;
		bool unsupported;
	} cases[] = {
		{"mlx5_pci", 1, 1, false},  {"net_ixgbe", 1, 2, false},
		{"net_tap", 2, 2, false},   {"net_ixgbe", 3, 3, false},
		{"net_ixgbe", 6, 6, false}, {"net_virtio", 2, 2, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port p = port((uint16_t)cases[i].queues);

		reset(NULL);
		unsupported = cases[i].unsupported;
		assert_false(steer(&p, cases[i].driver, cases[i].workers));
		assert_int_equal(rules, 0);
	}
}

/* All of them or none: half a steering would only move the load about. */
static void test_all_or_none(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct port p = port(4);

		reset(NULL);
		refuse_at = i;
		assert_false(steer(&p, "net_ice", 4));
		assert_int_equal(rules, 0);
		assert_int_equal(destroyed, i);
	}
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_every_port_comes_home),
		T(test_fewer_queues_than_workers),
		T(test_vlan),
		T(test_where_it_cannot),
		T(test_all_or_none),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
