# SPDX-License-Identifier: Apache-2.0
"""SIPp as phones: another implementation, and many calls."""

import os
import subprocess
import time

import pytest


HERE = os.path.dirname(os.path.abspath(__file__))


def sipp(gw, tmp_path, scenario, *args, ip="127.0.0.40", port=6000, to=None,
         user="alice", password="secret", wait=True):
    csv = tmp_path / f"{user}.csv"
    csv.write_text(f"SEQUENTIAL\n{user};[authentication username={user} "
                   f"password={password}];{to}\n")
    p = subprocess.Popen(
        ["sipp", f"{gw.A}:{gw.PORT}", "-sf",
         os.path.join(HERE, "sipp", scenario), "-i", ip, "-p", str(port),
         "-inf", str(csv), "-nostdin", "-timeout", "30", "-timeout_error",
         "-mp", str(port + 2000), *args],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p.wait(40) if wait else p


@pytest.mark.parametrize("tp", ["u1", "t1"])
def test_sipp_register(gw, tmp_path, tp):
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tp) == 0
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tp,
                password="wrong") == 1


@pytest.mark.parametrize("ta,tb", [("u1", "u1"), ("u1", "t1"), ("t1", "u1")])
def test_sipp_call(gw, tmp_path, ta, tb):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    if tb == "t1":  # for the next test nobody will listen there
        b = dict(user="carol", ip="127.0.0.42", port=6020)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tb, **b) == 0
    uas = sipp(gw, tmp_path, "uas.xml", "-m", "2", "-t", tb, wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, "uac.xml", "-m", "2", "-t", ta,
                to=b["user"]) == 0
    assert uas.wait(10) == 0


@pytest.mark.parametrize("caller,phone", [
    ("uac_busy.xml", "uas_busy.xml"), ("uac_cancel.xml", "uas_cancelled.xml")])
def test_sipp_not_answered(gw, tmp_path, caller, phone):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", **b) == 0
    uas = sipp(gw, tmp_path, phone, "-m", "1", wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, caller, "-m", "1", to="bob") == 0
    assert uas.wait(10) == 0


def test_sipp_fifty_calls(gw, tmp_path):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", **b) == 0
    uas = sipp(gw, tmp_path, "uas.xml", "-m", "50", wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, "uac.xml", "-m", "50", "-r", "10",
                to="bob") == 0
    assert uas.wait(10) == 0
    end_at = time.monotonic() + 3
    while len(gw.records()) < 50 and time.monotonic() < end_at:
        time.sleep(0.05)
    made = gw.records()
    assert len(made) == 50 and all(r["status"] == 200 for r in made)
    gw.settle(0)
