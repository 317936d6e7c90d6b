/* SPDX-License-Identifier: Apache-2.0 */
/* control/libre.h - the parts of libre that control uses, in the order that
 * they need. libre's own headers may be included only once, and re.h would
 * bring names that clash with those of sdp/. */
#pragma once
#include <re_types.h>
#include <re_fmt.h>
#include <re_mem.h>
#include <re_mbuf.h>
#include <re_list.h>
#include <re_hash.h>
#include <re_sa.h>
#include <re_tmr.h>
#include <re_main.h>
#include <re_mqueue.h>
#include <re_sys.h>
#include <re_uri.h>
#include <re_srtp.h>
#include <re_tcp.h>
#include <re_tls.h>
#include <re_stun.h>
#include <re_msg.h>
#include <re_sip.h>
