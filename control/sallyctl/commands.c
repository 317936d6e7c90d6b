/* SPDX-License-Identifier: Apache-2.0 */
/* What sallyctl can do: the tables of commands and options. Long, since all that
 * one has to know of each stands in its row. */
#include "control/sallyctl/commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void answer_show(const struct invocation *in, const json_t *j, show_f *show)
{
	if (!in->option[OPTION_JSON]) {
		show(j, in);
		return;
	}
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
}

enum exit_status ask(const struct invocation *in, const char *method,
		     const char *path, const json_t *body, show_f *show)
{
	enum exit_status end;
	json_t *j = NULL;

	end = client_request(in->option[OPTION_SOCKET], method, path, body, &j);
	if (end != EXIT_DONE)
		return end;
	answer_show(in, j, show);
	json_decref(j);
	return end;
}

#define GET(verb, path, show)                                     \
	static enum exit_status verb(const struct invocation *in) \
	{                                                         \
		return ask(in, "GET", path, NULL, show);          \
	}

GET(version, "/version", show_version)
GET(calls_list, "/calls", show_calls)
GET(flows, "/flows", show_flows)
GET(ports, "/ports", show_ports)
GET(stats, "/stats", show_stats)
GET(users_list, "/users", show_users)
GET(registrations, "/registrations", show_registrations)

enum exit_status ask_at(const struct invocation *in, const char *method,
			const char *fmt, unsigned n, const char *const arg[],
			const json_t *body, show_f *show)
{
	char path[1024];
	size_t len = 0;
	unsigned i = 0;

	for (; *fmt && len + 1 < sizeof(path); fmt++) {
		char *word;

		if (*fmt != '%' || i == n) {
			path[len++] = *fmt;
			continue;
		}
		fmt++;
		word = client_escape(arg[i++]);
		len += (size_t)snprintf(path + len, sizeof(path) - len, "%s",
					word ? word : "");
		if (len >= sizeof(path))
			len = sizeof(path) - 1;
		free(word);
	}
	path[len] = '\0';
	return ask(in, method, path, body, show);
}

static enum exit_status ask_about(const struct invocation *in,
				  const char *method, const char *fmt,
				  show_f *show)
{
	return ask_at(in, method, fmt, 1, in->arg, NULL, show);
}

static enum exit_status calls_show(const struct invocation *in)
{
	return ask_about(in, "GET", "/calls/%s", show_call);
}

static enum exit_status calls_hangup(const struct invocation *in)
{
	return ask_about(in, "DELETE", "/calls/%s", show_ended);
}

static enum exit_status users_remove(const struct invocation *in)
{
	return ask_about(in, "DELETE", "/users/%s", show_removed);
}

const struct option_info options[OPTION_COUNT] = {
	[OPTION_SECURITY] = {"--security", NULL, "KIND",
			     "plain, sdes, either, dtls, auto or passthrough"},
	[OPTION_ICE] = {"--ice", NULL, "WHEN", "on, off or auto"},
	[OPTION_AVPF] = {"--avpf", NULL, "WHEN",
			 "feedback profile: on, off or auto"},
	[OPTION_MUX] = {"--mux", NULL, "WHEN", "rtcp-mux: on, off or auto"},
	[OPTION_BUNDLE] = {"--bundle", NULL, "WHEN", "on, off or auto"},
	[OPTION_SETUP] = {"--setup", NULL, "PART",
			  "in DTLS: active, passive or auto"},
	[OPTION_CODECS] = {"--codecs", NULL, "A,B",
			   "codecs to force by transcoding, best first"},
	[OPTION_JSON] = {"--json", NULL, NULL, "print the API's JSON"},
	[OPTION_SOCKET] = {"--socket", NULL, "PATH", "control's API socket"},
	[OPTION_HELP] = {"--help", "-h", NULL, "explain the command"},
	[OPTION_VERSION] = {"--version", NULL, NULL, "that of sallyctl"},
	[OPTION_MAX] = {"--max", NULL, "N", "at most so many (default 100)"},
	[OPTION_ALL] = {"--all", NULL, NULL, "also what has counted nothing"},
	[OPTION_MEDIA] =
		{"--media", "--profile", "KIND",
		 "plain, sdes, either, dtls, auto or passthrough (default auto)"},
	[OPTION_SUITES] = {"--suites", NULL, "A,B", "SRTP suites, best first"},
	[OPTION_DISPLAY] = {"--display", NULL, "NAME", "name shown to people"},
	[OPTION_PASSWORD] = {"--password", NULL, "P",
			     "the password; seen by who lists processes"},
	[OPTION_SUITE] = {"--suite", NULL, "NAME",
			  "SRTP suite, or plain (default "
			  "AES_CM_128_HMAC_SHA1_80)"},
	[OPTION_ACCESS] = {"--access", NULL, "IPV4",
			   "who sends there (default: .100 of its network)"},
	[OPTION_TRUNK] = {"--trunk", NULL, "IPV4", "and there"},
	[OPTION_PASSWORD_STDIN] = {"--password-stdin", NULL, NULL,
				   "read it from standard input (as without "
				   "either)"},
	[OPTION_DESCRIPTION] = {"--description", NULL, "TEXT",
				"what the policy is for"},
	[OPTION_CALLING] = {"--calling", NULL, "KIND",
			    "Disabled or DisabledUserOverride"},
	[OPTION_USER] = {"--user", NULL, "NAME", "the user"},
	[OPTION_GROUP] = {"--group", NULL, "NAME", "the group"},
	[OPTION_RANK] = {"--rank", NULL, "N",
			 "among the groups' grants; else the last"},
	[OPTION_GLOBAL] = {"--global", NULL, NULL, "as everybody's default"},
	[OPTION_KEY] = {"--key", NULL, "FILE",
			"public key, kept elsewhere (else FILE.pub)"},
	[OPTION_HEAD] = {"--head", NULL, "FILE",
			 "signed head, kept elsewhere (else FILE.head)"},
	[OPTION_ALWAYS] = {"--always", NULL, "TO", "forward every call"},
	[OPTION_BUSY] = {"--busy", NULL, "TO", "forward where it is busy"},
	[OPTION_NO_ANSWER] = {"--no-answer", NULL, "TO",
			      "forward where nobody answers or is there"},
	[OPTION_AFTER] = {"--after", NULL, "SECONDS",
			  "so long is no answer (else 20)"},
	[OPTION_ALSO] = {"--also", NULL, "TO,TO", "who rings at once"},
	[OPTION_WHO] = {"--who", NULL, "AOR",
			"which party (else the one that was called)"},
	[OPTION_SECONDS] = {"--seconds", NULL, "N",
			    "for so long (else as long as usual)"},
	[OPTION_URL] = {"--url", NULL, "URL",
			"an appliance from afar: https://10.1.0.1:8443"},
	[OPTION_TOKEN_FILE] = {"--token-file", NULL, "FILE",
			       "its token (else SALLYPORT_TOKEN has it)"},
	[OPTION_CA] = {"--ca", NULL, "FILE",
		       "PEM certificate to trust there; its own will do"},
	[OPTION_ROLE] = {"--role", NULL, "ROLE", "read, operate or administer"},
	[OPTION_DAYS] = {"--days", NULL, "N", "until it expires; else never"},
	[OPTION_PRIVATE] = {"--private", NULL, "FILE",
			    "the private key, from \"recordings keygen\""},
	[OPTION_PASSPHRASE] = {"--passphrase", NULL, NULL,
			       "lock it; read from standard input"},
	[OPTION_ROOT] = {"--root", NULL, "FOLDER",
			 "whose /proc, /sys and /var to look at (else /)"},
	[OPTION_CONFIRM] = {"--confirm", NULL, "N",
			    "in N seconds all is as it was, unless confirmed"},
	[OPTION_SECRETS] = {"--secrets", NULL, NULL,
			    "with users' HA1: as good as their passwords"},
	[OPTION_DRY_RUN] = {"--dry-run", NULL, NULL,
			    "only say what would be changed"},
	[OPTION_WAIT] = {"--wait", NULL, "SECONDS",
			 "calls may go on so long (else 600), then hang up"},
	[OPTION_NOW] = {"--now", NULL, NULL, "hang up calls at once"},
	[OPTION_STAY] = {"--stay", NULL, NULL, "without starting again"},
	[OPTION_YES] = {"--yes", NULL, NULL, "it is meant: don't ask"},
	[OPTION_ONCE] = {"--once", NULL, NULL, "one look, then end"},
	[OPTION_SEARCH] = {"--search", NULL, "TEXT",
			   "that text somewhere in it"},
	[OPTION_FROM] =
		{"--from", NULL, "TIME",
		 "began then or later: 2026-07-31, \"2026-07-31 08:00\""},
	[OPTION_UNTIL] = {"--until", NULL, "TIME", "began before then"},
	[OPTION_KIND] = {"--kind", NULL, "KIND",
			 "answered, unanswered, e2ee or recorded"},
	[OPTION_CSV] = {"--csv", NULL, NULL, "all that fit, for a spreadsheet"},
};

const struct command commands[] = {
	{"calls", "", 0, 0, "list the calls in progress",
	 "One line for each call: who, for how long, which codec, and which\n"
	 "SRTP suite protects the caller's and the callee's leg.",
	 calls_list},
	{"calls list", "", 0, 0, "the same", "As \"sallyctl calls\".",
	 calls_list},
	{"calls show", "ID", 1, 0, "one call with its streams",
	 "Packets, loss and jitter in both directions.", calls_show},
	{"calls hangup", "ID", 1, 0, "end a call",
	 "Sends BYE to both phones. The ids are in \"sallyctl calls\".",
	 calls_hangup},
	{"calls transcribe", "ID on|off", 2, 0,
	 "fork a call's audio for transcription, or no longer",
	 "Each speaker apart goes to the recorder or speech service that is\n"
	 "configured (control: siprec: server:), by SIPREC. An end-to-end\n"
	 "encrypted call can't be transcribed.",
	 calls_transcribe},
	{"calls captions", "ID on|off", 2, 0, "the same for live captions",
	 "As \"sallyctl calls transcribe\".", calls_captions},
	{"calls record", "ID on|off", 2, 0, "record a call, or no longer",
	 "Both sides' media from now on, as separate tracks, sealed to the\n"
	 "recording key. An end-to-end encrypted call can't be recorded, and one\n"
	 "of a user with compliance recording always is.",
	 calls_record},
	{"calls merge", "ID ID", 2, 0, "one conference of two calls",
	 "All parties of both, each hearing all but itself; up to 16. A party\n"
	 "that is in both stays in its first call, and the second ends.",
	 calls_merge},
	{"calls add", "ID AOR", 2, 0, "ring somebody for a call's conference",
	 "The call becomes a conference, where it isn't one.", calls_add},
	{"calls park", "ID [ORBIT]", 2, WITH(WHO), "park a party of a call",
	 "The called one, or --who, waits in the orbit (a free one, unless\n"
	 "named) until somebody dials it; the other is hung up.",
	 calls_park},
	{"calls transfer", "ID AOR", 2, WITH(WHO), "put a party through",
	 "The called one, or --who, is put through; the other is hung up once\n"
	 "that has worked.",
	 calls_transfer},
	{"users forward", "NAME", 1,
	 WITH(ALWAYS) | WITH(BUSY) | WITH(NO_ANSWER) | WITH(AFTER) | WITH(ALSO),
	 "set where a user's calls go",
	 "To addresses (sip:carol@...), numbers or voicemail; what isn't given\n"
	 "is taken away. --also rings others at once, with commas between.",
	 forward_set},
	{"users forwards", "NAME", 1, 0, "show where a user's calls go",
	 "As \"users forward\" has set it.", forward_get},
	{"parked", "", 0, 0, "list who waits in an orbit",
	 "With the call, and who has parked it.", parked_list},
	{"conferences", "", 0, 0, "list conferences and who is in them",
	 "\"sallyctl calls hangup ID\" takes somebody out.", conferences_list},
	{"calls feature", "ID NAME", 2, 0, "ask for a feature on a call",
	 "Recording, park, merge ... as \"sallyctl features\" lists them. What\n"
	 "an end-to-end encrypted call refuses is refused here, with the reason,\n"
	 "and the audit log keeps that you asked.",
	 calls_feature},
	{"features", "", 0, 0, "what calls may use, and what they answer",
	 "Two answers for each feature: an ordinary call's, and that of a call\n"
	 "that is end-to-end encrypted. The number is SIP's status.",
	 features},
	{"records", "", 0,
	 WITH(MAX) | WITH(SEARCH) | WITH(FROM) | WITH(UNTIL) | WITH(KIND) |
		 WITH(CSV),
	 "list call detail records, newest first",
	 "Also of calls that never came about: STATUS is SIP's, REASON says\n"
	 "why. Times are this machine's.\n"
	 "  sallyctl records --from 2026-07-01 --search +4930 --csv >july.csv",
	 records_list},
	{"flows", "", 0, 0, "list the media streams in the dataplane",
	 "One line for each direction of each medium: the local port, where\n"
	 "the peer wants its media and where it really comes from, how it\n"
	 "arrives and leaves, what was counted.",
	 flows},
	{"bench flows", "N", 1, WITH(SUITE) | WITH(ACCESS) | WITH(TRUNK),
	 "program flows for a packet generator",
	 "N streams between two peers that need no call: what comes to the\n"
	 "first media port + 2 * i of the access side, from the same port of its\n"
	 "peer, leaves sealed from that port of the trunk side to that of its\n"
	 "peer. For gateways without calls; see scripts/bench/pktgen/README.md.",
	 bench_flows},
	{"bench clear", "", 0, 0, "take those flows away",
	 "So does a restart of control.", bench_clear},
	{"ports", "", 0, 0, "list the network ports of the dataplane",
	 "MISSED is what the device dropped for want of buffers, UNSENT what\n"
	 "couldn't be sent; TO and FROM KERNEL is all that isn't media.",
	 ports},
	{"stats", "", 0, WITH(ALL), "totals, and why packets were discarded",
	 "Every discarded packet is counted under a verdict; those marked\n"
	 "\"wrong\" shouldn't happen, \"notice\" is worth a look.",
	 stats},
	{"users", "", 0, 0, "list the users",
	 "With the media profile of their devices.", users_list},
	{"users list", "", 0, 0, "the same", "As \"sallyctl users\".",
	 users_list},
	{"users add", "NAME", 1,
	 WITH(MEDIA) | WITH(SUITES) | WITH(DISPLAY) | WITH(PASSWORD) |
		 WITH(PASSWORD_STDIN),
	 "add a user",
	 "NAME is the user part of the SIP address. The password is read from\n"
	 "standard input (asked for on a terminal) unless --password gives it.\n"
	 "--media says what the user's devices speak on their leg: plain RTP,\n"
	 "SRTP with SDES keys, either (SRTP is then what is offered), DTLS-SRTP,\n"
	 "or auto, which follows the device; see \"users profile\".\n"
	 "Suites: AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32,\n"
	 "AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_192_CM_HMAC_SHA1_80,\n"
	 "AES_256_CM_HMAC_SHA1_80 and their _32; NULL and F8 there aren't.\n"
	 "\n"
	 "  sallyctl users add alice --media plain\n"
	 "  sallyctl users add bob --media sdes --suites AEAD_AES_128_GCM \\\n"
	 "      --password-stdin < bob.password",
	 users_add},
	{"users profile", "NAME", 1,
	 WITH(SECURITY) | WITH(ICE) | WITH(AVPF) | WITH(MUX) | WITH(BUNDLE) |
		 WITH(SETUP) | WITH(SUITES) | WITH(CODECS),
	 "show or change the media profile",
	 "What the gateway offers the user's devices, and takes from them. What\n"
	 "is auto follows the device: by what it offers, and by how it has\n"
	 "registered (a browser, over WebSocket, is offered DTLS-SRTP, ICE, AVPF,\n"
	 "rtcp-mux and BUNDLE; a phone over TLS SDES; others plain RTP). Calls in\n"
	 "progress go on as they are.\n"
	 "  sallyctl users profile alice --security dtls --ice on\n"
	 "  sallyctl users profile bob --codecs PCMA,telephone-event",
	 users_profile},
	{"users password", "NAME", 1, WITH(PASSWORD) | WITH(PASSWORD_STDIN),
	 "give a user another password",
	 "Read as with \"users add\". Devices that are registered stay so until\n"
	 "they have to register anew.",
	 users_password},
	{"users remove", "NAME", 1, 0, "remove a user",
	 "Its devices are forgotten; calls in progress go on.", users_remove},
	{"user e2ee", "on|off NAME", 2, 0,
	 "a user's own switch for end-to-end encryption",
	 "Off until the user turns it on. A call is end-to-end encrypted where\n"
	 "both users have it on, and the policies of both allow it.",
	 user_e2ee},
	{"user compliance", "on|off NAME", 2, 0,
	 "whether compliance recording applies to a user",
	 "Where it does, end-to-end encryption isn't available to that user,\n"
	 "whatever policy and switch say.",
	 user_compliance},
	{"group list", "", 0, 0, "list the groups", "With how many members.",
	 group_list},
	{"group add", "GROUP", 1, 0, "make a group",
	 "Groups are what policies can be granted to, beside users.",
	 group_add},
	{"group remove", "GROUP", 1, 0, "remove a group",
	 "With its memberships and the policy granted to it; users stay.",
	 group_remove},
	{"group members", "GROUP", 1, 0, "list a group's members",
	 "Direct members: groups aren't members of groups.", group_members},
	{"group join", "GROUP USER", 2, 0, "put a user into a group",
	 "A user may be in several.", group_join},
	{"group leave", "GROUP USER", 2, 0, "take a user out of a group",
	 "The user stays, and so does the group.", group_leave},
	{"policy new", "IDENTITY", 1, WITH(DESCRIPTION) | WITH(CALLING),
	 "make a policy for end-to-end encryption",
	 "As New-CsTeamsEnhancedEncryptionPolicy. IDENTITY has no spaces.\n"
	 "--calling Disabled (the default): those who have the policy can't use\n"
	 "end-to-end encryption. DisabledUserOverride: it is off, and they may\n"
	 "turn it on.\n"
	 "\n"
	 "  sallyctl policy new Confidential --calling DisabledUserOverride \\\n"
	 "      --description \"may encrypt end to end\"\n"
	 "  sallyctl policy grant Confidential --group board\n"
	 "  sallyctl user e2ee on alice\n"
	 "  sallyctl policy effective alice",
	 policy_new},
	{"policy set", "IDENTITY", 1, WITH(DESCRIPTION) | WITH(CALLING),
	 "change a policy",
	 "As Set-CsTeamsEnhancedEncryptionPolicy: what isn't named stays. Calls\n"
	 "in progress go on as they are.",
	 policy_set},
	{"policy get", "[IDENTITY]", 1, 0, "show one policy, or all",
	 "As Get-CsTeamsEnhancedEncryptionPolicy.", policy_get},
	{"policy grant", "IDENTITY", 1,
	 WITH(USER) | WITH(GROUP) | WITH(RANK) | WITH(GLOBAL), "grant a policy",
	 "As Grant-CsTeamsEnhancedEncryptionPolicy, to one of:\n"
	 "  --user NAME   counts before every group's\n"
	 "  --group NAME  counts for its direct members; where a user is in\n"
	 "                several, the lowest rank wins. --rank N puts it there\n"
	 "                and moves the others down; without, it goes last\n"
	 "  --global      Global takes over what this policy says",
	 policy_grant},
	{"policy revoke", "", 0, WITH(USER) | WITH(GROUP), "take a grant back",
	 "As Grant-CsTeamsEnhancedEncryptionPolicy -PolicyName $null.",
	 policy_revoke},
	{"policy grants", "", 0, 0, "list what is granted to whom",
	 "Users first, then groups by rank.", policy_grants},
	{"policy remove", "IDENTITY", 1, 0, "remove a policy",
	 "As Remove-CsTeamsEnhancedEncryptionPolicy. One that is granted to\n"
	 "somebody stays until its grants are revoked. Global isn't removed: it\n"
	 "goes back to Disabled.",
	 policy_remove},
	{"policy effective", "USER [PEER]", 2, 0,
	 "which policy is a user's, and why",
	 "A direct grant; else that of the group with the lowest rank; else\n"
	 "Global. With PEER: may the two encrypt a call end to end?",
	 policy_effective},
	{"user dial", "CLASS NAME", 2, 0, "what a user may dial outside",
	 "CLASS is internal (nothing, which is the default), national or\n"
	 "international. Emergency numbers everybody may dial.",
	 user_dial},
	{"trunk list", "", 0, 0, "list the trunks to the PSTN",
	 "With their state, and how many calls they have.", trunk_list},
	{"trunk show", "NAME", 1, 0, "one trunk with all its settings",
	 "But for its password, which is never told.", trunk_show},
	{"trunk add", "NAME KEY=VALUE...", 1,
	 WITH(PASSWORD) | WITH(PASSWORD_STDIN), "add a trunk",
	 "address=IP:PORT is the carrier's; everything else has a default:\n"
	 "control/trunk/README.md has the list, \"trunk show\" what it is now.\n"
	 "With user=, the password is asked for, or read from standard input.\n"
	 "\n"
	 "  sallyctl trunk add carrier address=192.0.2.10:5060 \\\n"
	 "      domain=sip.carrier.example user=acme register=yes calls=30\n"
	 "  sallyctl route add + carrier",
	 trunk_add},
	{"trunk set", "NAME [KEY=VALUE]...", 1,
	 WITH(PASSWORD) | WITH(PASSWORD_STDIN), "change a trunk",
	 "What isn't named stays. It registers anew; calls on it go on.",
	 trunk_set},
	{"trunk remove", "NAME", 1, 0, "remove a trunk",
	 "Not while routes lead to it. Calls on it go on.", trunk_remove},
	{"route list", "", 0, 0, "list the routes to the PSTN",
	 "The longest prefix that fits a number decides, and then the lowest\n"
	 "priority; the next trunk is tried where one can't take the call.",
	 route_list},
	{"route add", "PREFIX [TRUNK] [KEY=VALUE]...", 2, 0, "add a route",
	 "PREFIX is of numbers as +E.164; + alone is all of them. Keys:\n"
	 "  priority=N      0 to 1000, the lowest first (default 10)\n"
	 "  kind=emergency  PREFIX is an emergency number, whole, as dialled\n"
	 "  kind=block      calls there are refused; no TRUNK\n"
	 "\n"
	 "  sallyctl route add +49 carrier-a priority=1\n"
	 "  sallyctl route add +49 carrier-b priority=2\n"
	 "  sallyctl route add +49900 kind=block\n"
	 "  sallyctl route add 112 carrier-a kind=emergency",
	 route_add},
	{"route remove", "PREFIX [TRUNK]", 2, 0, "remove a route",
	 "Without TRUNK, all routes with that prefix.", route_remove},
	{"route test", "NUMBER [USER]", 2, 0,
	 "what would become of a dialled number",
	 "Normalised number, prefix, trunks in order with state and limit, and\n"
	 "what would be sent. With USER: whether that user may, and the number\n"
	 "that would be shown. No call is made.",
	 route_test},
	{"number list", "", 0, 0, "list the numbers that we have",
	 "And who rings when one of them is called from outside.", number_list},
	{"number add", "NUMBER user=NAME|group=NAME", 2, 0,
	 "give a user, or a group, a number",
	 "NUMBER is +E.164. A user's first number is also what is shown to\n"
	 "whom the user calls.",
	 number_add},
	{"number remove", "NUMBER", 1, 0, "take a number away",
	 "Calls to it are answered 404 from then on.", number_remove},
	{"recordings", "", 0, 0, "list the recordings that are stored",
	 "They are sealed: what is said in them only the private key opens.",
	 recordings_list},
	{"recordings list", "", 0, 0, "the same", "As \"sallyctl recordings\".",
	 recordings_list},
	{"recordings show", "ID", 1, 0, "one of them",
	 "Its size, and the keys that it is sealed to.", recordings_show},
	{"recordings delete", "ID", 1, 0, "delete one for good",
	 "The audit log keeps who did.", recordings_delete},
	{"recordings keygen", "FILE", 1, WITH(PASSPHRASE),
	 "make a key pair to seal recordings to",
	 "Needs no gateway: do it where recordings will be opened. The private\n"
	 "half goes to FILE, the public one is printed, for the configuration\n"
	 "(media: recording: keys:). With --passphrase the file is useless to\n"
	 "who only has that (Argon2id).",
	 recordings_keygen},
	{"recordings verify", "ID|FILE", 1, WITH(PRIVATE),
	 "is a recording whole?",
	 "Opens every piece: whole, cut off (by a crash, or a full disk), or\n"
	 "tampered with. Exit status 0 only if whole.",
	 recordings_verify},
	{"recordings export", "ID|FILE OUT", 2, WITH(PRIVATE),
	 "open a recording",
	 "Fetches it sealed, and opens it here. OUT becomes a Matroska file: a\n"
	 "track for each party and direction (.mka), and video where there was\n"
	 "(.mkv). What was cut off is exported as far as it goes.\n"
	 "\n"
	 "  sallyctl recordings export 71-1 call.mka --private admin.key",
	 recordings_export},
	{"audit list", "", 0, WITH(MAX) | WITH(SEARCH),
	 "the latest of the audit log",
	 "Newest first: end-to-end encrypted calls, refused features, changed\n"
	 "policies and switches, with who asked.",
	 audit_list},
	{"audit head", "", 0, 0, "how far the audit log goes, signed",
	 "Keep it elsewhere from time to time: with it, \"audit verify --head FILE\"\n"
	 "finds a log that was put back to an earlier state as a whole.\n"
	 "\n"
	 "  sallyctl audit head > /media/elsewhere/sallyport.head",
	 audit_head},
	{"audit verify", "[FILE]", 1, WITH(KEY) | WITH(HEAD),
	 "is the audit log whole?",
	 "Checks each record's hash, order and signature, and that none is\n"
	 "missing at the end. Needs no running control: FILE (default\n"
	 "/var/lib/sallyport/audit.log), FILE.pub and FILE.head are read.\n"
	 "Exit status 1 where anything is wrong.",
	 audit_check},
	{"bans", "", 0, 0, "list who SIP doesn't listen to",
	 "Sources that failed to authenticate too often, and those that you\n"
	 "banned; then what was let through, dropped and refused.",
	 bans_list},
	{"bans list", "", 0, 0, "the same", "As \"sallyctl bans\".", bans_list},
	{"bans add", "ADDRESS", 1, WITH(SECONDS) | WITH(DESCRIPTION),
	 "ban a source",
	 "Nothing that it sends to SIP is read, let alone answered. Of IPv6, the\n"
	 "whole /64. Trunks and what sip.guard.allow names can't be banned.",
	 bans_add},
	{"bans remove", "ADDRESS", 1, 0, "listen to a source again",
	 "It may send again at once.", bans_remove},
	{"admins", "", 0, 0, "list the administrators", "And their roles.",
	 admins_list},
	{"admins add", "NAME", 1,
	 WITH(ROLE) | WITH(PASSWORD) | WITH(PASSWORD_STDIN),
	 "add an administrator",
	 "For the console and the API from afar. --role read sees everything,\n"
	 "operate also ends, records and parks calls, administer changes users,\n"
	 "policies, trunks and configuration (default read). The password, of 12\n"
	 "characters at least, is read as with \"users add\".",
	 admins_add},
	{"admins set", "NAME", 1,
	 WITH(ROLE) | WITH(PASSWORD) | WITH(PASSWORD_STDIN),
	 "change an administrator's role or password",
	 "What isn't named stays; --password-stdin reads a new one. Sessions of\n"
	 "that name end.",
	 admins_set},
	{"admins remove", "NAME", 1, 0, "remove an administrator",
	 "Sessions of that name end.", admins_remove},
	{"tokens", "", 0, 0, "list the tokens of programs",
	 "What they may do, and until when. The tokens themselves are never\n"
	 "shown again.",
	 tokens_list},
	{"tokens add", "NAME", 1, WITH(ROLE) | WITH(DAYS), "make a token",
	 "Printed once; keep it in a file of mode 0600:\n"
	 "\n"
	 "  sallyctl tokens add metrics --role read --days 365 > metrics.token\n"
	 "  sallyctl --url https://10.1.0.1:8443 --token-file metrics.token calls",
	 tokens_add},
	{"tokens remove", "NAME", 1, 0, "take a token back",
	 "Whoever has it is refused from now on.", tokens_remove},
	{"config show", "", 0, 0, "the configuration file",
	 "As it is on the appliance, which need not be what runs: see\n"
	 "\"sallyctl config diff\".",
	 config_show},
	{"config check", "[FILE]", 1, 0, "is it good for every program?",
	 "Each program checks its own section; what is wrong is said with its\n"
	 "line and what was expected there. Nothing changes. Without FILE, that\n"
	 "of the appliance; - is standard input. Exit status 1: it isn't good.",
	 config_check},
	{"config diff", "[FILE]", 1, 0, "how it differs from what runs",
	 "Option by option, and what each takes: effect at once when applied, or\n"
	 "the restart of a program. Without FILE, the appliance's own: what waits\n"
	 "for a restart.",
	 config_diff},
	{"config apply", "FILE", 1, WITH(CONFIRM), "put it into effect",
	 "Checked as by \"config check\", written in the place of the former one,\n"
	 "and in effect where that needs no restart; for the rest it says which\n"
	 "program has to be started again, and when is up to you. With --confirm\n"
	 "it has to be confirmed in time, or all is as it was, also where control\n"
	 "doesn't start with it:\n"
	 "\n"
	 "  sallyctl config show > new.yaml\n"
	 "  sallyctl config apply new.yaml --confirm 120\n"
	 "  sallyctl config confirm",
	 config_apply},
	{"config confirm", "", 0, 0, "what was applied stays",
	 "That of \"config apply --confirm\".", config_confirm},
	{"config revert", "", 0, 0, "what was applied goes",
	 "That of \"config apply --confirm\", without waiting for its time.",
	 config_revert},
	{"firmware", "", 0, 0, "the image's slots, and what is under way",
	 "Which slot runs, which starts next, the version and the state of each:\n"
	 "good (it has been well), trial (it hasn't shown yet: three tries), bad.\n"
	 "A machine without the appliance's image says so.",
	 firmware_status},
	{"firmware status", "", 0, 0, "the same", "As \"sallyctl firmware\".",
	 firmware_status},
	{"firmware install", "FILE|URL", 1, WITH(WAIT) | WITH(NOW) | WITH(STAY),
	 "install an update, and start again with it",
	 "FILE is uploaded, a URL with https fetched by the appliance. All of it\n"
	 "is checked before anything is written: whose signature it has, that it\n"
	 "is whole, for this board, not older than what runs. It is written to\n"
	 "the slot that doesn't run; calls go on meanwhile. Then new calls are\n"
	 "refused (503; emergency calls aren't), those in progress may go on for\n"
	 "a while, what is up then is hung up, and the machine is started again.\n"
	 "What doesn't come up well three times goes back by itself.\n"
	 "\n"
	 "  sallyctl firmware install update.raucb --wait 1800\n"
	 "  sallyctl firmware install https://updates.example/update.raucb --stay",
	 firmware_install},
	{"firmware restart", "", 0, WITH(WAIT) | WITH(NOW),
	 "start the machine again, when calls have ended",
	 "For what was installed with --stay. Calls as with \"firmware install\".",
	 firmware_restart},
	{"firmware rollback", "", 0, WITH(WAIT) | WITH(NOW) | WITH(STAY),
	 "go back to the other slot",
	 "If that is a good one. Where an update was installed and not started\n"
	 "yet, it is: stay with what runs. Configuration and users stay as they\n"
	 "are now. Calls as with \"firmware install\".",
	 firmware_rollback},
	{"firmware cancel", "", 0, 0, "no restart, and new calls again",
	 "As long as calls are waited for. What was installed stays installed\n"
	 "and takes effect with the next start; a reset isn't made.",
	 firmware_cancel},
	{"firmware reset", "", 0, WITH(WAIT) | WITH(NOW) | WITH(YES),
	 "factory reset",
	 "Starts again with nothing but the image that runs: users, administrators,\n"
	 "keys, certificates, recordings, records, audit log and configuration\n"
	 "are overwritten. There is no way back.",
	 firmware_reset},
	{"export", "", 0, WITH(SECRETS), "all that it was told, as one file",
	 "Configuration, users, groups, policies, grants, trunks, routes, numbers.\n"
	 "No password of anybody, no administrator, token, key or certificate;\n"
	 "with --secrets, which root on the appliance may, HA1 of each user, by\n"
	 "which they can register elsewhere under the same SIP domain.\n"
	 "\n"
	 "  sallyctl export > branch-7.json",
	 export_all},
	{"import", "FILE", 1, WITH(DRY_RUN), "make it so elsewhere",
	 "What the file of \"sallyctl export\" has and this appliance has not, or has\n"
	 "otherwise, is added and changed; nothing is taken away. Each change goes\n"
	 "the way of its own command, so it is checked and audited like it. The\n"
	 "configuration comes last.",
	 import_all},
	{"alarms", "", 0, 0, "what needs attention now",
	 "The dataplane or sallyport-media away, a port without link, a trunk that\n"
	 "is down, a certificate or key near its end, little room on the disk,\n"
	 "packets dropped that shouldn't be, an update that waits for a restart or\n"
	 "came to nothing. \"sallyctl events\" tells when they come and go.",
	 alarms_list},
	{"certificate", "", 0, 0, "the certificate of the API's TLS listeners",
	 "Its names, how long it is good, and its fingerprint to compare.",
	 certificate_show},
	{"certificate install", "CERT KEY", 2, 0, "replace it",
	 "PEM files; the chain may follow the certificate. Takes effect at\n"
	 "once.",
	 certificate_install},
	{"events", "", 0, 0, "what happens, as it happens",
	 "Calls, changes by administrators, the dataplane, alarms: a line each,\n"
	 "until interrupted.",
	 events_follow},
	{"top", "", 0, WITH(ONCE), "calls and ports, live",
	 "Packet rates of each port, what is being discarded, the calls. q ends\n"
	 "it. Where the output is no terminal, one look of a second is printed.",
	 top},
	{"doctor", "", 0, WITH(ROOT),
	 "is the machine fit, is the gateway well?",
	 "CPU, hugepages, isolation, NICs, clock, disk, programs, packets,\n"
	 "certificate: what was found, and what to do. Exit status 1 where\n"
	 "something is wrong.",
	 doctor},
	{"help man", "", 0, 0, "the manual page, for man",
	 "  sallyctl help man > sallyctl.1", help_man},
	{"help completion", "", 0, 0, "completion, for bash",
	 "  source <(sallyctl help completion)", help_completion},
	{"registrations", "", 0, 0, "list the registered devices",
	 "Where each device is reached, and for how long it said so.",
	 registrations},
	{"version", "", 0, 0, "versions, and whether the dataplane is there",
	 "Of sallyctl and of the control program that it talks to.", version},
};

const unsigned n_commands = sizeof(commands) / sizeof(commands[0]);
