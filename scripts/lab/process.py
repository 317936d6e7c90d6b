# SPDX-License-Identifier: Apache-2.0
"""Processes and sockets inside network namespaces.

Every process started here is ended by its own pid, and never outlives the
Python program that started it unless it was asked to (detached)."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1


class LabError(RuntimeError):
    """Something of the set-up did not work; the text says what to look at."""


def run(*command, check=True, quiet=False, **options):
    """Run to the end; @return the completed process, its output as text."""
    done = subprocess.run([str(c) for c in command], text=True,
                          capture_output=True, **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: "
                       f"{(done.stderr or done.stdout).strip()}")
    return done


def wait_until(what, seconds, question, every=0.05):
    """Ask until the answer is true; @return the answer."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s for {what}")
        time.sleep(every)


@contextlib.contextmanager
def inside(namespace):
    """This thread is in the network namespace until the block ends; sockets
    made there stay there. None: where it is already."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, \
            open(f"/run/netns/{namespace}") as there:
        if _libc.setns(there.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            yield
        finally:
            if _libc.setns(home.fileno(), _CLONE_NEWNET) != 0:
                raise SystemExit("cannot return from a network namespace")


def udp_socket(namespace, address=None):
    with inside(namespace):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if address:
            s.bind(address)
    return s


def tcp_connect(namespace, address, timeout=2.0):
    with inside(namespace):
        s = socket.create_connection(address, timeout)
    return s


@contextlib.contextmanager
def interruptible():
    """SIGINT and SIGTERM end the block as exceptions, so that what it set up
    is taken down; while that happens, further ones are ignored (quietly())."""
    def interrupt(number, _frame):
        raise SystemExit(128 + number)

    before = {n: signal.signal(n, interrupt)
              for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def quietly():
    """No signal interrupts the block."""
    before = {n: signal.signal(n, signal.SIG_IGN)
              for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Process:
    """A program in a namespace (None: here), its output in a log file; with
    `talk`, its standard input and output are pipes, as text."""

    def __init__(self, name, command, namespace, log, detached=False, env=None,
                 talk=False):
        self.name, self.log, self.namespace = name, log, namespace
        parent = os.getpid()

        def before_exec():
            if not detached:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(1)

        command = list(map(str, command))
        if namespace:
            command = ["ip", "netns", "exec", namespace, *command]
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else out, stderr=out,
                text=talk, bufsize=1 if talk else -1, env=env,
                start_new_session=True, preexec_fn=before_exec)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def check(self):
        """@raise LabError when it has ended."""
        if not self.running():
            raise LabError(f"{self.name} ended with status "
                           f"{self.popen.returncode}:\n{self.tail()}")

    def tail(self, lines=20):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def send(self, number):
        """A signal, unless it has ended."""
        if self.running():
            self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=5.0):
        """@return the exit status; killed when it does not end by itself."""
        self.send(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            return None
