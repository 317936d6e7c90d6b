# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, that it runs from there, and that `make
uninstall` takes away that and nothing else."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build")).absolute()
PROGRAMS = {"sallyport-dataplane", "sallyport-control", "sallyport-endpoint",
            "sallyport-media",
            "sallyctl"}
DOC = {"README.md", "LICENSE", "sallyport.example.yaml"}


def make(target, folder, prefix):
    subprocess.run(["make", "--no-print-directory", f"B={BUILD}", target,
                    f"DESTDIR={folder}", f"PREFIX={prefix}"], cwd=ROOT,
                   check=True, capture_output=True, text=True)


def files(folder):
    return {str(path.relative_to(folder)): path
            for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module", params=("/usr", "/opt/sallyport"))
def installed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    prefix = request.param.lstrip("/")
    other = folder / prefix / "bin" / "another"
    other.parent.mkdir(parents=True)
    other.write_text("not ours")
    make("install", folder, request.param)
    yield folder, prefix
    make("uninstall", folder, request.param)
    assert set(files(folder)) == {f"{prefix}/bin/another"}
    for gone in "share/doc/sallyport", "share/sallyport":
        assert not (folder / prefix / gone).exists()


def test_files_and_modes(installed):
    folder, prefix = installed
    there = {name: path.stat().st_mode & 0o777
             for name, path in files(folder).items()
             if path.name != "another"}
    want = {f"{prefix}/bin/{name}": 0o755 for name in PROGRAMS} | \
        {f"{prefix}/share/doc/sallyport/{name}": 0o644 for name in DOC}
    assert {name: there.get(name) for name in want} == want
    # The rest is for systemd, udev and readers.
    for name in there.keys() - want.keys():
        assert re.match(f"{prefix}/(lib|share)/", name)
        assert there[name] == 0o644, name


def test_no_path_of_the_build_is_in_it(installed):
    folder, prefix = installed
    for name, path in files(folder).items():
        if "/bin/" not in name:
            text = path.read_text()
            assert not re.search(r"@[A-Z]+@", text), name
            assert str(ROOT) not in text and str(folder) not in text, name


def test_the_console_is_where_the_example_says(installed):
    folder, prefix = installed
    example = yaml.safe_load((ROOT / "scripts/sallyport.example.yaml")
                             .read_text())["control"]["https"]["console"]
    there = folder / prefix / Path(example).relative_to("/usr/local")
    page = (there / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (there / name).is_file(), name
    assert (there / "vendor/uplot/LICENSE").is_file()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_runs_from_there(installed, name, tmp_path):
    folder, prefix = installed
    said = {}
    for option in "--version", "--help":
        # No environment, another folder: nothing of the tree is needed.
        done = subprocess.run([folder / prefix / "bin" / name, option],
                              cwd=tmp_path, env={}, capture_output=True,
                              text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        said[option] = done.stdout
    assert re.fullmatch(rf"{name} \S+\n", said["--version"])
    assert re.search(rf"[Uu]sage: {name}|^{name}: ", said["--help"])


def test_installed_example_is_right(installed):
    folder, prefix = installed
    done = subprocess.run(
        [folder / prefix / "bin/sallyport-dataplane", "--check", "--config",
         folder / prefix / "share/doc/sallyport/sallyport.example.yaml"],
        capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
