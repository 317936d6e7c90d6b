# SPDX-License-Identifier: Apache-2.0
"""The vector runners take any file of the same form, and notice every value of
it that is changed, missing or not what it should be."""

import copy
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
B = ROOT / os.environ.get("B", "build")
RUNNERS = {
    "e2ee-vectors": "e2ee-handshake.json",
    "e2ee-media-vectors": "e2ee-media.json",
    "sframe-vectors": "sframe-rfc9605.json",
}


def run(runner, data, folder, tap=False):
    path = folder / "vectors.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    env = dict(os.environ)
    env.pop("CMOCKA_MESSAGE_OUTPUT", None)
    if tap:
        env["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
    return subprocess.run([B / "tests" / runner, path], env=env,
                          capture_output=True, text=True, timeout=60)


def load(runner):
    path = ROOT / "tests" / "vectors" / RUNNERS[runner]
    return json.loads(path.read_text())


def leaves(node, path=()):
    if isinstance(node, (dict, list)):
        for key, value in (node.items() if isinstance(node, dict)
                           else enumerate(node)):
            yield from leaves(value, path + (key,))
    else:
        yield path, node


def put(root, path, value):
    for key in path[:-1]:
        root = root[key]
    root[path[-1]] = value


def changed(value):
    """Another value of the same form."""
    if isinstance(value, int):
        return value ^ 1
    if "sip:" in value:
        return value.replace("sip:", "sip:x", 1)
    last = value[-1:]
    return value[:-1] + ("0" if last != "0" else "1") if value else "00"


def small(runner):
    """The first entries of each list are enough to change one by one."""
    data = load(runner)
    for key, entries in data.items():
        if isinstance(entries, list):
            data[key] = entries[:2]
            for entry in data[key]:
                if "packets" in entry:
                    entry["packets"] = entry["packets"][:3] + entry[
                        "packets"][-1:]
    return data


@pytest.mark.parametrize("runner", RUNNERS)
def test_passes(runner, tmp_path):
    done = run(runner, load(runner), tmp_path)
    assert done.returncode == 0, done.stdout
    assert ", 0 failed, 0 values differ" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("runner", RUNNERS)
def test_every_value_counts(runner, tmp_path):
    data = small(runner)
    assert run(runner, data, tmp_path).returncode == 0
    unnoticed, tried = [], 0
    for path, value in leaves(data):
        if path[0] == "about":
            continue
        other = copy.deepcopy(data)
        put(other, path, changed(value))
        done = run(runner, other, tmp_path)
        tried += 1
        if done.returncode != 1 or "values differ" not in done.stdout:
            unnoticed.append((path, done.returncode))
    assert tried > 40
    assert unnoticed == []


@pytest.mark.parametrize("runner", RUNNERS)
def test_missing_values(runner, tmp_path):
    data = small(runner)
    for path, _ in leaves(data):
        if path[0] == "about" or isinstance(path[-1], int):
            continue
        other = copy.deepcopy(data)
        root = other
        for key in path[:-1]:
            root = root[key]
        del root[path[-1]]
        assert run(runner, other, tmp_path).returncode == 1, path


@pytest.mark.parametrize("runner", RUNNERS)
def test_not_vectors(runner, tmp_path):
    for text in ("", "{", "{}", "[]", '{"vectors": []}', '{"header": []}'):
        assert run(runner, text, tmp_path).returncode != 0, text


@pytest.mark.parametrize("runner", RUNNERS)
def test_tap(runner, tmp_path):
    done = run(runner, load(runner), tmp_path, tap=True)
    lines = done.stdout.splitlines()
    good = [line for line in lines if line.startswith("ok ")]
    assert f"1..{len(good)}" in lines
    assert not [line for line in lines if line.startswith("not ok")]
