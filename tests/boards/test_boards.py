# SPDX-License-Identifier: Apache-2.0
"""Every board file, and what a wrong one is told."""

import copy
import re

import board_file
import pytest

FILES = board_file.all_files()
IDS = [p.parent.name for p in FILES]

GOOD = """\
schema: 1
id: acme-gate
name: Acme Gate
status: untested
match: {sys_vendor: ["Acme"], product_name: ["Gate"]}
boot_class: control-1
cpu: {cores: 4, minimum: 3, control_cores: 1, dataplane_cores: 2, flags: [aes]}
memory: {minimum_mib: 2048}
hugepages: {size_kib: 2048, count: 256}
ports:
  - {label: a, role: access, pci: "0000:02:00.0", id: "8086:1521"}
  - {label: t, role: trunk, pci: "0000:02:00.1", id: "8086:1521"}
  - {label: m, role: management}
update: {compatible: sallyport-x86-64}
"""


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_board_is_right(path):
    board = board_file.load(path)
    assert board_file.problems(board) == []
    assert board["id"] == path.parent.name


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_board_has_a_readme(path):
    text = (path.parent / "README.md").read_text()
    assert path.parent.name in text
    if path.parent.name not in ("generic-x86", "qemu-q35"):
        assert "| fact | source |" in text
        assert "Not known" in text or "isn't known" in text
    for port in board_file.load(path)["ports"]:
        assert port["label"] in text


def test_there_are_boards():
    assert {"generic-x86", "qemu-q35"} <= set(IDS)
    assert len(IDS) >= 6


def test_boards_differ():
    boards = {p.parent.name: board_file.load(p) for p in FILES}
    assert list(board_file.problems_together(boards)) == []


def test_every_board_of_the_index_and_no_other():
    text = (board_file.BOARDS / "README.md").read_text()
    assert sorted(re.findall(r"^\| \[`([a-z0-9-]+)`\]", text, re.M)) == IDS


def good():
    return board_file.parse(GOOD)


def test_the_pattern_of_the_cases_below_is_right():
    assert board_file.problems(good()) == []


def changed(path, value):
    board = copy.deepcopy(good())
    at = board
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return board


WRONG = [
    (("schema",), 2, "schema: 1 was expected"),
    (("status",), "works", "'works' is not one of"),
    (("color",), "red", "'color' was unexpected"),
    (("cpu",), None, "'cpu' is a required property"),
    (("cpu", "flags"), [], "cpu.flags"),
    (("cpu", "minimum"), 4, "1 control and 2 dataplane cores are 3, not the "
                            "minimum of 4"),
    (("cpu", "cores"), 2, "3 cores are used and there are 2"),
    (("cpu", "dataplane_cores"), 0, "0 is less than the minimum of 1"),
    (("boot_class",), "control-2", "does not leave 1 cores to control"),
    (("hugepages", "count"), 700, "1400 MiB are more than half"),
    (("hugepages", "count"), 20, "40 MiB; the dataplane needs at least 64"),
    (("ports", 1, "pci"), "0000:02:00.0", "pci 0000:02:00.0 is given twice"),
    (("ports", 1, "label"), "a", "label a is given twice"),
    (("ports", 1, "label"), "sixteen-letters-", "ports.1.label"),
    (("ports", 1, "role"), "access", "none has the role trunk"),
    (("ports", 0, "role"), "management", "none has the role access"),
    (("ports", 0, "role"), "uplink", "'uplink' is not one of"),
    (("ports", 0, "pci"), "02:00.0", "ports.0.pci"),
    (("ports", 0, "pci"), 7200.0, "is not of type 'string'"),
    (("ports", 0, "id"), "8086:15C4", "ports.0.id"),
    (("match",), {"sys_vendor": ["Acme"]}, "match"),
    (("match",), {"fallback": False}, "match"),
    (("match", "sys_vendor"), [], "match"),
    (("status",), "supported", "'console' is a required property"),
    (("status",), "lab", "'driver' is a required property"),
]


@pytest.mark.parametrize("path,value,told", WRONG,
                         ids=[".".join(map(str, p)) + f"={v}"
                              for p, v, _ in WRONG])
def test_what_is_wrong_is_told(path, value, told):
    wrong = board_file.problems(changed(path, value))
    assert any(told in sentence for sentence in wrong), wrong


@pytest.mark.parametrize("name", [
    "To Be Filled By O.E.M.", "to be filled by o.e.m.",
    "To be filled by O.E.M. X", "Default string", "System manufacturer",
    "System Product Name", "Not Specified", "Not Applicable", "O.E.M.",
    "OEM", "Unknown", "None", "N/A", "0123456789", "  ", "Type1ProductConfigId",
])
def test_a_placeholder_is_refused(name):
    for field in ("sys_vendor", "product_name"):
        wrong = board_file.problems(changed(("match", field), [name]))
        assert len(wrong) == 1
        assert "would match strangers" in wrong[0]


@pytest.mark.parametrize("name", [
    "Dell EMC", "Edge620", "PC Engines", "apu4", "Unknown Worlds Ltd",
    "Standard PC (Q35 + ICH9, 2009)", "Xena", "80500-0214-G", "Naya"])
def test_a_name_is_no_placeholder(name):
    assert not board_file.is_placeholder(name)


def test_nine_ports_are_too_many():
    board = good()
    board["ports"] += [{"label": f"x{i}", "role": "access"} for i in range(7)]
    assert board_file.problems(board) == [
        "ports: 9 access and trunk ports; the dataplane takes 8"]


def test_a_key_given_twice():
    with pytest.raises(board_file.BoardError, match="line 15: .*given twice"):
        board_file.parse(GOOD + "status: lab\n")


def test_an_address_without_quotes_is_a_number_to_yaml():
    board = board_file.parse(GOOD.replace('"0000:02:00.0"', "0000:02:00.0"))
    assert any("not of type 'string'" in w
               for w in board_file.problems(board))


def test_two_boards_of_one_machine():
    one, other = good(), good()
    other["match"]["product_name"] = ["Wall", "GATE"]
    told = list(board_file.problems_together({"one": one, "other": other}))
    assert told == ["one and other match the same machine"]
    other["match"]["product_name"] = ["Wall"]
    assert not list(board_file.problems_together({"one": one, "other": other}))


def test_two_fallbacks():
    boards = {n: {"match": {"fallback": True}} for n in ("one", "other")}
    assert list(board_file.problems_together(boards)) == [
        "one and other are both the fallback"]


def test_a_machine_is_recognised():
    dmi = {"sys_vendor": "ACME", "product_name": "gate ", "board_name": "x"}
    assert board_file.matches(good(), dmi)
    assert not board_file.matches(good(), dmi | {"product_name": "Gate 2"})
    assert not board_file.matches({"match": {"fallback": True}}, dmi)
    qemu = board_file.load(board_file.find("qemu-q35"))
    assert board_file.matches(qemu, {
        "sys_vendor": "QEMU", "product_name": "Standard PC (Q35 + ICH9, 2009)"})
