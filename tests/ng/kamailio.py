# SPDX-License-Identifier: Apache-2.0
"""Debian's Kamailio in the gateway's namespace, as registrar and proxy of both
sides, with the media in the gateway's hands by the ng protocol."""

import itertools
import re
from pathlib import Path

from lab.phone import Phone
from lab.process import LabError, Process, run, wait_until

PORT = 5080
NG = "127.0.0.1:2223"


def recording_key(build, folder):
    """@return what a gateway needs to record, and the file that opens it."""
    secret = folder / "recordings.key"
    shown = run(build / "bin" / "sallyctl", "recordings", "keygen", secret)
    return re.search(r"[A-Za-z0-9+/]{43}=|[0-9a-f]{64}", shown.stdout)[0], \
        secret


def settings(key=None, folder=None, **more):
    """The gateway's configuration with the ng door open; key: it records."""
    recording = {"recording": {"keys": [key], "folder": str(folder)}} \
        if key else {}
    return {**recording, "control": {"ng": {
        "listen": [f"udp:{NG}"],
        "interfaces": ["internal/10.1.0.1", "external/10.2.0.1"], **more}}}


class Kamailio:
    _count = itertools.count(1)

    def __init__(self, gateway, out="", back="", answer="",
                 ng=f"udp:{NG}", more=()):
        """out: flags of offers towards headquarters; back: towards the
        branch; answer: of answers; more: addresses to listen on."""
        self.gateway = gateway
        # a folder of its own: what another one said at its end isn't its word
        self.folder = gateway.folder / f"kamailio-{next(self._count)}"
        self.folder.mkdir()
        text = (Path(__file__).parent / "kamailio.cfg").read_text()
        for name, value in {
                "DOMAIN": gateway.domain, "PORT": str(PORT), "NG": ng,
                "BRANCHNET": "10.1.0.0/24", "BRANCH": "10.1.0.1",
                "HQ": "10.2.0.1", "FLAGS_OUT": out,
                "FLAGS_IN": back, "FLAGS_ANSWER": answer,
                "LISTEN": "\n".join(f"listen=udp:[{a}]:{PORT}"
                                    for a in more)}.items():
            text = text.replace(f"@{name}@", value)
        self.config = self.folder / "kamailio.cfg"
        self.config.write_text(text)
        self.log = self.folder / "log"
        self.listens = 2 + len(more)

    def __enter__(self):
        self.process = Process(
            "kamailio",
            ["kamailio", "-f", self.config, "-DD", "-E", "-m", "32", "-M", "4",
             "-Y", self.folder, "-w", self.folder], self.gateway.namespace,
            self.log)
        try:
            wait_until("Kamailio to listen", 15, self._listens)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stop()

    def _listens(self):
        self.process.check()
        found = run("ip", "netns", "exec", self.gateway.namespace, "ss",
                    "-Hlun", f"sport = :{PORT}").stdout
        return len(found.splitlines()) >= self.listens and \
            "rtpengine instance" in self.log.read_text()

    def said(self):
        """What it complained about."""
        return [line for line in self.log.read_text(errors="replace")
                .splitlines() if "ERROR" in line or "CRITICAL" in line]

    def phone(self, user, side, play, at=None, **options):
        """A phone of Kamailio's, registered there. at: (its address,
        Kamailio's), where that isn't the side's own."""
        s = self.gateway.sides[side]
        host, proxy = at or (s.host, s.gateway)
        proxy = f"[{proxy}]" if ":" in proxy else proxy
        phone = Phone(user, s.namespace, host, self.gateway.folder, play,
                      domain=self.gateway.domain,
                      proxy=f"sip:{proxy}:{PORT};transport=udp", **options)
        self.gateway.phones.append(phone)
        return phone.start()


__all__ = ["Kamailio", "LabError", "NG", "PORT", "settings"]
