# SPDX-License-Identifier: Apache-2.0
"""The parts of the image and of its boot that need neither root nor a machine:
which board, which boot class, what GRUB is told, the bill of materials, the
Secure Boot variables."""

import json
import re
import struct
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "firmware" / "image"
BOARDS = {p.parent.name: yaml.safe_load(p.read_text("utf-8"))
          for p in sorted((ROOT / "boards").glob("*/board.yaml"))}


def run(*words, **kw):
    return subprocess.run([str(w) for w in words], text=True,
                          capture_output=True, **kw)


def machine(root, vendor, product, ports=()):
    dmi = root / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "sys_vendor").write_text(vendor + "\n")
    (dmi / "product_name").write_text(product + "\n")
    for at, ident in ports:
        device = root / "sys/bus/pci/devices" / at
        device.mkdir(parents=True)
        for name, value in zip(("vendor", "device"), ident.split(":")):
            (device / name).write_text(f"0x{value}\n")


def look(root):
    return run("/usr/bin/python3", ROOT / "firmware/boot/sallyport-board",
               "--look", "--root", root, "--boards", ROOT / "boards")


Q35 = ("QEMU", "Standard PC (Q35 + ICH9, 2009)")
Q35_PORTS = [(f"0000:00:0{n}.0", "1af4:1041") for n in (3, 4, 5)]


def test_a_board_is_known_by_its_names(tmp_path):
    machine(tmp_path, *Q35, Q35_PORTS)
    done = look(tmp_path)
    assert done.returncode == 0 and "(qemu-q35, " in done.stdout, done


def test_another_machine_is_the_fallback(tmp_path):
    machine(tmp_path, "Nobody", "To Be Filled By O.E.M.")
    done = look(tmp_path)
    assert done.returncode == 0 and "(generic-x86, " in done.stdout, done


@pytest.mark.parametrize("ports,word", [
    (Q35_PORTS[:2], "trunk0: nothing at 0000:00:05.0"),
    (Q35_PORTS[:2] + [("0000:00:05.0", "8086:10d3")],
     "trunk0: 8086:10d3 at 0000:00:05.0, not 1af4:1041")])
def test_a_port_that_is_not_as_the_file_says(tmp_path, ports, word):
    machine(tmp_path, *Q35, ports)
    done = look(tmp_path)
    assert done.returncode == 1 and word in done.stdout


def test_control_is_told(tmp_path):
    machine(tmp_path, *Q35, Q35_PORTS[:2])
    told = tmp_path / "run" / "board.json"
    run("/usr/bin/python3", ROOT / "firmware/boot/sallyport-board", "--look",
        "--root", tmp_path, "--boards", ROOT / "boards", "--told", told)
    assert json.loads(told.read_text()) == {
        "id": "qemu-q35", "name": "QEMU q35",
        "status": BOARDS["qemu-q35"]["status"],
        "problems": ["trunk0: nothing at 0000:00:05.0"]}


def grub(board):
    done = run(IMAGE / "grub-classes", ROOT / "boards", board,
               input=(IMAGE / "grub.cfg").read_text())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_boards_image_has_its_class():
    text = grub("qemu-q35")
    assert 'set class="control-1"' in text and "smbios" not in text


def test_the_fallbacks_image_asks_for_the_machine():
    text = grub("generic-x86")
    for name, board in BOARDS.items():
        for product in board.get("match", {}).get("product_name", ()):
            at = text.index(f"'{product}'")
            chosen = re.search(r'set class="([^"]+)"', text[at:])[1]
            assert chosen == board["boot_class"], name


def test_grub_reads_nothing_else_from_the_disk():
    """Its environment, of that the named variables, and signed kernels."""
    text = (IMAGE / "grub.cfg").read_text()
    assert "set check_signatures=enforce" in text
    loads = re.findall(r"^load_env .*$", text, re.M)
    assert loads == ['load_env --skip-sig --file "($env)/grubenv" '
                     "ORDER A_OK B_OK A_TRY B_TRY"]
    for command in ("configfile", "source", "linux ", "initrd ", "normal"):
        assert not re.search(rf"^\s*{command}", text, re.M), command


def test_every_boot_class_is_there():
    classes = dict(line.split(" ", 1) for line in
                   (IMAGE / "classes").read_text().splitlines()
                   if line and not line.startswith("#"))
    for name, board in BOARDS.items():
        said = classes[board["boot_class"]]
        cores = int(board["boot_class"].rpartition("-")[2])
        assert f"isolcpus=managed_irq,domain,{cores}-N" in said, name


# Where DPDK's driver has another name than the kernel's.
DPDK_NAMES = {"igb": "e1000", "e1000e": "e1000", "virtio-pci": "virtio"}


@pytest.mark.parametrize("name", BOARDS)
def test_the_image_has_the_drivers_of_a_boards_ports(name):
    packages = (IMAGE / "packages").read_text().split()
    for port in BOARDS[name]["ports"]:
        if port["role"] in ("access", "trunk") and "driver" in port:
            driver = DPDK_NAMES.get(port["driver"], port["driver"])
            assert any(re.fullmatch(rf"librte-net-{driver}-?23", package)
                       for package in packages), port["driver"]


def test_values_for_shells():
    board = ROOT / "boards/qemu-q35/board.yaml"
    for name, value in (("update.compatible", "sallyport-qemu-q35"),
                        ("console.device", "ttyS0"), ("match", "some"),
                        ("nothing.there", "none"),
                        ("kernel_options", "no_timer_check")):
        done = run(IMAGE / "board-value", board, name)
        assert done.stdout.strip() == value, name


def test_the_bill_names_every_package(tmp_path):
    (tmp_path / "packages.txt").write_text(
        "bash 5.2.15-2+b2 bash 5.2.15-2\n"
        "libc6:amd64 2.36-9+deb12u10 glibc 2.36-9+deb12u10\n")
    done = run(IMAGE / "sbom", tmp_path / "packages.txt", "1.0", "1700000000")
    bill = json.loads(done.stdout)
    assert bill["spdxVersion"] == "SPDX-2.3"
    assert bill["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    assert [p["name"] for p in bill["packages"]] == ["sallyport", "bash",
                                                     "libc6"]
    assert bill["packages"][2]["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12")
    again = run(IMAGE / "sbom", tmp_path / "packages.txt", "1.0", "1700000000")
    assert again.stdout == done.stdout


def variables(store):
    """Of edk2's authenticated store, read independently of what wrote it."""
    at = store.index(bytes.fromhex("782cf3aa7b949a43a1802e144ec37792")) + 28
    found = {}
    while store[at:at + 2] == b"\xaa\x55":
        state, attributes = store[at + 2], struct.unpack_from(
            "<I", store, at + 4)[0]
        name, data = struct.unpack_from("<II", store, at + 36)
        at += 60
        text = store[at:at + name].decode("utf-16-le").rstrip("\0")
        found[text] = (state, attributes, store[at + name:at + name + data])
        at += name + data + -(name + data) % 4
    return found


def test_secure_boots_keys_are_where_the_firmware_looks(tmp_path):
    store = bytearray(b"\xff" * 0x20000)
    store[0x30:0x32] = (0x48).to_bytes(2, "little")
    store[0x48:0x48 + 28] = bytes.fromhex(
        "782cf3aa7b949a43a1802e144ec37792") + struct.pack(
            "<IBBHI", 0x1ffb8 - 0x48, 0x5a, 0xfe, 0, 0)
    (tmp_path / "vars").write_bytes(store)
    certs = {}
    for name in ("pk", "kek", "db"):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", tmp_path / "key", "-out", tmp_path / name, check=True)
        certs[name] = subprocess.run(
            ["openssl", "x509", "-in", tmp_path / name, "-outform", "DER"],
            capture_output=True, check=True).stdout
    done = run(IMAGE / "ovmf-enroll", tmp_path / "vars", tmp_path / "out",
               "--pk", tmp_path / "pk", "--kek", tmp_path / "kek", "--db",
               tmp_path / "db")
    assert done.returncode == 0, done.stderr
    found = variables((tmp_path / "out").read_bytes())
    assert list(found) == ["PK", "KEK", "db"]
    for name, (state, attributes, data) in found.items():
        assert (state, attributes) == (0x3f, 0x27)
        size, header, signature = struct.unpack_from("<III", data, 16)
        assert (size, header) == (len(data), 0)
        assert data[28 + 16:28 + signature] == certs[name.lower()]
