# SPDX-License-Identifier: Apache-2.0
"""An ordinary call to a number of the telephone network: transcoded, since the
phone speaks Opus and the carrier G.711, and recorded, since policy says so; what
was recorded is exported with a key that the gateway never had."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from lab import audio, wire
from lab.process import LabError, run, wait_until

PICTURE = """\
  erin ──────── access0 [ gateway ] trunk0 ─────────── a carrier ── +49 30 123456
     Opus, plain RTP     transcodes     PCMA, SRTP
                          records"""
SUITE = "AES_CM_128_HMAC_SHA1_80"
NUMBER, DIALLED = "+4930123456", "030123456"
# Opus makes what sounds the same, not the same samples: of the same melody most
# half seconds measure above 0.8, of two different ones below 0.3.
SAME, OTHER = 0.6, 0.4
PIECE = 24  # octets of a recording that are looked for


class Safe:
    """Where the private key lies: not on the gateway."""

    def __init__(self, programs):
        self._folder = tempfile.TemporaryDirectory(prefix="sallyport-safe-")
        self.folder = Path(self._folder.name)
        self.key = self.folder / "recordings.key"
        made = run(programs / "sallyctl", "recordings", "keygen", self.key,
                   "--json")
        self.public = json.loads(made.stdout)["public"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()


def settings():
    """What the configuration says for this act, beside where recordings are."""
    return {"pstn": {"country": "49", "area": "30", "internal_digits": 3}}


def sound(phone, which):
    """What it said ("enc") or heard ("dec"), as it wrote both down."""
    parts = [audio.load(p) for p in sorted(
        (phone.folder / "heard").glob(f"*-{which}.wav"))]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def alike(played, heard):
    """Of most half seconds."""
    score = audio.compare(played, heard).score
    return float(np.median(score)) if len(score) else 0.0


def set_up(story, gateway):
    side = gateway.sides["hq"]
    gateway.add_user("erin", "plain")
    for words in (
            ("trunk", "add", "carrier", f"address={side.host}:5060",
             "user=acme", "media=sdes", f"suites={SUITE}", "keepalive=0"),
            ("route", "add", "+", "carrier"),
            ("user", "dial", "national", "erin"),
            ("user", "compliance", "on", "erin")):
        shown = "sallyctl " + " ".join(words)
        story.say(f"  $ {shown}")
        done = gateway.sallyctl(*words, input="secret\n", check=False)
        if done.returncode:
            raise LabError(f"{shown}: {done.stderr}")
    for seed, name in enumerate(("erin", "carrier"), 31):
        audio.melody(gateway.folder / f"{name}.wav", 40, seed)
    erin = gateway.phone("erin", "branch", gateway.folder / "erin.wav",
                         codecs="opus/48000/2", index=2)
    carrier = gateway.phone(NUMBER, "hq", gateway.folder / "carrier.wav",
                            register=False, codecs="PCMA/8000/1", index=3,
                            encryption="srtp-mand")
    return erin, carrier


def tell_call(story, gateway, captured):
    call, = gateway.ctl_json("calls")
    codecs = [leg["codec"] for leg in call["media"][0]["legs"]]
    invited = next((m for m in wire.sip_messages(captured.stop())
                    if m.method == "INVITE"), None)
    story.check(call["trunk"] == "carrier" and invited
                and f"sip:{NUMBER}@" in invited.start,
                f"erin dialled {DIALLED}; the gateway made {NUMBER} of it and "
                f"chose the trunk \"{call['trunk']}\" by its routes")
    story.check(call["transcoded"] and codecs == ["opus/48000/2", "PCMA/8000"],
                f"no codec in common, so it is transcoded: {codecs[0]} at the "
                f"branch, {codecs[1]} towards the carrier")
    story.check(call["recording"],
                f"recorded from its first moment on, as {call['recording']}, "
                "since an administrator wants all of erin's calls recorded")
    done = story.operate(gateway, "calls", "record", str(call["id"]), "off")
    story.check(done.returncode != 0 and "compliance" in done.stderr,
                "nobody switches that off")
    return call["recording"]


def tell_heard(story, pair):
    story.say("\nWho heard what, through the transcoder")
    for speaker, listener in (pair, pair[::-1]):
        same = alike(sound(speaker, "enc"), sound(listener, "dec"))
        other = alike(sound(listener, "enc"), sound(listener, "dec"))
        story.check(same > SAME and other < OTHER,
                    f"{listener.user} heard {speaker.user}: similarity "
                    f"{same:.2f} (with the wrong melody: {other:.2f})")


def written(gateway):
    """The octets of all that the gateway's programs have written."""
    folder = gateway.folder
    files = [p for pattern in ("recordings/*", "sallyport.db*", "audit*",
                               "*.log") for p in folder.glob(pattern)]
    return files, b"".join(p.read_bytes() for p in files if p.is_file())


def tell_export(story, gateway, safe, recording, pair):
    story.say("\nWhat was recorded")
    sealed = gateway.folder / "recordings" / f"{recording}.sealed"
    wait_until("the recording's file", 5, sealed.exists)
    wait_until("its end", 5, lambda: gateway.sallyctl(
        "recordings", "verify", sealed, "--private", safe.key,
        check=False).returncode == 0)
    other = safe.folder / "other.key"
    run(gateway.bin / "sallyctl", "recordings", "keygen", other)
    opened = safe.folder / f"{recording}.mka"
    # away from the gateway: nothing but the file and the key
    refused = run(gateway.bin / "sallyctl", "recordings", "export", sealed,
                  opened, "--private", other, check=False)
    story.check(refused.returncode != 0 and not opened.exists(),
                "with another private key it can't be exported")
    done = story.operate(gateway, "recordings", "export", sealed, opened,
                         "--private", safe.key)
    if done.returncode:
        story.check(False, "export")
        return
    for i, speaker in enumerate(pair):
        wav = safe.folder / f"track{i}.wav"
        run("ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", opened,
            "-map", f"0:a:{i}", "-ar", str(audio.RATE), "-ac", "1", wav)
        track = audio.read_wav(wav)
        same, wrong = (alike(sound(p, "enc"), track)
                       for p in (speaker, pair[1 - i]))
        story.check(same > SAME and wrong < OTHER,
                    f"track {i + 1} of the Matroska file, decoded by FFmpeg: "
                    f"{len(track) / audio.RATE:.1f} s of {speaker.user}, "
                    f"similarity {same:.2f} (with the other side: {wrong:.2f})")
    plain = opened.read_bytes()
    pieces = [plain[i:i + PIECE] for i in range(1024, len(plain) - PIECE, 997)]
    pieces.append(b"matroska")
    files, octets = written(gateway)
    story.check(
        sealed in files and len(pieces) > 20
        and all(p in plain for p in pieces)
        and not any(p in octets for p in pieces),
        f"of {len(pieces)} pieces of it none is in any of the {len(files)} "
        f"files ({len(octets)} octets) that the gateway has written: nothing "
        "plain came to its disk")


def act(story, gateway, safe, seconds):
    story.title("An ordinary call to the telephone network, transcoded and "
                "recorded")
    story.say(f"\n{PICTURE}\n")
    pair = erin, carrier = set_up(story, gateway)
    story.say(f"\nerin dials {DIALLED}; both sides play a melody for "
              f"{seconds} seconds ...\n")
    captured = gateway.capture("hq")
    erin.dial(f"sip:{DIALLED}@{gateway.domain}")
    erin.wait_for("CALL_ESTABLISHED")
    recording = tell_call(story, gateway, captured)
    time.sleep(seconds)
    erin.hang_up()
    carrier.wait_end()
    record = gateway.last_record()
    story.check(record["transcoded"] and record["status"] == 200,
                f"erin hung up after {record['seconds']} s; the call's record "
                "says that it was transcoded, and by which trunk it went")
    tell_heard(story, pair)
    tell_export(story, gateway, safe, recording, pair)
    for phone in pair:
        phone.stop()
