/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/config.h - the `dataplane:` section of sallyport.yaml.
 *
 * Read once at start, by the main lcore, before DPDK starts. The options, what
 * each takes and its default stand in one table in config.c and, for people,
 * in dataplane/README.md. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"
#include "dataplane/abi/yaml.h"
#include "dataplane/port/port.h"

#define CONFIG_PATH "/etc/sallyport/sallyport.yaml"

enum config_hugepages { HUGEPAGES_AUTO, HUGEPAGES_ALWAYS, HUGEPAGES_NEVER };
enum config_rest { REST_AUTO, REST_ALWAYS, REST_NEVER, REST_POWER };

struct config {
	char *socket;	    /* path of the abi's socket */
	char *group;	    /* that may connect to it; NULL: ours */
	char *divert;	    /* path of sallyport-media's socket; NULL: none */
	char *divert_group; /* that may connect to that; NULL: ours */
	uint32_t divert_slots;
	char *file_prefix; /* DPDK's: names its folder in /var/run/dpdk */
	uint16_t cpu[SP_WORKER_MAX + 1]; /* main lcore, then workers */
	unsigned cpus;
	unsigned memory; /* MiB, where there are no hugepages */
	enum config_hugepages hugepages;
	enum config_rest rest;
	unsigned rx_burst;	      /* packets */
	uint16_t udp_first, udp_last; /* media ports: first even, last odd */
	uint32_t transports, streams; /* capacity */
	unsigned replay_window;	      /* packets */
	struct port_config port[PORT_MAX];
	unsigned ports;
};

/** @return 0, or -1 with one sentence in err and nothing to free. */
int config_load(struct config *c, const char *path, char err[CONF_ERROR_MAX]);
void config_free(struct config *c);

/** Is the device one of a bus ("0000:03:00.0"), not a virtual one by name? */
bool config_is_pci(const char *device);
