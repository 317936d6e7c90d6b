# SPDX-License-Identifier: Apache-2.0
"""The image as a gateway of the lab's: QEMU with OVMF, Secure Boot and a virtual
IOMMU, its ports plugged into the namespaces of a branch and of headquarters.

    branch 10.1.0.10 -- access0 [machine] trunk0 -- 10.2.0.10 headquarters

What an operator types is typed at its serial console. The disk is a raw file
that doesn't take discards, as a disk without TRIM: what isn't overwritten
stays."""

import base64
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/calls")]

from console import Console  # noqa: E402
from lab.process import LabError, Process, run, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()
IMAGES = BUILD / "image"
KEYS = IMAGES / "keys"
FIRMWARE = Path("/usr/share/OVMF")
BOARD = "qemu-q35"
VIRTIO = "disable-legacy=on,iommu_platform=on"
MIB = 1 << 20

# What the administrator adds to the board's ports. Without KVM, a worker that
# polls takes half of what the machine has.
CONFIG = """\
  rest: always
  divert: /run/sallyport/divert.sock
  divert_group: sallyport-media
control:
  dataplane: /run/sallyport/dataplane.sock
  api: /run/sallyport/control.sock
  database: /var/lib/sallyport/sallyport.db
  domain: {domain}
  sip:
    listen: ["udp:10.1.0.1:5060", "udp:10.2.0.1:5060"]
  media:
    socket: /run/sallyport-media/media.sock
media:
  socket: /run/sallyport-media/media.sock
  divert: /run/sallyport/divert.sock
  recording:
    folder: /var/lib/sallyport-media
    keys: ["{key}"]
"""

LASTING = {
    "users": "sallyctl --json users",
    "records": "sallyctl --json records",
    "recordings": "sallyctl --json recordings",
    "recorded": "sha256sum $(find /var/lib/sallyport-media -type f | sort)",
    "configuration": "cat /etc/sallyport/sallyport.yaml",
    "machine": "cat /etc/machine-id",
    "host keys": "sha256sum /data/sallyport/ssh/*",
}


def enrolled(path):
    """OVMF's variables, with the keys of the image."""
    run(ROOT / "firmware/image/ovmf-enroll", FIRMWARE / "OVMF_VARS_4M.fd", path,
        *(word for name in ("pk", "kek", "db")
          for word in (f"--{name}", KEYS / f"{name}.crt")))


class Disk:
    """The machine's, looked at from outside."""

    def __init__(self, path):
        self.path = path

    @property
    def parts(self):
        """Where each begins and how long it is, in octets; data is there only
        after the first boot."""
        table = json.loads(run("sfdisk", "-J", self.path).stdout)
        return {p["name"]: (p["start"] * 512, p["size"] * 512)
                for p in table["partitiontable"]["partitions"]}

    def flip(self, part, at):
        """One bit; a second time puts it back."""
        with open(self.path, "r+b") as f:
            f.seek(self.parts[part][0] + at)
            octet = f.read(1)[0]
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([octet ^ 0x10]))

    def holds(self, part, needles):
        """@return those of the needles that lie in a partition, anywhere."""
        start, size = self.parts[part]
        found, keep = set(), max(map(len, needles.values()))
        with open(self.path, "rb") as f:
            f.seek(start)
            before = b""
            for left in range(size, 0, -MIB):
                block = before + f.read(min(left, MIB))
                found |= {name for name, needle in needles.items()
                          if needle in block}
                before = block[-keep:]
        return found

    def digest(self, *parts):
        done = hashlib.sha256()
        with open(self.path, "rb") as f:
            for start, size in map(self.parts.get, parts):
                f.seek(start)
                for left in range(size, 0, -MIB):
                    done.update(f.read(min(left, MIB)))
        return done.hexdigest()


def decoy(path):
    """Another disk, with a partition of the same label and type as the machine's
    data."""
    path.write_bytes(bytes(16 * MIB))
    run("sfdisk", "--quiet", path, input="label: gpt\n"
        "type=5a11f047-da7a-4000-8000-000000000001, name=data\n")
    disk = Disk(path)
    with open(path, "r+b") as f:
        f.seek(disk.parts["data"][0])
        f.write(b"another's" * 1000)
    return disk


class Appliance(Gateway):
    """In a block; starts the machine, and ends it."""

    def __init__(self, stick, key):
        """stick: an image that is a disk on which updates lie; key: the public
        key to which recordings are sealed."""
        super().__init__(BUILD)
        self.stick, self.key = stick, key
        self.console = self.password = None
        self.domain = "sallyport.example"
        self.users = set()

    def __exit__(self, kind, value, trace):
        if self.console:
            self.console.close()
            shutil.copy(self.folder / "console.log", IMAGES / "console.log")
        super().__exit__(kind, value, trace)

    def _write_config(self):
        """There is none before the machine is up."""

    def start_dataplane(self):
        """Its disks, and power on."""
        disk = self.folder / "disk.img"
        run("cp", "--sparse=always", IMAGES / BOARD / "disk.img", disk)
        enrolled(self.folder / "vars.fd")
        self.disk, self.decoy = Disk(disk), decoy(self.folder / "decoy.img")
        self._run()
        self.console = Console(self.folder / "serial",
                               self.folder / "console.log", self._on)
        self._plug_ports()

    def _run(self):
        self.dataplane = Process("QEMU", self._command(), self.namespace,
                                 self.folder / "qemu.log")

    def _on(self):
        """Where the machine starts again, QEMU ends and is started anew. Within
        one, UEFI unpacks itself over what it had translated of the kernel, where
        that lay in its way, and takes hours: two of some forty restarts."""
        if self.dataplane.popen.poll() == 0:
            self._run()
            self.console.plug()
            self._plug_ports()
        self.dataplane.check()

    def _plug_ports(self):
        for side in self.sides.values():
            wait_until(side.interface, 30, lambda s=side: run(
                "ip", "-n", self.namespace, "link", "set", s.interface,
                "netns", s.namespace, check=False).returncode == 0)
            for words in (
                    f"link set {side.interface} address {side.mac}",
                    f"addr add {side.host}/24 dev {side.interface}",
                    f"link set {side.interface} up",
                    f"route replace default via {side.gateway}"):
                run("ip", "-n", side.namespace, *words.split())

    def _command(self):
        """As boards/qemu-q35/README.md says, with a stick and another disk. Both
        CPUs on one thread: they mostly wait for each other."""
        yield from (
            "qemu-system-x86_64", "-nodefaults", "-display", "none",
            "-no-reboot",
            "-machine", "q35,smm=on,kernel-irqchip=split", "-m", "2048",
            "-smp", "2", "-accel", "tcg,thread=single", "-cpu", "max",
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-device", "intel-iommu,intremap=on,caching-mode=on")
        for file, more in ((FIRMWARE / "OVMF_CODE_4M.secboot.fd",
                            ",readonly=on"), (self.folder / "vars.fd", "")):
            yield from ("-drive", f"if=pflash,format=raw,file={file}{more}")
        for name, file, more, slot in (("disk", self.disk.path, "", 2),
                                       ("stick", self.stick, ",readonly=on", 6),
                                       ("decoy", self.decoy.path, "", 7)):
            yield from ("-drive", f"if=none,id={name},format=raw,file={file},"
                        f"cache=unsafe{more}", "-device",
                        f"virtio-blk-pci,drive={name},addr={slot},{VIRTIO}")
        # Nobody is reached by management; it has an address and that is all.
        yield from ("-netdev", "user,id=mgmt0,restrict=on")
        for label, side in (("access0", "branch"), ("trunk0", "hq")):
            yield from ("-netdev", f"tap,id={label},script=no,downscript=no,"
                        f"ifname={self.sides[side].interface}")
        for slot, label in enumerate(("mgmt0", "access0", "trunk0"), 3):
            yield from ("-device", f"virtio-net-pci,netdev={label},addr={slot},"
                        f"{VIRTIO}")
        yield from ("-chardev", f"socket,id=serial,path={self.folder}/serial,"
                    "server=on,wait=on", "-serial", "chardev:serial")

    # --- what it says ---

    def start_control(self):
        """First boot: the secret that is said once, then health."""
        self.first_boot()
        self.release = self.healthy()
        self.console.log_in(self.password)

    def first_boot(self):
        self.password = self.console.wait(
            r"console log-in: root, password (\S+) ", 900)[1]

    def healthy(self):
        """@return: slot, version"""
        found = self.console.wait(
            r"sallyport: (?:HEALTHY slot (\w) version (\S+)|NOT WELL.*)\n", 1200)
        if not found[1]:
            raise LabError(found[0])
        return found.groups()

    def back(self):
        """Wait until it is well again, after whatever restarted it; @return slot
        and version."""
        self.release = self.healthy()
        self.console.log_in(self.password)
        wait_until("sallyport-firmware to answer", 120, self._slots, every=1)
        return self.release

    def _slots(self):
        done = self.sallyctl("--json", "firmware", "status", check=False)
        return '"slot": ' in done.stdout

    # --- what an operator types ---

    def run(self, command, **options):
        return self.console.run(command, **options)

    def say(self, command, **options):
        """@return what it says, when it is done well."""
        return self.run(command, **options).stdout.strip()

    def sallyctl(self, *arguments, check=True, input=None):
        words = " ".join("'" + str(a) + "'" for a in arguments)
        pipe = f"printf %s '{input}' | " if input else ""
        return self.run(f"{pipe}sallyctl {words}", check=check)

    def add_user(self, name, *rest, **more):
        """Once: an update keeps them."""
        if name not in self.users:
            super().add_user(name, *rest, **more)
            self.users.add(name)

    def away_with_phones(self):
        for phone in self.phones:
            phone.stop()
            shutil.rmtree(phone.folder)
        self.phones.clear()

    def configure(self):
        """The ports get their addresses, calls their doors."""
        ports = self.say(
            "/usr/lib/sallyport/board-config "
            f"/usr/share/sallyport/boards/{BOARD}/board.yaml "
            "--address access0=10.1.0.1/24 --address trunk0=10.2.0.1/24")
        self.console.put("/run/new.yaml", ports + "\n" + CONFIG.format(
            domain=self.domain, key=self.key))
        self.say("cp /run/new.yaml /etc/sallyport/sallyport.yaml")
        self.say("systemctl restart sallyport-dataplane sallyport-media "
                 "sallyport-control", seconds=300)
        wait_until("control to have its dataplane", 300, self._connected,
                   every=1)

    def _connected(self):
        done = self.sallyctl("--json", "version", check=False)
        return '"dataplane_connected": true' in done.stdout

    def install(self, name, check=True):
        """A bundle from the stick; when it is done well, the machine restarts."""
        self.run("mountpoint -q /mnt || "
                 "mount -o ro /dev/disk/by-label/updates /mnt")
        done = self.run(f"sallyctl firmware install /mnt/{name}.raucb --stay",
                        check=check, seconds=900)
        if done.returncode == 0:
            self.console.send("sallyctl firmware restart --now\n")
        return done

    def reset(self):
        self.console.send("sallyctl firmware reset --now --yes\n")

    # --- what it has ---

    def grub(self):
        """GRUB's environment."""
        said = self.say("grub-editenv /boot/env/grubenv list")
        return dict(line.split("=", 1) for line in said.splitlines())

    def slot_digest(self, slot):
        return self.disk.digest(*(f"{kind}-{slot.lower()}"
                                  for kind in ("boot", "root", "verity")))

    def lasting(self, check=True):
        """What updates have to leave as it is. check: nothing of it fails."""
        return {what: self.say(command, check=check)
                for what, command in LASTING.items()}

    def traces(self):
        """What a reset has to take away, as octets that lie on the disk."""
        key = "/data/sallyport/ssh/ssh_host_ed25519_key"
        sealed = "/var/lib/sallyport-media/*.sealed"
        return {
            "user": b"alice",
            "domain": self.domain.encode(),
            "machine": self.say("cat /etc/machine-id").encode(),
            "console": self.say("cat /data/sallyport/console").encode(),
            "host key": self.say(f"sed -n 4p {key}").encode(),
            "recording": base64.b64decode(self.say(
                f"tail -c +5000 {sealed} | head -c 64 | base64 -w0"))}
