/* SPDX-License-Identifier: Apache-2.0 */
/* A user's own part: who they are, their end-to-end switch, their devices. The
 * same answers as administrators get about them. */
#include <stdio.h>
#include "control/http/impl.h"

static struct request about_me(const struct request *rq)
{
	struct request me = *rq;

	snprintf(me.arg, sizeof(me.arg), "%s", rq->who.name);
	me.arg2[0] = '\0';
	return me;
}

void api_me(const struct request *rq, struct reply *rp)
{
	const struct request me = about_me(rq);

	api_effective(&me, rp);
}

void api_me_e2ee(const struct request *rq, struct reply *rp)
{
	const struct request me = about_me(rq);

	api_user_e2ee(&me, rp);
}

void api_me_devices(const struct request *rq, struct reply *rp)
{
	const struct request me = about_me(rq);

	api_user_devices(&me, rp);
}

void api_me_forward(const struct request *rq, struct reply *rp)
{
	const struct request me = about_me(rq);

	api_forward(&me, rp);
}

void api_me_forward_set(const struct request *rq, struct reply *rp)
{
	const struct request me = about_me(rq);

	api_forward_set(&me, rp);
}
