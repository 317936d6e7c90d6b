# SPDX-License-Identifier: Apache-2.0
"""dataplane/README.md says what the code says: verdicts, options, stages."""

import re
from pathlib import Path

import pytest

DATAPLANE = Path(__file__).resolve().parents[2] / "dataplane"
README = (DATAPLANE / "README.md").read_text()


def section(title):
    """Rows of the first table below a heading, cells without backticks."""
    text = README.split(f"\n{title}\n", 1)[1]
    rows = re.search(r"\|---.*\n((?:\|.*\n)+)", text).group(1).splitlines()
    return [[c.strip().strip("`") for c in row.strip("|").split("|")]
            for row in rows]


def test_verdicts():
    header = (DATAPLANE / "stage" / "verdict.h").read_text()
    declared = re.findall(
        r'X\(\w+,\s*"([^"]+)",\s*(\d),\s*"([^"]+)"\)', header)
    assert len(declared) > 20
    assert section("## Verdicts") == [list(row) for row in declared]


SOURCE = (DATAPLANE / "app" / "config.c").read_text()
OPTIONS = {row[0]: row[1] for row in section("## Configuration")}


def test_options_are_all_there():
    keys = re.findall(
        r'\b(?:TEXT|NUMBER|WORD|CYAML_FIELD_SEQUENCE)\(\s*"(\w+)"', SOURCE)
    assert len(keys) > 15
    assert sorted(OPTIONS) == sorted(keys)


@pytest.mark.parametrize("option, macro", (
    ("socket", "SOCKET"), ("file_prefix", "PREFIX"), ("lcores", "LCORES"),
    ("memory", "MEMORY"), ("media_ports", "MEDIA_PORTS"),
    ("transports", "TRANSPORTS"), ("replay_window", "REPLAY_WINDOW"),
    ("mtu", "MTU")))
def test_defaults(option, macro):
    value = re.search(rf"#define DEFAULT_{macro}\s+(.*)", SOURCE).group(1)
    assert OPTIONS[option] == value.strip('"')


def test_stages_and_folders_exist():
    for row in section("## The walk"):
        for name in re.findall(r"\w+\.c", row[1]):
            assert (DATAPLANE / "stage" / name).is_file(), name
    folders = {row[0].rstrip("/") for row in section("## Folders")}
    assert folders == {p.name for p in DATAPLANE.iterdir() if p.is_dir()}
