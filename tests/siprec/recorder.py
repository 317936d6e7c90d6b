# SPDX-License-Identifier: Apache-2.0
"""A session recording server (SRS) as RFC 7866 has it, over UDP: takes what is
offered, keeps the RTP of each label and every metadata document. Reads MIME by
Python's email package and XML by its ElementTree; no code of the gateway's."""

import base64
import email
import re
import select
import threading
import time
import xml.etree.ElementTree as ElementTree

from lab import audio
from lab.process import udp_socket

NS = "{urn:ietf:params:xml:ns:recording:1}"
ORDER = ["datamode", "group", "session", "participant", "stream",
         "sessionrecordingassoc", "participantsessionassoc",
         "participantstreamassoc"]  # of the schema, RFC 7865 section 10


class Metadata:
    """One document; who made it did so as the schema has it."""

    def __init__(self, text):
        root = ElementTree.fromstring(text)
        assert root.tag == NS + "recording"
        names = [e.tag.removeprefix(NS) for e in root]
        assert names == sorted(names, key=ORDER.index)
        assert root.findtext(NS + "datamode") == "complete"
        session, = root.findall(NS + "session")
        self.session = self._id(session, "session_id")
        self.uses = [e.text for e in session if e.tag.endswith("}use")]
        self.call, = [int(e.text) for e in session if e.tag.endswith("}call")]
        self.parties = {self._id(p, "participant_id"):
                        p.find(NS + "nameID").get("aor")
                        for p in root.findall(NS + "participant")}
        self.labels = {self._id(s, "stream_id"): s.findtext(NS + "label")
                       for s in root.findall(NS + "stream")}
        for element in ("stream", "sessionrecordingassoc",
                        "participantsessionassoc"):
            for e in root.findall(NS + element):
                assert self._id(e, "session_id") == self.session
        assert {self._id(e, "participant_id") for e in root.findall(
            NS + "participantsessionassoc")} == set(self.parties)
        self.sends, self.hears = {}, {}  # AOR: labels
        for e in root.findall(NS + "participantstreamassoc"):
            aor = self.parties[self._id(e, "participant_id")]
            self.sends[aor] = [self.labels[s.text]
                               for s in e.findall(NS + "send")]
            self.hears[aor] = [self.labels[s.text]
                               for s in e.findall(NS + "recv")]

    @staticmethod
    def _id(element, name):
        assert len(base64.b64decode(element.get(name), validate=True)) == 16
        return element.get(name)


class Message:
    def __init__(self, data, source):
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.source = source
        self.start, *self.lines = head.decode().split("\r\n")
        self.method = self.start.split()[0]

    def get(self, name):
        return next((x.split(":", 1)[1].strip() for x in self.lines
                     if x.lower().startswith(name.lower() + ":")), None)

    def parts(self):
        """By type: the bodies of a multipart."""
        mime = email.message_from_bytes(
            f"Content-Type: {self.get('content-type')}\r\n\r\n".encode()
            + self.body)
        return {p.get_content_type(): p for p in mime.walk()}


class Recorder(threading.Thread):
    """answer: a status for INVITE other than 200; mute: says nothing."""

    def __init__(self, side, port=5090, rtp=42000):
        super().__init__(daemon=True)
        self.address = side.host
        self.port, self.rtp = port, rtp
        self.sip = udp_socket(side.namespace, (side.host, port))
        self.media = [udp_socket(side.namespace, (side.host, rtp + 2 * i))
                      for i in range(2)]
        self.answer, self.mute = 200, False
        self.heard = []  # requests
        self.invites, self.documents, self.ended = [], [], 0
        self.packets = [[], []]
        self._over, self._known = threading.Event(), {}

    # --- what a test asks ---

    def sound(self, label):
        """Of PCMA: what arrived on the m-line of that label, in order."""
        i = self.labels.index(label)
        octets = b"".join(p[12:] for p in self.packets[i] if p[1] & 127 == 8)
        return audio.decode_g711(octets, 8)

    def seconds(self, label):
        return len(self.sound(label)) / audio.RATE

    @property
    def latest(self):
        return self.documents[-1]

    def ask(self, method, body=b"", kind=None):
        """A request of ours in the dialog, from here on."""
        m = self.invites[-1]
        self._seq = getattr(self, "_seq", 0) + 1
        lines = [f"{method} {re.search('<(.*?)>', m.get('contact'))[1]} "
                 "SIP/2.0", f"Via: SIP/2.0/UDP {self.address}:{self.port};"
                 f"branch=z9hG4bK{time.monotonic_ns()}", "Max-Forwards: 70",
                 f"From: {m.get('to')};tag=recorder", f"To: {m.get('from')}",
                 f"Call-ID: {m.get('call-id')}", f"CSeq: {self._seq} {method}",
                 f"Contact: <sip:{self.address}:{self.port}>;+sip.srs",
                 f"Content-Length: {len(body)}"]
        if kind:
            lines.append(f"Content-Type: {kind}")
        self.sip.sendto("\r\n".join([*lines, "", ""]).encode() + body,
                        m.source)

    # --- what it does ---

    def run(self):
        sockets = [self.sip, *self.media]
        while not self._over.is_set():
            for s in select.select(sockets, [], [], 0.1)[0]:
                data, source = s.recvfrom(65536)
                if s is not self.sip:
                    self.packets[self.media.index(s)].append(data)
                elif not self.mute:
                    self._take(Message(data, source))

    def _take(self, m):
        key = (m.get("via"), m.method)
        if key in self._known:  # repeated
            return self.sip.sendto(self._known[key], m.source)
        self.heard.append(m)
        status, body = 200, b""
        if m.method == "INVITE":
            status = self.answer
            body = self._invited(m) if status == 200 else b""
        elif m.method == "BYE":
            self.ended += 1
        if m.method == "ACK" or m.start.startswith("SIP/"):
            return None
        lines = [x for x in m.lines if x.lower().startswith(
            ("via:", "from:", "call-id:", "cseq:"))]
        to = m.get("to")
        lines.append("To: " + to + ("" if "tag=" in to else ";tag=recorder"))
        if body:
            lines += ["Content-Type: application/sdp",
                      f"Contact: <sip:{self.address}:{self.port}>;+sip.srs"]
        lines.append(f"Content-Length: {len(body)}")
        reply = "\r\n".join([f"SIP/2.0 {status} As the test wants", *lines,
                             "", ""]).encode() + body
        self._known[key] = reply
        return self.sip.sendto(reply, m.source)

    def _invited(self, m):
        """Keeps what it says. @return the answer."""
        assert "siprec" in m.get("require")
        assert m.get("contact").endswith(";+sip.src")
        parts = m.parts()
        xml = parts["application/rs-metadata+xml"]
        assert xml["content-disposition"] == "recording-session"
        self.documents.append(Metadata(xml.get_payload(decode=True)))
        sdp = parts["application/sdp"].get_payload(decode=True).decode()
        self.invites.append(m)
        self.offer = sdp
        lines = sdp.split("m=")[1:]
        self.labels = [re.search(r"a=label:(\S+)", x)[1] for x in lines]
        assert all("a=sendonly" in x for x in lines)
        answer = ["v=0", f"o=- 1 {len(self.invites)} IN IP4 {self.address}",
                  "s=-", f"c=IN IP4 {self.address}", "t=0 0"]
        for i, x in enumerate(lines):
            proto = x.split()[2]
            answer += [f"m=audio {self.rtp + 2 * i} {proto} 8",
                       "a=rtpmap:8 PCMA/8000", "a=recvonly",
                       f"a=label:{self.labels[i]}"]
            crypto = re.search(r"a=crypto:(\d+ AES_CM_128_HMAC_SHA1_80) "
                               r"inline:(\S+)", x)
            if crypto:
                answer.append(f"a=crypto:{crypto[1]} inline:"
                              + base64.b64encode(bytes(range(30))).decode())
        return "\r\n".join([*answer, ""]).encode()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join(5)
        for s in (self.sip, *self.media):
            s.close()
