# SPDX-License-Identifier: Apache-2.0
"""A machine's serial console: what it says, and a shell after log-in.

The line is shared by firmware, GRUB, kernel, services and shell, so what a
command says comes back as base64 between marks, with a checksum, and is asked
for again where something else was printed into it."""

import base64
import codecs
import contextlib
import hashlib
import re
import socket
import subprocess
import threading
import time

from lab.process import LabError, wait_until

LINE = 900  # octets of one line that a tty surely takes in


class Console:
    def __init__(self, path, log, alive):
        """path: the UNIX socket that the serial line is; alive(): is asked while
        something is waited for, and raises when nobody is at the other end."""
        self._path, self._log, self._alive = path, log, alive
        self._socket = self._reader = None
        self.text = ""
        self._more = threading.Condition()
        self._at = 0  # what comes before this has been looked at
        self._number = 0
        self.plug()

    def plug(self):
        """In; again, when the other end has gone and come back."""
        self.close()
        self._socket = socket.socket(socket.AF_UNIX)
        wait_until("the serial line", 30, self._connect)
        # Always: a machine whose console nobody reads comes to a halt.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _connect(self):
        try:
            self._socket.connect(str(self._path))
        except OSError:
            return False
        return True

    def close(self):
        """What it has said last is read to the end."""
        if self._socket:
            with contextlib.suppress(OSError):  # it has gone by itself
                self._socket.shutdown(socket.SHUT_WR)
            self._reader.join(10)
            self._socket.close()

    def tail(self, lines=40):
        return "\n".join(self.text.splitlines()[-lines:])

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with open(self._log, "ab", buffering=0) as out:
            while True:
                try:
                    data = self._socket.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                out.write(data)
                with self._more:
                    self.text += decoder.decode(data).replace("\r", "")
                    self._more.notify()

    def wait(self, pattern, seconds=600):
        """Until the machine has said so, from where the last wait ended; @return
        the match."""
        end = time.monotonic() + seconds
        while not (found := re.compile(pattern).search(self.text, self._at)):
            if time.monotonic() > end:
                raise LabError(f"waited {seconds:g} s for {pattern!r} on the "
                               f"console, which ends\n{self.tail()}")
            self._alive()
            with self._more:
                self._more.wait(0.5)
        self._at = found.end()
        return found

    def send(self, text):
        self._socket.sendall(text.encode())

    # --- a shell ---

    def log_in(self, password, tries=4):
        for left in reversed(range(tries)):
            try:
                self.send("\n")
                self.wait(r"login: ", 90)
                self.send("root\n")
                self.wait(r"assword: ", 60)
                self.send(password + "\n")
                self.wait(r"root@[^\n]*# ", 90)
                # A shell without line editing, silent, and a kernel that keeps
                # to itself what isn't the end.
                self.send("exec sh\n")
                self.wait(r"# ", 60)
                self.send("stty -echo; PS1= PS2=; dmesg -n 1; echo lo''gged-in\n")
                self.wait(r"logged-in", 60)
                return
            except LabError:
                if not left:
                    raise

    def run(self, command, check=True, seconds=120):
        """In the shell; @return a completed process, its output as text (both
        streams in one)."""
        self._number += 1
        self.send("{ " + command + "\n} >/run/said 2>&1 </dev/null\n"
                  "status=$?\n")
        again = (f"printf '@%s@ %s %s %s;\\n' {self._number} $status "
                 "$(sha256sum </run/said | cut -c1-64) $(base64 -w0 /run/said)\n")
        pattern = rf"@{self._number}@ (\d+) ([0-9a-f]{{64}}) ([\w+/=]*);"
        for _ in range(4):
            self.send(again)
            try:
                found = self.wait(pattern, seconds)
            except LabError:
                continue  # something was printed into it
            said = base64.b64decode(found[3] + "==")
            if hashlib.sha256(said).hexdigest() == found[2]:
                break
        else:
            raise LabError(f"no answer to {command}\n{self.tail()}")
        done = subprocess.CompletedProcess(
            command, int(found[1]), said.decode("utf-8", "replace"), "")
        if check and done.returncode:
            raise LabError(f"{command}: status {done.returncode}\n{done.stdout}")
        return done

    def put(self, path, text):
        """Write a file there."""
        code = base64.b64encode(text.encode()).decode()
        self.send(": >/run/put\n")
        for at in range(0, len(code), LINE):
            self.send(f"printf %s '{code[at:at + LINE]}' >>/run/put\n")
        self.run(f"base64 -d </run/put >{path}; rm /run/put")
