"""Kea's DHCP-DDNS server: it is told of leases, and changes names by dynamic update."""

import json
import shutil
import socket
import struct

from .process import Process

PROGRAM = shutil.which("kea-dhcp-ddns", path="/usr/sbin:/usr/bin:/usr/local/sbin")
ADD, REMOVE = 0, 1


class Kea:
    """It changes these zones, forward ones and reverse ones, at `place` with the key."""

    def __init__(self, folder, port, place, key, forward, reverse):
        folder.mkdir(parents=True)
        self.port = port
        address, its_port = place
        name = key.text.rstrip(".")

        def domains(zones):
            server = {"ip-address": address, "port": its_port}
            return [{"name": zone, "key-name": name, "dns-servers": [server]} for zone in zones]

        settings = {
            "ip-address": "127.0.0.1",
            "port": port,
            "dns-server-timeout": 5000,
            "ncr-protocol": "UDP",
            "ncr-format": "JSON",
            "tsig-keys": [{"name": name, "algorithm": key.algorithm.upper(), "secret": key.base64}],
            "forward-ddns": {"ddns-domains": domains(forward)},
            "reverse-ddns": {"ddns-domains": domains(reverse)},
            "loggers": [
                {
                    "name": "kea-dhcp-ddns",
                    "severity": "DEBUG",
                    "debuglevel": 50,
                    "output_options": [{"output": "stdout"}],
                }
            ],
        }
        (folder / "kea.conf").write_text(json.dumps({"DhcpDdns": settings}))
        environment = {"KEA_LOCKFILE_DIR": "none", "KEA_PIDFILE_DIR": str(folder)}
        command = [PROGRAM, "-c", folder / "kea.conf"]
        self.process = Process("kea", command, folder, environment)
        self.process.wait_line(r"DHCP_DDNS_STARTED")

    def tell(self, change, name, address, client):
        """A lease, as a DHCP server tells of it; `client` are octets that stand for who has it."""
        request = {
            "change-type": change,
            "forward-change": True,
            "reverse-change": True,
            "fqdn": name,
            "ip-address": address,
            "dhcid": (b"\0\1\1" + client).hex().upper(),
            "lease-expires-on": "20300101000000",
            "lease-length": 3600,
            "use-conflict-resolution": True,
        }
        text = json.dumps(request).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(struct.pack("!H", len(text)) + text, ("127.0.0.1", self.port))

    def wait_told(self, outcome, mark=0):
        """Until it says what became of a request."""
        return self.process.wait_line(outcome, mark)

    def close(self):
        self.process.stop()
        self.process.kill_all()
