/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/commands.h - the commands, in one table (commands.c), and
 * what they need from the command line. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/sallyctl/client.h"

enum option {
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MAX,
	OPTION_ALL,
	OPTION_MEDIA,
	OPTION_SUITES,
	OPTION_DISPLAY,
	OPTION_PASSWORD,
	OPTION_PASSWORD_STDIN,
	OPTION_SUITE,
	OPTION_ACCESS,
	OPTION_TRUNK,
	OPTION_DESCRIPTION,
	OPTION_CALLING,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_RANK,
	OPTION_GLOBAL,
	OPTION_KEY,
	OPTION_HEAD,
	OPTION_WHO,
	OPTION_ALWAYS,
	OPTION_BUSY,
	OPTION_NO_ANSWER,
	OPTION_AFTER,
	OPTION_ALSO,
	OPTION_SECONDS,
	OPTION_URL,
	OPTION_TOKEN_FILE,
	OPTION_CA,
	OPTION_ROLE,
	OPTION_DAYS,
	OPTION_PRIVATE,
	OPTION_PASSPHRASE,
	OPTION_ROOT,
	OPTION_ONCE,
	OPTION_SECURITY,
	OPTION_ICE,
	OPTION_AVPF,
	OPTION_MUX,
	OPTION_BUNDLE,
	OPTION_SETUP,
	OPTION_CODECS,
	OPTION_CONFIRM,
	OPTION_SECRETS,
	OPTION_DRY_RUN,
	OPTION_SEARCH,
	OPTION_FROM,
	OPTION_UNTIL,
	OPTION_KIND,
	OPTION_CSV,
	OPTION_WAIT,
	OPTION_NOW,
	OPTION_STAY,
	OPTION_YES,
	OPTION_COUNT
};

#define WITH(o) (1ull << OPTION_##o)

struct option_info {
	const char *name, *alias; /* with their dashes; alias may be NULL */
	const char *value;	  /* what it takes, or NULL */
	const char *help;
};

struct invocation {
	const char *arg[2];	 /* what follows the command's words;
					   * NULL: left out */
	const char *const *more; /* words beyond, where args ends
					   * with ... */
	unsigned n_more;
	const char *option[OPTION_COUNT]; /* value, "" where it takes none */
};

struct command {
	const char *words; /* "calls hangup" */
	const char *args;  /* "ID", or ""; one in brackets may be left out */
	unsigned n_args;   /* at most */
	uint64_t options;  /* WITH() those beside the general ones */
	const char *brief; /* one line */
	const char *help;  /* what one has to know */
	enum exit_status (*run)(const struct invocation *in);
};

extern const struct command commands[];
extern const unsigned n_commands;
extern const struct option_info options[OPTION_COUNT];

/* profile.c */
enum exit_status users_profile(const struct invocation *in);

/* bench.c: flows for a packet generator. */
enum exit_status bench_flows(const struct invocation *in);
enum exit_status bench_clear(const struct invocation *in);

/* show*.c: an answer as a table. */
typedef void show_f(const json_t *j, const struct invocation *in);
/** Ask, and show: as it came with --json, else as a table. */
enum exit_status ask(const struct invocation *in, const char *method,
		     const char *path, const json_t *body, show_f *show);
/** An answer on stdout: as JSON where --json asks for it, else by show. */
void answer_show(const struct invocation *in, const json_t *j, show_f *show);
/** fmt has a %s for each of arg[0..n), which is escaped. */
enum exit_status ask_at(const struct invocation *in, const char *method,
			const char *fmt, unsigned n, const char *const arg[],
			const json_t *body, show_f *show);

/* policy.c: policies, groups, switches, features. */
typedef enum exit_status run_f(const struct invocation *in);
run_f policy_new, policy_set, policy_get, policy_remove, policy_grant,
	policy_revoke, policy_grants, policy_effective, group_list, group_add,
	group_remove, group_members, group_join, group_leave, user_e2ee,
	user_compliance, features, calls_feature;
/* record.c */
run_f calls_record;
run_f records_list; /* records.c */
run_f alarms_list;  /* alarms.c */
/* users.c */
run_f users_add, users_password;
/** Names with commas between, as a JSON array. */
json_t *names_json(const char *list);
/* export.c */
run_f export_all, import_all;
/* config.c */
run_f config_show, config_check, config_diff, config_apply, config_confirm,
	config_revert;
/* firmware.c */
run_f firmware_status, firmware_install, firmware_rollback, firmware_restart,
	firmware_reset, firmware_cancel;
/* forks.c */
run_f calls_transcribe, calls_captions;
/* bans.c */
run_f bans_list, bans_add, bans_remove;
/* trunk.c: trunks, routes, numbers, what users may dial. */
run_f trunk_list, trunk_show, trunk_add, trunk_set, trunk_remove, route_list,
	route_add, route_remove, route_test, number_list, number_add,
	number_remove, user_dial;
/* recordings.c */
run_f recordings_list, recordings_show, recordings_delete, recordings_keygen,
	recordings_verify, recordings_export;
/* control.c */
run_f calls_merge, calls_add, calls_park, calls_transfer, parked_list,
	conferences_list, forward_set, forward_get;
/* audit.c */
run_f audit_list, audit_head, audit_check;

show_f show_version, show_calls, show_call, show_records, show_flows,
	show_ports, show_stats, show_users, show_registrations, show_ended,
	show_added, show_removed;
/* show_policy.c */
show_f show_policies, show_policy, show_policy_gone, show_grants, show_grant,
	show_revoked, show_effective, show_groups, show_group_added,
	show_members, show_member, show_features, show_audit, show_head;
/* admin.c: administrators, tokens, the certificate; what happens. */
run_f admins_list, admins_add, admins_set, admins_remove, tokens_list,
	tokens_add, tokens_remove, certificate_show, certificate_install,
	events_follow;
/** One line from stdin, without echo on a terminal; to be wiped by the caller.
 * @return false: none. */
bool password_read(char *out, size_t size);
/* doctor.c, top.c, help.c */
run_f doctor, top, help_man, help_completion;
/* Of use to both. */
/* show_trunk.c */
show_f show_trunks, show_trunk, show_trunk_gone, show_routes, show_route,
	show_route_gone, show_route_test, show_numbers, show_number,
	show_number_gone, show_dial;
/* Of use to all. */
const char *show_text(const json_t *j, const char *key);
