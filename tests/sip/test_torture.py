# SPDX-License-Identifier: Apache-2.0
"""RFC 4475's torture messages through the real door, over UDP and TCP."""

import select
import socket
from pathlib import Path

import pytest
from gateway import Gateway

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "rfc4475"
QUIET = None  # no answer
ME = "127.0.0.30"

# Section of the RFC; what is answered; why. A pair: over UDP, over TCP.
EXPECTED = {
    # 3.1.1, valid
    "wsinv": (481, "well-formed, for a dialog that isn't there"),
    "intmeth": (501, "no method that is known"),
    "esc01": (407, "well-formed"),
    "escnull": (401, "well-formed"),
    "esc02": (501, "% in a method means nothing: no REGISTER"),
    "lwsdisp": (200, "well-formed"),
    "longreq": ((QUIET, "closed"), "no branch: RFC 2543's, not served"),
    "dblreq": ((401, (401, 400)),
               "over UDP what follows is ignored; its INVITE has no Contact"),
    "semiuri": (200, "well-formed"),
    "transports": (200, "transports of other Vias are others' matter"),
    "mpart01": (405, "well-formed; no MESSAGE here"),
    "unreason": (QUIET, "a response that nobody waits for"),
    "noreason": (QUIET, "the same"),
    # 3.1.2, invalid
    "badinv01": ((QUIET, "closed"), "a Via that can't be answered to"),
    "clerr": ((400, QUIET), "cut off; TCP waits for what is missing"),
    "ncl": ((400, (400, "closed")), "a length below zero; TCP can't go on"),
    "scalar02": (400, "numbers beyond all bounds"),
    "scalarlg": (QUIET, "a response that nobody waits for"),
    "quotbal": (400, "a quote that doesn't end"),
    "ltgtruri": ((QUIET, "closed"), "no Request-URI can be read"),
    "lwsruri": ((QUIET, "closed"), "the same"),
    "lwsstart": ((QUIET, "closed"), "the same"),
    "trws": ((QUIET, "closed"), "the version can't be read"),
    "escruri": (407, "headers in a Request-URI are ignored"),
    "baddate": (407, "Date is of no interest"),
    "regbadct": (401, "first who it is; then the Contact"),
    "badaspec": (400, "spaces within <>"),
    "baddn": (200, "taken: the name has to be quoted, and it is clear"),
    "badvers": ((QUIET, "closed"), "not SIP/2.0: 505 to whom isn't known"),
    "mismatch01": (400, "CSeq of another method"),
    "mismatch02": (400, "the same, with a method that isn't known"),
    "bigcode": (QUIET, "a response that isn't one"),
    # 3.2
    "badbranch": (200, "a cookie alone: a transaction nevertheless"),
    # 3.3
    "insuf": (QUIET, "no From, To, Call-ID: nobody to be answered"),
    "unkscm": (416, "no scheme that is known"),
    "novelsc": (416, "the same"),
    "unksm2": ((QUIET, "closed"), "From and To that aren't SIP's"),
    "bext01": (420, "Require; Proxy-Require is for proxies"),
    "invut": (415, "a body that isn't known"),
    "regaut01": (401, "credentials of another scheme are none"),
    "multi01": (400, "headers twice"),
    "mcl01": ((400, (400, "closed")), "two lengths; TCP can't go on"),
    "bcast": (QUIET, "a response for somebody else"),
    "zeromf": (200, "it is for us, and goes no further"),
    "cparam01": (401, "well-formed"),
    "cparam02": (401, "well-formed"),
    "regescrt": (401, "well-formed"),
    "sdp01": (407, "well-formed"),
    # 3.4
    "inv2543": ((QUIET, "closed"), "no branch: RFC 2543's, not served"),
}


class Registrar(Gateway):
    DOMAIN = "example.com"


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    g = Registrar(tmp_path_factory.mktemp("torture"), 25130)
    g.start_dataplane()
    g.start()
    yield g
    assert g.stop() == 0
    g.close()


def status(line):
    return int(line.split()[1])


def drain(socks, first):
    """Start lines that come; first: seconds to wait for one."""
    lines, wait = [], first
    while ready := select.select(socks, [], [], wait)[0]:
        data = ready[0].recv(65535)
        if not data:
            lines.append("closed")
            break
        lines += [status(x) for x in data.decode(errors="replace").split("\r\n")
                  if x.startswith("SIP/2.0 ")]
        wait = 0.05
    return lines


@pytest.fixture
def here():
    """Answers go to the port that the Via names, or to SIP's own."""
    socks = []
    for port in (5060, 5050, 5070):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((ME, port))
        socks.append(s)
    yield socks
    for s in socks:
        s.close()


def still_well(door, socks):
    """What was sent before has been read when this has been answered."""
    socks[2].sendto(
        f"OPTIONS sip:{door.DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {ME}:5070;"
        "rport;branch=z9hG4bKwell\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n"
        "Call-ID: well\r\nCSeq: 1 OPTIONS\r\n\r\n".encode(), door.at)
    return drain(socks, 2)


def test_all_are_here():
    assert {p.stem for p in VECTORS.glob("*.dat")} == set(EXPECTED)
    assert len(EXPECTED) == 49


@pytest.mark.parametrize("name", EXPECTED)
def test_message(door, here, name):
    expected, why = EXPECTED[name]
    udp, tcp = expected if isinstance(expected, tuple) else (expected,) * 2
    data = (VECTORS / f"{name}.dat").read_bytes()

    here[0].sendto(data, door.at)
    want = [] if udp is QUIET else [udp]
    assert sorted(set(still_well(door, here))) == sorted({*want, 200}), why

    with socket.create_connection(door.at, 2, (ME, 0)) as s:
        s.sendall(data)
        want = [] if tcp is QUIET else \
            list(tcp) if isinstance(tcp, tuple) else [tcp]
        got = drain([s], 2 if want else 0.1)
        if "closed" in want and "closed" not in got:
            got += drain([s], 2)
        assert got == want, why
    assert 200 in still_well(door, here)


def test_halves(door, here):
    """Cut anywhere, over UDP: no crash, and nothing that isn't a refusal."""
    for path in VECTORS.glob("*.dat"):
        data = path.read_bytes()
        for n in range(1, len(data), max(len(data) // 12, 1)):
            here[0].sendto(data[:n], door.at)
    still_well(door, here)
    assert door.control.poll() is None
