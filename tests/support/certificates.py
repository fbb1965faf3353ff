"""Certificates of an authority of our own, made on the spot by the `openssl` program."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

DAYS = 2
SUBJECT = "/CN=127.0.0.1"
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
AUTHORITY = [
    *("-addext", "basicConstraints=critical,CA:TRUE"),
    *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
]
EXTENSIONS = """subjectAltName={names}
basicConstraints=critical,CA:FALSE
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


class Authority:
    """Signs server certificates; skips the test where there is no `openssl` program.

    Args:
        directory: Where keys and certificates go.
    """

    def __init__(self, directory: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("makes its certificates with the openssl program, which is absent")
        self._directory = directory
        self.certificate = directory / "authority.pem"
        self._key = directory / "authority.key"
        files = ["-out", str(self.certificate), "-keyout", str(self._key)]
        self._run("req", "-x509", *CURVE, "-days", str(DAYS), "-subj", "/CN=A", *AUTHORITY, *files)

    def server(self, names: str = "IP:127.0.0.1", days: int = DAYS) -> ssl.SSLContext:
        """Give a server's context with a new certificate; the arguments are those of `sign`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.sign(names, days))
        return context

    def sign(self, names: str = "IP:127.0.0.1", days: int = DAYS) -> tuple[Path, Path]:
        """Give the files of a new certificate and its key.

        Args:
            names: Whom it is for, as in subjectAltName.
            days: How long it is valid; below 0 it was.
        """
        made = len(list(self._directory.iterdir()))
        request, key, extensions, certificate = (
            self._directory / f"{made}.{kind}" for kind in ("csr", "key", "ext", "pem")
        )
        self._run("req", *CURVE, "-subj", SUBJECT, "-keyout", str(key), "-out", str(request))
        extensions.write_text(EXTENSIONS.format(names=names))
        signer = ["-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial"]
        what = ["-in", str(request), "-extfile", str(extensions), "-out", str(certificate)]
        self._run("x509", "-req", "-days", str(days), *signer, *what)
        return certificate, key

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
        assert not done.returncode, done.stderr.decode()
