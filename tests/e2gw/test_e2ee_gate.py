# SPDX-License-Identifier: Apache-2.0
"""The gate: what SIP and the control API may ask of an end-to-end encrypted
call, what is answered, and what the audit log has of it."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from e2ee_sip import (A_SDP, B_SDP, M1, M2, call, e2ee, gw,  # noqa: E402,F401
                      phones, reason, running, set_up, still_up)
from phone import Dialog, token  # noqa: E402


def ask(gw, d, method, *lines, status=None, error=None, body=""):
    d.request(method, body, "text/plain", lines=lines)
    return reason(d.phone.expect(status), error)


IN_DIALOG = [
    ("REFER", ["Refer-To: <sip:carol@sip.test>"], "transfer-blind", "REFER"),
    ("REFER", ["Refer-To: <tel:+498912345>"], "transfer-blind", "REFER"),
    ("REFER", ["Refer-To: <sip:carol@sip.test?Replaces=x%3Bto-tag%3D1>"],
     "transfer-consultative", "REFER with Replaces"),
    ("REFER", ["Refer-To: <sip:park@sip.test>"], "park", "REFER"),
    ("INFO", ["Record: on"], "recording", "INFO with Record: on"),
    ("INFO", ["Record: ON"], "recording", "INFO with Record: on"),
]


@pytest.mark.parametrize("method,lines,feature,how", IN_DIALOG)
@pytest.mark.parametrize("asks", ["alice", "bob"])
def test_asked_in_the_call(gw, call, method, lines, feature, how, asks):
    d, e = call
    text = ask(gw, d if asks == "alice" else e, method, *lines, status=403,
               error=f"e2ee-{feature}")
    assert text.startswith("An end-to-end encrypted call")
    (e if asks == "alice" else d).phone.silent(0.1)
    record = gw.audit("feature-refused")
    assert record == record | {
        "call": gw.the_call()["id"], "feature": feature, "status": 403,
        "error": f"e2ee-{feature}", "by": f"sip:{asks}@sip.test", "how": how}
    still_up(gw, d, e)


@pytest.mark.parametrize("method,lines,feature,how", IN_DIALOG)
def test_asked_in_an_ordinary_call(gw, phones, method, lines, feature, how):
    """What this release has is done; what it hasn't is refused as such."""
    d, e = set_up(phones("alice"), phones("bob", side="B"), A_SDP, B_SDP)
    rows = {f["name"]: f for f in gw.api("GET", "/api/v1/features")[1]}
    if feature == "recording": # there is no sallyport-media here
        ask(gw, d, method, *lines, status=501, error="media-off")
    elif rows[feature]["built"]:
        d.request(method, "", "text/plain", lines=lines)
        assert d.phone.recv().status in (200, 202)
    else:
        text = ask(gw, d, method, *lines, status=501,
                   error=f"not-built-{feature}")
        assert feature in text
    assert not [r for r in gw.audit_all() if r["event"] == "feature-refused"]


def test_record_off_is_an_info_like_others(gw, call):
    d, e = call
    d.request("INFO", "x", "text/plain", lines=["Record: off"])
    e.reply(e.phone.expect("INFO"), 200)
    d.phone.expect(200)


def third(phone, to, header, of):
    """An INVITE about another's dialog: `of` is that as its phone sees it."""
    d = Dialog(phone, to)
    d.call(A_SDP, lines=[f"{header}: {of.callid};to-tag={of.remote_tag};"
                         f"from-tag={of.local_tag}"])
    return d


@pytest.mark.parametrize("header,asks,feature", [
    ("Replaces", "carol", "transfer-consultative"),
    ("Replaces", "bob", "transfer-device"),
    ("Join", "carol", "add-participant"),
    ("Join", "alice", "companion"),
])
def test_asked_from_outside(gw, call, phones, header, asks, feature):
    d, e = call
    for of in (d, e):
        other = third(phones(asks), "bob" if of is d else "alice", header, of)
        reason(other.refused(403), f"e2ee-{feature}")
        record = gw.audit("feature-refused", feature=feature,
                          by=f"sip:{asks}@sip.test")
        assert record["how"] == f"INVITE with {header}"
    d.phone.silent(0.1)
    still_up(gw, d, e)


def test_asked_from_outside_for_another_call(gw, call, phones):
    """Tags that are no dialog's here, or of an ordinary call."""
    d, e = call
    carol = phones("carol")
    other = Dialog(carol, "bob")
    other.call(A_SDP, lines=[f"Replaces: {d.callid};to-tag=1;from-tag=2"])
    assert "no such call" in reason(other.refused(481))
    assert not [r for r in gw.audit_all() if r["event"] == "feature-refused"]


def test_pickup_while_it_rings(gw, phones):
    a, b, c = phones("alice"), phones("bob", side="B"), phones("carol")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    a.expect(180)
    reason(third(c, "alice", "Replaces", e).refused(403), "e2ee-pickup")
    assert gw.audit("feature-refused")["by"] == "sip:carol@sip.test"
    e.reply(invite, 200, e2ee(B_SDP, M2))
    d.answered()


# and what an ordinary call is answered, where nobody may dial anything
NUMBERS = [("tel:+498912345", 403, "dial-not-permitted"),
           ("sip:+498912345@sip.test", 403, "dial-not-permitted"),
           ("sip:0891-2345@sip.test", 484, "number-incomplete"),
           ("sip:whoever@sip.test;user=phone", 484, "number-incomplete")]


@pytest.mark.parametrize("target,ordinary,name", NUMBERS)
def test_to_the_pstn(gw, phones, target, ordinary, name):
    a = phones("alice")
    for body, status, error in ((e2ee(A_SDP, M1), 488, "e2ee-pstn"),
                                (A_SDP, ordinary, name)):
        d = Dialog(a, "x")
        d.target = target
        d.call(body)
        reason(d.refused(status), error)
        gw.record(status=status)
    assert gw.audit("feature-refused")["feature"] == "pstn"
    assert len([r for r in gw.audit_all()
                if r["event"] == "feature-refused"]) == 1


def test_reinvite_to_the_pstn(gw, call):
    d, e = call
    back, d.target = d.target, "tel:+498912345"
    d.request("INVITE", e2ee(A_SDP, M1))
    reason(d.refused(488), "e2ee-pstn")
    d.target = back
    assert gw.audit("feature-refused")["how"] == "re-INVITE to a number"
    still_up(gw, d, e)


def test_a_phone_that_forwards(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 302, lines=["Contact: <sip:carol@sip.test>"])
    b.expect("ACK")
    assert "forwarded" in reason(d.refused(403))
    assert gw.audit("feature-refused")["feature"] == "forward"


def test_every_feature_by_the_api(gw, call):
    d, e = call
    features = gw.api("GET", "/api/v1/features")[1]
    names = {f["name"] for f in features if f["needs_plain"]}
    assert len(names) >= 20
    ident = gw.the_call()["id"]
    for name in sorted(names):
        status, answer = gw.api("POST",
                                f"/api/v1/calls/{ident}/features/{name}")
        assert status in (403, 488) and answer["error"] == f"e2ee-{name}"
        assert gw.audit("feature-refused", feature=name)["by"] == "uid 0"
    assert gw.api("POST", f"/api/v1/calls/{ident}/features/teleport")[0] == 404
    done = gw.ctl("calls", "feature", str(ident), "recording")
    assert done.returncode == 1 and "can't be recorded" in done.stderr
    still_up(gw, d, e)
    d.bye()
    e.reply(e.phone.expect("BYE"), 200)
    assert gw.audit("call-ended")["refused"] == len(names) + 1


def test_who_asks_on_and_on_fills_no_disk(gw, call):
    d, e = call
    for _ in range(20):
        ask(gw, d, "INFO", "Record: on", status=403, error="e2ee-recording")
    d.bye()
    e.reply(e.phone.expect("BYE"), 200)
    assert gw.audit("call-ended")["refused"] == 20
    assert len([r for r in gw.audit_all()
                if r["event"] == "feature-refused"]) == 8


# Evidence


def test_changes_are_on_record(gw):
    gw.ctl("policy", "new", "Short", "--description", "x")
    gw.ctl("policy", "set", "Short", "--calling", "DisabledUserOverride")
    gw.ctl("policy", "grant", "Short", "--user", "carol")
    gw.ctl("user", "e2ee", "on", "carol")
    gw.ctl("policy", "revoke", "--user", "carol")
    gw.ctl("user", "e2ee", "off", "carol")
    gw.ctl("policy", "remove", "Short")
    gw.audit("policy-removed")
    seen = gw.audit_all()
    assert [r["event"] for r in seen] == [
        "policy-new", "policy-set", "policy-granted", "user-e2ee",
        "policy-revoked", "user-e2ee", "policy-removed"]
    assert {r["by"] for r in seen} == {f"uid {os.getuid()}"}
    assert seen[1]["before"]["calling"] == "Disabled"
    assert seen[1]["after"]["calling"] == "DisabledUserOverride"
    # what was refused changed nothing, and says nothing
    gw.mark()
    assert gw.ctl("policy", "new", "Global").returncode == 1
    assert gw.ctl("user", "e2ee", "on", token()).returncode == 1
    assert gw.audit_all() == []


def test_verify_notices(gw, tmp_path):
    """The whole tool, on copies of a real log."""
    gw.ctl("policy", "set", "Global", "--description", "for the log")
    last = gw.audit("policy-set")["seq"]
    while json.loads(gw.ctl("audit", "head").stdout)["head"]["seq"] < last:
        time.sleep(0.02)  # a record is written before the head knows it
    text = Path(gw.audit_log).read_text()
    copy = tmp_path / "audit.log"
    for suffix in (".pub", ".head"):
        (tmp_path / f"audit.log{suffix}").write_bytes(
            Path(gw.audit_log + suffix).read_bytes())
    lines = text.splitlines(keepends=True)

    def verify(content):
        copy.write_text(content)
        return gw.ctl("audit", "verify", str(copy))

    done = verify(text)
    assert done.returncode == 0 and "whole and in order" in done.stdout
    for wrong in (text.replace('"uid 0"', '"uid 1"', 1), "".join(lines[:-1]),
                  "".join(lines[1:]), "".join(lines[:3] + lines[4:]),
                  "".join(lines[1::-1] + lines[2:]), text + lines[-1]):
        done = verify(wrong)
        assert done.returncode == 1 and done.stderr, wrong
    verify(text)
    kept = tmp_path / "kept.head"
    kept.write_text(gw.ctl("audit", "head").stdout)
    assert gw.ctl("audit", "verify", "--head", str(kept),
                  str(copy)).returncode == 0
    copy.write_text("".join(lines[:-1]))
    done = gw.ctl("audit", "verify", "--head", str(kept), str(copy))
    assert done.returncode == 1 and "cut off" in done.stderr
    verify(text)
    done = json.loads(gw.ctl("audit", "verify", "--json", str(copy)).stdout)
    assert done["whole"] is True and done["records"] == len(lines)
    assert gw.ctl("audit", "verify", str(tmp_path / "no")).returncode == 1


def rules(gw, **kw):
    assert gw.api("PUT", "/api/v1/users/bob/forward", kw)[0] == 200


def test_a_user_who_forwards(gw, phones):
    """Always: refused, since the user would have nobody else answer. Busy: it is
    busy. Who rings beside: doesn't."""
    a, b, c = phones("alice"), phones("bob", side="B"), phones("carol")
    try:
        rules(gw, always="sip:carol@sip.test")
        d = Dialog(a, "bob")
        d.call(e2ee(A_SDP, M1))
        reason(d.refused(403), "e2ee-forward")
        assert gw.audit("feature-refused")["feature"] == "forward"
        rules(gw, always="voicemail")
        d = Dialog(a, "bob")
        d.call(e2ee(A_SDP, M1))
        reason(d.refused(403), "e2ee-voicemail")
        rules(gw, busy="sip:carol@sip.test", also=["sip:carol@sip.test"])
        d = Dialog(a, "bob")
        d.call(e2ee(A_SDP, M1))
        invite = b.expect("INVITE")
        Dialog.of(b, invite).reply(invite, 486)
        b.expect("ACK")
        d.refused(486)
        assert gw.audit("feature-refused", feature="simultaneous-ring")
        c.silent(0.2)
    finally:
        rules(gw)
