#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rtp_pcap.py --streams N [options] FILE - RTP of N streams, to be replayed
for ever.

Stream i goes from --source to --target, from and to UDP port --first-port +
2 * i, which is where `sallyctl bench flows N` expects it. Each has a payload
type, SSRC and clock of its own codec (--clock, --ptime), --octets of RTP
packet, and --packets packets, one of every stream after the other.

A replay starts again at the first packet, and a gateway refuses what would use
an SRTP index twice. So a stream's sequence numbers are spread over all 65,536:
from the last packet to the first of the next round is a step ahead like any
other, the rollover counter goes up by one each round, and no index comes
twice. That holds while less than half of a round is lost in a row (RFC 3711
section 3.3.1), so a generator that sends more than is taken needs many packets
a stream: 64 bear 31 lost in a row. The price: the gateway's statistics count
what was skipped as lost."""

import argparse
import ipaddress
import random
import struct
import sys

PCAP_HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
SEQUENCES = 1 << 16


def mac(text):
    octets = bytes.fromhex(text.replace(":", ""))
    if len(octets) != 6:
        raise argparse.ArgumentTypeError(f"{text} is no MAC address")
    return octets


def checksum(octets):
    """RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(o, length, ident):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 46 << 2, 20 + length, ident, 0,
                       64, 17, 0, o.source.packed, o.target.packed)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def udp(o, port, payload):
    length = 8 + len(payload)
    head = struct.pack(">HHHH", port, port, length, 0)
    pseudo = o.source.packed + o.target.packed + struct.pack(">HH", 17, length)
    return head[:6] + struct.pack(
        ">H", checksum(pseudo + head + payload) or 0xffff) + payload


def frames(o):
    """Packet k of every stream, for k = 0, 1, ..."""
    dice = random.Random(o.seed)
    ssrcs = [dice.getrandbits(32) for _ in range(o.streams)]
    payload = dice.randbytes(o.octets - 12)
    step = SEQUENCES // o.packets
    samples = o.clock * o.ptime // 1000
    for k in range(o.packets):
        for i in range(o.streams):
            seq = k * step
            rtp = struct.pack(">BBHII", 0x80, o.payload_type, seq,
                              seq * samples & 0xffffffff, ssrcs[i]) + payload
            datagram = udp(o, o.first_port + 2 * i, rtp)
            yield (o.target_mac + o.source_mac + b"\x08\x00" +
                   ipv4(o, len(datagram), k & 0xffff) + datagram)


def parse(words):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("file")
    p.add_argument("--streams", type=int, default=1000)
    p.add_argument("--octets", type=int, default=172,
                   help="of an RTP packet (172: G.711, 20 ms)")
    p.add_argument("--packets", type=int, default=64, help="of each stream")
    p.add_argument("--clock", type=int, default=8000, help="RTP clock, Hz")
    p.add_argument("--ptime", type=int, default=20, help="ms in a packet")
    p.add_argument("--payload-type", type=int, default=0)
    p.add_argument("--first-port", type=int, default=20000)
    p.add_argument("--source", type=ipaddress.IPv4Address,
                   default="10.1.0.100")
    p.add_argument("--target", type=ipaddress.IPv4Address, default="10.1.0.1")
    p.add_argument("--source-mac", type=mac, default="02:00:00:00:01:64")
    p.add_argument("--target-mac", type=mac, default="02:53:50:00:00:01",
                   help="the gateway's port: `sallyctl ports`")
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args(words)
    if not 3 <= o.packets <= 4096:
        p.error("--packets: from 3 to 4096")
    if not 12 <= o.octets <= 1472:
        p.error("--octets: from 12 to 1472")
    if o.first_port % 2 or o.streams < 1 or \
            o.first_port + 2 * o.streams > 65536:
        p.error("--first-port must be even, and leave room for the streams")
    return o


def main(words=None):
    o = parse(words)
    count = 0
    with open(o.file, "wb") as out:
        out.write(PCAP_HEADER)
        for frame in frames(o):
            # As if all streams together kept the codec's pace.
            at = count * o.ptime * 1000 // o.streams
            out.write(struct.pack("<IIII", at // 1000000, at % 1000000,
                                  len(frame), len(frame)) + frame)
            count += 1
    print(f"{count} packets of {o.streams} streams in {o.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
