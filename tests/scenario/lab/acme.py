"""Pebble, an ACME server for tests, and certbot with its plugin for RFC 2136."""

import json
import os
import shutil
import subprocess

from .process import Process

PEBBLE, CERTBOT = shutil.which("pebble"), shutil.which("certbot")


def _certificate(folder):
    """A certificate of its own for Pebble's HTTPS."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        + ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True,
        capture_output=True,
        timeout=60,
    )


class Pebble:
    """It looks challenges up at one name server, `place`."""

    def __init__(self, folder, port, place):
        folder.mkdir(parents=True)
        _certificate(folder)
        self.folder, self.url = folder, f"https://127.0.0.1:{port}/dir"
        settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": "",
            "certificate": str(folder / "cert.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        command = [PEBBLE, "-config", folder / "pebble.json", "-dnsserver", "%s:%d" % place]
        self.process = Process("pebble", command, folder, environment)
        self.process.wait_line(r"Listening on")

    def close(self):
        self.process.stop()
        self.process.kill_all()


def certbot(pebble, place, key, *names):
    """Get a certificate for these names; exit code and output."""
    folder = pebble.folder / "certbot"
    folder.mkdir(exist_ok=True)
    credentials = folder / "rfc2136.ini"
    credentials.write_text(
        "dns_rfc2136_server = %s\ndns_rfc2136_port = %d\n" % place
        + f"dns_rfc2136_name = {key.text}\ndns_rfc2136_secret = {key.base64}\n"
        + f"dns_rfc2136_algorithm = {key.algorithm.upper()}\n"
    )
    credentials.chmod(0o600)
    words = [CERTBOT, "certonly", "--non-interactive", "--agree-tos", "-m", "tests@example.com"]
    words += ["--server", pebble.url, "--no-verify-ssl", "--no-eff-email"]
    words += [
        "--config-dir",
        folder / "etc",
        "--work-dir",
        folder / "work",
        "--logs-dir",
        folder / "logs",
    ]
    words += ["--dns-rfc2136", "--dns-rfc2136-credentials", credentials]
    words += ["--dns-rfc2136-propagation-seconds", "1"]
    for name in names:
        words += ["-d", name]
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "HOME": str(folder)},
    )
    return done.returncode, done.stdout + done.stderr
