# SPDX-License-Identifier: Apache-2.0
"""Moving pictures, made by FFmpeg's test sources, and the question whether what
arrived is what was shown. Pictures are thumbnails in grey, numpy float."""

import subprocess
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 32, 24
SIZE, RATE = "320x240", 15
# Two scenes that look nothing like each other, at any time.
SCENES = {"alice": "testsrc2", "bob": "smptebars"}


def graph(user):
    return f"{SCENES[user]}=size={SIZE}:rate={RATE}"


def thumbnails(raw):
    """Of FFmpeg's output with to_thumbnails."""
    size = WIDTH * HEIGHT
    return np.frombuffer(raw[:len(raw) // size * size], np.uint8).reshape(
        -1, size).astype(float)


def to_thumbnails():
    return ["-vf", f"scale={WIDTH}:{HEIGHT},format=gray", "-fps_mode",
            "passthrough", "-f", "rawvideo", "-flush_packets", "1"]


def load(*source):
    """source: FFmpeg's input options."""
    return thumbnails(subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", *map(str, source),
         *to_thumbnails(), "-"], capture_output=True).stdout)


@dataclass
class Seen:
    pictures: int
    likeness: float  # correlation with the scene, 0..1, mean of all pictures


def compare(user, pictures):
    """Pictures that arrived with the user's scene, averaged over time."""
    scene = load("-f", "lavfi", "-t", "4", "-i", graph(user)).mean(0)
    scores = [np.corrcoef(scene, p)[0, 1] for p in pictures if p.std() > 1]
    return Seen(len(pictures), float(max(np.mean(scores), 0)) if scores else 0)
