# SPDX-License-Identifier: Apache-2.0
"""Calls between two sallyport-endpoints: one that is end-to-end encrypted and
what it refuses, and one that isn't, since one side has the switch off."""

import json
import re
import time
from dataclasses import dataclass, field

from lab import audio, picture, sframe, wire
from lab.insider import Insider
from lab.process import wait_until
from lab.srtp import Srtp

ALICE_SAYS = (
    "Bob, this is Alice again, with a new device. It encrypts what I say for "
    "yours, before it leaves the room, and what you see of me as well. The "
    "gateway in our wiring closet still carries the call, but neither it nor "
    "anybody on the way can listen. Let us compare the twenty digits.")
BOB_SAYS = (
    "Hello Alice. I have got twenty digits on my screen too, and the shield "
    "with the lock. If somebody sat between us, then my digits would differ "
    "from yours. Read me the first ones, please, and I shall read the others "
    "to you. Then we both know for certain.")
# Opus isn't transparent: the same speech measures above 0.9 with it, two
# different ones below 0.4. Pictures: above 0.9, and 0.
SAME, OTHER = 0.8, 0.5
KINDS = {"audio": (sframe.AUDIO, "opus/48000/2"),
         "video": (sframe.VIDEO, "H264/90000")}
SUITE = "AES_CM_128_HMAC_SHA1_80"

@dataclass
class Talk:
    """A call, as its users and its wires had it."""
    alice: object
    bob: object
    captures: dict = field(default_factory=dict)
    wires: dict = field(default_factory=dict)  # datagrams, after the call
    codes: tuple = ()
    record: dict = field(default_factory=dict)

    def ways(self):
        return (self.alice, self.bob), (self.bob, self.alice)


def make_sounds(folder):
    audio.speech(folder / "alice-e2ee.wav", ALICE_SAYS, "en-gb")
    audio.speech(folder / "bob-e2ee.wav", BOB_SAYS, "en-us+m3", 150)


def played(gateway, user):
    return audio.read_wav(gateway.folder / f"{user}-e2ee.wav")


def endpoint(gateway, user, *options, **rest):
    """alice at the branch with plain RTP on her hop; bob at headquarters with
    SRTP on his. Both take calls at once. Further options as the program's."""
    return gateway.endpoint(
        user, "branch" if user == "alice" else "hq",
        "--audio-in", f"file:{gateway.folder}/{user}-e2ee.wav",
        "--video-in", f"lavfi:{picture.graph(user)}", "--video-out", "mkv",
        "--video-size", picture.SIZE, "--srtp",
        "yes" if user == "bob" else "no", "--auto-answer", "yes", *options,
        **rest)


def start_captures(gateway, talk):
    talk.captures = {side: gateway.capture(side) for side in ("branch", "hq")}


def hang_up(gateway, talk):
    """By bob: requests in alice's name have used up her sequence numbers."""
    talk.bob.say("hangup")
    talk.bob.wait("closed")
    talk.alice.wait("closed")
    talk.wires = {side: c.stop() for side, c in talk.captures.items()}
    talk.record = gateway.last_record()


# --- switching it on ---

def introduce(story):
    story.title("Now end to end: three calls in a row")
    story.tell("""alice and bob get a new program each, sallyport-endpoint, with
        a camera: it runs a handshake with the other side through the gateway,
        and seals sound and pictures with keys that only the two have (SFrame,
        RFC 9605). The hops stay as they were: plain RTP at the branch, SRTP at
        headquarters.""")


def switch_on(story, gateway):
    story.tell("""An administrator lets users turn end-to-end encryption on: a
        policy says so, and here it is everybody's. Until then nobody can. Each
        user has a switch of their own, which is off at first.""")
    story.say()
    words = "policy set Global --calling DisabledUserOverride".split()
    story.operate(gateway, *words)
    story.operate(gateway, "user", "e2ee", "on", "alice")
    story.operate(gateway, "user", "e2ee", "on", "bob", lines=0)
    may = gateway.ctl_json("policy", "effective", "alice", "bob")
    story.check(may["available"],
                "alice and bob may now encrypt their calls end to end")


# --- call 1 ---

def tell_locks(story, talk):
    story.say("\nWhat alice and bob see")
    for one, other in talk.ways():
        shield = one.told("shield")[-1]
        story.check(
            shield["state"] == "locked" and shield["peer"] == other.aor,
            f"{one.user}: shield with lock, with {shield['peer']}, code "
            f"{shield.get('code')}")
    a, b = talk.codes
    story.check(a == b and len(a.replace(" ", "")) == 20,
                "the same 20 digits on both sides; they read them to each "
                "other and say that the codes match")


def tell_mark(story, gateway):
    flows = gateway.flows()
    story.check(len(flows) == 4 and all(f["e2ee"] for f in flows),
                "the dataplane has marked the call's transports, "
                f"{len(flows)} of {len(flows)}, as end-to-end: nothing that "
                "would copy or decode them can be added")


def compare_codes(talk):
    for one in (talk.alice, talk.bob):
        one.say("codes", "match")
        one.wait("verified")


def tries(gateway, insider, call):
    """What would break into the call: title, what it does, the feature's
    name in the audit log, and the answer as (status, reason)."""
    domain = gateway.domain
    unencrypted = re.sub(r"a=e2ee:\S+\r\n", "", insider.offer.body)

    def sip(method, *lines, **rest):
        m = insider.ask(method, *lines, **rest)
        text = re.search(r'text="([^"]*)', " ".join(m.headers["reason"]))
        return m.status, text[1] if text else m.start

    def api(feature):
        done = gateway.sallyctl("calls", "feature", str(call), feature,
                                check=False)
        return done.returncode, done.stderr.strip().removeprefix("sallyctl: ")

    return (
        ("recording", "INFO with Record: on", "recording",
         lambda: sip("INFO", "Record: on")),
        ("a bridge to the telephone network", "re-INVITE to a number", "pstn",
         lambda: sip("INVITE", body=unencrypted,
                     uri=f"sip:+4930123456@{domain};user=phone")),
        ("transfer to carol", "REFER", "transfer-blind",
         lambda: sip("REFER", f"Refer-To: <sip:carol@{domain}>")),
        ("merge with another call", "sallyctl calls feature", "merge",
         lambda: api("merge")),
        ("park", "REFER to park", "park",
         lambda: sip("REFER", f"Refer-To: <sip:park@{domain}>")),
        ("going on without encryption", "re-INVITE without a=e2ee", None,
         lambda: sip("INVITE", body=unencrypted)))


def audited(gateway):
    """The audit log's records so far, oldest first."""
    with open(gateway.folder / "audit.log") as f:
        return [json.loads(line)["record"] for line in f]


def tell_refusals(story, gateway, talk):
    story.say("\nWhat is tried on the call, in alice's name or by the operator")
    call = gateway.ctl_json("calls")[0]["id"]
    side = gateway.sides["branch"]
    insider = Insider(talk.captures["branch"], side.host, side.gateway,
                      side.namespace)
    wanted = []
    for title, how, feature, attempt in tries(gateway, insider, call):
        status, reason = attempt()
        # sallyctl's exit status for a refusal is 1, SIP's are 403 and 488.
        story.check(status in (1, 403, 488) and "encrypted" in reason,
                    f"{title} ({how}): refused"
                    + (f" with {status}" if status > 1 else "")
                    + f", “{reason}”")
        wanted += [feature] if feature else []
    insider.close()
    found = [r["feature"] for r in audited(gateway)
             if r["event"] == "feature-refused" and r["call"] == call]
    story.check(found == wanted, "each of them is in the audit log: "
                + ", ".join(found))


def tell_goes_on(story, talk, seconds=1.5):
    """Media still arrives, and the locks are still there."""
    before = {(one, kind): one.stats(kind) for one in (talk.alice, talk.bob)
              for kind in KINDS}
    time.sleep(seconds)
    gained = {(one, kind): one.stats(kind)["received"] - old["received"]
              for (one, kind), old in before.items()}
    locked = all(one.told("shield")[-1]["state"] == "locked"
                 and not one.told("closed") for one in (talk.alice, talk.bob))
    story.check(
        locked and all(n > 10 * seconds for n in gained.values()),
        f"and the call goes on: within {seconds} s more, "
        + "; ".join(f"{o.user} received {gained[o, 'audio']} packets of sound "
                    f"and {gained[o, 'video']} of pictures"
                    for o in (talk.bob, talk.alice)))


def tell_arrived(story, gateway, talk):
    story.say("\nWho heard and saw what, compared with what was played")
    for speaker, listener in talk.ways():
        heard = audio.load(listener.wav)
        same = audio.compare(played(gateway, speaker.user), heard)
        other = audio.compare(played(gateway, listener.user), heard)
        seen = picture.load("-i", listener.mkv)
        scene = picture.compare(speaker.user, seen)
        wrong = picture.compare(listener.user, seen)
        story.check(
            same.similarity > SAME and other.similarity < OTHER
            and scene.likeness > SAME and wrong.likeness < OTHER
            and scene.pictures > 20,
            f"{listener.user} heard {speaker.user} (similarity "
            f"{same.similarity:.3f} of 1; with the wrong sound "
            f"{other.similarity:.2f}) and saw {scene.pictures} of "
            f"{speaker.user}'s pictures (likeness {scene.likeness:.3f}; with "
            f"the wrong ones {wrong.likeness:.2f})")


def streams(captured, host):
    """The RTP that a host sent, by kind; anything else keeps its number."""
    found = wire.rtp_streams(captured, host)
    return dict(zip([*KINDS, *range(len(found))], found))


def decode(gateway, side, packets, kind, port, crypto=None):
    """What FFmpeg makes of captured RTP: samples, or pictures."""
    s = gateway.sides[side]
    codec = KINDS[kind][1]
    if kind == "audio":
        return wire.decrypt_with_ffmpeg(packets, crypto, s.namespace,
                                        gateway.folder, port, codec)
    return picture.thumbnails(wire.play_to_ffmpeg(
        packets, codec, picture.to_thumbnails(), s.namespace, gateway.folder,
        port, crypto))


def found_by_ffmpeg(gateway, side, sent, speaker, port, keys=None):
    """Similarity of the sound, and the pictures that FFmpeg decodes."""
    sound, seen = (decode(gateway, side, sent[kind], kind, port + 2 * n,
                          keys and keys[kind])
                   for n, kind in enumerate(KINDS))
    return (audio.compare(played(gateway, speaker), sound).similarity,
            picture.compare(speaker, seen))


def tell_branch_wire(story, gateway, talk):
    story.say("\nWhat an eavesdropper on the branch's wire has, where this hop "
              "has no SRTP")
    side = gateway.sides["branch"]
    for n, (speaker, host) in enumerate(((talk.alice, side.host),
                                         (talk.bob, side.gateway))):
        sent = streams(talk.wires["branch"], host)
        read = {kind: sframe.read(p) for kind, p in sent.items()}
        story.check(
            set(sent) == set(KINDS) and all(
                read[kind].is_sframe(KINDS[kind][0]) for kind in sent),
            f"{speaker.user}'s RTP is SFrame and nothing else: "
            + ", ".join(
                f"{r.packets} packets of {kind} under key id "
                f"{'/'.join(map(str, sorted(r.kids)))}" for kind, r in
                read.items())
            + ", counted without a gap; their octets are noise (evenness "
            + " and ".join(f"{r.even:.2f}" for r in read.values())
            + "; noise has 1)")
        similar, seen = found_by_ffmpeg(gateway, "branch", sent, speaker.user,
                                        47100 + 4 * n)
        story.check(
            similar < OTHER and seen.pictures == 0,
            f"played as Opus and H.264 nothing comes of it: similarity "
            f"{similar:.2f}, {seen.pictures} pictures")


def same_payloads(one, other):
    """How many of one's payloads, in order, are octet for octet other's."""
    theirs = iter(other)
    return sum(any(p == q for q in theirs) for p in one)


def tell_hq_wire(story, gateway, talk):
    story.say("\nAnd on headquarters' wire, with the hop's keys, which the "
              "appliance has")
    hq, branch = gateway.sides["hq"], gateway.sides["branch"]
    keys = {kind: wire.hop_keys(talk.wires["hq"], hq.gateway, kind)
            for kind in KINDS}
    ways = ((talk.alice, hq.gateway, branch.host, 0),
            (talk.bob, hq.host, branch.gateway, 1))
    for n, (speaker, at_hq, at_branch, mine) in enumerate(ways):
        sealed = streams(talk.wires["hq"], at_hq)
        branchs = streams(talk.wires["branch"], at_branch)
        opened = {kind: [Srtp(keys[kind][mine]).open(p) for p in sealed[kind]]
                  for kind in KINDS}
        read = {kind: sframe.read([p._replace(payload=o) for p, o in
                                   zip(sealed[kind], opened[kind]) if o])
                for kind in KINDS}
        packets = sum(map(len, opened.values()))
        equal = sum(same_payloads(opened[kind], [p.payload for p in
                                                 branchs[kind]])
                    for kind in KINDS)
        story.check(
            all(o is not None for kind in KINDS for o in opened[kind])
            and all(read[k].is_sframe(KINDS[k][0]) for k in KINDS)
            and equal > 0.98 * packets
            and keys["audio"][mine].suite == SUITE,
            f"{speaker.user}'s {packets} packets, {SUITE}, all open with them "
            f"(SRTP of a page of Python), and inside is SFrame again; {equal} "
            "are octet for octet those of the branch's wire, so the appliance "
            "opened nothing further")
        similar, seen = found_by_ffmpeg(
            gateway, "hq", sealed, speaker.user, 47120 + 4 * n,
            {kind: keys[kind][mine] for kind in KINDS})
        story.check(
            similar < OTHER and seen.pictures == 0,
            f"FFmpeg's own SRTP with the same keys makes nothing of it: "
            f"similarity {similar:.2f}, {seen.pictures} pictures")


def encrypted(story, gateway, alice, bob, seconds):
    story.title("Call 1: end-to-end encrypted, audio and video")
    switch_on(story, gateway)
    talk = Talk(alice, bob)
    start_captures(gateway, talk)
    alice.call("bob")
    talk.codes = alice.locked(), bob.locked()
    story.say(f"\nalice calls bob; they talk for {seconds} seconds ...")
    time.sleep(seconds)
    tell_locks(story, talk)
    compare_codes(talk)
    tell_mark(story, gateway)
    tell_refusals(story, gateway, talk)
    tell_goes_on(story, talk)
    hang_up(gateway, talk)
    story.check(talk.record["e2ee"] and talk.record["ended_by"] == "callee",
                f"until bob hung up, after {talk.record['seconds']} s; its "
                "record says that it was end-to-end encrypted")
    tell_arrived(story, gateway, talk)
    tell_branch_wire(story, gateway, talk)
    tell_hq_wire(story, gateway, talk)


# --- call 2 ---

def ordinary(story, gateway, alice, bob, seconds):
    story.title("Call 2: bob has his switch off, so it is an ordinary call")
    story.operate(gateway, "user", "e2ee", "off", "bob")
    talk = Talk(alice, bob)
    start_captures(gateway, talk)
    alice.call("bob")
    for one in (alice, bob):
        one.wait("shield", state="plain")
    story.say(f"\nalice calls bob; they talk for {seconds} seconds ...\n")
    time.sleep(seconds)
    hang_up(gateway, talk)
    for one in (alice, bob):
        story.check(one.told("shield")[-1]["state"] == "plain",
                    f"{one.user}: plain shield, protected hop by hop; no code")
    warned = alice.told("warning", name="no-longer")
    story.check(warned, "and alice is warned: “"
                + (warned[-1]["text"] if warned else "") + "”")
    legs = talk.record["media"][0]["legs"]
    story.check(
        not talk.record["e2ee"]
        and [leg["suite_tx"] for leg in legs] == ["plain", SUITE],
        "the gateway's record: not end-to-end; plain RTP at the branch, "
        f"{SUITE} at headquarters")
    tell_arrived(story, gateway, talk)
    sent = streams(talk.wires["branch"], gateway.sides["branch"].host)
    read = sframe.read(sent["audio"])
    similar, seen = found_by_ffmpeg(gateway, "branch", sent, "alice", 47140)
    story.check(
        not read.is_sframe(sframe.AUDIO) and similar > SAME
        and seen.likeness > SAME,
        "the eavesdropper on the branch's wire hears and sees alice this time: "
        f"Opus of similarity {similar:.3f}, {seen.pictures} pictures of "
        f"likeness {seen.likeness:.3f}; so the method finds what there is")
    story.say()
    story.operate(gateway, "user", "e2ee", "on", "bob", lines=0)


# --- the evidence ---

def evidence(story, gateway):
    story.title("The evidence")
    log = gateway.folder / "audit.log"
    wait_until("the audit log to be written", 5, lambda: any(
        r["event"] == "call-ended" for r in audited(gateway)))
    story.tell("""Whatever was encrypted end to end, refused, or changed by an
        administrator is in a log that nobody can change unnoticed.""")
    story.say()
    done = story.operate(gateway, "audit", "verify", log)
    records = audited(gateway)
    story.check(done.returncode == 0,
                f"the audit log is whole: {len(records)} records, each signed "
                "and chained to the one before it")
    forged = gateway.folder / "forged.log"
    text = log.read_text().replace('"feature":"recording"',
                                   '"feature":"hold"', 1)
    forged.write_text(text)
    for suffix in (".pub", ".head"):
        (gateway.folder / f"forged.log{suffix}").write_bytes(
            (gateway.folder / f"audit.log{suffix}").read_bytes())
    done = story.operate(gateway, "audit", "verify", forged)
    story.check(done.returncode == 1,
                "a copy in which one word was changed is not")
