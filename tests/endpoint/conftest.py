# SPDX-License-Identifier: Apache-2.0
"""Endpoints and relays that are gone again after each test."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

from judge import PROGRAM, network  # noqa: E402
from lab.endpoint import Endpoint  # noqa: E402
from lab.relay import Relay  # noqa: E402


class Lab:
    def __init__(self, folder):
        self.folder, self.net = folder, network()
        self.things = []

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def address(self, number):
        return f"{self.net}.{number}"

    def relay(self, **options):
        users = {"alice": (self.address(1), 5060),
                 "bob": (self.address(2), 5060)}
        users.update(options.pop("users", {}))
        return self.keep(Relay(self.address(9), users, **options))

    def endpoint(self, user, number, *options, outbound=None, **rest):
        outbound = outbound or f"{self.address(9)}:5060"
        return self.keep(Endpoint(PROGRAM, self.folder, user,
                                  self.address(number), outbound, *options,
                                  **rest))

    def pair(self, *options, alice=(), bob=()):
        """alice with a tone of 440 Hz, bob with one of 1000, who answers."""
        return (self.endpoint("alice", 1, *options, *alice),
                self.endpoint("bob", 2, *options, *bob, "--audio-in",
                              "tone:1000", "--auto-answer", "yes"))

    def close(self):
        failures = []
        for thing in reversed(self.things):
            try:
                thing.close()
            except Exception as error:
                failures.append(error)
        self.things.clear()
        assert not failures, failures


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()
