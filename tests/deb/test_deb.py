# SPDX-License-Identifier: Apache-2.0
"""The Debian package installs, upgrades and purges cleanly: by the real dpkg, on
this machine's own system under an overlay that is thrown away."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build")).absolute()
UNITS = ("sallyport-dataplane", "sallyport-control", "sallyport-media")

# In a mount namespace of its own: $1 a folder for the overlay, $2 the script
# that runs inside.
OUTSIDE = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay \\
    "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
cp "$2"/* tmp
chroot . /bin/bash -e /tmp/inside
"""

INSIDE = """
exec 3>&1 >&2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
# What a test before this may have left on the machine itself isn't its business.
rm -rf /etc/sallyport /var/lib/sallyport /var/lib/sallyport-media
files() {
    find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run \\
        -o -path /tmp -o -path /root -o -path /var/cache -o -path /var/log \\
        -o -path /var/lib/dpkg -o -path {ROOT} \\) -prune \\
        -o -cnewer /tmp/mark -printf '%p %y %m %u\\n' | sort >/tmp/files.$1
}
touch -d '1 second ago' /tmp/mark
dpkg -i /tmp/one.deb
files install
cp -p /usr/share/doc/sallyport/sallyport.example.yaml /etc/sallyport/sallyport.yaml
echo '# mine' >>/etc/sallyport/sallyport.yaml
systemd-tmpfiles --create sallyport.conf
stat -c '%U %a' /etc/sallyport /etc/sallyport/sallyport.yaml >/tmp/owners
mkdir -p /var/lib/sallyport
echo kept >/var/lib/sallyport/sallyport.db
for unit in sallyport-dataplane sallyport-control sallyport-media; do
    echo "$unit $(systemctl --root=/ is-enabled $unit)"
done >/tmp/enabled
systemctl --root=/ disable sallyport-media
for program in dataplane control media; do
    sallyport-$program --check --config /etc/sallyport/sallyport.yaml
done
getent passwd sallyport-dataplane sallyport-control sallyport-media >/tmp/users
id -nG sallyport-control >/tmp/groups
dpkg -i /tmp/two.deb
dpkg-query -W -f '${Version} ${db:Status-Status}' sallyport >/tmp/version
systemctl --root=/ is-enabled sallyport-media >/tmp/disabled || true
tail -n 1 /etc/sallyport/sallyport.yaml >/tmp/mine
cat /var/lib/sallyport/sallyport.db >>/tmp/mine
md5sum --quiet -c /var/lib/dpkg/info/sallyport.md5sums 2>&1 >/tmp/sums || true
dpkg -r sallyport
files remove
dpkg -P sallyport
files purge
dpkg-query -W -f '${db:Status-Status}' sallyport >/tmp/gone 2>&1 || true
cd /tmp
python3 - <<'PY' >&3
import json, pathlib
print(json.dumps({p.name: p.read_text() for p in pathlib.Path("/tmp").iterdir()
                  if p.suffix not in (".deb", "") or p.name in (
                      "owners", "enabled", "users", "groups", "version",
                      "disabled", "mine", "gone", "sums")}))
PY
"""


def deb(version, to):
    subprocess.run(["make", "--no-print-directory", f"B={BUILD}",
                    f"DEB_VERSION={version}", "deb"], cwd=ROOT, check=True,
                   capture_output=True, text=True)
    made, = (BUILD / "deb").glob(f"sallyport_{version}_*.deb")
    shutil.move(made, to)
    return to


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("debs")
    return deb("1.0", folder / "one.deb"), deb("1.1", folder / "two.deb")


@pytest.fixture(scope="module")
def life(debs, tmp_path_factory):
    """What was found at each step of its life."""
    scratch = tmp_path_factory.mktemp("overlay")
    (debs[0].parent / "inside").write_text(
        INSIDE.replace("{ROOT}", str(ROOT)))
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "/bin/bash", "-c", OUTSIDE,
         "bash", str(scratch), str(debs[0].parent)],
        text=True, capture_output=True, timeout=200)
    if "overlay" in done.stderr and "mount" in done.stderr and \
            done.returncode and not done.stdout:
        pytest.skip("no overlay of the system can be made here")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def paths(text):
    return {line.split()[0] for line in text.splitlines()}


def test_its_fields(debs):
    said = subprocess.run(["dpkg-deb", "--field", debs[0]], text=True,
                          capture_output=True, check=True).stdout
    assert "Package: sallyport\nVersion: 1.0\n" in said
    assert "librte-eal" in said and "librte-meta-net" in said


def test_what_it_holds(debs):
    done = subprocess.run(["dpkg-deb", "--contents", debs[0]], text=True,
                          capture_output=True, check=True).stdout
    rows = {line.split()[-1]: line.split()[:2] for line in done.splitlines()}
    for program in ("sallyctl", "sallyport-control", "sallyport-dataplane",
                    "sallyport-media", "sallyport-endpoint"):
        assert rows[f"./usr/bin/{program}"] == ["-rwxr-xr-x", "root/root"]
    assert all(owner == "root/root" for _, owner in rows.values())
    assert not any("w" in mode[4:] for mode, _ in rows.values())


def test_installed(life):
    assert {"/usr/bin/sallyctl", "/etc/sallyport"} <= paths(
        life["files.install"])
    assert life["enabled"].split() == [w for u in UNITS
                                       for w in (u, "enabled")]
    assert life["users"].count("nologin") == 3
    assert {"sallyport-dataplane", "sallyport-media"} <= set(
        life["groups"].split())
    assert life["owners"].splitlines() == ["root 1775",
                                           "sallyport-control 644"]


def test_upgraded(life):
    assert life["version"] == "1.1 installed"
    assert life["mine"] == "# mine\nkept\n", "what is the operator's stays"
    assert life["disabled"].strip() == "disabled", "as the operator said"


def test_removed_but_for_what_is_the_operators(life):
    left = {p for p in paths(life["files.remove"]) if "sallyport" in p}
    assert {"/etc/sallyport/sallyport.yaml",
            "/var/lib/sallyport/sallyport.db"} <= left
    assert not any(p.startswith(("/usr/bin", "/usr/lib/systemd"))
                   for p in left)


def test_purged(life):
    assert not [p for p in paths(life["files.purge"]) if "sallyport" in p]
    assert life["gone"] != "installed"
