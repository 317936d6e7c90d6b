# SPDX-License-Identifier: Apache-2.0
"""A dataplane with real ports that a test speaks to as control, and what there
is to see around it."""

import socket
import struct
import time

from abi import Dataplane
from rig import PATIENCE, Rig, eventually

ACCESS4, ACCESS6, TRUNK4, TRUNK6 = range(4)  # media addresses, as configured
NEAR = {4: "10.1.0.2", 6: "fd00:1::2"}
FAR = {4: "10.2.0.2", 6: "fd00:2::2"}
OURS = {4: "10.1.0.1", 6: "fd00:1::1"}
TRUNK_OURS = {4: "10.2.0.1", 6: "fd00:2::1"}
MAC = "02:53:50:00:01:01"
TRUNK_MAC = "02:53:50:00:01:02"
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 3, 263, 8
TP_STATUS_VLAN_VALID = 1 << 4


def rtp(seq, payload=bytes(160), ssrc=0x5a11, pt=0):
    return struct.pack(">BBHII", 0x80, pt, seq & 0xffff, 160 * seq, ssrc) + \
        payload


class Wire:
    """All frames at an interface of a namespace, both ways, tags in them."""

    def __init__(self, space, name):
        with space.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((name, 0))

    def send(self, frame):
        self.socket.send(bytes(frame))

    def heard(self, patience=0.0):
        """What has come (not what was sent from here), each frame once."""
        end = time.monotonic() + patience
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.0001))
            try:
                frame, said, _, (_, _, kind, *_) = \
                    self.socket.recvmsg(1 << 16, 256)
            except (TimeoutError, BlockingIOError):
                return
            # The kernel cuts an outer tag out and says what it was.
            status, = struct.unpack_from("I", said[0][2])
            tci, tpid = struct.unpack_from("HH", said[0][2], 16)
            if status & TP_STATUS_VLAN_VALID:
                frame = frame[:12] + struct.pack(">HH", tpid, tci) + frame[12:]
            if kind != socket.PACKET_OUTGOING:
                yield frame

    def close(self):
        self.socket.close()


class Gate:
    """Rig and control. change() its configuration before up()."""

    def __init__(self, folder, **options):
        self.rig = Rig(folder, **options)
        self.control = None

    def change(self, old, new):
        text = self.rig.config.read_text()
        assert text.count(old) == 1
        self.rig.config.write_text(text.replace(old, new))

    def option(self, port, line):
        """One more line for a port."""
        self.change(f"    - name: {port}\n", f"    - name: {port}\n"
                    f"      {line}\n")

    def up(self):
        self.rig.up()
        self.control = Dataplane(self.rig.folder / "dataplane.sock", PATIENCE)
        return self

    def phone(self, space, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with space.inside():
            s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind((host, port))
        s.settimeout(0.2)
        return s

    def bridge(self, first, a, b, **more):
        """Transports first and first + 1, streams of the same numbers.
        a, b: media address, local port, peer."""
        self.control.transport(first, *a, **more)
        self.control.transport(first + 1, *b)
        self.control.stream(first, first, first + 1)
        self.control.stream(first + 1, first + 1, first)

    def close(self):
        if self.control:
            self.control.close()
        self.rig.close()


def carries(sender, to, receiver, packet):
    """Send the same until it arrives; neighbours have to be found first."""
    def once():
        sender.sendto(packet, to)
        try:
            return receiver.recv(1 << 16) == packet
        except TimeoutError:
            return False
    return eventually(once, f"media from {sender} to {receiver}")
