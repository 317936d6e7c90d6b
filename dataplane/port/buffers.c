// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/buffers.c - see buffers.h. */
#include <stdatomic.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_telemetry.h>
#include "dataplane/app/log.h"
#include "dataplane/port/buffers.h"
#include "dataplane/stage/stage.h"

#define DATA_ROOM (2048 + RTE_PKTMBUF_HEADROOM)
#define PRIV_SIZE RTE_ALIGN(sizeof(struct pkt_meta), RTE_MBUF_PRIV_ALIGN)

static struct rte_mempool *_Atomic shown; /* by telemetry */

static int show(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_mempool *pool = shown;

	(void)cmd;
	(void)params;
	if (!pool)
		return -1;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "size", pool->size);
	rte_tel_data_add_dict_u64(d, "free", rte_mempool_avail_count(pool));
	return 0;
}

struct rte_mempool *buffers_new(unsigned n)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("packets", n, BUFFERS_CACHE, PRIV_SIZE,
					DATA_ROOM, SOCKET_ID_ANY);

	if (!pool) {
		log_line(LOG_ERR,
			 "making buffers for %u packets: %s; more "
			 "memory or hugepages?",
			 n, rte_strerror(rte_errno));
		return NULL;
	}
	shown = pool;
	rte_telemetry_register_cmd("/sallyport/buffers", show,
				   "Packet buffers: size, free. No parameters");
	return pool;
}

void buffers_free(struct rte_mempool *pool)
{
	shown = NULL;
	rte_mempool_free(pool);
}
