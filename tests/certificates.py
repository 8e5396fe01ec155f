# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Certificates for tests, good ones and bad ones: an authority of its own, made with openssl in a directory.

`openssl ca` and not `openssl x509`: only that one sets both ends of a certificate's time in the openssl of Debian 12.
"""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import NamedTuple

CONFIG = """
[ca]
default_ca = here
[here]
database = {home}/index.txt
new_certs_dir = {home}
certificate = {home}/ca.crt
private_key = {home}/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = 30
policy = any
copy_extensions = none
[any]
commonName = supplied
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
[client]
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
"""
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
UNIT, OTHER_UNIT = (f"voorbeeldstad/stadhuis/spreekkamer-{n}" for n in (1, 2))
CONSOLE = "voorbeeldstad.console.balie"
"""Names as certificates bear them (CN); config/mosquitto/acl speaks of the same."""
YEARS = (datetime.timedelta(days=-365), datetime.timedelta(days=365))
EXPIRED = (datetime.timedelta(days=-365), datetime.timedelta(days=-1))
NOT_YET_VALID = (datetime.timedelta(days=1), datetime.timedelta(days=365))


class Pair(NamedTuple):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what it is asked to sign."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.certificate = home / "ca.crt"
        self._config = home / "openssl.cnf"
        home.mkdir(parents=True)
        (home / "index.txt").touch()
        self._config.write_text(CONFIG.format(home=home))
        _openssl(
            "req", "-x509", *NEW_KEY, "-days", "3650", "-subj", f"/CN={home.name}", "-out", str(self.certificate),
            "-keyout", str(home / "ca.key"), "-addext", "keyUsage = critical, keyCertSign, cRLSign",
        )  # fmt: skip

    def server(self, *, valid: tuple[datetime.timedelta, datetime.timedelta] = YEARS) -> Pair:
        """For a broker on this machine. `valid`: from and until, counted from now."""
        return self._sign("broker", "localhost", "server", valid)

    def client(self, name: str, *, valid: tuple[datetime.timedelta, datetime.timedelta] = YEARS) -> Pair:
        """For a unit or a receiver of this name."""
        return self._sign(name.rpartition("/")[2], name, "client", valid)

    def _sign(self, file: str, name: str, use: str, valid: tuple[datetime.timedelta, datetime.timedelta]) -> Pair:
        n = len(list(self._home.glob("*.csr")))
        request, made = self._home / f"{n}.csr", Pair(self._home / f"{file}-{n}.crt", self._home / f"{file}-{n}.key")
        # In openssl's subject a slash begins the next part of the name; a backslash before it makes it a letter.
        subject = "/CN=" + name.replace("/", r"\/")
        _openssl("req", "-new", *NEW_KEY, "-subj", subject, "-keyout", str(made.key), "-out", str(request))
        now = datetime.datetime.now(datetime.UTC)
        start, end = (f"{now + shift:%Y%m%d%H%M%SZ}" for shift in valid)
        _openssl(
            "ca", "-batch", "-notext", "-config", str(self._config), "-extensions", use, "-startdate", start,
            "-enddate", end, "-in", str(request), "-out", str(made.certificate),
        )  # fmt: skip
        return made


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {' '.join(words)}\n{done.stderr[-800:]}"
