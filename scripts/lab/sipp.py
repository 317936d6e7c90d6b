# SPDX-License-Identifier: Apache-2.0
"""SIPp as many phones at once: another implementation of SIP, and of RTP that
is sent from a file."""

from pathlib import Path

from .process import Process

SCENARIOS = Path(__file__).resolve().parents[2] / "tests" / "calls" / "sipp"


def sipp(gateway, side, scenario, user, *options, to="nobody", port=5060,
         speech=None, at=None, pcap=None):
    """Start SIPp on one side. user's password is the lab's. speech: raw PCMU
    that a scenario with RTP plays; pcap: a capture that one with play_pcap
    does. at: (its address, the gateway's),
    where that isn't the side's own."""
    s = gateway.sides[side]
    host, door = at or (s.host, s.gateway)
    door = f"[{door}]" if ":" in door else door
    folder = gateway.folder / f"sipp-{user}-{Path(scenario).stem}"
    folder.mkdir(exist_ok=True)
    (folder / "users.csv").write_text(
        f"SEQUENTIAL\n{user};[authentication username={user} "
        f"password={user}-secret];{to}\n")
    if speech:
        (folder / "speech.ulaw").write_bytes(speech)
    if pcap:
        (folder / "media.pcap").write_bytes(pcap)
    # SIPp looks for the files where it runs
    command = ["sh", "-c", 'cd "$0" && exec sipp "$@"', folder,
               f"{door}:5060", "-sf", SCENARIOS / scenario, "-i", host,
               "-mi", host, "-p", str(port), "-inf", "users.csv",
               # its own would be an IPv6 address without brackets
               "-auth_uri", gateway.domain, "-nostdin", "-timeout", "100", "-timeout_error",
               "-trace_err", "-error_file", folder / "errors", "-buff_size",
               "1048576", *options]
    return Process(f"sipp {user}", command, s.namespace, folder / "log")
