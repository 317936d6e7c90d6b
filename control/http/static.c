/* SPDX-License-Identifier: Apache-2.0 */
/* The console's files: read once into memory, so that no request ever becomes a
 * path in the file system. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/http/impl.h"
#include "control/log.h"

#define FILES_MAX 128
#define SIZE_MAX_ (4u << 20) /* octets of one file */

static const struct {
	const char *end, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"},
	{".json", "application/json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".ico", "image/x-icon"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
	{".webmanifest", "application/manifest+json"},
};

struct file {
	char *path; /* "/app.js" */
	const char *type;
	char *data;
	size_t len;
	char etag[36];
};

struct files {
	struct file file[FILES_MAX];
	unsigned n;
};

static const char *type_of(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t e = strlen(types[i].end);

		if (n > e && strcmp(name + n - e, types[i].end) == 0)
			return types[i].type;
	}
	return NULL;
}

static bool read_whole(int fd, struct file *f)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > SIZE_MAX_)
		return false;
	f->data = malloc((size_t)st.st_size + 1);
	n = f->data ? read(fd, f->data, (size_t)st.st_size) : -1;
	if (n < 0)
		return false;
	f->len = (size_t)n;
	return true;
}

static void etag_make(struct file *f)
{
	uint8_t hash[16];

	crypto_generichash(hash, sizeof(hash), (uint8_t *)f->data, f->len, NULL,
			   0);
	f->etag[0] = '"';
	sodium_bin2hex(f->etag + 1, 33, hash, sizeof(hash));
	strcpy(f->etag + 33, "\"");
}

static void file_add(struct files *fs, int dir, const char *at,
		     const char *name, const char *type)
{
	struct file *f = &fs->file[fs->n];
	char path[PATH_MAX];
	int fd;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	snprintf(path, sizeof(path), "%s/%s", at, name);
	f->path = strdup(path);
	f->type = type;
	if (fd >= 0 && f->path && read_whole(fd, f)) {
		etag_make(f);
		fs->n++;
	} else {
		log_warn(0, "console: %s can't be read", path);
		free(f->path);
		free(f->data);
		memset(f, 0, sizeof(*f));
	}
	if (fd >= 0)
		close(fd);
}

/* One folder, and those in it; fd becomes ours. */
static void folder_load(struct files *fs, int fd, const char *at, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d) {
		close(fd);
		return;
	}
	while ((e = readdir(d)) && fs->n < FILES_MAX) {
		const char *type = type_of(e->d_name);
		char below[PATH_MAX];
		int sub;

		if (e->d_name[0] == '.')
			continue;
		if (type) {
			file_add(fs, dirfd(d), at, e->d_name, type);
			continue;
		}
		sub = depth ? openat(dirfd(d), e->d_name,
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC |
					     O_NOFOLLOW)
			    : -1;
		if (sub < 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", at, e->d_name);
		folder_load(fs, sub, below, depth - 1);
	}
	closedir(d);
}

struct files *files_load(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct files *fs;

	if (fd < 0) {
		log_warn(0, "console: %s: %s; only the API is served", folder,
			 strerror(errno));
		return NULL;
	}
	fs = calloc(1, sizeof(*fs));
	if (fs)
		folder_load(fs, fd, "", 3);
	else
		close(fd);
	return fs;
}

void files_free(struct files *fs)
{
	for (unsigned i = 0; fs && i < fs->n; i++) {
		free(fs->file[i].path);
		free(fs->file[i].data);
	}
	free(fs);
}

bool files_serve(const struct files *fs, const char *path, const char *etag,
		 struct reply *rp)
{
	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (unsigned i = 0; i < fs->n; i++) {
		const struct file *f = &fs->file[i];
		bool same = etag && strcmp(etag, f->etag) == 0;

		if (strcmp(path, f->path) != 0)
			continue;
		rp->status = same ? 304 : 200;
		rp->type = f->type;
		rp->data = f->data;
		rp->data_len = same ? 0 : f->len;
		rp->etag = f->etag;
		return true;
	}
	return false;
}
