# SPDX-License-Identifier: Apache-2.0
"""How the demo tells what it does: words, statements that hold or don't, and
what an operator types."""

import textwrap

WIDTH = 96


class Story:
    def __init__(self):
        self.told = self.wrong = 0

    def say(self, text=""):
        print(text, flush=True)

    def tell(self, text):
        """A paragraph."""
        self.say(textwrap.fill(" ".join(text.split()), WIDTH))

    def title(self, text):
        self.say(f"\n\n{text}\n{'─' * len(text)}")

    def check(self, holds, text):
        self.told += 1
        self.wrong += not holds
        self.say(textwrap.fill(text, WIDTH, subsequent_indent=" " * 4,
                               initial_indent="  ✓ " if holds else "  ✗ "))

    def operate(self, gateway, *words, lines=4):
        """Run sallyctl as the operator does, and show it with so many lines
        of what it says.

        @return the completed process."""
        done = gateway.sallyctl(*words, check=False)
        self.say(f"  $ sallyctl {' '.join(map(str, words))}")
        for line in (done.stdout + done.stderr).splitlines()[:lines]:
            self.say(f"    {line}")
        return done
