"""Certificates of one's own, and clients that speak TLS."""

import base64
import hashlib
import re
import socket
import ssl
import struct
import subprocess

from . import ask as asking


def openssl(*words, **more):
    return subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, timeout=60, check=True, **more
    ).stdout


class Certificate:
    """A certificate and its key, in files."""

    def __init__(self, folder, name, number):
        self.name = name
        self.file = folder / f"{number}.pem"
        self.key = folder / f"{number}.key"

    @property
    def pin(self):
        """As RFC 7858 has it: of the SubjectPublicKeyInfo, in base64."""
        public = openssl("x509", "-in", self.file, "-pubkey", "-noout")
        der = openssl("pkey", "-pubin", "-outform", "DER", input=public)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    @property
    def octets(self):
        """As a client sees it."""
        return ssl.PEM_cert_to_DER_cert(self.file.read_text())

    def install(self, other):
        """Be another one from now on, in the same files."""
        self.file.write_bytes(other.file.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    """One that vouches for certificates."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.count = 0
        self.certificate = self._make("authority", ["-x509", "-days", "30", "-extensions", "v3_ca"])
        self.file = self.certificate.file

    def _make(self, name, more):
        self.count += 1
        made = Certificate(self.folder, name, self.count)
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", made.key, "-out", made.file, *more,
        )  # fmt: skip
        made.key.chmod(0o600)
        return made

    def issue(self, name, days=30):
        """For that name."""
        made = self._make(name, [])
        request = made.file.read_bytes()
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        made.file.write_bytes(
            openssl(
                "x509", "-req", "-days", days, "-CA", self.file, "-CAkey", self.certificate.key,
                "-CAcreateserial", "-extfile", extensions, input=request,
            )  # fmt: skip
        )
        return made

    def self_signed(self, name):
        """One that nobody vouches for."""
        return self._make(name, ["-x509", "-days", "30", "-addext", f"subjectAltName=DNS:{name}"])


def settings(port, certificate, authority=None, **more):
    """server.tls of a configuration."""
    found = {
        "listen": [f"127.0.0.1@{port}"],
        "certificate-file": str(certificate.file),
        "key-file": str(certificate.key),
        **more,
    }
    if authority:
        found["client-ca-file"] = str(authority.file)
    return found


class Xot:
    """How a secondary transfers by TLS: whom it trusts, whom it expects, what it shows."""

    def __init__(self, authority, host, client):
        self.authority, self.host, self.client = authority, host, client


def kdig(port, *words, authority=None, host=None, client=None):
    """What kdig says; with an authority it checks the server's certificate."""
    options = [f"+tls-ca={authority.file}"] if authority else ["+tls"]
    if host:
        options.append(f"+tls-hostname={host}")
    if client:
        options += [f"+tls-certfile={client.file}", f"+tls-keyfile={client.key}"]
    done = subprocess.run(
        ["kdig", "@127.0.0.1", "-p", str(port), *options, "+timeout=20", "+retry=0", *words],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def rcode(text):
    found = re.search(r"status: ([A-Z]+)", text)
    return found.group(1) if found else None


class Connection(asking.Stream):
    """A TLS connection of one's own."""

    def __init__(self, port, client=None, alpn=("dot",), version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if version:
            context.maximum_version = version
        if client:
            context.load_cert_chain(client.file, client.key)
        super().__init__("127.0.0.1", port)
        self.sock = context.wrap_socket(self.sock, server_hostname="anything.test")

    def certificate(self):
        return self.sock.getpeercert(binary_form=True)

    def receive_octets(self):
        """The next message as it is; None when the server has closed."""
        head = self._octets(2)
        return self._octets(struct.unpack("!H", head)[0]) if head else None

    def ask_about(self, name, kind="A", **more):
        self.send(asking.question(name, kind, **more))
        return asking.Answer.read(self.receive_octets())

    def close(self):
        self.sock.close()
