# SPDX-License-Identifier: Apache-2.0
"""Bundles on their way to control: in pieces, broken off, too large, where there is
little room, and while something else begins."""

import contextlib
import json
import os
import subprocess
import sys

import pytest
from appliance import ROOT, until

for folder in ("tests/sip", "tests/http"):
    sys.path.insert(0, str(ROOT / folder))
from afar import Client  # noqa: E402
from box import Box, answer, boxed, chunk, chunked, upload_begun  # noqa: E402
from gateway import UnixConnection, isolate  # noqa: E402

isolate()
MIB = 1 << 20


@pytest.fixture(scope="module")
def whole():
    with boxed(25580) as g:
        yield g


@contextlib.contextmanager
def small_disk(folder, mib):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs",
                    folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def free(gw):
    at = os.statvfs(gw.folder)
    return at.f_bavail * at.f_frsize


def test_room_for_an_upload(tmp_path):
    """And for the copy of it; looked at before and while it comes."""
    with small_disk(tmp_path, 96):
        g = Box(tmp_path, 25570)
        try:
            at_first = free(g)
            most = (at_first - 32 * MIB) // 2
            c = upload_begun(g, most + 2 * MIB, 0, ["100-continue"])
            assert answer(c) == (507, "no-room")
            c = upload_begun(g, most - 2 * MIB, 0, [])
            c.send(b"x" * (most - 2 * MIB))
            assert answer(c) == (200, most - 2 * MIB)
            c = chunked(g)
            sent, least = 0, at_first
            while sent < 80 * MIB:
                chunk(c, b"x" * MIB)
                sent += MIB
                came = g.part.stat().st_size if g.part.exists() else 0
                least = min(least, free(g) - came)
            # it is away before the end of what comes
            until(lambda: not g.part.exists(), "the part gone")
            assert least >= 31 * MIB, least
            c.send(b"0\r\n\r\n")
            assert answer(c) == (507, "no-room")
            assert not g.upload.exists()
            until(lambda: free(g) > at_first - 2 * MIB, "room again")
            c = chunked(g)
            for _ in range(3):
                chunk(c, b"y" * 700_000)
            c.send(b"0\r\n\r\n")
            assert answer(c) == (200, 2_100_000)
            assert g.upload.read_bytes() == b"y" * 2_100_000
        finally:
            g.done()


def test_an_upload_that_breaks_off(gw):
    c = upload_begun(gw, 5_000_000, 3_000_000)
    until(gw.part.exists, "the file")
    # one at a time
    other = upload_begun(gw, 10, 10)
    assert other.getresponse().status == 409
    other.close()
    c.close()
    until(lambda: not gw.part.exists(), "the file gone")
    assert not gw.upload.exists()
    assert gw.api("POST", "/api/v1/firmware/install",
                  {"source": "upload"})[1]["error"] == "nothing-uploaded"


def test_half_an_upload(gw):
    """It isn't installed, whoever asks for it, and goes on."""
    octets = gw.bundle.read_bytes()
    c = chunked(gw)
    chunk(c, octets[:len(octets) // 2])
    until(gw.part.exists, "the part")
    status, j = gw.api("POST", "/api/v1/firmware/install",
                       {"source": "upload"})
    assert (status, j["error"]) == (409, "busy") and "whole" in j["message"]
    assert gw.status()["stage"] == "idle"
    chunk(c, octets[len(octets) // 2:])
    c.send(b"0\r\n\r\n")
    assert answer(c) == (200, len(octets))
    assert gw.upload.read_bytes() == octets and not gw.part.exists()
    gw.upload.unlink()


def test_something_begins_during_an_upload(gw):
    """Whoever comes to its end finds it begun, and the upload goes."""
    c = chunked(gw)
    chunk(c, b"x" * 100_000)
    until(gw.part.exists, "the part")
    assert gw.api("POST", "/api/v1/firmware/restart", {"wait": 0})[0] == 202
    gw.wait_stage("restart")
    c.send(b"0\r\n\r\n")
    assert answer(c) == (409, "busy")
    until(lambda: not gw.part.exists(), "the part gone")
    assert not gw.upload.exists()


def test_an_upload_of_many_pieces(gw):
    """What comes out is what went in."""
    octets = os.urandom(5_000_001)
    c = UnixConnection(gw.api_socket)
    c.request("PUT", "/api/v1/firmware/bundle", octets)
    r = c.getresponse()
    assert r.status == 200 and json.load(r) == {"octets": len(octets)}
    c.close()
    assert gw.upload.read_bytes() == octets
    # and over TLS, in the place of the former
    c = Client(gw, gw.token("uploads", "administer"))
    assert c.ask("PUT", "/firmware/bundle", octets[:100_000])[0] == 200
    assert gw.upload.read_bytes() == octets[:100_000]
    gw.upload.unlink()


def test_larger_than_any_bundle(gw):
    """It is refused before it comes."""
    c = upload_begun(gw, 2 << 30, 0, ["100-continue"])
    assert answer(c) == (413, "too-large")
    assert not gw.part.exists() and not gw.upload.exists()
