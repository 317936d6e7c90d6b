# SPDX-License-Identifier: Apache-2.0
"""Board files: read, and checked against boards/schema.json and against what a
schema cannot say. board-probe, board-config and the tests share it.

problems() returns sentences, one for each thing that is wrong; none: good."""

import fnmatch
import json
import re
import sys
from pathlib import Path

try:
    import jsonschema
    import yaml
except ModuleNotFoundError as missing:
    sys.exit(f"board files are read with {missing.name}: "
             "apt-get install python3-jsonschema python3-yaml")

_TREE = Path(__file__).resolve().parents[1] / "boards"
# On an appliance, where the image has them.
BOARDS = _TREE if _TREE.exists() else Path("/usr/share/sallyport/boards")
SCHEMA = BOARDS / "schema.json"

DATAPLANE_PORTS = 8  # PORT_MAX of dataplane/port/port.h
CARRYING = ("access", "trunk")  # the roles that the dataplane takes

# What makers leave in DMI where a name should be; shell patterns, on the name
# as plain() gives it.
PLACEHOLDERS = (
    "to-be-filled-by-o-e-m*", "default-string*", "system-manufacturer",
    "system-product-name", "system-name", "base-board-*", "o-e-m*", "oem*",
    "not-applicable", "not-specified", "not-available", "none", "n-a", "na",
    "unknown", "undefined", "empty", "invalid", "type1*", "type2*",
    "*-type-1-*", "0123456789", "123456789", "x", "")


class BoardError(Exception):
    """Something is wrong with a board file; one sentence."""


def plain(name):
    """A DMI name without what firmware releases change: case, punctuation."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def is_placeholder(name):
    return any(fnmatch.fnmatchcase(plain(name), p) for p in PLACEHOLDERS)


class _Loader(yaml.SafeLoader):
    """Refuses a key given twice, where YAML would take the last."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise BoardError(f"line {key.start_mark.line + 1}: "
                                 f"{name} is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def parse(text):
    try:
        # A SafeLoader with one more check.
        board = yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise BoardError(f"not YAML: {error}") from error
    if not isinstance(board, dict):
        raise BoardError("not a mapping")
    return board


def load(path):
    """@return the board of a file, unchecked."""
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, BoardError) as error:
        raise BoardError(f"{path}: {error}") from error


def find(name):
    """A board by its id, or by the path of its file."""
    path = Path(name)
    if path.is_file():
        return path
    path = BOARDS / name / "board.yaml"
    if not path.is_file():
        known = ", ".join(p.parent.name for p in all_files())
        raise BoardError(f"no board {name}: a file, or one of {known}")
    return path


def all_files():
    return sorted(BOARDS.glob("*/board.yaml"))


def address(port):
    """The last step of a PCI path: what DPDK and lspci call the port."""
    return port["pci"].rsplit("/", 1)[-1]


def carrying(board):
    """The ports that are the dataplane's; the others are the kernel's."""
    return [p for p in board["ports"] if p["role"] in CARRYING]


def problems(board):
    """What is wrong with one board; the schema's complaints first, and alone,
    since the rest relies on them."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    wrong = [f"{'.'.join(map(str, e.absolute_path)) or 'the board'}: "
             f"{e.message}"
             for e in sorted(validator.iter_errors(board),
                             key=lambda e: list(map(str, e.absolute_path)))]
    if wrong:
        return wrong
    return [sentence for rule in RULES for sentence in rule(board)]


def _names(board):
    for field, names in board.get("match", {}).items():
        if field == "fallback":
            continue
        for name in names:
            if is_placeholder(name):
                yield (f'match.{field}: "{name}" is what makers leave in '
                       "where a name should be; it would match strangers")


def _cores(board):
    cpu = board["cpu"]
    used = cpu["control_cores"] + cpu["dataplane_cores"]
    if used != cpu["minimum"]:
        yield (f"cpu: {cpu['control_cores']} control and "
               f"{cpu['dataplane_cores']} dataplane cores are {used}, "
               f"not the minimum of {cpu['minimum']}")
    if used > cpu.get("cores", used):
        yield f"cpu: {used} cores are used and there are {cpu['cores']}"
    if board["boot_class"] != f"control-{cpu['control_cores']}":
        yield (f"boot_class: {board['boot_class']} does not leave "
               f"{cpu['control_cores']} cores to control")


def _memory(board):
    pages = board["hugepages"]
    mib = pages["size_kib"] * pages["count"] // 1024
    if mib < 64:
        yield f"hugepages: {mib} MiB; the dataplane needs at least 64"
    if mib > board["memory"]["minimum_mib"] // 2:
        yield (f"hugepages: {mib} MiB are more than half of the "
               f"{board['memory']['minimum_mib']} MiB there may be")


def _ports(board):
    for field in ("label", "pci"):
        given = [p[field] for p in board["ports"] if field in p]
        for value in sorted({v for v in given if given.count(v) > 1}):
            yield f"ports: {field} {value} is given twice"
    mine = carrying(board)
    if len(mine) > DATAPLANE_PORTS:
        yield (f"ports: {len(mine)} access and trunk ports; the dataplane "
               f"takes {DATAPLANE_PORTS}")
    for role in CARRYING if board["ports"] else ():
        if not any(p["role"] == role for p in mine):
            yield f"ports: none has the role {role}"


RULES = (_names, _cores, _memory, _ports)


def problems_together(boards):
    """What is wrong between boards: one fallback, and no machine that is two.
    @param boards  id to board."""
    fallbacks = [i for i, b in boards.items()
                 if b.get("match", {}).get("fallback")]
    if len(fallbacks) > 1:
        yield f"{' and '.join(fallbacks)} are both the fallback"
    ids = sorted(boards)
    for at, one in enumerate(ids):
        for other in ids[:at]:
            if _overlap(boards[one].get("match"), boards[other].get("match")):
                yield f"{other} and {one} match the same machine"


def _overlap(a, b):
    if not a or not b or "fallback" in a or "fallback" in b:
        return False
    both = a.keys() & b.keys()
    return bool(both) and all(
        {plain(n) for n in a[k]} & {plain(n) for n in b[k]} for k in both)


def matches(board, dmi):
    """Is this board the machine with these DMI fields (of /sys/class/dmi/id)?
    The fallback is nobody's match."""
    match = board.get("match", {"fallback": True})
    return "fallback" not in match and all(
        plain(dmi.get(field, "")) in map(plain, names)
        for field, names in match.items())
