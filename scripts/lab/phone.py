# SPDX-License-Identifier: Apache-2.0
"""A real SIP phone: baresip without sound hardware.

It plays a WAV file into the call (module aufile), writes what it hears to
another (module sndfile), and is driven through its ctrl_tcp module, which
speaks JSON in netstrings."""

import json
import os
import socket
import time
from pathlib import Path

import numpy as np

from . import audio
from .process import LabError, Process, tcp_connect, wait_until

MODULES = "/usr/lib/baresip/modules"
CONTROL_PORT = 4444  # each phone has a namespace, or at least an address

CONFIG = """\
poll_method epoll
sip_listen {address}:{sip_port}
audio_source aufile,{play}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_level no
rtp_tos 184
rtp_ports {rtp_first}-{rtp_last}
rtcp_mux {mux}
jitter_buffer_delay 2-10
rtp_stats yes
rtp_timeout 0
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module sndfile.so
module srtp.so
module dtls_srtp.so
{more}module ctrl_tcp.so
module_tmp account.so
module_app menu.so
ctrl_tcp_listen {address}:{control_port}
snd_path {heard}
statmode_default off
ringback_disabled yes
"""


class Phone:
    """One registered user's phone. Made by Gateway.phone()."""

    def __init__(self, user, namespace, address, folder, play, *, domain,
                 proxy, password=None, encryption=None, codecs="PCMU",
                 register=True, sip_port=5060, answer="auto", index=0,
                 ice=False, mux=False, certificate=None):
        """encryption: srtp, srtp-mand, dtls_srtp ... as baresip has it. An
        IPv6 address makes a phone that has nothing else. certificate: PEM file
        with its key, for who calls it over TLS."""
        self.user, self.namespace, self.address = user, namespace, address
        self.aor = f"sip:{user}@{domain}"
        self.played = audio.read_wav(play)
        self.events = []
        self.register = register
        self._socket, self._buffer, self._replies = None, b"", []
        self._control_port = CONTROL_PORT + index
        self.folder = Path(folder) / f"phone-{user}"
        self._heard = self.folder / "heard"
        self._heard.mkdir(parents=True, exist_ok=True)
        first = 10000 + 2000 * index
        more = "module ice.so\n" if ice else ""
        if certificate:
            more += f"sip_certificate {certificate}\n"
        here = f"[{address}]" if ":" in address else address
        (self.folder / "config").write_text(CONFIG.format(
            address=here, sip_port=sip_port, play=play, modules=MODULES,
            heard=self._heard, control_port=self._control_port,
            mux="yes" if mux else "no", more=more,
            rtp_first=first, rtp_last=first + 1999))
        options = [f"answermode={answer}", f"audio_codecs={codecs}",
                   f"regint={60 if register else 0}"]
        if proxy:
            options.append(f'outbound="{proxy}"')
        if password:
            options += [f"auth_user={user}", f"auth_pass={password}"]
        if ice:
            options.append("medianat=ice")
        if encryption:
            options.append(f"mediaenc={encryption}")
        (self.folder / "accounts").write_text(
            f"<{self.aor}>;{';'.join(options)}\n")
        (self.folder / "contacts").write_text("")

    def start(self):
        self.process = Process(
            f"baresip {self.user}",
            ["baresip", "-6" if ":" in self.address else "-4", "-f",
             self.folder],
            self.namespace, self.folder / "log")
        wait_until(f"{self.user}'s phone to start", 10, self._connect)
        if self.register:
            wait_until(f"{self.user}'s phone to register", 10, self._registered)
        return self

    def _connect(self):
        self.process.check()
        try:
            self._socket = tcp_connect(self.namespace,
                                       (self.address, self._control_port))
        except OSError:
            return False
        return True

    def _registered(self):
        self.process.check()
        return "OK" in self.command("reginfo") or \
            any(e["type"] == "REGISTER_OK" for e in self.events)

    def _pump(self, seconds):
        """Take in what the phone says for at most so long."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(65536)
        except (socket.timeout, BlockingIOError):
            return
        if not data:
            raise LabError(f"{self.user}'s phone closed its control "
                           f"connection:\n{self.process.tail()}")
        self._buffer += data
        while b":" in self._buffer:
            size, _, rest = self._buffer.partition(b":")
            if len(rest) <= int(size):
                return
            message = json.loads(rest[:int(size)])
            self._buffer = rest[int(size) + 1:]
            (self.events if message.get("event")
             else self._replies).append(message)

    def command(self, name, params=""):
        """@return what the phone answers, as text."""
        self._replies.clear()
        text = json.dumps({"command": name, "params": params, "token": "lab"})
        self._socket.sendall(f"{len(text)}:{text},".encode())
        end = time.monotonic() + 5
        while not self._replies:
            if time.monotonic() > end:
                raise LabError(f"{self.user}'s phone does not answer {name}")
            self._pump(0.2)
        return self._replies.pop(0).get("data", "")

    def wait_for(self, *types, seconds=10, since=0):
        """Wait for an event of one of the types; @return it."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events[since:]:
                if event["type"] in types:
                    return event
            if time.monotonic() > end:
                seen = ", ".join(e["type"] for e in self.events[since:])
                raise LabError(
                    f"{self.user}'s phone: no {' or '.join(types)} within "
                    f"{seconds:g} s (it said: {seen or 'nothing'})")
            self._pump(0.1)

    def dial(self, uri):
        self.command("dial", uri)

    def call(self, other, seconds=10):
        """Dial another phone and wait until both are in the call."""
        mine, theirs = len(self.events), len(other.events)
        self.dial(other.aor)
        ended = self.wait_for("CALL_ESTABLISHED", "CALL_CLOSED",
                              seconds=seconds, since=mine)
        if ended["type"] == "CALL_CLOSED":
            raise LabError(f"{self.user} called {other.user}: "
                           f"{ended.get('param')}")
        other.wait_for("CALL_ESTABLISHED", seconds=seconds, since=theirs)

    def refused(self, uri, seconds=10):
        """Dial, and expect the call to end; @return the reason given."""
        since = len(self.events)
        self.dial(uri)
        event = self.wait_for("CALL_ESTABLISHED", "CALL_CLOSED",
                              seconds=seconds, since=since)
        if event["type"] == "CALL_ESTABLISHED":
            raise LabError(f"{self.user}'s call to {uri} was answered")
        return event.get("param", "")

    def hang_up(self):
        self.command("hangup")

    def wait_end(self, seconds=5):
        return self.wait_for("CALL_CLOSED", seconds=seconds)

    def heard(self):
        """Samples of everything heard so far, calls one after another."""
        parts = [audio.read_wav(p)
                 for p in sorted(self._heard.glob("*-dec.wav"))]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def stop(self):
        if self._socket:
            self._socket.close()
            self._socket = None
        if os.path.exists(self.folder) and hasattr(self, "process"):
            self.process.stop()
