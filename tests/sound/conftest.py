# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/sound"))

from feeder import Control, Dataplane  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()


class Media:
    """sallyport-media between the two that it knows."""

    def __init__(self, folder, recording=""):
        self.folder = folder
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        self.music = folder / "music"
        self.music.mkdir()
        self.config = folder / "sallyport.yaml"
        self.socket = folder / "media.sock"
        self.dataplane = Dataplane(folder / "divert.sock")
        self.process = self.control = None
        self.write(recording)

    def write(self, recording):
        self.config.write_text(f"""\
media:
  socket: {self.socket}
  divert: {self.folder}/divert.sock
  music: {self.music}
  transcodings: 2
  ports: 100
{recording}
""")

    def start(self):
        log = open(self.folder / "media.log", "a")
        self.process = subprocess.Popen(
            [BUILD / "bin/sallyport-media", "--config", self.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.dataplane.accept()
        self.connect()

    def connect(self):
        self.control = Control(self.socket)
        self.hello = self.control.do("hello", version=1)

    def log(self):
        return (self.folder / "media.log").read_text()

    def end(self):
        if self.control:
            self.control.close()
        if self.process:
            self.process.terminate()
            assert self.process.wait(20) == 0, self.log()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None


@pytest.fixture
def media(tmp_path):
    m = Media(tmp_path)
    yield m
    try:
        m.end()
    finally:
        if m.process:
            m.process.kill()
        m.dataplane.close()
