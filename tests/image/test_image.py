# SPDX-License-Identifier: Apache-2.0
"""The life of an appliance, from its first boot to its factory reset, in QEMU
with OVMF and Secure Boot on: the image that make image has built, read from its
serial console. The tests go on from one another, in their order."""

import json
import time

import pytest

from lab.process import wait_until
from test_first_light import (PLAIN, SHA1_80, assert_heard, assert_wire,
                              two_phones)

OTHER = {"A": "B", "B": "A"}
NIC = "/sys/bus/pci/devices/0000:00:0{}.0/driver"
REFUSALS = [
    ("payload", "Its content isn't what was signed"),
    ("signature", "Its signature isn't of a key that this appliance trusts"),
    ("truncated", "It isn't a whole bundle"),
    ("foreign", "It is for sallyport-x86-64"),
    ("older", "Its version older is older than"),
]


# --- first boot ---

def test_it_boots_to_health(machine):
    slot, version = machine.release
    assert slot == "A"
    assert machine.say("cat /etc/sallyport-release").startswith(
        f"VERSION={version}\n")
    assert "rauc.slot=A " in machine.say("cat /proc/cmdline")


def test_the_chain_was_verified(machine):
    variable = "/sys/firmware/efi/efivars/SecureBoot-*"
    assert machine.say(f"od -An -tu1 -j4 {variable}") == "1"
    assert "[integrity]" in machine.say("cat /sys/kernel/security/lockdown")
    root = machine.say("findmnt -n -o SOURCE,OPTIONS /")
    assert root.startswith("/dev/mapper/root ro")
    assert machine.say("veritysetup status root | grep -w -e status -e flags"
                       ).split() == ["status:", "verified", "flags:",
                                     "panic_on_corruption"]


def test_data_is_of_the_same_disk(machine):
    """Though another disk has a partition of that label and type."""
    disk = machine.say("lsblk -nsro NAME,TYPE /dev/mapper/root | "
                       "awk '$2 == \"disk\" {print $1}' | sort -u")
    data = machine.say("findmnt -n -o SOURCE /data")
    assert machine.say(f"lsblk -ndo PKNAME {data}") == disk
    assert machine.say("lsblk -nlo PARTLABEL | grep -cx data") == "2"


def test_nothing_complains(machine):
    assert machine.say("systemctl --failed --no-legend --plain") == ""


def test_ports_are_the_dataplane_s(machine):
    drivers = [machine.say(f"basename $(readlink {NIC.format(slot)})")
               for slot in (3, 4, 5)]
    assert drivers == ["virtio-pci", "vfio-pci", "vfio-pci"]
    groups = machine.say("ls /dev/vfio").split()
    assert "vfio" in groups and len(groups) == 3  # behind the virtual IOMMU
    assert not any(g.startswith("noiommu") for g in groups)


# --- a call ---

def call(machine, sounds, meanwhile=lambda: None):
    """Alice in the branch calls Bob, whose leg is protected; both are heard, and
    the wires looked at."""
    captures = {side: machine.capture(side) for side in ("branch", "hq")}
    alice, bob = two_phones(machine, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    began = time.monotonic()
    meanwhile()
    time.sleep(max(0, 6 - (time.monotonic() - began)))
    bob.hang_up()
    alice.wait_end()
    assert_heard(alice, bob, 5)
    assert_heard(bob, alice, 5)
    for side, suite, phones in (("branch", PLAIN, (alice, bob)),
                                ("hq", SHA1_80, (bob, alice))):
        assert_wire(machine, side, captures[side].stop(), suite, phones)
    machine.away_with_phones()
    legs = machine.last_record()["media"][0]["legs"]
    assert [leg["suite_tx"] for leg in legs] == ["plain", SHA1_80]


def test_a_call_is_protected(machine, sounds):
    """By the dataplane, since the kernel doesn't even have the ports; and
    recorded meanwhile."""
    machine.configure()

    def record():
        ongoing, = machine.ctl_json("calls")
        machine.sallyctl("calls", "record", ongoing["id"], "on")
        assert len(machine.flows()) == 2
    call(machine, sounds, record)
    wait_until("the recording's end", 60, lambda: [
        r for r in machine.ctl_json("recordings")["recordings"]
        if not r["open"]], every=1)


# --- updates ---

@pytest.mark.parametrize("name,why", REFUSALS, ids=[r[0] for r in REFUSALS])
def test_a_bundle_is_refused(machine, name, why):
    """With the reason, and before anything is written."""
    slot, _ = machine.release
    before = machine.slot_digest(OTHER[slot])
    done = machine.install(name, check=False)
    assert done.returncode == 1 and why in done.stdout, done.stdout
    assert machine.slot_digest(OTHER[slot]) == before, "it was written"
    assert machine.grub()["ORDER"].split()[0] == slot


def test_rauc_itself_refuses(machine):
    """By the bundle's own hook, were the service before it to fail."""
    for name, why in (("older", "is older than what runs"),
                      ("foreign", "this bundle is for sallyport-x86-64")):
        done = machine.run(f"rauc install /mnt/{name}.raucb", check=False)
        assert done.returncode == 1 and why in done.stdout, done.stdout


def test_what_is_not_well_goes_back_by_itself(machine):
    """Three tries; then the other slot, with all that was there."""
    slot, version = machine.release
    before = machine.lasting()
    machine.install("unwell")
    for n in (1, 2, 3):
        machine.console.wait(rf"slot {OTHER[slot]}, class \S+, try {n}")
        machine.console.wait("NOT WELL: sallyport-control failed")
    machine.console.wait(rf"slot {slot}, class")
    machine.console.wait(f"slot {OTHER[slot]} wasn't well three times")
    assert machine.back() == (slot, version)
    assert machine.grub()[f"{OTHER[slot]}_OK"] == "0"
    assert machine.lasting() == before


def test_an_update(machine, sounds):
    slot, _ = machine.release
    before = machine.lasting()
    machine.install("newer")
    assert machine.back() == (OTHER[slot], "newer")
    assert f"rauc.slot={OTHER[slot]} " in machine.say("cat /proc/cmdline")
    assert machine.lasting() == before
    call(machine, sounds)  # by the users and the configuration that there were


def test_a_flipped_bit_in_the_root_is_seen(machine):
    """In the time when the squashfs was made, which nothing but verity reads."""
    slot, version = machine.release
    part, at = f"root-{slot.lower()}", 8
    machine.disk.flip(part, at)
    machine.console.send("systemctl reboot\n")
    machine.console.wait(f"slot {slot}, class")
    machine.console.wait("dm-verity device corrupted")
    machine.disk.flip(part, at)
    assert machine.back() == (slot, version)


# --- the end ---

def test_a_factory_reset_leaves_no_trace(machine):
    slot, version = machine.release
    before, traces = machine.lasting(), machine.traces()
    others = machine.decoy.digest("data")
    machine.say("sync")
    assert machine.disk.holds("data", traces) == set(traces)
    machine.reset()
    machine.first_boot()
    assert machine.back() == (slot, version)
    machine.say("sync")
    assert machine.disk.holds("data", traces) == set()
    after = machine.lasting(check=False)
    assert json.loads(before["users"]) and not json.loads(after["users"])
    assert json.loads(before["records"]) and not json.loads(after["records"])
    assert "recording.folder isn't configured" in after["recordings"]
    assert ".sealed" in before["recorded"] and ".sealed" not in after["recorded"]
    for what in ("machine", "host keys", "configuration"):
        assert before[what] != after[what], what
    assert machine.decoy.digest("data") == others
