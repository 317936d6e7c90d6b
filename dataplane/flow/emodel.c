/* SPDX-License-Identifier: Apache-2.0 */
/* See emodel.h. */
#include "dataplane/flow/emodel.h"

#define R_DEFAULT 93.2	/* G.107 table 2 */
#define BPL	  25.1	/* G.113 appendix I, random loss */
#define TALK_OVER 177.3 /* ms, from which on people interrupt each other */

/* The fit of G.107's Id to delay alone (Cole and Rosenbluth, 2001). */
static double delay_impairment(double ms)
{
	double id = 0.024 * ms;

	return ms > TALK_OVER ? id + 0.11 * (ms - TALK_OVER) : id;
}

/* G.107 equation 7-29 with Ie 0 and BurstR 1. */
static double loss_impairment(double percent)
{
	return 95.0 * percent / (percent + BPL);
}

/* G.107 annex B. */
static double mos(double r)
{
	if (r <= 0)
		return 1.0;
	if (r >= 100)
		return 4.5;
	return 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
}

unsigned emodel_mos(uint64_t received, uint64_t lost, uint64_t delay_us)
{
	double expected = (double)received + (double)lost, m;

	if (expected == 0)
		return 0;
	m = mos(R_DEFAULT - delay_impairment((double)delay_us / 1000.0) -
		loss_impairment(100.0 * (double)lost / expected));
	/* Below an R of some 6.5 the polynomial dips under 1. */
	return (unsigned)((m < 1.0 ? 1.0 : m) * 100.0 + 0.5);
}
