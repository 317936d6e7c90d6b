# SPDX-License-Identifier: Apache-2.0
"""SIPp as many phones at once: another implementation of SIP, and of RTP that
is sent from a file."""

from pathlib import Path

from .process import Process

SCENARIOS = Path(__file__).resolve().parents[2] / "tests" / "calls" / "sipp"


def sipp(gateway, side, scenario, user, *options, to="nobody", port=5060,
         speech=None):
    """Start SIPp on one side. user's password is the lab's. speech: a file of
    raw PCMU that a scenario with RTP plays."""
    s = gateway.sides[side]
    folder = gateway.folder / f"sipp-{user}-{Path(scenario).stem}"
    folder.mkdir(exist_ok=True)
    (folder / "users.csv").write_text(
        f"SEQUENTIAL\n{user};[authentication username={user} "
        f"password={user}-secret];{to}\n")
    if speech:
        (folder / "speech.ulaw").write_bytes(speech)
    # SIPp looks for the file where it runs
    command = ["sh", "-c", 'cd "$0" && exec sipp "$@"', folder,
               f"{s.gateway}:5060", "-sf", SCENARIOS / scenario, "-i", s.host,
               "-mi", s.host, "-p", str(port), "-inf", "users.csv",
               "-nostdin", "-timeout", "100", "-timeout_error",
               "-trace_err", "-error_file", folder / "errors", "-buff_size",
               "1048576", *options]
    return Process(f"sipp {user}", command, s.namespace, folder / "log")
