# SPDX-License-Identifier: Apache-2.0
"""bencode.c against the other writing-down of BEP 3 in ngclient.py: what is
taken, what it says, how it is written, over a table and thousands of values and
of values gone wrong."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from ngclient import Bad, decode, encode

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("B", ROOT / "build")) / "tests" / "bencode-tool"


def ask(values, *words):
    done = subprocess.run([ROOT / TOOL, *words], text=True, check=True,
                          input="".join(v.hex() + "\n" for v in values),
                          capture_output=True, timeout=60)
    lines = done.stdout.splitlines()
    assert len(lines) == len(values)
    return lines


def expected(value):
    try:
        return encode(decode(value)).hex()
    except Bad:
        return "bad"


TABLE = [
    (b"i0e", "i0e"), (b"i-1e", "i-1e"), (b"i42e", "i42e"),
    (b"i9223372036854775807e", "i9223372036854775807e"),
    (b"i-9223372036854775807e", "i-9223372036854775807e"),
    (b"i9223372036854775808e", None), (b"i99999999999999999999e", None),
    (b"i-0e", None), (b"i01e", None), (b"ie", None), (b"i-e", None),
    (b"i 1e", None), (b"i+1e", None), (b"i1", None), (b"i1.5e", None),
    (b"0:", "0:"), (b"3:abc", "3:abc"), (b"03:abc", None), (b"3:ab", None),
    (b"-1:a", None), (b":", None), (b"3abc", None), (b"2:\x00\xff", "same"),
    (b"le", "le"), (b"l0:i1elee", "l0:i1elee"), (b"l", None), (b"li1e", None),
    (b"de", "de"), (b"d1:ai1ee", "d1:ai1ee"), (b"d1:ae", None),
    (b"di1ei1ee", None), (b"d1:bi1e1:ai2ee", "d1:ai2e1:bi1ee"),
    (b"d1:ai1e1:ai2ee", "d1:ai2ee"), (b"d0:i1ee", "d0:i1ee"),
    (b"d1:\x00i1ee", None), (b"d255:" + b"k" * 255 + b"lee", "same"),
    (b"d256:" + b"k" * 256 + b"lee", None),
    (b"d1:ai1e" + b"1:\xffi1ee", "same"),
    (b"i1ei1e", None), (b"", None), (b"x", None), (b"e", None),
    (b"l" * 16 + b"e" * 16, "same"), (b"l" * 17 + b"e" * 17, None),
    (b"99999999999:", None), (b"65536:" + b"x" * 65530, None),
    (b"65529:" + b"x" * 65529, "same"),
]


def test_table():
    got = ask([v for v, _ in TABLE])
    for (value, want), line in zip(TABLE, got):
        want = "bad" if want is None else \
            (value if want == "same" else want.encode()).hex()
        assert (line if line != "short" else "bad") == want, value[:60]
        if len(value) < 60000:
            assert expected(value) == want, f"the reference: {value[:60]}"


def value(rng, depth=0):
    kind = rng.randrange(4 if depth < 5 else 2)
    if kind == 0:
        return rng.choice([0, 1, -1, rng.randrange(-2 ** 63 + 1, 2 ** 63)])
    if kind == 1:
        return rng.randbytes(rng.choice([0, 1, 5, 30]))
    if kind == 2:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {bytes(rng.choices(b"abc -xyz", k=rng.randrange(1, 6))):
            value(rng, depth + 1) for _ in range(rng.randrange(4))}


def spoiled(rng, octets):
    octets = bytearray(octets)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(octets) + 1)
        how = rng.randrange(4)
        if how == 0:
            octets[at:at + 1] = b""
        elif how == 1:
            octets[at:at] = rng.choice([b"e", b"i1e", b"l", b"d", b"0", b"-",
                                        b"1:", b"\x00", b":"])
        elif how == 2 and octets:
            octets[at % len(octets)] = rng.randrange(256)
        else:
            del octets[at:]
    return bytes(octets)


@pytest.mark.parametrize("seed", range(4))
def test_against_the_reference(seed):
    rng = random.Random(seed)
    good = [encode(value(rng)) for _ in range(1500)]
    values = good + [spoiled(rng, v) for v in good]
    taken = 0
    for octets, line in zip(values, ask(values)):
        want = expected(octets)
        assert ("bad" if line == "short" else line) == want, octets
        taken += want != "bad"
    assert taken > 1500


def test_prefixes():
    """Of a stream: every beginning of a value wants more, none is wrong."""
    whole = encode({"command": "offer", "sdp": b"v=0", "n": [-12, {"a": 1}]})
    cuts = [whole[:i] for i in range(1, len(whole))]
    assert set(ask(cuts, "prefix")) == {"short"}
    line, = ask([whole + b"next"], "prefix")
    assert line == f"{len(whole)} {whole.hex()}"


def test_the_page_has_every_flag_and_command():
    """README.md lists what flags.c and commands.c have."""
    folder = ROOT / "control" / "ng"
    page = re.sub(r"```.*?```", "", (folder / "README.md").read_text(),
                  flags=re.S)
    codes = [" ".join(c.split()) for c in re.findall(r"`([^`]+)`", page)]
    words = {w for code in codes for w in (code, code.split()[0])}
    for file, pattern in (("flags.c", r'^\t\{"([^"]+)",\s+[A-Z]+,'),
                          ("commands.c", r'^\t\{"([^"]+)", \w+\},')):
        names = re.findall(pattern, (folder / file).read_text(), re.M)
        assert len(names) > 20
        missing = [n for n in names if n not in words and
                   n.replace("codec-", "-", 1) not in words]
        assert not missing, f"{file}: {missing}"
