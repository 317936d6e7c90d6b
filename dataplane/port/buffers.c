// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/buffers.c - see buffers.h. */
#include <pthread.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_telemetry.h>
#include "dataplane/app/log.h"
#include "dataplane/port/buffers.h"
#include "dataplane/stage/stage.h"

#define DATA_ROOM (2048 + RTE_PKTMBUF_HEADROOM)
#define PRIV_SIZE RTE_ALIGN(sizeof(struct pkt_meta), RTE_MBUF_PRIV_ALIGN)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rte_mempool *shown; /* by telemetry, from its own thread */

static void set_shown(struct rte_mempool *pool)
{
	pthread_mutex_lock(&lock);
	shown = pool;
	pthread_mutex_unlock(&lock);
}

static int show(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -1;

	(void)cmd;
	(void)params;
	pthread_mutex_lock(&lock);
	if (shown) {
		rte_tel_data_start_dict(d);
		rte_tel_data_add_dict_u64(d, "size", shown->size);
		rte_tel_data_add_dict_u64(d, "free",
					  rte_mempool_avail_count(shown));
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
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
	set_shown(pool);
	rte_telemetry_register_cmd("/sallyport/buffers", show,
				   "Packet buffers: size, free. No parameters");
	return pool;
}

void buffers_free(struct rte_mempool *pool)
{
	set_shown(NULL);
	rte_mempool_free(pool);
}
