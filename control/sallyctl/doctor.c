/* SPDX-License-Identifier: Apache-2.0 */
/* Is this machine fit for the gateway, and is the gateway well? Each check is a
 * row of the table: what was found, and what to do about it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <limits.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"

#define STATE_FOLDER "/var/lib/sallyport"
#define FILE_MAX_    65536
#define CERT_DAYS    30
#define DISK_MIB     512 /* free, below which recordings and logs are at risk */

enum health { WELL, NOTICE, ILL, UNKNOWN };

static const char *const health_names[] = {[WELL] = "ok",
					   [NOTICE] = "notice",
					   [ILL] = "wrong",
					   [UNKNOWN] = "unknown"};

struct finding {
	enum health health;
	char found[256], todo[256];
};

struct examination {
	const struct invocation *in;
	const char *root; /* "" or where a test keeps its /proc and /sys */
};

__attribute__((format(printf, 3, 4))) static void found(struct finding *f,
							enum health h,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	f->health = h;
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void todo(struct finding *f,
						       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->todo, sizeof(f->todo), fmt, ap);
	va_end(ap);
}

/* A file of /proc or /sys. @return false: can't be read. */
static bool text_of(const struct examination *e, const char *path,
		    char text[FILE_MAX_])
{
	char whole[PATH_MAX];
	size_t n;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", e->root, path);
	f = fopen(whole, "re");
	if (!f)
		return false;
	n = fread(text, 1, FILE_MAX_ - 1, f);
	text[n] = '\0';
	fclose(f);
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	return true;
}

/* ---------------------------------------------------------- the machine */

static bool has_flag(const char *flags, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = flags; (p = strstr(p, name)); p += n)
		if (p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n' || !p[n]))
			return true;
	return false;
}

static void check_cpu(const struct examination *e, struct finding *f)
{
	static const char *const needed[] = {"aes", "pclmulqdq", "sse4_2"};
	static const char *const fast[] = {"avx2", "vaes", "avx512f"};
	char text[FILE_MAX_], missing[64] = "", have[64] = "";
	const char *flags;

	flags = text_of(e, "/proc/cpuinfo", text) ? strstr(text, "\nflags")
						  : NULL;
	if (!flags) {
		found(f, UNKNOWN, "the CPU's flags can't be read");
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!has_flag(flags, needed[i]))
			strcat(strcat(missing, " "), needed[i]);
		if (has_flag(flags, fast[i]))
			strcat(strcat(have, " "), fast[i]);
	}
	if (missing[0]) {
		found(f, ILL, "this CPU lacks%s", missing);
		todo(f, "Intel IPsec-MB needs them: another CPU, or the "
			"hypervisor's \"host\" CPU model");
	} else if (!have[0]) {
		found(f, NOTICE, "AES-NI and SSE4.2, nothing wider");
		todo(f, "works; AVX2 or VAES seal several times faster");
	} else {
		found(f, WELL, "AES-NI,%s", have);
	}
}

static long meminfo(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtol(p + strlen(key), NULL, 10) : -1;
}

static void check_hugepages(const struct examination *e, struct finding *f)
{
	char text[FILE_MAX_];
	long total, mib;

	if (!text_of(e, "/proc/meminfo", text)) {
		found(f, UNKNOWN, "/proc/meminfo can't be read");
		return;
	}
	total = meminfo(text, "HugePages_Total:");
	mib = total * (meminfo(text, "Hugepagesize:") / 1024);
	if (total > 0) {
		found(f, WELL, "%ld, %ld MiB", total, mib);
		return;
	}
	found(f, NOTICE, "none");
	todo(f, "works without, slower with thousands of streams: "
		"vm.nr_hugepages=512 in /etc/sysctl.d before the dataplane "
		"starts");
}

static void check_isolation(const struct examination *e, struct finding *f)
{
	char text[FILE_MAX_];

	if (text_of(e, "/sys/devices/system/cpu/isolated", text) && text[0]) {
		found(f, WELL, "CPUs %s", text);
		return;
	}
	found(f, NOTICE, "no CPU is kept free of other work");
	todo(f, "on the kernel's command line: isolcpus=managed_irq,domain,1-N "
		"nohz_full=1-N rcu_nocbs=1-N, for the workers' lcores");
}

static void check_governor(const struct examination *e, struct finding *f)
{
	char text[FILE_MAX_];

	if (!text_of(e, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
		     text)) {
		found(f, WELL, "no frequency scaling");
		return;
	}
	if (strcmp(text, "performance") == 0) {
		found(f, WELL, "performance");
		return;
	}
	found(f, NOTICE, "frequency governor is %s", text);
	todo(f, "cpupower frequency-set -g performance");
}

/* What a link of a PCI device points to, the whole path. */
static bool link_of(const struct examination *e, const char *device,
		    const char *name, char to[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", e->root,
		 device, name);
	n = readlink(path, to, PATH_MAX - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	return true;
}

static bool ends_in(const char *path, const char *name)
{
	size_t n = strlen(path), k = strlen(name);

	return n >= k && strcmp(path + n - k, name) == 0;
}

static void check_nics(const struct examination *e, struct finding *f)
{
	unsigned n = 0, vfio = 0, groups = 0;
	char path[PATH_MAX], text[FILE_MAX_], to[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", e->root);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class",
			 d->d_name);
		if (d->d_name[0] == '.' || !text_of(e, path, text) ||
		    strncmp(text, "0x02", 4) != 0)
			continue;
		n++;
		vfio += link_of(e, d->d_name, "driver", to) &&
			ends_in(to, "/vfio-pci");
		groups += link_of(e, d->d_name, "iommu_group", to);
	}
	if (dir)
		closedir(dir);
	if (n && !groups) {
		found(f, NOTICE, "%u network devices, no IOMMU", n);
		todo(f, "intel_iommu=on iommu=pt on the kernel's command line, "
			"and VT-d in the BIOS; vfio-pci needs them");
	} else if (n && !vfio) {
		found(f, NOTICE, "%u network devices, none bound to vfio-pci",
		      n);
		todo(f, "driverctl set-override PCI-ADDRESS vfio-pci for the "
			"dataplane's ports (virtual ports need nothing)");
	} else if (n) {
		found(f, WELL, "%u of %u network devices bound to vfio-pci",
		      vfio, n);
	} else {
		found(f, WELL, "no PCI network device; virtual ports only");
	}
}

static void check_clock(const struct examination *e, struct finding *f)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);

	(void)e;
	if (state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC)) {
		found(f, WELL, "synchronised, within %ld ms",
		      t.maxerror / 1000);
		return;
	}
	found(f, NOTICE, "not synchronised");
	todo(f, "records, certificates and the audit log need the right time: "
		"apt install chrony, or systemd-timesyncd");
}

static void check_disk(const struct examination *e, struct finding *f)
{
	char path[PATH_MAX];
	struct statvfs s;
	unsigned long mib;

	snprintf(path, sizeof(path), "%s" STATE_FOLDER, e->root);
	if (statvfs(path, &s) < 0) {
		found(f, UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	mib = (unsigned long)(s.f_bavail * s.f_frsize >> 20);
	found(f, mib < DISK_MIB ? ILL : WELL, "%lu MiB free in %s", mib, path);
	if (mib < DISK_MIB)
		todo(f, "make room, or give recordings a smaller quota");
}

/* ---------------------------------------------------------- the gateway */

static json_t *asked(const struct examination *e, const char *path,
		     struct finding *f)
{
	json_t *j = NULL;

	if (client_request(e->in->option[OPTION_SOCKET], "GET", path, NULL,
			   &j) == EXIT_DONE)
		return j;
	found(f, UNKNOWN, "control doesn't say");
	return NULL;
}

static void check_control(const struct examination *e, struct finding *f)
{
	json_t *j = asked(e, "/version", f);

	if (!j) {
		found(f, ILL, "sallyport-control doesn't answer");
		todo(f, "systemctl status sallyport-control; journalctl -u "
			"sallyport-control");
		return;
	}
	if (json_is_true(json_object_get(j, "dataplane_connected"))) {
		found(f, WELL, "control %s, dataplane connected",
		      show_text(j, "version"));
	} else {
		found(f, ILL, "control %s, no dataplane",
		      show_text(j, "version"));
		todo(f, "systemctl status sallyport-dataplane; journalctl -u "
			"sallyport-dataplane");
	}
	json_decref(j);
}

static void check_verdicts(const struct examination *e, struct finding *f)
{
	json_t *j = asked(e, "/stats", f), *v;
	json_int_t wrong = 0;
	const char *worst = NULL;
	size_t i;

	if (!j)
		return;
	json_array_foreach (json_object_get(j, "verdicts"), i, v) {
		json_int_t n = json_integer_value(json_object_get(v, "count"));

		if (!n || strcmp(show_text(v, "severity"), "wrong") != 0)
			continue;
		wrong += n;
		worst = show_text(v, "name");
	}
	if (wrong) {
		found(f, NOTICE,
		      "%" JSON_INTEGER_FORMAT
		      " packets discarded that shouldn't be (%s)",
		      wrong, worst);
		todo(f, "sallyctl stats says of each verdict what it means");
	} else {
		found(f, WELL, "nothing discarded that shouldn't be");
	}
	json_decref(j);
}

static void check_certificate(const struct examination *e, struct finding *f)
{
	json_t *j = asked(e, "/certificate", f);
	long days;

	if (!j) {
		found(f, UNKNOWN, "no TLS listener, or no word of it");
		return;
	}
	days = (long)(json_integer_value(json_object_get(j, "until")) -
		      time(NULL)) /
	       86400;
	found(f, days < CERT_DAYS ? ILL : WELL, "good for %ld days", days);
	if (days < CERT_DAYS)
		todo(f, "sallyctl certificate install CERT KEY");
	else if (json_is_true(json_object_get(j, "self_signed")))
		todo(f,
		     "it is self-signed; browsers warn until one of your own "
		     "takes its place");
	json_decref(j);
}

static const struct {
	const char *name;
	void (*check)(const struct examination *e, struct finding *f);
} checks[] = {
	{"CPU", check_cpu},
	{"hugepages", check_hugepages},
	{"isolation", check_isolation},
	{"governor", check_governor},
	{"NICs", check_nics},
	{"clock", check_clock},
	{"disk", check_disk},
	{"programs", check_control},
	{"packets", check_verdicts},
	{"certificate", check_certificate},
};

enum exit_status doctor(const struct invocation *in)
{
	const char *root = in->option[OPTION_ROOT];
	const struct examination e = {in, root ? root : ""};
	json_t *list = json_array();
	bool ill = false;

	client_quiet(true);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct finding f = {.health = UNKNOWN};

		checks[i].check(&e, &f);
		ill |= f.health == ILL;
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "check",
						checks[i].name, "health",
						health_names[f.health], "found",
						f.found, "todo", f.todo));
		if (in->option[OPTION_JSON])
			continue;
		printf("%-8s %-12s %s\n", health_names[f.health],
		       checks[i].name, f.found);
		if (f.todo[0])
			printf("%22s-> %s\n", "", f.todo);
	}
	if (in->option[OPTION_JSON]) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return ill ? EXIT_REFUSED : EXIT_DONE;
}
