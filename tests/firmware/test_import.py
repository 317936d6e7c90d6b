# SPDX-License-Identifier: Apache-2.0
"""A first configuration by USB or SMBIOS: signed, checked by the real programs,
kept when confirmed, gone when not. The stick itself is mounted by tests/image."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from appliance import UPDATE, certificate

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sip"))
from gateway import BUILD  # noqa: E402

CONTROL = """control:
  dataplane: /run/sallyport/dataplane.sock
  api: /run/sallyport/control.sock
  database: /var/lib/sallyport/sallyport.db
  domain: {0}
  sip:
    listen: ["udp:127.0.0.1:5060"]
dataplane:
  lcores: "0,1"
  ports:
    - name: access0
      device: net_tap0
      role: access
      mac: "02:00:00:00:00:01"
      addresses: [10.1.0.1/24]
"""


class First:
    """An appliance at its first boot."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "etc").mkdir()
        (folder / "data").mkdir()
        for name in ("bundle", "stranger"):
            certificate(folder, name, "extendedKeyUsage=codeSigning")
        self.config = folder / "etc" / "sallyport.yaml"
        self.before = folder / "etc" / "sallyport.yaml.before"
        self.credential = folder / "sallyport.config"
        self.later = folder / "later"
        self.first = CONTROL.format("first.test")
        self.config.write_text(self.first)
        (folder / "data" / "first-configuration").write_text(
            hashlib.sha256(self.first.encode()).hexdigest() + "\n")

    def sign(self, text, key="bundle"):
        plain = self.folder / "plain"
        plain.write_text(text)
        subprocess.run(
            ["openssl", "cms", "-sign", "-nodetach", "-binary", "-nosmimecap",
             "-in", plain, "-signer", self.folder / f"{key}.crt", "-inkey",
             self.folder / f"{key}.key", "-outform", "PEM", "-out",
             self.credential], check=True, capture_output=True)
        return self.credential

    def boot(self, *more):
        """@return: what is said on the console."""
        done = subprocess.run(
            [UPDATE / "sallyport-import", "--root", self.folder, "--config",
             self.config, "--data", self.folder / "data", "--keyring",
             self.folder / "bundle.crt", "--credential", self.credential,
             "--programs", Path(BUILD) / "bin", "--owner", "root", "--later",
             f"sh -c : >{self.later}", *more],
            capture_output=True, text=True, check=True)
        assert not done.stderr
        return done.stdout


@pytest.fixture
def box(tmp_path):
    return First(tmp_path)


def test_nothing_to_import(box):
    assert box.boot() == ""
    assert box.config.read_text() == box.first and not box.before.exists()


def test_imported_and_confirmed(box):
    new = CONTROL.format("new.test")
    box.sign(new)
    assert "imported the configuration from the hypervisor" in box.boot()
    assert box.config.read_text() == new
    # what control finds is what its own settings would have left
    assert box.before.read_text() == box.first
    left = box.before.stat().st_mtime - time.time()
    assert 0 < left <= 600
    box.before.unlink()  # sallyctl config confirm
    assert box.boot() == ""
    assert box.config.read_text() == new
    # and it is no first configuration any more
    box.sign(CONTROL.format("other.test"))
    assert box.boot() == ""
    assert box.config.read_text() == new


def test_started_again_without_a_confirmation(box):
    box.sign(CONTROL.format("new.test"))
    box.boot()
    said = box.boot()
    assert "nobody has confirmed" in said and "imported" not in said
    assert box.config.read_text() == box.first
    # the same once more isn't tried, a mended one is
    assert box.boot() == ""
    box.sign(CONTROL.format("mended.test"))
    assert "imported" in box.boot()


def test_its_time_has_come_meanwhile(box):
    """Of any configuration that waits, not only an imported one: the dataplane
    reads the file before control could put it back."""
    box.config.write_text(CONTROL.format("applied.test"))
    box.before.write_text(CONTROL.format("confirmed.test"))
    later = time.time() + 100
    os.utime(box.before, (later, later))
    assert box.boot() == ""
    assert "applied.test" in box.config.read_text()
    os.utime(box.before, (later - 200, later - 200))
    assert "as it was before" in box.boot()
    assert "confirmed.test" in box.config.read_text()


@pytest.mark.parametrize("how", ["stranger", "unsigned", "changed", "cut"])
def test_not_signed(box, how):
    text = CONTROL.format("evil.test")
    if how == "stranger":
        box.sign(text, key="stranger")
    elif how == "unsigned":
        box.credential.write_text(text)
    else:
        octets = bytearray(box.sign(text).read_bytes())
        if how == "cut":
            del octets[len(octets) // 2:]
        else:
            at = octets.index(b"\n", 300) + 5
            octets[at] = ord("A") if octets[at] != ord("A") else ord("B")
        box.credential.write_bytes(octets)
    assert "no key that is trusted has signed it" in box.boot()
    assert box.config.read_text() == box.first and not box.before.exists()


@pytest.mark.parametrize("text, who", [
    (CONTROL.format("new.test").replace("udp:", "carrier-pigeon:"),
     "sallyport-control"),
    (CONTROL.format("new.test").replace("role: access", "role: king"),
     "sallyport-dataplane"),
    ("nonsense: [", "sallyport-control"),
])
def test_not_good(box, text, who):
    box.sign(text)
    said = box.boot()
    assert f"not imported from the hypervisor: {who}: " in said
    assert "sallyport.yaml" in said
    assert box.config.read_text() == box.first and not box.before.exists()
    assert box.boot() == ""  # said once


def test_too_large(box):
    box.credential.write_bytes(b"x" * 200_000)
    assert "larger than any configuration" in box.boot()


def test_a_stick_that_cannot_be_mounted(box):
    (box.folder / "devices/usb1/1-1/block/sdq").mkdir(parents=True)
    (box.folder / "sys/class/block").mkdir(parents=True)
    (box.folder / "sys/class/block/sdq").symlink_to(
        box.folder / "devices/usb1/1-1/block/sdq")
    assert box.boot() == ""
    assert box.config.read_text() == box.first
