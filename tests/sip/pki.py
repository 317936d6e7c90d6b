# SPDX-License-Identifier: Apache-2.0
"""An authority for tests: certificates as openssl makes them."""

import subprocess
from pathlib import Path


def run(*args):
    return subprocess.run(args, check=True, capture_output=True).stdout


class Authority:
    def __init__(self, folder, name="test"):
        self.folder = Path(folder)
        self.cert, self.key = (str(self.folder / f"{name}-ca.{end}")
                               for end in ("pem", "key"))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out",
            self.cert, "-subj", f"/CN={name}", "-days", "2")

    def make(self, name, san):
        """@return a file with key and certificate. san: "DNS:a,IP:b"."""
        path = str(self.folder / f"{name}.pem")
        csr, ext = str(self.folder / "csr"), self.folder / "ext"
        ext.write_text(f"subjectAltName={san}\n")
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", path, "-out", csr,
            "-subj", f"/CN={name}")
        cert = run("openssl", "x509", "-req", "-in", csr, "-CA", self.cert,
                   "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                   "-extfile", str(ext))
        with open(path, "ab") as f:
            f.write(cert)
        return path
