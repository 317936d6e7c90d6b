# SPDX-License-Identifier: Apache-2.0
"""Two endpoints, each a process, call each other through a small SIP and RTP
relay (lab/relay.py): what their calls carry and show, and the program itself, seen
from outside. Handshakes and identities are test_handshake.py's."""

import re
import subprocess
import time

import pytest

from judge import PROGRAM, frames, hears, level, payload, samples
from lab.process import LabError
from lab.sframe import evenness, header as sframe
from talk import end, talk

VIDEO = ("--video-in", "test", "--video-size", "320x240")


# --- calls that are end-to-end encrypted ---

@pytest.mark.parametrize("codecs", ["opus,H264", "PCMU,VP8", "PCMA,H264"])
def test_audio_and_video_arrive(lab, codecs):
    lab.relay()
    alice, bob = lab.endpoint("alice", 1, *VIDEO, "--codecs", codecs,
                              "--video-out", f"mkv:{lab.folder}/a.mkv"), \
        lab.endpoint("bob", 2, *VIDEO, "--codecs", codecs, "--video-out",
                     f"mkv:{lab.folder}/b.mkv", "--audio-in", "tone:1000",
                     "--auto-answer", "yes")
    code = talk(alice, bob, 2.5)
    assert re.fullmatch(r"\d{5}( \d{5}){3}", code)
    alice.wait("warning", name="first")
    for kind in ("audio", "video"):
        seen = alice.stats(kind)
        assert seen["received"] > 20 and seen["refused"] == 0, seen
    end(alice, bob)
    hears(alice.wav, 1000)
    hears(bob.wav, 440)
    for name in ("a.mkv", "b.mkv"):
        codec, number, complaints = frames(lab.folder / name)
        assert codec == {"H": "h264", "V": "vp8"}[codecs.split(",")[1][0]]
        assert number >= 15 and not complaints, (number, complaints)


def test_screen_share_beside_the_camera(lab):
    lab.relay()
    screen = ("--screen-in", "test:640x360", "--screen-out",
              f"mkv:{lab.folder}/screen.mkv")
    alice = lab.endpoint("alice", 1, *VIDEO, *screen[:2])
    bob = lab.endpoint("bob", 2, *screen[2:], "--auto-answer", "yes",
                       "--video-out", f"mkv:{lab.folder}/camera.mkv")
    talk(alice, bob, 2.5)
    end(bob, alice)
    for name in ("screen.mkv", "camera.mkv"):
        assert frames(lab.folder / name)[1] >= 10, name


def test_nothing_but_sframe_on_the_wire(lab):
    relay = lab.relay()
    alice, bob = lab.pair(*VIDEO, "--codecs", "PCMU,H264")
    talk(alice, bob, 3)
    alice.say("digits", "17")
    bob.wait("digit", digit="1")
    bob.wait("digit", digit="7")
    end(alice, bob)
    flows = {}
    for to, packet in relay.rtp:
        flows.setdefault((to, packet[8:12]), []).append(payload(packet))
    assert len(flows) == 4, "one SSRC for each kind and direction"
    for packets in flows.values():
        kinds, sealed = set(), b""
        for number, (body, _) in enumerate(packets):
            kid, ctr, rest = sframe(body)
            assert ctr == number and kid < 4
            kinds.add(kid & 3)
            sealed += rest
        assert len(kinds) == 1 and len({pt for _, pt in packets}) == 1
        assert 0.6 < evenness(sealed) < 1.5, "looks like ciphertext"
        if kinds == {0}:
            # G.711's 160 octets, 5 of the inner header, 16 of the tag: speech,
            # silence and digits are all of one size.
            assert {len(sframe(b)[2]) for b, _ in packets} == {181}


def test_muted_is_silence_of_the_same_size(lab):
    relay = lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 1.2)
    before = len(samples_so_far(relay, bob))
    alice.say("mute")
    alice.wait("muted", kind="audio")
    time.sleep(1.5)
    end(alice, bob)
    packets = samples_so_far(relay, bob)
    assert len(packets) - before > 60, "packets go on"
    assert len({len(sframe(payload(p)[0])[2]) for p in packets}) == 1
    heard = samples(bob.wav)
    assert level(heard[24000:36000]) > 0.05 > 0.001 > level(heard[-36000:])


def samples_so_far(relay, endpoint):
    return [p for to, p in relay.rtp if to[0] == endpoint.address]


def test_hop_srtp_around_it(lab):
    relay = lab.relay()
    alice, bob = lab.pair("--srtp", "yes", "--codecs", "PCMU")
    talk(alice, bob)
    offer = relay.requests("INVITE")[0].body
    assert b"RTP/SAVP" in offer and b"AES_CM_128_HMAC_SHA1_80" in offer
    end(alice, bob)
    hears(bob.wav, 440)
    sizes = {len(payload(p)[0]) for _, p in relay.rtp}
    assert min(sizes) >= 1 + 181 + 10, "SRTP's tag outside SFrame's"
    assert all(p[1] in (200, 201) or evenness(p) for _, p in relay.rtcp)


def test_loss_and_reordering(lab):
    relay = lab.relay()
    alice, bob = lab.pair(*VIDEO, bob=("--video-out",
                                       f"mkv:{lab.folder}/b.mkv"))
    counts, held = {}, {}

    def impair(to, packet):
        """One in twenty is lost, one in seven comes after its successor."""
        counts[to] = count = counts.get(to, 0) + 1
        if count > 20 and count % 20 == 0:
            return []
        if count % 7 == 0:
            held[to] = [packet]
            return []
        return [packet] + held.pop(to, [])

    relay.on_rtp = impair
    talk(alice, bob, 4)
    seen = bob.stats()
    assert seen["lost"] > 3 and seen["refused"] == 0, seen
    end(alice, bob)
    hears(bob.wav, 440)
    # A picture waits for the key frame that was asked for.
    assert frames(lab.folder / "b.mkv")[1] >= 4


def test_keys_step_on_and_calls_stay_whole(lab):
    """The step's limit lowered to 3 packets: past the step's wrap at 64."""
    lab.relay()
    alice, bob = lab.pair("--step-packets", "3")
    talk(alice, bob, 5)
    for one in (alice, bob):
        seen = one.stats()
        assert seen["received"] > 64 * 3 + 20, "beyond the wrap"
        assert seen["refused"] == 0 and seen["lost"] == 0, seen
    end(alice, bob)
    hears(alice.wav, 1000)


def test_hold_and_resume(lab):
    lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 1)
    alice.say("hold")
    alice.wait("held")
    time.sleep(1)
    before = alice.stats()["received"]
    time.sleep(0.6)
    assert alice.stats()["received"] - before < 5, "bob sends nothing"
    alice.say("resume")
    alice.wait("resumed")
    time.sleep(1)
    assert alice.stats()["received"] - before > 25
    end(bob, alice)


def test_resume_before_the_hold_is_through(lab):
    """One re-INVITE at a time: it is said, and works a moment later."""
    lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.3)
    alice.say("hold")
    alice.say("resume")
    alice.wait("held")
    assert "try again" in alice.wait("error")["text"]
    time.sleep(0.5)
    alice.say("resume")
    alice.wait("resumed")
    end(bob, alice)


def test_over_tcp_without_a_relay(lab):
    alice = lab.endpoint("alice", 1, "--transport", "tcp",
                         outbound=f"{lab.address(2)}:5060;transport=tcp")
    bob = lab.endpoint("bob", 2, "--transport", "tcp", "--auto-answer", "yes",
                       outbound=f"{lab.address(1)}:5060;transport=tcp")
    talk(alice, bob)
    end(alice, bob)
    hears(bob.wav, 440)


# --- what a call shows, and ordinary calls ---

def test_ordinary_call(lab):
    relay = lab.relay()
    alice, bob = lab.pair("--codecs", "PCMU", bob=("--e2ee", "off"))
    alice.call("bob")
    for one in (alice, bob):
        one.wait("shield", state="plain")
    time.sleep(1.5)
    alice.say("digits", "5")
    bob.wait("digit", digit="5")
    end(alice, bob)
    alice.never("shield", state="locked")
    assert relay.requests("INVITE")[0].e2ee
    assert not any(m.e2ee for m in relay.answers("INVITE"))
    hears(alice.wav, 1000)
    heard = b"".join(payload(p)[0] for _, p in relay.rtp)
    assert evenness(heard) > 5, "this is how a call in the clear looks"


def test_once_end_to_end_and_no_longer(lab):
    lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.3)
    end(alice, bob)
    bob.close()
    lab.things.remove(bob)
    bob = lab.endpoint("bob", 2, "--e2ee", "off", "--auto-answer", "yes")
    alice.call("bob")
    alice.wait("shield", state="plain")
    alice.wait("warning", name="no-longer")
    end(alice, bob)


def test_required_by_the_caller(lab):
    relay = lab.relay()
    alice, bob = lab.pair(alice=("--e2ee", "required"), bob=("--e2ee", "off"))
    alice.call("bob")
    alice.wait("closed", reason="required")
    bob.wait("closed")
    assert relay.requests("ACK") and "Reason" in dict(
        relay.requests("BYE")[0].headers)
    assert not samples_so_far(relay, bob), "no media was sent"


def test_required_by_the_called(lab):
    relay = lab.relay()
    alice, bob = lab.pair(alice=("--e2ee", "off"), bob=("--e2ee", "required"))
    alice.call("bob")
    alice.wait("closed", reason="refused")
    assert {m.status for m in relay.answers("INVITE")} == {488}
    bob.never("incoming")


def test_delayed_offer_is_not_end_to_end(lab):
    relay = lab.relay()
    alice, bob = lab.pair()

    def without_offer(message, to):
        """alice's INVITE loses its SDP; her own offer is bob's answer."""
        if message.request and message.method == "INVITE" and message.body:
            message.body = b""
            message.pop("Content-Type")
        return [(message, to)]

    relay.on_sip = without_offer
    alice.call("bob")
    bob.wait("incoming")
    alice.wait("closed")  # 2xx without M2 is fine, but bob offers: no media
    bob.wait("closed")
    answer = next(m for m in relay.answers("INVITE") if m.status == 200)
    assert not answer.e2ee and b"m=audio" in answer.body
    bob.never("shield", state="locked")


# --- the program ---

def test_identity_files_and_no_core(lab):
    alice = lab.endpoint("alice", 1)
    assert (lab.folder / "alice.identity").stat().st_mode & 0o777 == 0o600
    pid = alice.process.pid
    with open(f"/proc/{pid}/limits") as f:
        core = next(line for line in f if "core file" in line).split()
    assert core[4:6] == ["0", "0"]
    text = open(f"/proc/{pid}/smaps").read()
    # The sanitizers' shadow is far too large to be locked.
    assert "libasan" in text or re.search(r"^VmFlags:.*\blo\b", text, re.M)


def test_passphrase(lab):
    secret = lab.folder / "passphrase"
    secret.write_text("correct horse\n")
    with_it = ("--passphrase-file", str(secret))
    lab.endpoint("alice", 1, *with_it)
    lab.close()
    assert b"correct horse" not in (lab.folder / "alice.identity").read_bytes()
    key = (lab.folder / "alice.identity").read_bytes()
    lab.endpoint("alice", 1, *with_it)
    lab.close()
    assert key == (lab.folder / "alice.identity").read_bytes()
    secret.write_text("wrong\n")
    with pytest.raises(LabError):
        lab.endpoint("alice", 1, *with_it)
    lab.things.clear()


def test_codes_go_nowhere_but_to_the_interface(lab):
    relay = lab.relay()
    alice, bob = lab.pair()
    code = talk(alice, bob, 0.5)
    end(alice, bob)
    assert [e for e in alice.seen if code in str(e)] == \
        [e for e in alice.seen if e["event"] == "shield"]
    digits = code.replace(" ", "").encode()
    wire = b"".join(m.data() for _, m in relay.log)
    lab.close()
    for path in lab.folder.iterdir():
        data = path.read_bytes() if path.suffix != ".wav" else b""
        assert code.encode() not in data and digits not in data, path
    assert code.encode() not in wire and digits not in wire


def test_the_terminal_shows_the_shield_in_words(lab):
    lab.relay()
    bob = lab.endpoint("bob", 2, "--auto-answer", "yes")
    command = [str(PROGRAM), "--aor", "sip:alice@branch.example", "--listen",
               f"{lab.address(1)}:5060", "--outbound",
               f"sip:{lab.address(9)}:5060", "--identity",
               str(lab.folder / "a.identity"), "--peers",
               str(lab.folder / "a.peers"), "--audio-in", "tone",
               "--audio-out", "none"]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        child.stdin.write("call bob\n")
        child.stdin.flush()
        code = bob.locked()
        time.sleep(0.5)
        out, _ = child.communicate("codes match\npeers\nhangup\nquit\n", 10)
    assert "Shield with lock: end-to-end encrypted" in out
    assert code in out and "sip:bob@branch.example is verified" in out


@pytest.mark.parametrize("options, complaint", [
    (["--aor", "alice"], "aor"),
    (["--aor", "sip:Alice@branch.example"], "small letters"),
    (["--aor", "sip:a@b", "--e2ee", "maybe"], "off on required"),
    (["--aor", "sip:a@b", "--codecs", "opus,mp3"], "codecs"),
    (["--aor", "sip:a@b", "--phone-listen", "192.0.2.1:5070"], "loopback"),
    (["--aor", "sip:a@b", "--rtp-ports", "9-1"], "LOW-HIGH"),
    (["--aor", "sip:a@b", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
    (["answer"], "answer"),
])
def test_options_that_are_refused_by_name(options, complaint):
    done = subprocess.run([str(PROGRAM), *options], capture_output=True,
                          text=True, timeout=10, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and complaint in done.stderr, done.stderr


def test_the_configuration_file(lab):
    path = lab.folder / "endpoint.yaml"
    path.write_text("aor: sip:alice@branch.example\n"
                    f"listen: {lab.address(1)}:5077\n"
                    f"identity: {lab.folder}/i\npeers: {lab.folder}/p\n"
                    "audio_in: silence\naudio_out: none\n")
    done = subprocess.run([str(PROGRAM), "--json", "--config", str(path)],
                          input='{"command":"quit"}\n', text=True,
                          capture_output=True, timeout=10)
    assert f'"address":"{lab.address(1)}:5077"' in done.stdout, done
    path.write_text("aor: sip:alice@branch.example\ncolour: red\n")
    done = subprocess.run([str(PROGRAM), "--config", str(path)], text=True,
                          capture_output=True, timeout=10)
    assert done.returncode == 1 and "colour" in done.stderr, done.stderr
