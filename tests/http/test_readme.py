# SPDX-License-Identifier: Apache-2.0
"""control's READMEs say what the code says: options, which of them take effect at
once, routes, names of errors, what is put on record."""

import re
from pathlib import Path

CONTROL = Path(__file__).resolve().parents[2] / "control"
MAIN = (CONTROL / "README.md").read_text()
HTTP = (CONTROL / "http" / "README.md").read_text()
SECTIONS = {"config": "", "config_tls": "sip.tls.",
            "config_guard": "sip.guard."}


def section(text, title):
    """Cells of the first table below a heading."""
    text = text.split(f"\n{title}\n", 1)[1]
    rows = re.search(r"\|---.*\n((?:\|.*\n)+)", text).group(1).splitlines()
    return [[c.strip() for c in row.strip("|").split("|")] for row in rows]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_options_are_all_there():
    """`sip.tls.certificate`, `.key`: the second has the section of the first."""
    source = (CONTROL / "config.c").read_text()
    declared = {SECTIONS.get(s, s.removeprefix("config_") + ".") + key
                for key, s in re.findall(
                    r'\b(?:TEXT|NUMBER|CYAML_FIELD_(?:SEQUENCE|BOOL))'
                    r'\(\s*"(\w+)",[^;]*?struct (config\w*)', source)}
    assert len(declared) > 60
    told = set()
    for row in section(MAIN, "## Configuration"):
        first, *more = quoted(row[0])
        before = first.rpartition(".")[0]
        told |= {first} | {before + m if m[0] == "." else m for m in more}
    assert told == declared


def test_what_takes_effect_at_once():
    source = (CONTROL / "settings" / "live.c").read_text()
    declared = set(re.findall(r'\bROW\("([^"]+)"', source))
    assert len(declared) > 20
    told = set()
    for row in section(MAIN, "### Changed while it runs"):
        before = "".join(quoted(row[0])) + "."
        told |= {(before + o).lstrip(".") for o in quoted(row[1])}
    assert told == declared


def test_routes():
    """A row with several methods and paths has each for one of the others at
    least."""
    def nameless(path):
        return re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1"))

    source = (CONTROL / "http" / "routes.c").read_text()
    declared = {(m, nameless(p)) for m, p in re.findall(
        r'"(GET|POST|PUT|PATCH|DELETE)",\s*"([^"]+)"', source)}
    assert len(declared) > 100
    told = set()
    for row in section(HTTP, "## Routes"):
        methods = row[0].split(", ")
        paths = [nameless(p) for p in quoted(row[1])]
        there = {(m, p) for m in methods for p in paths} & declared
        assert {m for m, _ in there} == set(methods), row
        assert {p for _, p in there} == set(paths), row
        told |= there
    assert told == declared


def test_errors_exist():
    """Those of one feature (`e2ee-<feature>`) are made from its name."""
    source = "".join(p.read_text() for p in CONTROL.rglob("*.c"))
    text = HTTP.split("| status | names |", 1)[1].split("\n\n", 1)[0]
    names = {n for n in quoted(text) if "<" not in n and n.islower()}
    assert len(names) > 60
    assert not {n for n in names if f'"{n}"' not in source}


def test_what_is_on_record():
    """`fork-started`, `-stopped`: the second has the beginning of the first. By
    the API, and by what calls tell."""
    declared = set()
    for call, folder in ((r"change_recorded\(\s*rq", "http"),
                         (r"begin\(\s*rq", "http"), (r"\btell\(\w", "calls")):
        source = "".join(p.read_text() for p in (CONTROL / folder).glob("*.c"))
        found = re.findall(call + r',\s*"([a-z]+(?:-[a-z]+)+)"', source)
        assert found, call
        declared |= set(found)
    told = set()
    for row in section((CONTROL / "audit" / "README.md").read_text(),
                       "## Records"):
        first, *more = quoted(row[0])
        before = first.partition("-")[0]
        told |= {first} | {before + m if m[0] == "-" else m for m in more}
    assert declared <= told
