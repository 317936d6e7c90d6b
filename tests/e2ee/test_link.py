# SPDX-License-Identifier: Apache-2.0
"""The gateway has nothing of control/e2ee: read from the link maps, symbols and
octets of its programs. And control/e2ee has nothing of the gateway, no sockets
and no clock: read from its sources and from what it leaves undefined."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
B = ROOT / os.environ.get("B", "build")
LIBRARY = B / "lib" / "libsallyport-e2ee.a"
PEER = B / "tests" / "e2ee-peer"  # a program that does link it
SOURCES = {"sallyport-dataplane": "dataplane/app",
           "sallyport-control": "control",
           "sallyport-media": "control/media",
           "sallyctl": "control/sallyctl"}
GATEWAY = [name for name, folder in SOURCES.items()
           if list((ROOT / folder).glob("*.c"))]
MARK = b"The peer isn't who it committed to be"  # of reason.c


def nm(path, *options):
    done = subprocess.run(["nm", *options, path], capture_output=True,
                          text=True, check=True)
    return done.stdout


def own_symbols():
    """What the library defines for others to link. control/calls has a media_new
    of its own, so those names say nothing; but media.c needs sframe_seal."""
    names = {line.split()[-1] for line in
             nm(LIBRARY, "--defined-only", "--extern-only").splitlines()
             if re.match(r"[0-9a-f]+ [TDBRV] ", line)}
    assert {"e2ee_new", "media_open", "sframe_seal"} <= names
    return {name for name in names if not name.startswith("media_")}


def traces(binary, linkmap):
    """Everything of control/e2ee that a linked program shows."""
    found = []
    text = Path(linkmap).read_text(errors="replace")
    found += re.findall(r"\S*control/e2ee/\S+\.o", text)
    found += re.findall(r"\S*libsallyport-e2ee\S*", text)
    symbols = {line.split()[-1] for line in
               nm(binary, "--defined-only").splitlines() if line}
    found += sorted(symbols & own_symbols())
    if MARK in Path(binary).read_bytes():
        found.append(MARK.decode())
    return found


def built():
    return [name for name in GATEWAY if (B / "bin" / name).exists()]


def test_traces_are_found_where_there_are_some():
    """Otherwise the test below would say nothing."""
    found = " ".join(traces(PEER, f"{PEER}.map"))
    for trace in ("libsallyport-e2ee", "e2ee_new", "sframe_seal",
                  MARK.decode()):
        assert trace in found


@pytest.mark.parametrize("name", GATEWAY)
def test_gateway_has_nothing_of_it(name):
    binary = B / "bin" / name
    if not binary.exists():
        if built():
            pytest.fail(f"{name} isn't built, though {built()} are")
        pytest.skip("no program of the gateway is built")
    linkmap = B / f"{name}.map"
    assert linkmap.exists(), "the program has no link map"
    assert traces(binary, linkmap) == []


def sources():
    return sorted((ROOT / "control" / "e2ee").glob("*.[ch]"))


def test_it_includes_nothing_of_the_gateway():
    allowed = re.compile(r'<(sodium|openssl/\w+|[a-z]+|sys/stat)\.h>|'
                         r'"control/e2ee/\w+\.h"')
    for path in sources():
        for what in re.findall(r"^\s*#\s*include\s+(\S+)", path.read_text(),
                               re.M):
            assert allowed.fullmatch(what), f"{path.name} includes {what}"


def undefined(member):
    """What an object needs of others."""
    text = nm(LIBRARY, "--undefined-only")
    part = text.split(f"\n{member}.o:\n")[1].split("\n\n")[0]
    return {line.split()[-1] for line in part.splitlines() if line.strip()}


FILES = re.compile(r"_*(f?open|f?read|f?write|fopen|rename|unlink|link|close|"
                   r"fstat|stat|mkostemp|fsync)(64|_2|_chk)*")
NEVER = re.compile(r"(socket|connect|bind|send|sendto|sendmsg|recv|recvfrom|"
                   r"recvmsg|accept|poll|select|epoll_\w+|clock_gettime|time|"
                   r"gettimeofday|nanosleep|usleep|sleep|rand|random|getenv|"
                   r"system|fork|exec\w*|dlopen|printf|puts|putchar|fprintf|"
                   r"vfprintf|syslog|perror|pthread_\w+|__printf_chk|"
                   r"__fprintf_chk)")


def test_no_sockets_no_clock_no_output():
    members = subprocess.run(["ar", "t", LIBRARY], capture_output=True,
                             text=True, check=True).stdout.split()
    assert len(members) == len(list((ROOT / "control/e2ee").glob("*.c")))
    for member in members:
        name = member.removesuffix(".o")
        needs = undefined(name)
        assert not [s for s in needs if NEVER.fullmatch(s)], name
        if name != "store":
            assert not [s for s in needs if FILES.fullmatch(s)], name
    assert [s for s in undefined("store") if FILES.fullmatch(s)]
