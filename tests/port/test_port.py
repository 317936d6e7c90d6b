# SPDX-License-Identifier: Apache-2.0
"""The dataplane as a process: what of it the kernel and its neighbours see.

No control is needed. B names the build folder. Needs root."""

import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from rig import PATIENCE, PROGRAM, ROOT, Rig, eventually, ip

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 3, 263, 8


def test_the_kernel_answers_on_the_gateways_addresses(rig):
    rig.up()
    links = rig.gateway.links()
    assert links["access0"]["address"] == "02:53:50:00:01:01"
    assert links["outside"]["address"] == "02:53:50:00:01:02"
    assert links["outside"]["mtu"] == 1400
    for host in "10.1.0.1", "fd00:1::1":
        assert rig.access.ping(host), host
    for host in "10.2.0.1", "fd00:2::1":
        assert rig.trunk.ping(host), host
    for host in "10.1.0.2", "fd00:1::2", "10.2.0.2", "fd00:2::2":
        assert rig.gateway.ping(host), host
    seen = json.loads(rig.access.ip("-json", "neigh", "show", "10.1.0.1"))
    assert seen[0]["lladdr"] == "02:53:50:00:01:01"


def test_frames_of_the_whole_mtu_pass(rig):
    rig.up()
    assert rig.access.ping("10.1.0.1", 1500 - 28)
    assert rig.access.ping("fd00:1::1", 1500 - 48)
    assert rig.gateway.ping("10.2.0.2", 1400 - 28)


def test_larger_ones_are_the_kernels_fragments(rig):
    rig.up()
    assert rig.access.ping("10.1.0.1", 4000)
    assert rig.gateway.ping("fd00:2::2", 4000)


def test_tcp_to_a_program_of_the_gateway(rig):
    rig.up()
    sent = os.urandom(1 << 20)
    heard = bytearray()
    for host in "10.1.0.1", "fd00:1::1":
        with rig.gateway.inside():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            server = socket.create_server((host, 5060), family=family)
        server.settimeout(PATIENCE)

        def listen():
            peer = server.accept()[0]
            peer.settimeout(PATIENCE)
            with peer:
                while octets := peer.recv(1 << 16):
                    heard.extend(octets)
                peer.sendall(b"heard")

        heard.clear()
        listener = threading.Thread(target=listen)
        listener.start()
        with rig.access.inside():
            client = socket.create_connection((host, 5060), PATIENCE)
        with client, server:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(5) == b"heard"
            listener.join()
        assert heard == sent


def test_vlan_tags_reach_the_kernel_as_they_are(rig):
    rig.up()
    with rig.gateway.inside():
        ours = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(ETH_P_ALL))
    with rig.access.inside():
        theirs = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    frame = bytes.fromhex("025350000101" "020000000002" "8100e007" "88b5")
    with ours, theirs:
        ours.bind(("access0", ETH_P_ALL))
        ours.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        ours.settimeout(PATIENCE)
        theirs.bind((rig.access.name, 0))
        theirs.send(frame + b"tagged".ljust(46, b"."))
        data = b""
        while b"tagged" not in data:
            data, aux, _, _ = ours.recvmsg(2048, 256)
        # The kernel cuts the tag out itself, and says what it was.
        tci, tpid = struct.unpack_from("HH", aux[0][2], 16)
        assert (tci, tpid) == (0xe007, 0x8100)
        assert rig.access.ping("10.1.0.1")


def test_no_device_of_the_branch_announces_routes(rig):
    rig.up()
    for port, trusted in ("access0", "0"), ("outside", "1"):
        for name in "accept_ra", "accept_redirects":
            assert rig.gateway.sysctl(f"net/ipv6/conf/{port}/{name}") == \
                trusted


def test_a_neighbours_new_mac_address_is_learned(rig):
    rig.up()
    assert rig.gateway.ping("10.1.0.2")
    rig.access.ip("link", "set", rig.access.name, "down")
    rig.access.ip("link", "set", rig.access.name, "address",
                  "02:00:00:00:00:77")
    rig.access.ip("link", "set", rig.access.name, "up")
    rig.gateway.ip("neigh", "flush", "dev", "access0")
    assert rig.gateway.ping("10.1.0.2")


def test_media_ports_are_reserved_meanwhile(rig):
    rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports", "80,20990-21005")
    rig.up()
    assert rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports") == \
        "80,20000-21005"
    rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports",
                       "80,443,20000-21005")
    assert rig.stop() == 0
    assert rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports") == \
        "80,443,20990-21005"


@pytest.mark.parametrize("now, meanwhile, afterwards", (
    ("20000-20999", "80,20000-21005", "80,20990-21005"),
    ("30000-30009", "80,20990-21005,30000-30009", "80,20990-21005"),
    # Another's note, whose namespace is not this one: nothing there is ours.
    (None, "80,20000-21005", "80,20000-21005"),
))
def test_what_a_killed_one_reserved_is_given_back(rig, now, meanwhile,
                                                  afterwards):
    ports = "net/ipv4/ip_local_reserved_ports"
    note = rig.folder / "dataplane.sock.reserved"
    rig.gateway.sysctl(ports, "80,20990-21005")
    rig.up()
    rig.stop(signal.SIGKILL)
    assert rig.gateway.sysctl(ports) == "80,20000-21005"
    for side in rig.access, rig.trunk:
        eventually(lambda s=side: s.name not in s.links(), "the TAP is gone")
    if now:
        rig.config.write_text(
            rig.config.read_text().replace("20000-20999", now))
    else:
        note.write_text("1" + note.read_text())
    rig.up()
    assert rig.gateway.sysctl(ports) == meanwhile
    assert rig.stop() == 0
    assert rig.gateway.sysctl(ports) == afterwards
    assert not note.exists()


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_nothing_is_left_behind(rig, number):
    before = set(rig.gateway.links())
    rig.up()
    assert stat.S_ISSOCK((rig.folder / "dataplane.sock").stat().st_mode)
    assert stat.S_IMODE((rig.folder / "dataplane.sock").stat().st_mode) == \
        0o660
    assert Path(f"/var/run/dpdk/{rig.tag}").is_dir()
    assert rig.stop(number) == 0
    assert set(rig.gateway.links()) == before
    assert set(rig.access.links()) == before
    assert not list(rig.folder.glob("dataplane.sock*"))
    assert not Path(f"/var/run/dpdk/{rig.tag}").exists()
    assert ip("netns", "pids", rig.gateway.name) == ""
    assert rig.log.read_text().endswith(": down, nothing left behind\n")


def test_it_starts_again_where_one_was_killed(rig):
    rig.up()
    rig.stop(signal.SIGKILL)
    for side in rig.access, rig.trunk:
        eventually(lambda s=side: s.name not in s.links(), "the TAP is gone")
    rig.up()
    assert rig.access.ping("10.1.0.1")
    assert rig.stop() == 0
    assert not Path(f"/var/run/dpdk/{rig.tag}").exists()


def test_a_client_that_takes_its_end_away(rig):
    rig.up()
    rig.access.delete()
    assert rig.trunk.ping("10.2.0.1")
    assert rig.stop() == 0


@pytest.mark.parametrize("lcores", ("0", "0,1"))
def test_without_hugepages(tmp_path, lcores):
    r = Rig(tmp_path, lcores, "never")
    try:
        r.up()
        assert r.access.ping("10.1.0.1")
        lines = r.log.read_text().splitlines()
        assert len(lines) == 1, lines
        assert "no hugepages" in lines[0]
        assert "1 worker" in lines[0]
        assert ("beside the main lcore" in lines[0]) == (lcores == "0")
        assert r.stop() == 0
    finally:
        r.close()


def test_one_processor_is_enough(rig):
    """The configuration names CPUs 0 and 1, this machine gives but one."""
    cpu = min(os.sched_getaffinity(0))
    mask = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        rig.up()
    finally:
        os.sched_setaffinity(0, mask)
    assert "beside the main lcore" in rig.log.read_text()
    assert rig.access.ping("10.1.0.1")
    assert rig.stop() == 0


def test_it_keeps_its_memory_to_itself(rig):
    rig.up(before=("setpriv", "--bounding-set", "-sys_ptrace"))
    pid = rig.process.pid
    limits = Path(f"/proc/{pid}/limits").read_text()
    line = next(x for x in limits.splitlines() if x.startswith("Max core"))
    assert line.split()[4:6] == ["0", "0"]

    # Whoever may not trace everything may not look into it. ("self" shows
    # that this can be asked.)
    look = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-c",
            f"open('/proc/self/mem', 'rb'); open('/proc/{pid}/mem', 'rb')"]
    said = subprocess.run(look, capture_output=True, text=True, check=False)
    assert said.stderr.endswith(
        f"Permission denied: '/proc/{pid}/mem'\n"), said.stderr
    assert rig.stop() == 0


def test_it_says_when_it_is_ready(rig):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = str(rig.folder / "notify")
    manager.bind(path)
    manager.settimeout(PATIENCE)
    rig.up(NOTIFY_SOCKET=path, WATCHDOG_USEC="5000000")
    assert manager.recv(64) == b"READY=1"
    assert manager.recv(64) == b"WATCHDOG=1"
    assert rig.stop() == 0
    while (said := manager.recv(64)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"
    manager.close()


def test_telemetry_answers(rig):
    rig.up()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(PATIENCE)
    with s:
        s.connect(f"/var/run/dpdk/{rig.tag}/dpdk_telemetry.v2")
        assert json.loads(s.recv(4096))["version"].startswith("DPDK")
        s.sendall(b"/ethdev/list")
        assert json.loads(s.recv(4096)) == {"/ethdev/list": [0, 1]}
    assert rig.stop() == 0


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_bad_configuration_gets_one_line(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(textwrap.dedent("""\
        dataplane:
          ports:
            - name: access0
              role: inside
        """))
    said = (f"sallyport-dataplane: {bad}, line 4: dataplane.ports[0].role: "
            'expected access or trunk, found "inside".\n')
    assert run("--config", bad) == (2, "", said)
    assert run("--check", "--config", bad) == (2, "", said)


def test_check_only_checks():
    example = ROOT / "scripts" / "sallyport.example.yaml"
    assert run("--check", "--config", example) == \
        (0, f"{example}: the dataplane section is right\n", "")


def test_arguments():
    assert run("--help")[0] == 0
    assert run("--help")[1].startswith("Usage: sallyport-dataplane")
    assert run("--version")[1].startswith("sallyport-dataplane ")
    assert run("--nonsense")[0] == 2
    assert run("extra")[0] == 2


@pytest.mark.parametrize("old, new, says", (
    ("net_tap1", "0000:ff:1f.7", "0000:ff:1f.7"),
    ("lcores: \"0,1\"", "lcores: \"0,1000\"", "CPU 1000 is not among the"),
    ("memory: 128\n  hugepages: auto",
     "memory: 1048576\n  hugepages: always", "1048576 are asked for"),
    ("companion: outside", "companion: lo", "companion lo: making the inter"),
    ("memory: 128", "memory: 128\n  group: no-such-group", "no-such-group"),
    ("{folder}/dataplane.sock", "/nowhere/dataplane.sock", "/nowhere"),
))
def test_what_cannot_be_had_is_named_and_undone(rig, old, new, says):
    old = old.format(folder=rig.folder)
    text = rig.config.read_text()
    assert old in text
    rig.config.write_text(text.replace(old, new))
    before = set(rig.gateway.links())
    rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports", "80")
    rig.start()
    assert rig.process.wait(PATIENCE) == 1
    assert says in rig.log.read_text(), rig.log.read_text()
    assert set(rig.gateway.links()) == before
    assert rig.gateway.sysctl("net/ipv4/ip_local_reserved_ports") == "80"
    assert not Path(f"/var/run/dpdk/{rig.tag}").exists()
