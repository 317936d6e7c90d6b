# SPDX-License-Identifier: Apache-2.0
"""Control, and what an image has beside it: the real service in front of a real
RAUC, whose last step is played (rauc-that-installs)."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from appliance import ROOT, Appliance, until

for folder in ("tests/sip", "tests/http"):
    sys.path.insert(0, str(ROOT / folder))
from afar import Afar  # noqa: E402
from gateway import UnixConnection  # noqa: E402

RESET = "FactoryReset-8cf2644b-4b0b-428f-9387-6d876050dc67"


class Box(Afar):
    """Control and, if it is an image, what an image has beside it."""

    def __init__(self, folder, port, image=True, more=""):
        os.chmod(folder, 0o755)
        self.firmware = Path(folder, "firmware")
        super().__init__(folder, port, f"{more}  firmware: {self.firmware}\n")
        self.appliance = None
        try:
            if image:
                self.firmware.mkdir()
                self.make()
            self.start_dataplane()
            self.start()
            if image:
                until(lambda: self.status()["slots"], "slots")
        except BaseException:
            self.done()
            raise

    def make(self):
        (Path(self.folder) / "bin").mkdir()
        os.symlink(Path(__file__).resolve().parent / "rauc-that-installs",
                   Path(self.folder) / "bin" / "rauc")
        a = self.appliance = Appliance(self.firmware)
        self.go = a.folder / "go"
        a.env["PATH"] = f"{self.folder}/bin:{a.env['PATH']}"
        a.env["WAIT_FOR"] = str(self.go)
        self.read = a.folder / "read"
        a.env["READ"] = str(self.read)
        self.go.touch()
        a.start("--upload", os.path.join(self.folder, "firmware.raucb"))
        a.file("board.json", json.dumps({
            "id": "qemu-q35", "name": "QEMU q35", "status": "untested",
            "problems": ["trunk0: nothing at 0000:00:05.0"]}))

    @property
    def upload(self):
        return Path(self.folder, "firmware.raucb")

    @property
    def part(self):
        """What has come of an upload that isn't whole."""
        return Path(f"{self.upload}.part")

    def status(self):
        return self.api("GET", "/api/v1/firmware")[1]

    def wait_stage(self, stage):
        return until(lambda: (s := self.status())["stage"] == stage and s,
                     f"stage {stage}")

    @property
    def copies(self):
        """What the service has beside it, of uploads and downloads."""
        return list((self.appliance.folder / "downloads").iterdir())

    def phase(self):
        """Of the service's latest job; "": there was none."""
        return (self.status()["job"] or {"phase": ""})["phase"]

    def audit(self, event):
        done = self.ctl("audit", "list", "--json", "--max", "200")
        return [r for r in json.loads(done.stdout) if r["event"] == event]

    def ready(self):
        """As before any test."""
        self.api("DELETE", "/api/v1/firmware/restart")
        a = self.appliance
        a.grub(ORDER="A B", A_OK=1, A_TRY=0, B_OK=1, B_TRY=0)
        a.restarted.unlink(missing_ok=True)
        (a.folder / "efivars" / RESET).unlink(missing_ok=True)
        self.go.touch()

    def wait_settled(self):
        """What was begun has ended: a restart that is only played ends nothing, so
        it is the time that control gives it, or another test's cancelling."""
        until(lambda: self.status()["stage"] in ("idle", "restart"), "its end")
        if self.status()["stage"] == "restart":
            self.stop()
            self.start()
        until(lambda: (s := self.status())["stage"] == "idle" and s["slots"]
              and not s["unfinished"], "nothing under way")

    def clear(self):
        """What a test has left under way: a restart, calls."""
        self.go.touch()
        self.api("DELETE", "/api/v1/firmware/restart")
        for call in self.api("GET", "/api/v1/calls")[1]:
            self.api("DELETE", f"/api/v1/calls/{call['id']}")
        self.wait_settled()

    def done(self):
        self.close()
        if self.appliance:
            self.appliance.close()


@contextlib.contextmanager
def boxed(port, more=""):
    """One of an image, with a bundle that it takes."""
    with tempfile.TemporaryDirectory(prefix="sallyport-firmware-") as folder:
        g = Box(folder, port, more=more)
        try:
            g.bundle = g.appliance.bundle("good")
            yield g
        finally:
            g.done()


# -------------------------------------------------------------------- uploads

def chunked(gw):
    """An upload whose length nobody says."""
    c = UnixConnection(gw.api_socket)
    c.putrequest("PUT", "/api/v1/firmware/bundle")
    c.putheader("Transfer-Encoding", "chunked")
    c.endheaders()
    return c


def chunk(c, octets):
    c.send(b"%x\r\n%s\r\n" % (len(octets), octets))


def answer(c):
    r = c.getresponse()
    j = json.load(r)
    c.close()
    return r.status, j.get("error", j.get("octets"))


def upload_begun(gw, announced, sent, expect=()):
    c = UnixConnection(gw.api_socket)
    c.putrequest("PUT", "/api/v1/firmware/bundle")
    c.putheader("Content-Length", str(announced))
    for value in expect:
        c.putheader("Expect", value)
    c.endheaders()
    with contextlib.suppress(BrokenPipeError):  # it may be refused at once
        c.send(b"x" * sent)
    return c
