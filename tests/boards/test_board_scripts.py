# SPDX-License-Identifier: Apache-2.0
"""board-probe on machines made of files; board-config, whose output the
dataplane itself has to accept."""

import subprocess

import board_file
import pytest
import yaml


def probed(run, tree, *options):
    out = run("board-probe", "--root", tree.root, *options)
    assert out.returncode == 0, out.stderr
    board = board_file.parse(out.stdout)
    assert board_file.problems(board) == []
    return board, out.stdout


def accepted(program, text, tmp_path):
    config = tmp_path / "sallyport.yaml"
    config.write_text(text)
    return subprocess.run([program, "--config", config, "--check"],
                          capture_output=True, text=True, check=False)


def test_probe_finds_what_is_there(run, appliance):
    board, text = probed(run, appliance)
    assert board["id"] == "acme-inc-gate-4000"
    assert board["status"] == "untested"
    assert board["match"] == {"sys_vendor": ["Acme, Inc."],
                              "product_name": ["Gate 4000"]}
    assert board["cpu"] == {
        "model": "Test CPU", "cores": 4, "minimum": 4, "control_cores": 1,
        "dataplane_cores": 3, "flags": ["aes", "pclmulqdq", "sse4_2"]}
    assert board["boot_class"] == "control-1"
    assert board["memory"] == {"minimum_mib": 4096}
    assert board["console"] == {"device": "ttyS1", "baud": 115200}
    assert board["iommu"] == "intel"
    assert board["watchdog"] == {"driver": "iTCO_wdt"}
    assert board["tpm"] == "2.0"
    assert board["sensors"] == ["coretemp"]
    assert board["leds"] == [{"name": "gate:green:status"}]
    assert "the roles are a guess" in text


def test_probe_finds_the_ports(run, appliance):
    board, _ = probed(run, appliance)
    assert board["ports"] == [
        {"label": "eno1", "role": "management",
         "pci": "0000:00:0b.0/0000:02:00.0", "id": "8086:1521",
         "driver": "igb", "queues": 8},
        {"label": "eno2", "role": "access",
         "pci": "0000:00:0b.0/0000:02:00.1", "id": "8086:1521",
         "driver": "igb", "queues": 8},
        # Taken by vfio-pci: nobody knows its name or driver any more.
        {"label": "port2", "role": "trunk",
         "pci": "0000:00:16.0/0000:05:00.0", "id": "8086:15c4"},
        {"label": "sfp1", "role": "access",
         "pci": "0000:00:16.0/0000:05:00.1", "id": "8086:15c4",
         "driver": "ixgbe", "queues": 64}]


def test_probe_then_config_then_the_dataplane(run, appliance, program,
                                              tmp_path):
    board, text = probed(run, appliance)
    path = tmp_path / "board.yaml"
    path.write_text(text)
    out = run("board-config", path)
    assert out.returncode == 0, out.stderr
    section = yaml.safe_load(out.stdout)["dataplane"]
    assert section["lcores"] == "0,1-3"
    assert section["memory"] == 1024
    assert [p["device"] for p in section["ports"]] == [
        "0000:02:00.1", "0000:05:00.0", "0000:05:00.1"]
    said = accepted(program, out.stdout, tmp_path)
    assert said.returncode == 0, said.stderr
    assert board["ports"][0]["role"] == "management"


def test_probe_takes_another_id(run, appliance):
    assert probed(run, appliance, "--id", "my-box")[0]["id"] == "my-box"
    out = run("board-probe", "--root", appliance.root, "--id", "My Box")
    assert out.returncode == 1
    assert "'My Box' does not match" in out.stderr


def test_probe_falls_back_to_the_board_s_names(run, tree):
    tree.dmi(sys_vendor="Default string", product_name="Default string",
             board_vendor="DFI Inc.", board_name="ADN553")
    tree.cpus(4)
    board, _ = probed(run, tree)
    assert board["id"] == "dfi-inc-adn553"
    assert board["match"] == {"board_vendor": ["DFI Inc."],
                              "board_name": ["ADN553"]}


def test_probe_refuses_placeholders(run, tree):
    tree.dmi(sys_vendor="To Be Filled By O.E.M.", product_name="Gate",
             board_vendor="Default string", board_name="Default string")
    tree.cpus(2)
    board, text = probed(run, tree)
    assert "match" not in board
    assert board["id"] == "unknown-machine"
    assert "DMI has no name for it" in text


def test_probe_of_a_machine_that_says_nothing(run, tree):
    board, text = probed(run, tree)
    assert board["ports"] == []
    assert "cores" not in board["cpu"]
    assert "one core" in text and "no IOMMU is on" in text


def test_probe_tells_of_a_cpu_without_aes(run, tree):
    tree.cpus(2, flags="sse4_2")
    board, text = probed(run, tree)
    assert "lacks aes, pclmulqdq" in text
    assert "aes" in board["cpu"]["flags"]


@pytest.mark.parametrize("cores,control,workers", [
    (2, 1, 1), (4, 1, 3), (6, 2, 4), (8, 2, 6), (16, 4, 12), (96, 4, 64)])
def test_probe_divides_the_cores(run, tree, cores, control, workers):
    tree.cpus(cores)
    cpu = probed(run, tree)[0]["cpu"]
    assert (cpu["control_cores"], cpu["dataplane_cores"]) == (control, workers)


def test_probe_leaves_a_ninth_carrying_port_to_the_kernel(run, tree):
    tree.cpus(4)
    for i in range(10):
        tree.nic(f"0000:00:{i + 2:02x}.0", "1af4:1041", "virtio-pci", f"e{i}",
                 1, below="virtio0/")
    board, _ = probed(run, tree)
    roles = [p["role"] for p in board["ports"]]
    assert roles == ["access", "trunk"] * 4 + ["management"] * 2
    assert {p["medium"] for p in board["ports"]} == {"virtual"}
    assert board["ports"][0]["label"] == "e0"


def test_probe_of_one_port_has_no_layout(run, tree):
    tree.cpus(2)
    tree.nic("0000:00:03.0", "8086:1521", "igb", "eth0")
    board, text = probed(run, tree)
    assert board["ports"] == []
    assert "eth0 at 0000:00:03.0 (8086:1521) is left out" in text


def test_probe_of_this_machine(run):
    out = run("board-probe")
    assert out.returncode == 0, out.stderr
    assert board_file.problems(board_file.parse(out.stdout)) == []


def carrying_with_paths():
    for path in board_file.all_files():
        ports = board_file.carrying(board_file.load(path))
        if ports and all("pci" in p for p in ports):
            yield path.parent.name


@pytest.mark.parametrize("name", carrying_with_paths())
def test_config_of_a_board_is_accepted(run, program, tmp_path, name):
    out = run("board-config", name)
    assert out.returncode == 0, out.stderr
    said = accepted(program, out.stdout, tmp_path)
    assert said.returncode == 0, said.stderr
    board = board_file.load(board_file.find(name))
    section = yaml.safe_load(out.stdout)["dataplane"]
    assert [p["device"] for p in section["ports"]] == [
        p["pci"][-12:] for p in board_file.carrying(board)]


def test_there_are_boards_to_configure():
    assert {"qemu-q35", "dell-edge-6x0"} <= set(carrying_with_paths())


def test_the_dataplane_looks_at_it(run, program, tmp_path):
    text = run("board-config", "qemu-q35").stdout
    said = accepted(program, text.replace("role: trunk", "role: management"),
                    tmp_path)
    assert said.returncode != 0
    assert "access or trunk" in said.stderr + said.stdout


def test_config_takes_addresses(run, program, tmp_path):
    out = run("board-config", "qemu-q35", "--address", "trunk0=2001:db8::1/64",
              "--address", "access0=10.1.0.1/24")
    ports = yaml.safe_load(out.stdout)["dataplane"]["ports"]
    assert [p["addresses"] for p in ports] == [["10.1.0.1/24"],
                                               ["2001:db8::1/64"]]
    assert "an example" not in out.stdout
    assert accepted(program, out.stdout, tmp_path).returncode == 0


@pytest.mark.parametrize("arguments,told", [
    (["nosuch"], "no board nosuch"),
    (["generic-x86"], "no access and no trunk port"),
    (["pcengines-apu4"], "PCI paths of LAN1, LAN2, LAN3 are not known"),
    (["qemu-q35", "--address", "mgmt0=10.0.0.1/24"], "no access or trunk port"),
    (["qemu-q35", "--address", "trunk0=10.0.0.1"], "LABEL=ADDRESS/PREFIX"),
])
def test_config_says_what_is_wrong(run, arguments, told):
    out = run("board-config", *arguments)
    assert out.returncode != 0
    assert out.stdout == ""
    assert told in out.stderr
