# SPDX-License-Identifier: Apache-2.0
"""Captures: what went over a wire, read without any of the gateway's code.

pcap (libpcap's classic file format), Ethernet, IPv4, UDP; RTP (RFC 3550), SIP
over UDP (RFC 3261), SDES (RFC 4568). Decryption is FFmpeg's own SRTP."""

import os
import re
import signal
import struct
import time
from collections import defaultdict, namedtuple

from . import audio
from .process import LabError, Process, udp_socket, wait_until

Datagram = namedtuple("Datagram", "time source destination payload")
Rtp = namedtuple("Rtp", "time sequence timestamp payload_type ssrc payload raw")
Crypto = namedtuple("Crypto", "tag suite inline")


class Capture:
    """tcpdump on one interface of a namespace. Its buffer has slots of equal
    size, the snapshot's: with the usual one of 256 KiB there would be thirty,
    and a machine that holds tcpdump up for a moment would look like a gateway
    that loses packets. So there are thousands, and what is lost is said."""

    def __init__(self, namespace, interface, path):
        self.path, self.size = path, -1
        self.process = Process(
            f"tcpdump {interface}",
            ["tcpdump", "-i", interface, "-w", path, "-U", "-Z", "root",
             "--immediate-mode", "-B", "16384", "-s", "2048"],
            namespace, f"{path}.log")
        wait_until("tcpdump to listen", 5, self._listens)

    def _listens(self):
        self.process.check()
        return "listening on" in self.process.tail()

    def _settled(self):
        """What went by before has been written, as it seems."""
        before, self.size = self.size, os.stat(self.path).st_size
        return before == self.size

    def stop(self):
        """@return the datagrams that went by.
        @raise LabError when the capture lost some of them itself."""
        for _ in range(20):  # at most: there may be no end of packets
            time.sleep(0.1)
            if self._settled():
                break
        self.process.stop(signal.SIGINT)
        lost = re.search(r"^(\d+) packets? dropped by kernel",
                         self.process.tail(), re.M)
        if lost and int(lost[1]):
            raise LabError(f"{self.process.name}: lost {lost[1]} packets; the "
                           "machine is too busy for what it is to record")
        return datagrams(self.path)


def datagrams(path):
    """UDP over IPv4 in a capture, in order; fragments and the rest left out."""
    with open(path, "rb") as f:
        raw = f.read()
    if raw[:4] != b"\xd4\xc3\xb2\xa1":
        raise LabError(f"{path}: not a little-endian pcap file")
    found, at = [], 24
    while at + 16 <= len(raw):
        seconds, micro, size = struct.unpack_from("<III", raw, at)
        frame = raw[at + 16:at + 16 + size]
        at += 16 + size
        if len(frame) < 42 or frame[12:14] != b"\x08\x00":
            continue
        ip = frame[14:]
        header = (ip[0] & 15) * 4
        if ip[9] != 17 or struct.unpack_from(">H", ip, 6)[0] & 0x3fff:
            continue
        sport, dport, length = struct.unpack_from(">HHH", ip, header)
        found.append(Datagram(
            seconds + micro / 1e6,
            (".".join(map(str, ip[12:16])), sport),
            (".".join(map(str, ip[16:20])), dport),
            ip[header + 8:header + length]))
    return found


def pcap(payloads, interval):
    """A capture with these UDP payloads, so many seconds apart. Addresses and
    ports are anybody's: who plays it puts in its own."""
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
    for i, payload in enumerate(payloads):
        udp = struct.pack(">HHHH", 4000, 4000, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xffff,
                         0, 64, 17, 0, bytes((192, 0, 2, 1)),
                         bytes((192, 0, 2, 2)))
        frame = bytes(12) + b"\x08\x00" + ip + udp
        micro = round(i * interval * 1e6)
        out.append(struct.pack("<IIII", *divmod(micro, 1000000), len(frame),
                               len(frame)) + frame)
    return b"".join(out)


def rtp_packet(datagram):
    """@return the packet, or None where it is not RTP (RFC 5761 section 4)."""
    p = datagram.payload
    if len(p) < 12 or p[0] >> 6 != 2 or 64 <= p[1] & 0x7f < 96:
        return None
    header = 12 + (p[0] & 15) * 4
    if p[0] & 0x10 and len(p) >= header + 4:
        header += 4 + struct.unpack_from(">H", p, header + 2)[0] * 4
    sequence, timestamp, ssrc = struct.unpack_from(">HII", p, 2)
    return Rtp(datagram.time, sequence, timestamp, p[1] & 0x7f, ssrc,
               p[header:], p)


def rtp_from(captured, host):
    """The RTP that a host sent: every packet, in the order of the wire."""
    found = (rtp_packet(d) for d in captured
             if d.source[0] == host and 5060 not in
             (d.source[1], d.destination[1]))
    return [p for p in found if p]


def rtp_streams(captured, host):
    """The same by SSRC: one list for each, in the order of their firsts."""
    streams = defaultdict(list)
    for packet in rtp_from(captured, host):
        streams[packet.ssrc].append(packet)
    return list(streams.values())


def payload_octets(packets):
    return b"".join(p.payload for p in packets)


def longest_pause(packets):
    """The longest time without a packet, seconds."""
    times = [p.time for p in packets]
    return max((b - a for a, b in zip(times, times[1:])), default=0.0)


def missing(packets):
    """Sequence numbers of each stream that never came: what was lost on the
    way, however long the sender itself was held up."""
    seen = defaultdict(list)
    for p in packets:
        seen[p.ssrc].append(p.sequence)
    lost = 0
    for numbers in seen.values():
        first = numbers[0]  # and they wrap
        there = {(n - first + 32768) % 65536 - 32768 for n in numbers}
        lost += max(there) - min(there) + 1 - len(there)
    return lost


class Sip:
    """One SIP message as captured."""

    def __init__(self, datagram):
        self.time = datagram.time
        self.source, self.destination = datagram.source, datagram.destination
        text = datagram.payload.decode("utf-8", "replace")
        head, _, self.body = text.partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = defaultdict(list)
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()].append(value.strip())

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/") \
            else None

    @property
    def method(self):
        """Of the request, or of the request that this answers."""
        if self.status is None:
            return self.start.split()[0]
        return self.headers.get("cseq", ["0 ?"])[0].split()[-1]

    def crypto(self, kind="audio"):
        """The a=crypto lines of one m-line of its SDP, by tag."""
        section = re.search(rf"^m={kind} .*?(?=^m=|\Z)", self.body, re.M | re.S)
        lines = re.findall(r"^a=crypto:(\d+) (\S+) inline:(\S+)",
                           section[0] if section else "", re.M)
        return {tag: Crypto(tag, suite, inline) for tag, suite, inline in lines}


def sip_messages(captured):
    return [Sip(d) for d in captured
            if 5060 in (d.source[1], d.destination[1]) and len(d.payload) > 20]


def hop_keys(captured, host, kind="audio"):
    """The SDES keys of the first call on a wire, as the signalling shows them:
    what `host` sends with, and what is sent to it with. None where the leg was
    negotiated without."""
    messages = [m for m in sip_messages(captured) if m.method == "INVITE"]
    offer = next((m for m in messages if m.status is None and m.body), None)
    answer = next((m for m in messages
                   if m.status and 180 <= m.status < 300 and m.body), None)
    if not offer or not answer:
        raise LabError("the capture holds no offer with its answer")
    if not answer.crypto(kind):
        return None, None
    theirs = next(iter(answer.crypto(kind).values()))
    ours = offer.crypto(kind)[theirs.tag]
    return (ours, theirs) if offer.source[0] == host else (theirs, ours)


def play_to_ffmpeg(packets, codec, output, namespace, folder, port,
                   crypto=None):
    """Play captured RTP or SRTP to FFmpeg on the namespace's loopback
    interface. codec: as in a=rtpmap; crypto: None where it is RTP; output:
    options that say what is to be made of it.

    @return what its own SRTP, depacketiser and decoder made of it, raw; empty
            where no packet authenticated or none made sense."""
    name = f"{folder}/ffmpeg-{port}"
    kind = "video" if codec.endswith("/90000") else "audio"
    payload_type = packets[0].payload_type
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1",
             "t=0 0", f"m={kind} {port} RTP/{'S' if crypto else ''}AVP "
             f"{payload_type}", f"a=rtpmap:{payload_type} {codec}"]
    if crypto:
        lines.append(f"a=crypto:1 {crypto.suite} inline:{crypto.inline}")
    with open(f"{name}.sdp", "w") as f:
        f.write("\r\n".join(lines) + "\r\n")
    ffmpeg = Process(
        "ffmpeg", ["ffmpeg", "-nostdin", "-y", "-loglevel", "error",
                   "-protocol_whitelist", "file,udp,rtp,srtp",
                   "-analyzeduration", "0", "-probesize", "32",
                   "-i", f"{name}.sdp", *output, f"{name}.raw"], namespace,
        f"{name}.log")
    try:
        wait_until("ffmpeg to listen", 10,
                   lambda: listens_on(ffmpeg, port))
        with udp_socket(namespace) as s:
            for p in packets:
                s.sendto(p.raw, ("127.0.0.1", port))
                time.sleep(0.001)
        time.sleep(0.5)
    finally:
        ffmpeg.send(signal.SIGINT)  # the first asks; while it waits for a
        time.sleep(0.1)  # packet only a second is heard
        ffmpeg.stop(signal.SIGINT)
    try:
        with open(f"{name}.raw", "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def decrypt_with_ffmpeg(packets, crypto, namespace, folder, port=47000,
                        codec="PCMU/8000"):
    """@return what FFmpeg made of captured sound, as samples of audio.RATE;
    empty when no packet authenticated."""
    raw = play_to_ffmpeg(
        packets, "PCMA/8000" if packets[0].payload_type == 8 else codec,
        ["-f", "s16le", "-ar", str(audio.RATE), "-ac", "1", "-flush_packets",
         "1"], namespace, folder, port, crypto)
    return audio.np.frombuffer(raw[:len(raw) & ~1], "<i2")


def listens_on(process, port):
    """Has it bound that UDP port? Read, not tried by binding it: that could
    take the port from the very process that is about to."""
    process.check()
    try:
        with open(f"/proc/{process.pid}/net/udp") as f:
            return any(line.split()[1].endswith(f":{port:04X}")
                       for line in f.readlines()[1:])
    except OSError:
        return False
