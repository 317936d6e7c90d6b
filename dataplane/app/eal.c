// SPDX-License-Identifier: Apache-2.0
/* dataplane/app/eal.c - see eal.h. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include "dataplane/app/eal.h"
#include "dataplane/app/log.h"

#define ARGS_MAX      (16 + 2 * PORT_MAX)
#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

/* The command line that rte_eal_init gets; each string on the heap. */
struct args {
	char *v[ARGS_MAX + 1];
	int n;
	bool failed;
};

static char runtime_dir[128];

__attribute__((format(printf, 2, 3))) static void add(struct args *a,
						      const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (a->n == ARGS_MAX || vasprintf(&s, fmt, ap) < 0)
		a->failed = true;
	else
		a->v[a->n++] = s;
	va_end(ap);
}

/** MiB of free hugepages of all sizes. */
static unsigned free_hugepages(void)
{
	DIR *dir = opendir(HUGEPAGES_DIR);
	unsigned long long kib = 0;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		unsigned long size, pages;
		char path[sizeof(HUGEPAGES_DIR) + sizeof(d->d_name) + 32];
		FILE *f;

		if (sscanf(d->d_name, "hugepages-%lukB", &size) != 1)
			continue;
		snprintf(path, sizeof(path), HUGEPAGES_DIR "/%s/free_hugepages",
			 d->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%lu", &pages) == 1)
			kib += (unsigned long long)size * pages;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return (unsigned)(kib / 1024);
}

static int add_memory(struct args *a, struct eal *e, const struct config *c)
{
	unsigned mib = free_hugepages();

	if (c->hugepages != HUGEPAGES_NEVER && mib >= c->memory) {
		e->huge_mib = mib;
		add(a, "--in-memory");
		return 0;
	}
	if (c->hugepages == HUGEPAGES_ALWAYS) {
		log_line(LOG_ERR,
			 "%u MiB of hugepages are free and %u are asked for: "
			 "raise vm.nr_hugepages, or set hugepages: auto",
			 mib, c->memory);
		return -1;
	}
	if (c->hugepages == HUGEPAGES_AUTO)
		log_line(LOG_NOTICE,
			 "no hugepages used (%u MiB free, %u asked for): works "
			 "the same, with more TLB misses; vm.nr_hugepages "
			 "makes some",
			 mib, c->memory);
	/* DPDK 22.11 does not take --in-memory without hugepages. */
	add(a, "--no-huge");
	add(a, "--no-shconf");
	add(a, "-m");
	add(a, "%u", c->memory);
	return 0;
}

/** One lcore for each CPU of the list, numbered in its order. A worker needs a
 * thread of its own even where there is one CPU. */
static int add_lcores(struct args *a, struct eal *e, const struct config *c)
{
	char map[16 * (SP_WORKER_MAX + 1)];
	unsigned n = c->cpus, at = 0;
	cpu_set_t ours;
	bool one;

	CPU_ZERO(&ours);
	if (sched_getaffinity(0, sizeof(ours), &ours)) {
		log_line(LOG_ERR, "asking for this process's CPUs: %m");
		return -1;
	}
	one = CPU_COUNT(&ours) == 1;
	if (one || n < 2) {
		n = 2;
		e->shared = true;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned cpu = c->cpu[i < c->cpus ? i : 0];

		for (unsigned first = 0; one && first < CPU_SETSIZE; first++)
			if (CPU_ISSET(first, &ours))
				cpu = first;
		if (!CPU_ISSET(cpu, &ours)) {
			log_line(LOG_ERR,
				 "lcores: CPU %u is not among the %d that this "
				 "process may use",
				 cpu, CPU_COUNT(&ours));
			return -1;
		}
		at += (unsigned)snprintf(map + at, sizeof(map) - at, "%s%u@%u",
					 i ? "," : "", i, cpu);
		if (i)
			e->lcore[i - 1] = i;
	}
	e->workers = n - 1;
	add(a, "--lcores=%s", map);
	add(a, "--main-lcore=0");
	return 0;
}

static void add_devices(struct args *a, const struct config *c)
{
	bool pci = false;

	for (unsigned i = 0; i < c->ports; i++) {
		const struct port_config *p = &c->port[i];

		if (config_is_pci(p->device)) {
			add(a, "--allow=%s%s%s", p->device, p->args ? "," : "",
			    p->args ? p->args : "");
			pci = true;
		} else {
			add(a, "--vdev=%s%s%s", p->device, p->args ? "," : "",
			    p->args ? p->args : "");
		}
	}
	if (!pci)
		add(a, "--no-pci");
}

/** Runs after DPDK's own exit handlers, which remove the sockets in it. */
static void remove_runtime_dir(void)
{
	if (runtime_dir[0])
		rmdir(runtime_dir); /* stays while another uses it */
}

int eal_start(struct eal *e, const struct config *c)
{
	struct args a = {.n = 0}, given;
	int rc = -1;

	memset(e, 0, sizeof(*e));
	add(&a, "sallyport-dataplane");
	add(&a, "--iova-mode=va");
	add(&a, "--file-prefix=%s", c->file_prefix);
	add(&a, "--log-level=warning");
	if (add_memory(&a, e, c) || add_lcores(&a, e, c))
		goto out;
	add_devices(&a, c);
	if (a.failed) {
		log_line(LOG_ERR, "starting DPDK: no memory");
		goto out;
	}
	log_take_dpdk();
	atexit(remove_runtime_dir);
	given = a; /* rte_eal_init changes the pointers it is given */
	rc = rte_eal_init(given.n, given.v) < 0 ? -1 : 0;
	snprintf(runtime_dir, sizeof(runtime_dir), "%s",
		 rte_eal_get_runtime_dir());
	if (rc)
		log_line(LOG_ERR,
			 "starting DPDK: %s; the lines above say what it could "
			 "not have",
			 rte_strerror(rte_errno));
out:
	for (int i = 0; i < a.n; i++)
		free(a.v[i]);
	return rc;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
