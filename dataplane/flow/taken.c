/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that sallyport-media takes, by id: changed by the main lcore while
 * workers look. The table's readers need no lock; a place given up is used again
 * only after a grace period, as the streams themselves are. */
#include <stdio.h>
#include <rte_jhash.h>
#include "dataplane/flow/internal.h"

int taken_new(struct table *t)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = name,
		.entries = t->lim.streams < 64 ? 64 : t->lim.streams,
		.key_len = sizeof(uint64_t),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE |
			      RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct rte_hash_rcu_config rcu = {
		.v = t->qsbr,
		.mode = RTE_HASH_QSBR_MODE_DQ,
	};

	snprintf(name, sizeof(name), "tk%p", (void *)t);
	t->taken = rte_hash_create(&p);
	return t->taken && rte_hash_rcu_qsbr_add(t->taken, &rcu) == 0 ? 0 : -1;
}

bool taken_set(struct table *t, struct stream *s)
{
	if (s->divert == SP_DIVERT_TAKE)
		return rte_hash_add_key_data(t->taken, &s->id, s) == 0;
	taken_clear(t, s->id);
	return true;
}

void taken_clear(struct table *t, uint64_t id)
{
	rte_hash_del_key(t->taken, &id);
}

struct stream *table_taken(const struct table *t, uint64_t id)
{
	void *s;

	return rte_hash_lookup_data(t->taken, &id, &s) >= 0 ? s : NULL;
}
