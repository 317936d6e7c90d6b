# SPDX-License-Identifier: Apache-2.0
"""What an image has, beside each other in a folder: real RAUC on a bus of its own
with slots that are files, GRUB's environment, keys made here, bundles signed with
them, and sallyport-firmware in front. What isn't here is device mapper, so RAUC
refuses each bundle at its last step, before it writes; tests/image installs."""

import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UPDATE = ROOT / "firmware" / "update"
PATIENCE = 60  # seconds; everything comes much sooner
COMPATIBLE, VERSION, BUILT = "sallyport-test", "2.0", 1_700_000_000
BLOCK = 4096

# Debian's policy of the system bus in short, then that of its RAUC, then ours.
BUS = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={0}/bus</listen>
<policy context="default">
<allow user="*"/><deny own="*"/><deny send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus"/></policy>
<policy context="default">
<allow send_destination="de.pengutronix.rauc"/></policy>
<policy user="root"><allow own="de.pengutronix.rauc"/></policy>
<include>{1}</include></busconfig>
"""
POLICY = ROOT / "firmware/image/root/etc/dbus-1/system.d/sallyport-rauc.conf"

SYSTEM = """[system]
compatible=sallyport-test
bootloader=grub
grubenv={0}/grubenv
statusfile={0}/rauc.status
bundle-formats=-plain
[keyring]
path={0}/keys/bundle.crt
check-purpose=codesign
[slot.boot.0]
device={0}/boot-a
type=raw
bootname=A
[slot.root.0]
device={0}/root-a
type=raw
parent=boot.0
[slot.boot.1]
device={0}/boot-b
type=raw
bootname=B
[slot.root.1]
device={0}/root-b
type=raw
parent=boot.1
"""

# What RAUC keeps of a slot that it has written, in its own words.
WRITTEN = """[slot.boot.1]
bundle.compatible=sallyport-test
bundle.version=1.0
bundle.build=1600000000
status=ok
installed.timestamp=2026-11-22T01:03:54Z
installed.count=1
"""


def until(f, what):
    end = time.monotonic() + PATIENCE
    while True:
        found = f()
        if found:
            return found
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.05)


def certificate(folder, name, extension):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "9", "-subj", f"/CN=Sallyport TEST {name}", "-addext", extension,
         "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
        check=True, capture_output=True)


def bundle(folder, keys, name, key="bundle", compatible=COMPATIBLE,
           version="3.0", build=BUILT + 1):
    tree = folder / f"{name}.d"
    tree.mkdir()
    (tree / "root.img").write_bytes(os.urandom(1 << 19))
    shutil.copy(ROOT / "firmware/image/hook", tree / "hook")
    (tree / "manifest.raucm").write_text(
        f"[update]\ncompatible={compatible}\nversion={version}\n"
        f"build={build}\n[bundle]\nformat=verity\n"
        "[hooks]\nfilename=hook\nhooks=install-check\n"
        "[image.root]\nfilename=root.img\n", "utf-8")
    path = folder / f"{name}.raucb"
    subprocess.run(["rauc", f"--cert={keys}/{key}.crt",
                    f"--key={keys}/{key}.key", "bundle", tree, path],
                   check=True, capture_output=True)
    return path


class Appliance:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.children = []
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        keys = self.folder / "keys"
        keys.mkdir()
        for name in ("bundle", "stranger"):
            certificate(keys, name, "extendedKeyUsage=codeSigning")
        certificate(keys, "web", "subjectAltName=IP:127.0.0.1")
        for slot in ("boot-a", "root-a", "boot-b", "root-b"):
            with open(self.folder / slot, "wb") as f:
                f.truncate(1 << 20)
        (self.folder / "efivars").mkdir()
        self.file("system.conf", SYSTEM.format(self.folder))
        self.file("bus.conf", BUS.format(self.folder, POLICY))
        self.file("rauc.status", WRITTEN)
        self.file("sallyport-release",
                  f"VERSION={VERSION}\nBOARD=test\nCOMPATIBLE={COMPATIBLE}\n"
                  f"BUILT={BUILT}\n")
        subprocess.run(["grub-editenv", self.folder / "grubenv", "create"],
                       check=True)
        self.grub(ORDER="A B", A_OK=1, A_TRY=0, B_OK=1, B_TRY=0)
        self.env = {**os.environ,
                    "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus"}
        self.run("bus", "dbus-daemon", "--nofork",
                 f"--config-file={self.folder}/bus.conf")
        until((self.folder / "bus").exists, "the bus")
        self.run("rauc", "rauc", "-c", str(self.folder / "system.conf"),
                 "service", "--override-boot-slot=A")
        until(lambda: self.rauc("status").returncode == 0, "RAUC")

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def grub(self, **values):
        """At once: grub-editenv empties the file before it writes, and RAUC may
        be reading it."""
        new = shutil.copy(self.folder / "grubenv", self.folder / "grubenv.new")
        subprocess.run(["grub-editenv", new, "set",
                        *(f"{k}={v}" for k, v in values.items())], check=True)
        os.replace(new, self.folder / "grubenv")

    def grub_now(self):
        out = subprocess.run(["grub-editenv", self.folder / "grubenv", "list"],
                             check=True, capture_output=True, text=True)
        return dict(line.split("=", 1) for line in out.stdout.splitlines())

    def rauc(self, *words):
        return subprocess.run(["rauc", *words], env=self.env,
                              capture_output=True, text=True, check=False)

    def run(self, name, *words, **more):
        log = open(self.folder / f"{name}.log", "ab")
        child = subprocess.Popen(words, env=self.env, stdout=log, stderr=log,
                                 **more)
        log.close()
        self.children.append(child)
        return child

    def slot(self, name):
        return (self.folder / name).read_bytes()

    def close(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            child.wait()

    # Bundles

    def bundle(self, name, **more):
        return bundle(self.folder, self.folder / "keys", name, **more)

    # The service

    def start(self, *more):
        self.uploaded = self.folder / "firmware.raucb"
        self.restarted = self.folder / "restarted"
        self.run("firmware", str(UPDATE / "sallyport-firmware"),
                 "--socket", str(self.folder / "firmware.sock"),
                 "--release", str(self.folder / "sallyport-release"),
                 "--folder", str(self.folder / "downloads"),
                 "--upload", str(self.uploaded),
                 "--authorities", str(self.folder / "keys" / "web.crt"),
                 "--conf", str(self.folder / "system.conf"),
                 "--env", str(self.folder / "grubenv"),
                 "--efivars", str(self.folder / "efivars"),
                 "--restart", f"touch {self.restarted}",
                 "--user", "root", *more)
        until((self.folder / "firmware.sock").exists, "the service's socket")

    def client(self):
        return Client(self.folder / "firmware.sock")


class Client:
    """As control is one."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.next()  # as it was last looked at; then as it is
        self.next()

    def next(self):
        line = self.lines.readline()
        assert line, "cut off"
        self.status = json.loads(line)["status"]
        return self.status

    def slots(self):
        return {s["slot"]: s for s in self.status["slots"]}

    def send(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, **message):
        """@return: the job when it has ended, and each phase that it had."""
        self.id = getattr(self, "id", 0) + 1
        self.send(id=self.id, **message)
        phases = []
        while True:
            job = self.next()["job"]
            if job["id"] != self.id:
                continue
            if job["phase"] not in phases:
                phases.append(job["phase"])
            if job["phase"] in ("done", "failed"):
                return job, phases

    def close(self):
        self.lines.close()
        self.socket.close()


class Web:
    """Files over HTTPS, some of them cut off."""

    def __init__(self, keys):
        self.files, self.cut, self.redirect = {}, {}, {}
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.answer(self)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys / "web.crt", keys / "web.key")
        self.server.socket = context.wrap_socket(self.server.socket,
                                                 server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name):
        return f"https://127.0.0.1:{self.server.server_port}/{name}"

    def answer(self, handler):
        name = handler.path[1:]
        if name in self.redirect:
            handler.send_response(302)
            handler.send_header("Location", self.redirect[name])
            handler.end_headers()
            return
        if name not in self.files:
            handler.send_error(404)
            return
        data = self.files[name]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:self.cut.get(name)])

    def close(self):
        self.server.shutdown()
        self.server.server_close()
