# SPDX-License-Identifier: Apache-2.0
"""Update bundles for the appliance, as the project's own build makes them: a
newer release, one that isn't well, and those that are to be refused. They come
on one disk image, as on a stick."""

import os
import shutil
from pathlib import Path

from appliance import BOARD, IMAGES, KEYS, MIB, ROOT
from lab.process import run

BUILDER = ROOT / "firmware/image"
PARTS = ("boot", "root", "verity")
SMALL = 8 * MIB

# A release whose control refuses the configuration, as a wrong one would be.
UNWELL = """\
#!/bin/sh
echo "this release can't read its configuration" >&2
exit 2
"""

# The last step of the build alone, over what another build has bundled.
REBUNDLE = """\
set -euo pipefail
say() { :; }
. "$here/steps.sh"
step_bundle
"""


def built():
    """When the image was, in seconds since 1970: what its bundles compare."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int(run("git", "-C", ROOT, "log", "-1", "--format=%ct").stdout)


class Releases:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.out = self.folder / "stick"
        self.out.mkdir()

    def _build(self, name, tree, later):
        """A whole build, of another tree and time."""
        out = self.folder / name
        env = dict(os.environ, SOURCE_DATE_EPOCH=str(built() + later))
        env.pop("KEEP_ROOT", None)
        run(BUILDER / "build", "--board", BOARD, "--tree", tree, "--out", out,
            "--keys", KEYS, "--version", name, "--root", IMAGES / "root.tar",
            env=env)
        (out / "update.raucb").rename(self.out / f"{name}.raucb")
        shutil.rmtree(out)

    def newer(self):
        self._build("newer", IMAGES / "tree", 60)

    def unwell(self):
        tree = self.folder / "tree"
        shutil.copytree(IMAGES / "tree", tree, symlinks=True)
        program = tree / "usr/bin/sallyport-control"
        program.write_text(UNWELL)
        self._build("unwell", tree, 30)
        shutil.rmtree(tree)

    def unpack(self):
        """The beginnings of the newer one's images, for again(): a bundle that
        is refused is so by its signature, hash tree, board or age."""
        run("unsquashfs", "-q", "-n", "-f", "-d", self.folder,
            self.out / "newer.raucb", *(f"{name}.img" for name in PARTS))
        for name in PARTS:
            os.truncate(self.folder / f"{name}.img", SMALL)

    def again(self, name, board=BOARD, later=90):
        """What unpack() has left, as the release of another time or board."""
        work = self.folder / name
        work.mkdir()
        for part in PARTS:
            (work / f"{part}.img").hardlink_to(self.folder / f"{part}.img")
        env = dict(os.environ, here=str(BUILDER), top=str(ROOT), board=board,
                   version=name, work=str(work), out=str(work), keys=str(KEYS),
                   SOURCE_DATE_EPOCH=str(built() + later))
        run("bash", "-c", REBUNDLE, env=env)
        (work / "update.raucb").rename(self.out / f"{name}.raucb")
        shutil.rmtree(work)

    def damaged(self, name, back):
        """The whole one with a bit flipped so many octets before its end."""
        file = self.out / f"{name}.raucb"
        shutil.copyfile(self.out / "whole.raucb", file)
        with open(file, "r+b") as f:
            f.seek(-back, os.SEEK_END)
            octet = f.read(1)[0]
            f.seek(-back, os.SEEK_END)
            f.write(bytes([octet ^ 1]))

    def truncated(self):
        file = self.out / "truncated.raucb"
        shutil.copyfile(self.out / "whole.raucb", file)
        os.truncate(file, file.stat().st_size // 2)

    def stick(self):
        """@return: an image of a file system with all of them"""
        image = self.folder / "stick.img"
        size = sum(p.stat().st_size for p in self.out.iterdir()) // MIB + 64
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-N",
            "64", "-L", "updates", "-d", self.out, image, f"{size}M")
        shutil.rmtree(self.out)
        return image


def make(folder):
    releases = Releases(folder)
    releases.newer()
    releases.unwell()
    releases.unpack()
    releases.again("whole")
    releases.again("older", later=-3600)
    releases.again("foreign", board="generic-x86")
    releases.damaged("payload", 8 * MIB)
    releases.damaged("signature", 100)  # RSA's, behind it only its length
    releases.truncated()
    return releases.stick()
