/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for the lab, made and read without any of the dataplane's code, so
 * that a mistake there isn't made here as well. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/lab.h"

struct sp_addr lab_addr(const char *text)
{
	struct sp_addr a = {0};
	char host[64];
	unsigned port;

	if (!*text)
		return a;
	if (sscanf(text, "[%63[^]]]:%u", host, &port) == 2) {
		a.family = 6;
		a.prefix = 128;
		assert_int_equal(inet_pton(AF_INET6, host, a.addr), 1);
	} else {
		assert_int_equal(sscanf(text, "%63[^:]:%u", host, &port), 2);
		a.family = 4;
		a.prefix = 32;
		assert_int_equal(inet_pton(AF_INET, host, a.addr), 1);
	}
	a.port = (uint16_t)port;
	return a;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* RFC 1071 as its section 4.1 has it. */
static unsigned sum(unsigned long acc, const uint8_t *p, size_t n)
{
	for (; n > 1; n -= 2, p += 2)
		acc += get16(p);
	if (n)
		acc += (unsigned long)p[0] << 8;
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (unsigned)acc;
}

/* Where the IP header starts, and how long it is. */
static unsigned ip_at(const struct lab_frame *f, unsigned *len)
{
	unsigned at = get16(f->octet + 12) == 0x8100 ? 18 : 14;

	*len = f->octet[at] >> 4 == 6 ? 40 : 4u * (f->octet[at] & 15);
	return at;
}

static unsigned pseudo(const uint8_t *ip, unsigned udp_len)
{
	unsigned acc =
		ip[0] >> 4 == 6 ? sum(0, ip + 8, 32) : sum(0, ip + 12, 8);

	return acc + 17 + udp_len;
}

void lab_sums(struct lab_frame *f)
{
	unsigned len, at = ip_at(f, &len);
	uint8_t *ip = f->octet + at, *udp = ip + len;
	unsigned udp_len = get16(udp + 4), s;

	if (at + len + udp_len > f->len || udp_len < 8)
		return; /* past mending */
	if (ip[0] >> 4 == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(0, ip, len) & 0xffff);
	}
	put16(udp + 6, 0);
	s = ~sum(pseudo(ip, udp_len), udp, udp_len) & 0xffff;
	put16(udp + 6, s ? s : 0xffff);
}

struct lab_frame lab_udp(unsigned port, const char *src, const char *dst,
			 const void *payload, size_t n)
{
	struct sp_addr s = lab_addr(src), d = lab_addr(dst);
	struct lab_frame f = {0};
	uint8_t *p = f.octet, *udp;
	size_t ip = s.family == 6 ? 40 : 20;

	memcpy(p, &lab.ps.port[port].mac, 6);
	memcpy(p + 6, "\x02\x00\x00\x00\x00\x99", 6);
	put16(p + 12, s.family == 6 ? 0x86dd : 0x0800);
	p += 14;
	udp = p + ip;
	if (s.family == 6) {
		p[0] = 0x60;
		put16(p + 4, (unsigned)(8 + n));
		p[6] = 17;
		p[7] = 61;
		memcpy(p + 8, s.addr, 16);
		memcpy(p + 24, d.addr, 16);
	} else {
		p[0] = 0x45;
		put16(p + 2, (unsigned)(ip + 8 + n));
		put16(p + 4, 0x1234);
		p[8] = 61;
		p[9] = 17;
		memcpy(p + 12, s.addr, 4);
		memcpy(p + 16, d.addr, 4);
	}
	put16(udp, s.port);
	put16(udp + 2, d.port);
	put16(udp + 4, (unsigned)(8 + n));
	memcpy(udp + 8, payload, n);
	f.len = (uint16_t)(14 + ip + 8 + n);
	lab_sums(&f);
	return f;
}

size_t lab_rtp(uint8_t out[], uint32_t ssrc, uint16_t seq, uint8_t pt,
	       size_t octets)
{
	memset(out, 0, 12);
	out[0] = 0x80;
	out[1] = pt;
	put16(out + 2, seq);
	put16(out + 6, seq * 160u);
	put16(out + 8, ssrc >> 16);
	put16(out + 10, ssrc & 0xffff);
	for (size_t i = 0; i < octets; i++)
		out[12 + i] = (uint8_t)(seq + i * 5);
	return 12 + octets;
}

static void name(char out[64], int family, const uint8_t *addr, unsigned port)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, host, sizeof(host));
	snprintf(out, 64, family == 6 ? "[%s]:%u" : "%s:%u", host, port);
}

struct lab_view lab_view(struct lab_frame *f)
{
	struct lab_view v = {0};
	unsigned len, at = ip_at(f, &len), udp_len;
	uint8_t *ip = f->octet + at, *udp = ip + len;

	assert_int_equal(at, 14); /* no VLAN tag leaves */
	v.family = ip[0] >> 4;
	udp_len = get16(udp + 4);
	if (v.family == 6) {
		assert_int_equal(get16(f->octet + 12), 0x86dd);
		assert_int_equal(get16(ip + 4), udp_len);
		assert_int_equal(ip[6], 17);
		v.dscp = (uint8_t)(((ip[0] & 15) << 2) | ip[1] >> 6);
		v.ttl = ip[7];
		name(v.src, 6, ip + 8, get16(udp));
		name(v.dst, 6, ip + 24, get16(udp + 2));
	} else {
		assert_int_equal(get16(f->octet + 12), 0x0800);
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(get16(ip + 2), 20 + udp_len);
		assert_int_equal(ip[9], 17);
		assert_int_equal(sum(0, ip, 20), 0xffff);
		v.dscp = ip[1] >> 2;
		v.ttl = ip[8];
		name(v.src, 4, ip + 12, get16(udp));
		name(v.dst, 4, ip + 16, get16(udp + 2));
	}
	assert_int_equal(f->len, 14 + len + udp_len);
	v.udp_sum_full = sum(pseudo(ip, udp_len), udp, udp_len) == 0xffff;
	if (!v.udp_sum_full)
		assert_int_equal(get16(udp + 6),
				 sum(pseudo(ip, udp_len), udp, 0));
	v.payload = udp + 8;
	v.n = udp_len - 8;
	return v;
}
