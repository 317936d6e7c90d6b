# SPDX-License-Identifier: Apache-2.0
"""What the tests of boards share: the scripts, and machines made of files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

CPU = """\
processor\t: {thread}
model name\t: Test CPU
physical id\t: 0
core id\t\t: {core}
flags\t\t: fpu {flags}
"""


def script(name, *arguments):
    return subprocess.run([ROOT / "scripts" / name, *map(str, arguments)],
                          capture_output=True, text=True, check=False)


@pytest.fixture(name="run")
def _run():
    return script


@pytest.fixture
def program():
    """The dataplane's program, of the build that is tested."""
    return ROOT / os.environ.get("B", "build") / "bin/sallyport-dataplane"


class Tree:
    """A machine's /sys and /proc, as files and links below a folder."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def link(self, path, to):
        """A relative link, as sysfs has them."""
        path, to = self.root / path, self.root / to
        path.parent.mkdir(parents=True, exist_ok=True)
        to.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(to, path.parent))

    def dmi(self, **names):
        for field, name in names.items():
            self.write(f"sys/class/dmi/id/{field}", name)

    def cpus(self, cores, threads=1, flags="aes pclmulqdq sse4_2 avx2"):
        self.write("proc/cpuinfo", "\n".join(
            CPU.format(thread=core + cores * t, core=core, flags=flags)
            for t in range(threads) for core in range(cores)))

    def pci(self, path, ids, kind, driver=None):
        """A PCI device; path: bridges first. @return its folder."""
        steps = path.split("/")
        folder = f"sys/devices/pci0000:00/{path}"
        vendor, device = ids.split(":")
        self.write(f"{folder}/vendor", f"0x{vendor}")
        self.write(f"{folder}/device", f"0x{device}")
        self.write(f"{folder}/class", kind)
        self.link(f"sys/bus/pci/devices/{steps[-1]}", folder)
        if driver:
            self.link(f"{folder}/driver", f"sys/bus/pci/drivers/{driver}")
        return folder

    def nic(self, path, ids, driver, name=None, queues=4, below=""):
        folder = self.pci(path, ids, "0x020000", driver)
        for queue in range(queues if name else 0):
            self.write(f"{folder}/{below}net/{name}/queues/rx-{queue}/x", "")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def appliance(tree):
    """Four cores, an IOMMU, four ports of which one is administered by."""
    tree.dmi(sys_vendor="Acme, Inc.", product_name="Gate 4000")
    tree.cpus(4, threads=2)
    tree.write("proc/meminfo", "MemTotal:        8056932 kB")
    tree.write("proc/cmdline", "root=/dev/sda console=tty0 "
                               "console=ttyS1,115200n8 quiet")
    tree.write("proc/net/route",
               "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
               "eno1\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n"
               "eno1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF")
    tree.pci("0000:00:1f.0", "8086:19dc", "0x060100")
    tree.nic("0000:00:16.0/0000:05:00.1", "8086:15c4", "ixgbe", "sfp1", 64)
    tree.nic("0000:00:16.0/0000:05:00.0", "8086:15c4", "vfio-pci")
    tree.nic("0000:00:0b.0/0000:02:00.0", "8086:1521", "igb", "eno1", 8)
    tree.nic("0000:00:0b.0/0000:02:00.1", "8086:1521", "igb", "eno2", 8)
    tree.link("sys/class/iommu/dmar0", "sys/devices/virtual/iommu/dmar0")
    tree.link("sys/class/watchdog/watchdog0/device",
              "sys/devices/platform/iTCO_wdt.0")
    tree.link("sys/devices/platform/iTCO_wdt.0/driver",
              "sys/bus/platform/drivers/iTCO_wdt")
    tree.write("sys/class/tpm/tpm0/tpm_version_major", "2")
    tree.write("sys/class/hwmon/hwmon0/name", "coretemp")
    tree.write("sys/class/leds/gate:green:status/brightness", "1")
    return tree
