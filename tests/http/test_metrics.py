# SPDX-License-Identifier: Apache-2.0
"""What Prometheus scrapes: good by its own tool, true, and all that the Grafana
dashboard asks for."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import ROOT, Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("metrics"), port=25180).up() as g:
        for name in ("alice", "bob"):
            g.add_user(name, security=0)
        g.scraper = g.token("scrape", "read")
        yield g


def scrape(gw):
    status, text, headers = Client(gw, token=gw.scraper).ask(
        "GET", "/api/v1/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return text.decode()


def value(text, series):
    found = re.search(re.escape(series) + r" (\d+)$", text, re.M)
    assert found, series
    return int(found[1])


def test_promtool_has_nothing_to_say(gw):
    if not shutil.which("promtool"):
        pytest.skip("promtool isn't installed")
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(gw),
                          text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_numbers_follow_a_call(gw):
    a = Phone(gw.at, "alice", ip="127.0.0.11")
    b = Phone(gw.at, "bob", ip="127.0.0.12")
    for p in (a, b):
        assert p.register().status == 200
    before = scrape(gw)
    assert value(before, "sallyport_registered_devices") == 2
    assert value(before, 'sallyport_calls{state="up",encryption="hop"}') == 0
    d = Dialog(a, "bob")
    d.call(sdp("10.9.0.1", 40000))
    invite = b.expect("INVITE")
    assert value(scrape(gw), 'sallyport_calls{state="ringing",'
                 'encryption="hop"}') == 1
    e = Dialog.of(b, invite)
    e.reply(invite, 200, sdp("10.9.0.2", 41000))
    d.answered()
    b.expect("ACK")
    up = scrape(gw)
    assert value(up, 'sallyport_calls{state="up",encryption="hop"}') == 1
    assert value(up, "sallyport_transports") == 2
    d.request("BYE")
    b.expect("BYE")
    after = scrape(gw)
    assert value(after, 'sallyport_calls{state="up",encryption="hop"}') == 0
    ended = 'sallyport_calls_ended_total{outcome="answered"}'
    assert value(after, ended) == value(before, ended) + 1
    for p in (a, b):
        p.close()


def test_load_of_workers(gw):
    """One of each for every worker that the dataplane has, and they move."""
    first, second = scrape(gw), scrape(gw)
    turns, idle = (f'sallyport_worker_{what}_total{{worker="0",lcore="1"}}'
                   for what in ("turns", "idle_turns"))
    assert value(second, turns) - value(first, turns) == 100
    assert value(second, idle) - value(first, idle) == 25
    assert len(re.findall(r"^sallyport_worker_turns_total{", first, re.M)) == \
        value(first, "sallyport_dataplane_workers")


def test_the_dashboard_asks_for_what_there_is(gw):
    there = set(re.findall(r"^# TYPE (\S+)", scrape(gw), re.M))
    doc = json.loads((ROOT / "firmware/grafana/sallyport.json").read_text())
    for panel in doc["panels"]:
        for target in panel["targets"]:
            names = set(re.findall(r"sallyport_\w+", target["expr"]))
            assert names and names <= there, names - there


def test_it_takes_a_role(gw):
    for path in ("/metrics", "/api/v1/metrics"):
        assert Client(gw).ask("GET", path)[0] == 401
        assert Client(gw, token=gw.scraper).ask("GET", path)[0] == 200
