# SPDX-License-Identifier: Apache-2.0
"""Alarms as the API tells them, when something really goes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("alarms"), port=25250).up() as g:
        g.scraper = g.token("scrape", "read")
        yield g


def until(gw, wanted):
    """Until there are just these. Asked for by sallyctl, and by a reader."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        found = json.loads(gw.ctl("alarms", "--json").stdout)
        if {a["name"] for a in found} == wanted:
            status, j, _ = Client(gw, token=gw.scraper).ask("GET", "/alarms")
            assert status == 200 and j == found
            return {a["name"]: a for a in found}
        time.sleep(0.1)
    raise AssertionError(f"{found}, not {wanted}")


def metric(gw, name):
    text = Client(gw, token=gw.scraper).ask("GET", "/metrics")[1].decode()
    return f'sallyport_alarm{{name="{name}"}} 1' in text


def test_the_dataplane_goes_and_comes(gw):
    until(gw, set())
    assert not metric(gw, "dataplane-away")
    gw.dataplane.kill()
    gw.dataplane.wait()
    a = until(gw, {"dataplane-away"})["dataplane-away"]
    assert a["severity"] == "wrong" and "media" in a["message"]
    assert abs(a["since"] - time.time()) < 30
    assert metric(gw, "dataplane-away")
    assert a["message"] in gw.ctl("alarms").stdout
    gw.dataplane.stdout.close()
    gw.start_dataplane()
    until(gw, set())
    assert "Nothing needs attention" in gw.ctl("alarms").stdout
    assert not metric(gw, "dataplane-away")


def test_a_certificate_near_its_end(gw, tmp_path):
    for days, wanted in (("29", {"certificate-ending"}), ("40", set())):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", days, "-subj",
             "/CN=gateway", "-addext", f"subjectAltName=IP:{gw.A}", "-keyout",
             tmp_path / "k.pem", "-out", tmp_path / "c.pem"],
            check=True, capture_output=True)
        done = gw.ctl("certificate", "install", str(tmp_path / "c.pem"),
                      str(tmp_path / "k.pem"))
        assert done.returncode == 0, done.stderr
        time.sleep(1)  # the listener starts anew with it
        found = until(gw, wanted)
    assert not found
