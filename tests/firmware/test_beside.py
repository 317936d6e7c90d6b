# SPDX-License-Identifier: Apache-2.0
"""Which disk's data is the appliance's: sallyport-beside, in front of a /sys made
here, where the root is a mapping of two partitions; and the rule that asks it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "firmware/image/root"
RULES = IMAGE / "usr/lib/udev/rules.d/61-sallyport-data.rules"
TYPE = "5a11f047-da7a-4000-8000-000000000001"
# In a mount namespace of its own, which ends with it.
THERE = ("unshare", "--mount", "sh", "-c",
         'mount --bind "$0" /sys && exec "$@"')


class Sys:
    def __init__(self, folder):
        self.folder = folder / "sys"
        at = os.stat("/").st_dev
        self.root = self.folder / "devices/virtual/block/dm-0"
        (self.root / "slaves").mkdir(parents=True)
        blocks = self.folder / "dev/block"
        blocks.mkdir(parents=True)
        (blocks / f"{os.major(at)}:{os.minor(at)}").symlink_to(
            "../../devices/virtual/block/dm-0")

    def partition(self, disk, name, label, of_root=False):
        """@return: as udev names it"""
        path = self.folder / "devices" / disk / name
        path.mkdir(parents=True)
        (path / "uevent").write_text(f"DEVTYPE=partition\nPARTNAME={label}\n")
        if of_root:
            (self.root / "slaves" / name).symlink_to(
                os.path.relpath(path, self.root / "slaves"))
        return f"/sys/devices/{disk}/{name}"

    def beside(self, partition):
        return subprocess.run(
            [*THERE, self.folder, ROOT / "firmware/boot/sallyport-beside",
             partition], capture_output=True, check=False).returncode == 0


@pytest.fixture
def sys(tmp_path):
    return Sys(tmp_path)


VDA, STICK = "pci/virtio1/block/vda", "pci/usb1/1-1/block/sda"


def test_of_two_disks(sys):
    sys.partition(VDA, "vda5", "root-a", of_root=True)
    sys.partition(VDA, "vda7", "verity-a", of_root=True)
    sys.partition(STICK, "sda5", "root-a")
    assert sys.beside(sys.partition(VDA, "vda9", "data"))
    assert not sys.beside(sys.partition(STICK, "sda9", "data"))


def test_the_hashes_are_on_another(sys):
    """The root is where its files are."""
    sys.partition(VDA, "vda6", "root-b", of_root=True)
    sys.partition(STICK, "sda8", "verity-b", of_root=True)
    assert sys.beside(sys.partition(VDA, "vda9", "data"))
    assert not sys.beside(sys.partition(STICK, "sda9", "data"))


def test_where_nobody_can_tell(sys):
    """No mapping of ours: then no disk is, and nothing is wiped."""
    data = sys.partition(VDA, "vda9", "data")
    assert not sys.beside(data)
    sys.partition(VDA, "vda1", "root", of_root=True)
    assert not sys.beside(data)
    assert not sys.beside("/sys/devices/gone/x")


def test_who_asks():
    """The type is the one that systemd-repart makes, and nobody goes by the
    label."""
    repart = (IMAGE / "usr/lib/repart.d/90-data.conf").read_text()
    assert f"Type={TYPE}\n" in repart
    rule, = (line for line in RULES.read_text().splitlines()
             if line and not line.startswith("#"))
    assert f'ENV{{ID_PART_ENTRY_TYPE}}=="{TYPE}"' in rule
    assert 'PROGRAM=="/usr/lib/sallyport/sallyport-beside %S%p"' in rule
    link = "/dev/" + re.search(r'SYMLINK\+="([^"]+)"', rule)[1]
    units = IMAGE / "usr/lib/systemd/system"
    assert f"What={link}\n" in (units / "data.mount").read_text()
    wiped = re.findall(r"/dev/\S+", "".join(
        line for line in (units / "sallyport-wipe.service").read_text()
        .splitlines(keepends=True) if line.startswith("Exec")))
    assert wiped and set(wiped) == {link}
