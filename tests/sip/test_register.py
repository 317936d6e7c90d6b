# SPDX-License-Identifier: Apache-2.0
"""The registrar."""

import time

import pytest


def test_register(gw, phones):
    a = phones(gw, "alice", register=False)
    m = a.register()
    assert m.status == 200
    assert a.contact in m["contact"] and "expires=3600" in m["contact"]


@pytest.mark.parametrize("user,password", [("alice", "wrong"),
                                           ("nobody", "secret")])
def test_register_refused(gw, phones, user, password):
    """Unknown and wrong look the same."""
    a = phones(gw, user, register=False, password=password)
    m = a.register()
    assert m.status == 403
    assert 'text="wrong user name or password"' in m["reason"]
    assert m["www-authenticate"] is None


def test_register_nonce_counts(gw, phones):
    """A response that was overheard can't be used again."""
    a = phones(gw, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    uri = f"sip:{a.domain}"
    auth = a.digest(chal, "REGISTER", uri, nc=1)
    assert a.register_once(auth=auth).status == 200
    m = a.register_once(auth=auth)
    assert m.status == 401 and "stale=true" in m["www-authenticate"]
    assert a.register_once(
        auth=a.digest(chal, "REGISTER", uri, nc=2)).status == 200
    assert a.register_once(
        auth=a.digest(chal, "INVITE", uri, nc=3)).status == 403


def test_register_stale(short, phones):
    a = phones(short, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    assert "stale" not in chal
    time.sleep(2.1)
    m = a.register_once(auth=a.digest(chal, "REGISTER", f"sip:{a.domain}"))
    assert m.status == 401 and "stale=true" in m["www-authenticate"]
    auth = a.digest(m["www-authenticate"], "REGISTER", f"sip:{a.domain}")
    assert a.register_once(auth=auth).status == 200


def test_register_forged_nonce(gw, phones):
    a = phones(gw, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    nonce = chal.split('nonce="')[1][:48]
    forged = chal.replace(nonce, "0" * 48)
    m = a.register_once(auth=a.digest(forged, "REGISTER", f"sip:{a.domain}"))
    assert m.status == 401 and "stale=true" in m["www-authenticate"]


def test_register_expiry_limits(short, phones):
    a = phones(short, "alice", register=False)
    m = a.register(expires=10)
    assert m.status == 423 and m["min-expires"] == "30"
    assert "expires=50" in a.register(expires=1000)["contact"]
    assert "expires=40" in a.register(expires=None)["contact"]


def test_register_remove(gw, phones):
    a = phones(gw, "alice", register=False)
    two = f"<sip:alice@127.0.0.10:7001>, <{a.contact}>;q=0.5"
    m = a.register(contact=two)
    assert len(m.all("contact")) == 2
    m = a.register(contact="<sip:alice@127.0.0.10:7001>;expires=0")
    assert m.all("contact") == [f"<{a.contact}>;expires=3600"] or \
        m["contact"].startswith(f"<{a.contact}>;expires=35")
    assert a.register(contact="*", expires=3600).status == 400
    m = a.register(contact="*", expires=0)
    assert m.status == 200 and not m.all("contact")


def test_register_query_and_order(gw, phones):
    a = phones(gw, "alice")
    m = a.register(contact="")
    assert m.status == 200 and a.contact in m["contact"]
    chal = a.register_once()["www-authenticate"]
    auth = a.digest(chal, "REGISTER", f"sip:{a.domain}")
    assert a.register_once(auth=auth, seq=1).status == 500
    a.seq += 10


def test_register_not_another(gw, phones):
    a = phones(gw, "alice", register=False)
    m = a.register(to="bob")
    assert m.status == 403 and "another user" in m["reason"]


def test_register_not_the_gateway(gw, phones):
    a = phones(gw, "alice", register=False)
    assert a.register(contact="<sip:x@127.0.0.22:25060>").status == 403


def test_phone_started_anew_leaves_nothing(gw, phones):
    a = phones(gw, "alice", register=False)
    a.register(contact="<sip:old@10.0.0.1:5060>")
    a.callid = "another-life"
    m = a.register()
    assert len(m.all("contact")) == 1 and a.contact in m["contact"]
