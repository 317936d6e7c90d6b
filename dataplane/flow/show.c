/* SPDX-License-Identifier: Apache-2.0 */
/* What DPDK's telemetry says of the table: "/sallyport/flows" answers
 * {"transports", "streams", "octets"}, the last being memory that flows and hop
 * keys take. With no flow left it is what it was before the first, or something
 * leaks; tests/soak looks. Telemetry asks from a thread of its own: the lock
 * keeps the table there meanwhile, and it reads whole words that the main lcore
 * writes, nothing behind them. */
#include <pthread.h>
#include <rte_telemetry.h>
#include "dataplane/flow/internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct table *shown;

static int show(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -1;

	(void)cmd;
	(void)params;
	pthread_mutex_lock(&lock);
	if (shown) {
		rte_tel_data_start_dict(d);
		rte_tel_data_add_dict_u64(d, "transports", shown->n_transports);
		rte_tel_data_add_dict_u64(d, "streams", shown->n_streams);
		rte_tel_data_add_dict_u64(d, "octets",
					  arena_used(shown->arena));
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

void table_show(const struct table *t)
{
	pthread_mutex_lock(&lock);
	shown = t;
	pthread_mutex_unlock(&lock);
	if (t)
		rte_telemetry_register_cmd(
			"/sallyport/flows", show,
			"Transports, streams, octets that they take. No "
			"parameters");
}
