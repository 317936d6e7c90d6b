/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/stage/divert_peer.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

struct divert_peer divert_peer_dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct divert_peer p = {.event = -1};

	p.conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(p.conn >= 0);
	strcpy(a.sun_path, path);
	assert_int_equal(connect(p.conn, (struct sockaddr *)&a, sizeof(a)), 0);
	return p;
}

void divert_peer_join(struct divert_peer *p)
{
	const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct divert_greeting g;
	struct iovec io = {&g, sizeof(g)};
	union {
		char octet[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	struct stat st;
	int fd[2];

	assert_int_equal(recvmsg(p->conn, &m, MSG_DONTWAIT), sizeof(g));
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(fd)));
	memcpy(fd, CMSG_DATA(c), sizeof(fd));
	assert_true(divert_valid(&g));
	assert_true(g.workers <= PEER_WORKERS);
	assert_int_equal(fcntl(fd[0], F_GET_SEALS), sealed);
	assert_int_equal(fstat(fd[0], &st), 0);
	assert_int_equal(st.st_size, g.size);
	p->size = g.size;
	p->base = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd[0],
		       0);
	assert_ptr_not_equal(p->base, MAP_FAILED);
	assert_memory_equal(p->base, &g, sizeof(g));
	close(fd[0]);
	p->event = fd[1];
	for (unsigned i = 0; i < g.workers; i++) {
		p->out[i] = divert_end(p->base, g.slots, i, DIVERT_OUT);
		p->back[i] = divert_end(p->base, g.slots, i, DIVERT_BACK);
	}
}

void divert_peer_leave(struct divert_peer *p)
{
	if (p->base)
		munmap(p->base, p->size);
	if (p->event >= 0)
		close(p->event);
	close(p->conn);
	*p = (struct divert_peer){.conn = -1, .event = -1};
}
