# SPDX-License-Identifier: Apache-2.0
"""The ng protocol as a proxy speaks it: transports, retransmissions, offers and
answers, forks, deletes, what is refused and in which words. Long: a short test for
each command and flag, on one gateway."""

import socket

import pytest

from conftest import PORT
from ngclient import Client, decode, encode
from sdp import Seen, sdp

A, B = "192.0.2.10", "192.0.2.20"
INTERNAL, EXTERNAL = "127.0.0.21", "127.0.0.22"
GCM256 = "AEAD_AES_256_GCM"
SHA1_80 = "AES_CM_128_HMAC_SHA1_80"


def offer(ng, call, body=None, tag="alice", **keys):
    return ng.ask("offer", call_id=call, from_tag=tag, sdp=body or sdp(A),
                  **keys)


def answer(ng, call, body=None, tag="alice", to="bob", **keys):
    return ng.ask("answer", call_id=call, from_tag=tag, to_tag=to,
                  sdp=body or sdp(B), **keys)


def set_up(ng, call, offered=None, answered=None, **keys):
    """@return what B was offered, what A was answered."""
    o = offer(ng, call, offered, **keys)
    assert o["result"] == "ok", o
    a = answer(ng, call, answered)
    assert a["result"] == "ok", a
    return Seen(o["sdp"]), Seen(a["sdp"])


def flows_blocked(gateway):
    return [s["blocked"] for t in gateway.api("GET", "/api/v1/flows")[1]
            for s in t["streams"]]


def delete(ng, call, **keys):
    return ng.ask("delete", call_id=call, **{"from_tag": "alice", **keys})


# ------------------------------------------------------------- transports

@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("form", ["bencode", "json"])
def test_ping(gw, address, transport, form):
    with Client((address, PORT), transport, form) as ng:
        assert ng.ask("ping") == {"result": "pong"}


@pytest.mark.parametrize("form", ["bencode", "json"])
def test_http(gw, form):
    ng = Client(("127.0.0.1", PORT + 1), "http", form)
    assert ng.ask("ping") == {"result": "pong"}
    assert ng.post("/ng-plain", encode({"command": "ping"})) == \
        (200, b"d6:result4:ponge")
    assert ng.post("/elsewhere", b"x")[0] == 404
    assert ng.post("/ng", b"nocookie")[0] == 400


def test_tcp_in_pieces(gw):
    """Several requests in one segment, one in many; and nonsense ends it."""
    with Client(("127.0.0.1", PORT), "tcp") as ng:
        ng.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ng.send(b"a d7:command4:pinge")
        assert ng.receive() == b"a d6:result4:ponge"
        for octet in b"b d7:command4:pinge":
            ng.send(bytes([octet]))
        assert ng.receive() == b"b d6:result4:ponge"
        ng.send(b'c {"command":"ping"}d d7:command4:pinge')
        data = ng.receive()
        while b"ponge" not in data:
            data += ng.sock.recv(1000)
        assert data == b'c {"result":"pong"}d d6:result4:ponge'
        ng.send(b"e dxx")
        assert b"Could not decode dictionary" in ng.receive()
        assert ng.sock.recv(100) == b""


def test_strangers_hear_nothing(own, ng):
    """By default only this machine's own addresses may speak."""
    import subprocess
    subprocess.run(["ip", "addr", "add", "198.51.100.1/32", "dev", "lo"],
                   check=True)
    try:
        with Client(own.ng, local=("198.51.100.1", 0)) as stranger:
            stranger.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                stranger.ask("ping")
        own.wait_log("isn't in control.ng.allow")
        with socket.socket() as s:
            s.bind(("198.51.100.1", 0))
            s.settimeout(2)
            s.connect(own.ng)
            try:
                s.sendall(b"a d7:command4:pinge")
                assert s.recv(100) == b""
            except ConnectionError:
                pass
    finally:
        subprocess.run(["ip", "addr", "del", "198.51.100.1/32", "dev", "lo"],
                       check=True)


BAD = [
    (b"1 ", "Could not decode dictionary"),
    (b"1 x", "Could not decode dictionary"),
    (b"1 i1e", "Could not decode dictionary"),
    (b"1 le", "Could not decode dictionary"),
    (b"1 d7:command4:ping", "Could not decode dictionary"),
    (b"1 d7:command4:pingee", "Could not decode dictionary"),
    (b"1 de", 'Dictionary contains no key "command"'),
    (b"1 d7:command4:danse" b"e", "Could not decode dictionary"),
    (b"1 d7:command5:dancee", "Unrecognized command"),
    (b"1 d7:commandd1:xi1eee", "a key's value has a type that it can't have"),
    (b"1 {", "Could not decode dictionary"),
    (b'1 {"command":null}', "a key's value has a type"),
    (b"1 d7:command7:publishe", "This gateway has no such command"),
]


@pytest.mark.parametrize("octets,reason", BAD)
def test_malformed(gw, ng, octets, reason):
    octets = ng.cookie() + octets[1:]
    ng.send(octets)
    cookie, _, body = ng.receive().partition(b" ")
    assert cookie == octets.partition(b" ")[0]
    body = body.decode()
    assert "error-reason" in body and reason in body


def test_without_a_cookie_no_answer(gw, ng):
    ng.send(b"nospace")
    ng.send(b" d7:command4:pinge")
    assert ng.ask("ping")["result"] == "pong"


def test_retransmission(gw, ng, call):
    """The same cookie: the same answer, octet by octet, done once."""
    before = ng.ask("statistics")["statistics"]["currentstatistics"]
    request = ng.pack({"command": "offer", "call-id": call, "from-tag": "a",
                       "sdp": sdp(A)}, b"again")
    replies = set()
    for _ in range(3):
        ng.send(request)
        replies.add(ng.receive())
    assert len(replies) == 1
    now = ng.ask("statistics")["statistics"]
    assert now["currentstatistics"]["sessionstotal"] == \
        before["sessionstotal"] + 1
    assert now["controlstatistics"]["repeated"] >= 2
    # another proxy's cookie is its own affair
    with Client(("::1", PORT)) as other:
        other.send(b"again d7:command4:pinge")
        assert other.receive() == b"again d6:result4:ponge"
    delete(ng, call, from_tag="a")


# ------------------------------------------------------ offer and answer

def test_plain_call(gw, ng, call):
    o, a = set_up(ng, call, direction=["internal", "external"])
    assert (o.address, a.address) == (EXTERNAL, INTERNAL)
    assert o.proto == a.proto == "RTP/AVP"
    assert o.formats == [0, 8] and not o.crypto
    gw.settle(1)
    shown = gw.api("GET", "/api/v1/calls")[1]
    assert [(c["door"], c["call_id"], c["tags"], c["state"])
            for c in shown] == [("ng", call, ["alice", "bob"], "up")]
    q = ng.ask("query", call_id=call)
    assert q["tags"]["alice"]["in dialogue with"] == "bob"
    stream = q["tags"]["bob"]["medias"][0]["streams"][0]
    assert stream["local port"] == o.port
    assert stream["endpoint"] == {"family": "IPv4", "address": B,
                                  "port": 4000}
    assert call in ng.ask("list", limit=1000)["calls"]
    gw.mark()
    d = delete(ng, call, from_tag="bob")
    assert d["result"] == "ok" and d["created"]
    gw.settle(0)
    r = gw.record(ended_by="callee", status=200)
    assert (r["call_id"], r["tags"]) == (call, ["alice", "bob"])
    assert ng.ask("query", call_id=call) == {
        "result": "error", "error-reason": "Unknown call-id"}


PROFILES = [
    # transport-protocol, B's profile, B's answer: suite
    ("RTP/AVP", "RTP/AVP", None),
    ("RTP/AVPF", "RTP/AVPF", None),
    ("RTP/SAVP", "RTP/SAVP", SHA1_80),
    ("RTP/SAVPF", "RTP/SAVPF", GCM256),
]


@pytest.mark.parametrize("wanted,proto,suite", PROFILES)
@pytest.mark.parametrize("offered", [None, SHA1_80])
def test_profiles(gw, ng, call, wanted, proto, suite, offered):
    """The other side's transport is the flag's; the offerer's is its own."""
    mine = sdp(A, proto="RTP/SAVP", crypto=[offered]) if offered else sdp(A)
    o = Seen(offer(ng, call, mine, transport_protocol=wanted)["sdp"])
    assert o.proto == proto
    assert bool(o.crypto) == bool(suite)
    if suite:
        tag = [t for t, s in o.crypto.items() if s == suite][0]
        theirs = sdp(B, proto=proto, crypto=[suite]).replace(
            "a=crypto:1 ", f"a=crypto:{tag} ")
    else:
        theirs = sdp(B, proto=proto)
    a = Seen(answer(ng, call, theirs)["sdp"])
    assert a.proto == ("RTP/SAVP" if offered else "RTP/AVP")
    assert list(a.crypto.values()) == ([offered] if offered else [])
    legs = gw.api("GET", "/api/v1/calls")[1][0]["media"][0]["legs"]
    assert [leg["suite_rx"] for leg in legs] == \
        [offered or "plain", suite or "plain"]
    delete(ng, call)


FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
DTLS = "UDP/TLS/RTP/SAVPF"
TOWARDS = [
    # flags, profile, attributes that are there, that are not
    ({"transport_protocol": DTLS}, DTLS, ["fingerprint", "setup", "rtcp-mux"],
     ["crypto", "ice-ufrag"]),
    ({"transport_protocol": DTLS, "ICE": "force"}, DTLS,
     ["fingerprint", "ice-ufrag", "candidate"], ["crypto"]),
    ({"flags": ["SRTP", "AVPF"]}, "RTP/SAVPF", ["crypto"], ["fingerprint"]),
    ({"transport_protocol": "RTP/SAVPF", "SDES": ["off"]}, DTLS,
     ["fingerprint"], ["crypto"]),
    ({"transport_protocol": DTLS, "DTLS": "off"}, "RTP/SAVPF", ["crypto"],
     ["fingerprint"]),
    ({"rtcp_mux": ["offer"]}, "RTP/AVP", ["rtcp-mux"], []),
    ({"rtcp_mux": ["demux"]}, "RTP/AVP", [], ["rtcp-mux"]),
]


@pytest.mark.parametrize("flags,proto,has,has_not", TOWARDS)
def test_towards_the_other_side(gw, ng, call, flags, proto, has, has_not):
    o = Seen(offer(ng, call, **flags)["sdp"])
    assert o.proto == proto
    for name in has:
        assert name in o.attributes(), o.lines
    for name in has_not:
        assert name not in o.attributes(), o.lines
    delete(ng, call)


def browser(address, setup="actpass"):
    return sdp(address, proto=DTLS, formats=(0,), extra=[
        FINGERPRINT, f"a=setup:{setup}", "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "x" * 24, "a=rtcp-mux",
        f"a=candidate:1 1 udp 2130706431 {address} 4000 typ host"])


def test_browser_to_phone_and_back(gw, ng, call):
    """ICE ends here, and DTLS; the answer has them again."""
    o = Seen(offer(ng, call, browser(A), transport_protocol="RTP/AVP",
                   ICE="remove", rtcp_mux=["demux"])["sdp"])
    assert o.proto == "RTP/AVP"
    assert not {"fingerprint", "ice-ufrag", "candidate", "rtcp-mux"} & \
        set(o.attributes())
    a = Seen(answer(ng, call, sdp(B, formats=(0,)))["sdp"])
    assert a.proto == DTLS
    assert {"fingerprint", "setup", "ice-ufrag", "candidate", "rtcp-mux"} <= \
        set(a.attributes())
    # the phone's re-offer towards the browser is one that it can take
    back = Seen(ng.ask("offer", call_id=call, from_tag="bob",
                       to_tag="alice", sdp=sdp(B, formats=(0,)))["sdp"])
    assert back.proto == DTLS
    assert {"fingerprint", "ice-ufrag", "rtcp-mux"} <= set(back.attributes())
    delete(ng, call)


def test_ice_may_be_left_out(gw, ng, call):
    """Offered on by default; a phone that hasn't it answers without."""
    o = Seen(offer(ng, call, browser(A), transport_protocol="RTP/AVP")["sdp"])
    assert "ice-ufrag" in o.attributes()
    assert answer(ng, call, sdp(B, formats=(0,)))["result"] == "ok"
    delete(ng, call)


def test_without_a_flag_as_offered(gw, ng, call):
    o = Seen(offer(ng, call, sdp(A, proto="RTP/SAVPF",
                                 crypto=[SHA1_80]))["sdp"])
    assert o.proto == "RTP/SAVPF" and len(o.crypto) > 1
    delete(ng, call)


SUITES = [
    (["no-AEAD_AES_256_GCM"], lambda s: GCM256 not in s and SHA1_80 in s),
    (["only-" + SHA1_80], lambda s: s == [SHA1_80]),
    (["only-" + SHA1_80, "only-" + GCM256], lambda s: s == [GCM256, SHA1_80]),
]


@pytest.mark.parametrize("sdes,good", SUITES)
def test_sdes_flags(gw, ng, call, sdes, good):
    o = Seen(offer(ng, call, transport_protocol="RTP/SAVP", SDES=sdes)["sdp"])
    assert good(list(o.crypto.values()))
    delete(ng, call)


CODECS = [
    ({"strip": ["PCMA"]}, [0, 9, 101]),
    ({"strip": ["all"], "except": ["PCMA"]}, [8]),
    ({"strip": ["all"], "offer": ["G722", "PCMU"]}, [9, 0]),
    ({"mask": ["PCMU"]}, [8, 9, 101]),
    ({"strip": ["G722/8000", "telephone-event"]}, [0, 8]),
    ({"strip": ["G722/16000"]}, [0, 8, 9, 101]),
    ({"offer": ["PCMA"]}, [0, 8, 9, 101]),
]


@pytest.mark.parametrize("how", ["dictionary", "flags", "string"])
@pytest.mark.parametrize("codec,left", CODECS)
def test_codecs(gw, ng, call, codec, left, how):
    """Whichever way the proxy writes it."""
    words = [f"codec-{verb}-{name}" for verb, names in codec.items()
             for name in names]
    keys = {"dictionary": {"codec": codec}, "flags": {"flags": words},
            "string": {"rtpp_flags": " ".join(
                w.replace("-", "=", 2).replace("=", "-", 1) for w in words)}}
    o = Seen(offer(ng, call, sdp(A, formats=(0, 8, 9, 101)),
                   **keys[how])["sdp"])
    assert o.formats == left
    assert len(o.all("a=rtpmap:")) == len(left)
    delete(ng, call)


TOLD = [
    ({}, [0, 8, 101]),
    ({"strip": ["PCMA"]}, [0, 101]),
    ({"strip": ["all"], "except": ["PCMU"]}, [0]),
    ({"mask": ["PCMA", "telephone-event"]}, [0]),
    ({"strip": ["all"], "offer": ["PCMU", "telephone-event"]}, [0, 101]),
    ({"accept": ["PCMA"]}, [0, 8, 101]),
    # there is nothing here that could make the one into the other
    ({"strip": ["PCMU"]}, [0, 8, 101]),
    ({"strip": ["all"]}, [0, 8, 101]),
    ({"strip": ["all"], "transcode": ["G722"]}, [0, 8, 101]),
]


@pytest.mark.parametrize("codec,left", TOLD)
def test_codecs_of_an_answer(gw, ng, call, codec, left):
    """The offerer is told of some of them."""
    offer(ng, call, sdp(A, formats=(8, 0, 9, 101)))
    a = Seen(answer(ng, call, sdp(B, formats=(0, 8, 101)),
                    codec=codec)["sdp"])
    assert a.formats == left
    # what one answer was asked for isn't the next one's
    a = Seen(answer(ng, call, sdp(B, formats=(0, 8, 101)))["sdp"])
    assert a.formats == [0, 8, 101]
    delete(ng, call)


def test_rtpp_flags(gw, ng, call):
    """All in one string, as Kamailio passes it where the daemon parses."""
    o = Seen(offer(ng, call, **{"rtpp_flags":
                   "internal external RTP/SAVP ICE=remove replace-origin "
                   "replace-session-connection SDES-only-" + SHA1_80})["sdp"])
    assert o.address == EXTERNAL and o.proto == "RTP/SAVP"
    assert list(o.crypto.values()) == [SHA1_80]
    delete(ng, call)


def test_unknown_flags_are_said_once(own, ng, call):
    for _ in range(3):
        offer(ng, call, flags=["make-coffee"], brew="strong")
    log = own.log_text()
    assert log.count('the flag "make-coffee" isn\'t known') == 1
    assert log.count('the flag "brew" isn\'t known') == 1
    assert "supports" not in log


def test_reoffer_from_either_side(gw, ng, call):
    """Hold and resume; ports and keys stay."""
    o, a = set_up(ng, call, transport_protocol="RTP/AVP")
    held = offer(ng, call, sdp(A, direction="sendonly"), to_tag="bob")
    assert Seen(held["sdp"]).port == o.port
    assert answer(ng, call, sdp(B, direction="recvonly"))["result"] == "ok"
    other = ng.ask("offer", call_id=call, from_tag="bob", to_tag="alice",
                   sdp=sdp(B, port=4100))
    assert Seen(other["sdp"]).port == a.port
    back = ng.ask("answer", call_id=call, from_tag="bob", to_tag="alice",
                  sdp=sdp(A))
    assert Seen(back["sdp"]).port == o.port
    assert len(gw.api("GET", "/api/v1/calls")[1]) == 1
    gw.settle(1)
    delete(ng, call)


def test_refused_reoffer(gw, ng, call):
    """A proxy doesn't say that a re-INVITE was refused: the next offer does,
    from whichever side."""
    set_up(ng, call)
    assert offer(ng, call, sdp(A, direction="sendonly"),
                 to_tag="bob")["result"] == "ok"
    r = ng.ask("offer", call_id=call, from_tag="bob", to_tag="alice",
               sdp=sdp(B))
    assert r["result"] == "ok", r
    delete(ng, call)


def test_early_answer_then_another(gw, ng, call):
    """183 and 200 of one phone, then 200 of another that rang beside it."""
    offer(ng, call)
    first = Seen(answer(ng, call, to="bob")["sdp"])
    again = Seen(answer(ng, call, to="bob")["sdp"])
    other = Seen(answer(ng, call, sdp("192.0.2.30", port=6000),
                        to="carol")["sdp"])
    assert first.port == again.port == other.port
    q = ng.ask("query", call_id=call)
    assert set(q["tags"]) == {"alice", "carol"}
    endpoint = q["tags"]["carol"]["medias"][0]["streams"][0]["endpoint"]
    assert endpoint["port"] == 6000
    # the end of the one that rang in vain isn't the end of the call
    assert delete(ng, call, to_tag="bob")["warning"]
    gw.settle(1)
    delete(ng, call)
    gw.settle(0)


def test_fork_with_branches(gw, ng, call):
    """An offer for each branch: ports for each, one deleted, one answered."""
    ports = [Seen(offer(ng, call, via_branch=f"z9hG4bK{i}")["sdp"]).port
             for i in (1, 2)]
    assert ports[0] != ports[1]
    a = answer(ng, call, to="bob", via_branch="z9hG4bK2")
    assert a["result"] == "ok"
    q = ng.ask("query", call_id=call)
    assert q["tags"]["bob"]["medias"][0]["streams"][0]["local port"] == \
        ports[1]
    delete(ng, call, via_branch="z9hG4bK1")
    gw.settle(1)
    delete(ng, call)
    gw.settle(0)


def test_challenged_offer_is_offered_again(gw, ng, call):
    """INVITE, 407, INVITE: one session, the same ports."""
    one, two = (Seen(offer(ng, call)["sdp"]) for _ in range(2))
    assert one.port and two.port
    assert len(gw.api("GET", "/api/v1/calls")[1]) == 1
    delete(ng, call)


def test_serial_fork_gets_keys_of_its_own(gw, ng, call):
    """After an early answer the next phone in line must not have the keys
    that the first one knows."""
    o = Seen(offer(ng, call, transport_protocol="RTP/SAVP",
                   SDES=["only-" + SHA1_80])["sdp"])
    first = o.one("a=crypto:")
    answer(ng, call, sdp(B, proto="RTP/SAVP", crypto=[SHA1_80]))
    o = Seen(offer(ng, call, transport_protocol="RTP/SAVP",
                   SDES=["only-" + SHA1_80])["sdp"])
    assert o.one("a=crypto:").split()[2] != first.split()[2]
    delete(ng, call)
    gw.settle(0)


def test_addresses(gw, ng, call):
    """received-from counts where it is asked for; direction by any name."""
    offer(ng, call, sdp("10.9.9.9"), received_from=["IP4", "203.0.113.7"],
          flags=["SIP-source-address"], direction=["fake1", "fake0"])
    a = answer(ng, call)
    assert Seen(a["sdp"]).address == EXTERNAL
    q = ng.ask("query", call_id=call)
    alice = q["tags"]["alice"]["medias"][0]["streams"][0]
    assert alice["endpoint"]["address"] == "203.0.113.7"
    delete(ng, call)


def test_block_and_unblock(gw, ng, call):
    set_up(ng, call)

    def blocked():
        return flows_blocked(gw)
    assert blocked() == [False, False]
    assert ng.ask("block media", call_id=call, from_tag="bob")["result"] == \
        "ok"
    assert sorted(blocked()) == [False, True]
    assert ng.ask("block media", call_id=call)["result"] == "ok"
    assert blocked() == [True, True]
    # a re-offer doesn't let it through
    offer(ng, call, to_tag="bob")
    answer(ng, call)
    assert blocked() == [True, True]
    assert ng.ask("unblock media", call_id=call, all=1)["result"] == "ok"
    assert blocked() == [False, False]
    delete(ng, call)


# ------------------------------------------------- what is refused, and how

def test_what_is_missing(gw, ng, call):
    cases = [
        ("offer", {"from_tag": "a", "sdp": sdp(A)}, "No call-id in message"),
        ("offer", {"call_id": call, "sdp": sdp(A)}, "No from-tag in message"),
        ("offer", {"call_id": call, "from_tag": "a"},
         "No SDP body in message"),
        ("answer", {"call_id": call, "from_tag": "a", "sdp": sdp(A)},
         "No to-tag in message"),
        ("answer", {"call_id": call, "from_tag": "a", "to_tag": "b",
                    "sdp": sdp(A)}, "Unknown call-id"),
        ("query", {"call_id": call}, "Unknown call-id"),
        ("start recording", {"call_id": call}, "Unknown call-id"),
        ("block media", {"call_id": call}, "Unknown call-id"),
        ("offer", {"call_id": call, "from_tag": "a", "sdp": "v=1"},
         "Failed to parse SDP"),
        ("offer", {"call_id": call + "x" * 600, "from_tag": "a",
                   "sdp": sdp(A)}, "more than 512 octets"),
    ]
    for command, keys, reason in cases:
        reply = ng.ask(command, **keys)
        assert reply["result"] == "error"
        assert reason in reply["error-reason"], (command, reply)
    assert gw.api("GET", "/api/v1/calls")[1] == []


def test_delete_of_nothing(gw, ng, call):
    """What proxies expect: no error, unless they ask for one."""
    reason = "Call-ID not found or tags didn't match"
    assert delete(ng, call) == {"result": "ok", "warning": reason}
    assert delete(ng, call, flags=["fatal"]) == {
        "result": "error", "error-reason": reason}


def test_delete_delay(gw, ng, call):
    set_up(ng, call)
    assert delete(ng, call, delete_delay=1)["result"] == "ok"
    gw.settle(1)
    gw.settle(0, timeout=5)


def test_an_answer_that_cannot_be(gw, ng, call):
    offer(ng, call)
    reply = answer(ng, call, sdp(B, formats=(9,)))
    assert reply["result"] == "error" and reply["status"] == 488
    assert "codec in common" in reply["error-reason"]
    assert answer(ng, call)["result"] == "ok"
    delete(ng, call)


@pytest.mark.ng("    calls: 2\n")
def test_load_limit(own, ng, call):
    supports = {"supports": ["load limit"]}
    for i in (1, 2):
        assert offer(ng, f"{call}-{i}", **supports)["result"] == "ok"
    reply = offer(ng, f"{call}-3", **supports)
    assert reply == {"result": "load limit",
                     "message": "Parallel session limit reached"}
    # an old module reads the error's words
    reply = offer(ng, f"{call}-3", supports=["something else"])
    assert reply["error-reason"] == "Parallel session limit reached"
    # calls that are there go on
    assert answer(ng, f"{call}-1")["result"] == "ok"
    assert offer(ng, f"{call}-1", to_tag="bob")["result"] == "ok"
    delete(ng, f"{call}-2")
    assert offer(ng, f"{call}-3", **supports)["result"] == "ok"


def test_no_dataplane_is_a_load_limit(own, ng, call):
    own.dataplane.terminate()
    own.dataplane.wait(5)
    reply = offer(ng, call, supports=["load limit"])
    assert reply["result"] == "load limit" and "dataplane" in reply["message"]


# ------------------------------------------------------------- restarts

@pytest.mark.parametrize("end", ["kill", "stop"])
def test_calls_outlive_control(own, ng, call, end):
    o, a = set_up(ng, call, direction=["internal", "external"])
    ng.ask("block media", call_id=call, from_tag="alice")
    offer(ng, f"{call}-ringing")
    own.settle(1)
    (own.kill if end == "kill" else own.stop)()
    own.start()
    own.settle(1)
    q = ng.ask("query", call_id=call)
    assert set(q["tags"]) == {"alice", "bob"}
    assert ng.ask("query", call_id=f"{call}-ringing")["result"] == "error"
    assert sorted(flows_blocked(own)) == [False, True]
    again = offer(ng, call, sdp(A, direction="sendonly"), to_tag="bob")
    assert Seen(again["sdp"]).port == o.port
    assert answer(ng, call)["result"] == "ok"
    delete(ng, call)
    own.settle(0)


@pytest.mark.ng("", media_timeout=1)
def test_silent_calls_end(own, ng, call):
    set_up(ng, call)
    own.settle(1)
    own.silence()
    assert "no media" in own.record(timeout=8, status=200)["reason"]
    assert ng.ask("query", call_id=call)["error-reason"] == "Unknown call-id"
