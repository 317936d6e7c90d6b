# SPDX-License-Identifier: Apache-2.0
"""What make install lays out for systemd, udev and nftables, looked at without
running it; and each program run by hand with a unit's privileges alone."""

import json
import os
import re
import resource
import socket
from pathlib import Path

import pytest
import yaml

from conftest import BUILD, ROOT
from lab.process import Process, inside, run, wait_until

UNITS = ("sallyport-dataplane", "sallyport-control", "sallyport-media")
SCORE = 3.0  # systemd's exposure, 0 to 10; none needs an exception
CONFINED = 0.5  # of the one that parses what codecs parse
LIB = "usr/local/lib"
DOC = "usr/local/share/doc/sallyport"


def unit_file(stage, unit):
    return stage / LIB / "systemd/system" / f"{unit}.service"


def settings(path):
    """Section, name and value of each line of a unit file."""
    section = None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            yield (section, *line.split("=", 1))


def test_install_lays_out(stage):
    for path in (f"{LIB}/systemd/system/sallyport-dataplane.service",
                 f"{LIB}/systemd/system/sallyport-control.service",
                 f"{LIB}/systemd/system/sallyport-media.service",
                 f"{LIB}/sysusers.d/sallyport.conf",
                 f"{LIB}/tmpfiles.d/sallyport.conf",
                 f"{LIB}/udev/rules.d/60-sallyport-vfio.rules",
                 f"{LIB}/systemd/network/60-sallyport-companions.link",
                 f"{DOC}/examples/companions.nft",
                 f"{DOC}/examples/hugepages.conf"):
        assert (stage / path).stat().st_mode & 0o777 == 0o644, path


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_the_unit(stage, unit):
    """In a root of its own, so that what it names must be there."""
    done = run("systemd-analyze", "verify", "--man=no", f"--root={stage}",
               "--recursive-errors=no", f"{unit}.service", check=False)
    wrong = [line for line in (done.stdout + done.stderr).splitlines()
             if unit in line]
    assert done.returncode == 0 and not wrong, wrong
    assert "@" not in "".join(v for _, _, v in settings(unit_file(stage, unit))
                              if v.startswith(("/", "file:")))


@pytest.mark.parametrize("unit", UNITS)
def test_security_score(stage, unit):
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager",
               unit_file(stage, unit), check=False).stdout
    score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)",
                            said)[1])
    print(f"{unit}: {score}")
    assert score < (CONFINED if unit == "sallyport-media" else SCORE), said


@pytest.mark.parametrize("unit", UNITS)
def test_a_crash_takes_nothing_with_it(stage, unit):
    lines = list(settings(unit_file(stage, unit)))
    names = {name for _, name, _ in lines}
    assert not names & {"Requires", "BindsTo", "PartOf", "Requisite",
                        "PropagatesStopTo", "Conflicts"}
    assert ("Service", "Restart", "always") in lines
    assert ("Unit", "StartLimitIntervalSec", "0") in lines


def test_control_comes_after_the_dataplane(stage):
    lines = list(settings(unit_file(stage, "sallyport-control")))
    for name in ("Wants", "After"):
        assert ("Unit", name, "sallyport-dataplane.service") in lines


@pytest.mark.parametrize("unit", UNITS)
def test_each_group_of_lines_has_its_reason(unit):
    """A blank line or a comment starts a group; privileges need a comment."""
    granted = ("CapabilityBoundingSet", "AmbientCapabilities", "DeviceAllow",
               "ReadWritePaths", "SupplementaryGroups", "LimitMEMLOCK",
               "RestrictAddressFamilies", "MemoryDenyWriteExecute")
    reason = False
    for line in (ROOT / "firmware/units" / f"{unit}.service"
                 ).read_text().splitlines():
        if line.startswith("#"):
            reason = not line.startswith("# ---")
        elif not line:
            reason = False
        elif line.split("=")[0] in granted and line.split("=")[1]:
            assert reason, line


def test_hugepages_are_what_the_dataplane_asks_for():
    pages = re.search(r"^vm.nr_hugepages = (\d+)$",
                      (ROOT / "firmware/units/hugepages.conf").read_text(),
                      re.M)
    source = (ROOT / "dataplane/app/config.c").read_text()
    assert int(pages[1]) * 2 == int(re.search(r"DEFAULT_MEMORY\s+(\d+)",
                                              source)[1])


# --- the firewall ---

@pytest.fixture
def companion(stage):
    """A namespace whose access0 leads to another, with the example loaded."""
    tag = f"spu{os.getpid() % 100000}"
    names = (f"{tag}g", f"{tag}p")
    made = []
    try:
        for name in names:
            run("ip", "netns", "add", name)
            made.append(name)
        run("ip", "-n", names[0], "link", "add", "access0", "type", "veth",
            "peer", "name", "phone", "netns", names[1])
        for name, link, address in ((names[0], "access0", "10.1.0.1/24"),
                                    (names[1], "phone", "10.1.0.10/24")):
            run("ip", "-n", name, "addr", "add", address, "dev", link)
            run("ip", "-n", name, "link", "set", link, "up")
        run("ip", "netns", "exec", names[0], "nft", "-f",
            stage / DOC / "examples/companions.nft")
        yield names
    finally:
        for name in made:
            run("ip", "netns", "delete", name, check=False)


def reaches(companion, kind, port, source="10.1.0.10"):
    """Does what is sent to the gateway's port arrive there?"""
    gateway, phone = companion
    with inside(gateway):
        server = socket.socket(socket.AF_INET, kind)
    with inside(phone):
        client = socket.socket(socket.AF_INET, kind)
    with server, client:
        server.bind(("10.1.0.1", port))
        client.bind((source, 0))
        client.settimeout(1)
        server.settimeout(1)
        try:
            if kind == socket.SOCK_STREAM:
                server.listen()
                client.connect(("10.1.0.1", port))
                return True
            client.sendto(b"x", ("10.1.0.1", port))
            return server.recv(9) == b"x"
        except TimeoutError:
            return False


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_sip_and_nothing_else_reaches_a_companion(companion, kind):
    assert reaches(companion, kind, 5060)
    for port in (22, 80, 443, 5061, 20000):
        assert not reaches(companion, kind, port), port


def test_a_stranger_s_address_does_not_reach_it(companion):
    run("ip", "-n", companion[1], "addr", "add", "10.9.0.9/32", "dev", "phone")
    assert not reaches(companion, socket.SOCK_DGRAM, 5060, "10.9.0.9")


def test_without_the_firewall_all_of_it_does(companion):
    """That the tests above would see a hole."""
    run("ip", "netns", "exec", companion[0], "nft", "delete", "table", "inet",
        "sallyport")
    assert reaches(companion, socket.SOCK_DGRAM, 22)
    assert reaches(companion, socket.SOCK_STREAM, 443)


def test_a_companion_answers_pings(companion):
    assert run("ip", "netns", "exec", companion[1], "ping", "-c1", "-W2",
               "10.1.0.1", check=False).returncode == 0


def test_the_example_goes_with_the_example():
    """Ports, names and networks of companions.nft are those of
    sallyport.example.yaml."""
    config = yaml.safe_load(
        (ROOT / "scripts/sallyport.example.yaml").read_text())
    text = (ROOT / "firmware/units/companions.nft").read_text()
    named = re.search(r"define companions = \{ (.*?) \}", text)[1].split(", ")
    assert named == [p.get("companion", p["name"])
                     for p in config["dataplane"]["ports"]]
    listened = {e.rsplit(":", 1)[1] for e in config["control"]["sip"]["listen"]}
    assert listened == {re.search(r"define sip\s+= (\d+)", text)[1]}


# --- by hand ---

def bare(capabilities):
    """What runs a program as nobody, with these capabilities and no others."""
    wanted = ",".join(f"+{c}" for c in capabilities)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            "--no-new-privs",
            f"--bounding-set=-all{',' + wanted if wanted else ''}",
            f"--inh-caps=-all{',' + wanted if wanted else ''}",
            f"--ambient-caps=-all{',' + wanted if wanted else ''}"]


def lock_much():
    """As LimitMEMLOCK= of the units, as far as this machine lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in (resource.RLIM_INFINITY, hard):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
            return
        except (ValueError, PermissionError):
            pass


@pytest.fixture
def place():
    """A folder of nobody's, a configuration in it, and a namespace."""
    name = f"spb{os.getpid() % 100000}"
    config = yaml.safe_load(
        (ROOT / "scripts/sallyport.example.yaml").read_text())
    cpus = sorted(os.sched_getaffinity(0))
    folder = Path("/tmp") / f"sallyport-units-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    config["dataplane"].update(
        socket=f"{folder}/dataplane.sock", divert=f"{folder}/divert.sock",
        memory=128, transports=100,
        lcores=",".join(map(str, (cpus * 2)[:2])), file_prefix=name)
    config["control"].update(
        dataplane=f"{folder}/dataplane.sock", api=f"{folder}/control.sock",
        database=f"{folder}/sallyport.db",
        media={"socket": f"{folder}/media.sock"})
    path = folder / "sallyport.yaml"
    path.write_text(yaml.safe_dump(config))
    os.environ["RUNTIME_DIRECTORY"] = str(folder)
    lock_much()
    # Where nobody may go: the build folder need not be one.
    for program in UNITS:
        run("install", "-m", "755", BUILD / "bin" / program, folder)
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    started = []
    try:
        yield name, folder, started
    finally:
        del os.environ["RUNTIME_DIRECTORY"]
        for process in reversed(started):
            process.stop()
        run("ip", "netns", "delete", name, check=False)
        run("rm", "-rf", folder)


def start(place, program, capabilities):
    name, folder, started = place
    process = Process(program, [*bare(capabilities), folder / program, "-c",
                                folder / "sallyport.yaml"], name,
                      folder / f"{program}.log")
    started.append(process)
    return process, folder / f"{program}.log"


def test_the_capabilities_are_enough(place):
    _, folder, _ = place
    _, log = start(place, "sallyport-dataplane", ["net_admin"])
    wait_until("the dataplane", 30, lambda: " up: " in log.read_text())
    _, log = start(place, "sallyport-control", [])
    wait_until("control", 15, lambda: "is ready" in log.read_text())
    ports = wait_until("ports", 10, lambda: run(
        BUILD / "bin/sallyctl", "--socket", folder / "control.sock", "ports",
        "--json", check=False).stdout)
    assert {p["name"] for p in json.loads(ports)} == {"access0", "trunk0"}
    for line in (folder / "sallyport-dataplane.log").read_text().splitlines():
        assert "ermi" not in line, line


def test_the_dataplane_needs_its_capability(place):
    process, log = start(place, "sallyport-dataplane", [])
    wait_until("it to give up", 30, lambda: not process.running())
    assert "Operation not permitted" in log.read_text()
