"""Servers that follow a primary: BIND, Knot and NSD with TSIG, and BIND as a primary of its own."""

import re

from . import wire
from .process import Process
from .updating import Client
from .waiting import PATIENCE, until


class Follower:
    """A server that holds zones of somebody else's; `zones` are names."""

    name = None
    ready = None

    def __init__(self, folder, port, primary, key, zones, xot=None):
        """`xot`: a tls.Xot, when it is to transfer by TLS; `primary` is then where that is served."""
        folder.mkdir(parents=True)
        self.folder, self.port, self.key, self.zones = folder, port, key, list(zones)
        self.xot = xot
        self.address, self.primary = "127.0.0.1", primary
        self.starts = 0
        self.configure()
        self.start()

    def start(self):
        self.starts += 1
        self.process = Process(f"{self.name}-{self.starts}", self.command(), self.folder)
        self.process.wait_line(self.ready)

    def client(self):
        return Client(self.address, self.port, self.key)

    def serial(self, zone):
        """The serial that it serves; None while it has no zone."""
        query = wire.message(wire.QUERY, [(wire.name(zone), wire.SOA, wire.IN)])
        self.process.check_alive()
        with Client(self.address, self.port, seconds=10.0) as client:
            for record in client.ask_udp(query).answer:
                if record.type == wire.SOA:
                    return int.from_bytes(record.rdata[-20:-16], "big")
        return None

    def wait_serial(self, zone, serial, seconds=PATIENCE):
        """Until it serves this serial."""
        until(
            lambda: self.serial(zone) == serial,
            f"{self.name} to serve serial {serial} of {zone}",
            seconds,
            pause=0.05,
        )

    def axfr(self, zone):
        """What it holds, as records."""
        with self.client() as client:
            return client.axfr(zone)

    def counts(self):
        """How many transfers of each kind its log tells of: (whole zones, differences)."""
        if not self.whole:
            return None
        text = "".join(self.log_texts())
        return tuple(len(re.findall(pattern, text)) for pattern in (self.whole, self.differences))

    def log_texts(self):
        return [path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))]

    def close(self):
        self.process.stop()
        self.process.kill_all()


NAMED = """options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{folder}";
    recursion no;
    dnssec-validation no;
    notify {notify};
    check-names primary ignore;
    check-names secondary ignore;
    check-mx ignore;
    check-integrity no;
    check-sibling no;
    check-dup-records ignore;
    check-wildcard no;
    ixfr-from-differences no;
    request-expire no;
    allow-query {{ any; }};
    serial-query-rate 1000;
    notify-rate 1000;
    notify-delay 0;
    min-refresh-time 1;
}};
logging {{
    channel all {{ stderr; severity info; print-time yes; }};
    channel transfers {{ stderr; severity debug 3; print-time yes; }};
    category default {{ all; }};
    category unmatched {{ null; }};
    category xfer-in {{ transfers; }};
}};
controls {{ }};
statistics-channels {{ }};
{key}
{zones}
"""


class BindFollower(Follower):
    """named tells the kind of each transfer at debug level 3 of xfer-in."""

    name = "named"
    ready = r"running$"
    whole = r"got nonincremental response"
    differences = r"got incremental response"

    def configure(self):
        host, port = self.primary
        by = ' tls "up"' if self.xot else ""
        zones = "".join(
            f'zone "{zone}" {{ type secondary; file "{number}.db"; masterfile-format text;\n'
            f'    primaries {{ {host} port {port} key "{self.key.text}"{by}; }};\n'
            f'    allow-notify {{ key "{self.key.text}"; }};\n'
            f'    allow-transfer {{ key "{self.key.text}"; }}; }};\n'
            for number, zone in enumerate(self.zones)
        )
        text = NAMED.format(
            folder=self.folder,
            port=self.port,
            notify="no",
            key=self.key.file_text() + self.tls_text(),
            zones=zones,
        )
        (self.folder / "named.conf").write_text(text)

    def tls_text(self):
        return self.xot and (
            f'tls "up" {{ remote-hostname "{self.xot.host}"; ca-file "{self.xot.authority.file}";\n'
            f'    cert-file "{self.xot.client.file}"; key-file "{self.xot.client.key}"; }};\n'
        ) or ""

    def command(self):
        return ["named", "-f", "-d", "1", "-c", self.folder / "named.conf", "-n", "1", "-U", "1"]


KNOT = """server:
    listen: {address}@{port}
    rundir: "{folder}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}"
control:
    listen: "{folder}/knot.sock"
key:
  - id: {key}
    algorithm: {algorithm}
    secret: {secret}
remote:
  - id: primary
    address: {primary}
    key: {key}
acl:
  - id: notify
    key: {key}
    action: notify
  - id: transfer
    key: {key}
    action: transfer
template:
  - id: default
    storage: "{folder}"
    master: primary
    acl: [notify, transfer]
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
zone:
{zones}"""


class KnotFollower(Follower):
    name = "knotd"
    ready = r"server started"
    whole = r"AXFR, incoming, remote .* finished"
    differences = r"IXFR, incoming, remote .* finished"

    def configure(self):
        host, port = self.primary
        text = KNOT.format(
            folder=self.folder,
            address=self.address,
            port=self.port,
            key=self.key.text,
            algorithm=self.key.algorithm,
            secret=self.key.base64,
            primary=f"{host}@{port}",
            zones="".join(f"  - domain: {zone}\n" for zone in self.zones),
        )
        (self.folder / "knot.conf").write_text(text)

    def command(self):
        return ["knotd", "-c", self.folder / "knot.conf"]


class KnotVerifier(KnotFollower):
    """One that takes no version of a zone without a ZONEMD that is right."""

    def configure(self):
        super().configure()
        path = self.folder / "knot.conf"
        path.write_text(path.read_text().replace(
            "    semantic-checks: off\n", "    semantic-checks: off\n    zonemd-verify: on\n"
        ))


NSD = """server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: ""
    xfrd-reload-timeout: 0
    verbosity: 2
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
{bundle}remote-control:
    control-enable: no
key:
    name: "{key}"
    algorithm: {algorithm}
    secret: "{secret}"
{tls}{zones}"""


class NsdFollower(Follower):
    name = "nsd"
    ready = r"nsd started"
    whole = differences = None  # it does not say

    def configure(self):
        host, port = self.primary
        by = ' "up"' if self.xot else ""
        zones = "".join(
            f'zone:\n    name: "{zone}"\n    zonefile: "{number}.zone"\n'
            f'    request-xfr: {host}@{port} "{self.key.text}"{by}\n'
            f'    allow-notify: 127.0.0.0/8 "{self.key.text}"\n'
            f'    provide-xfr: 127.0.0.0/8 "{self.key.text}"\n'
            "    min-refresh-time: 1\n    allow-axfr-fallback: yes\n"
            for number, zone in enumerate(self.zones)
        )
        text = NSD.format(
            folder=self.folder,
            port=self.port,
            key=self.key.text,
            algorithm=self.key.algorithm,
            secret=self.key.base64,
            bundle=f'    tls-cert-bundle: "{self.xot.authority.file}"\n' if self.xot else "",
            tls=self.tls_text(),
            zones=zones,
        )
        (self.folder / "nsd.conf").write_text(text)

    def tls_text(self):
        return self.xot and (
            f'tls-auth:\n    name: "up"\n    auth-domain-name: "{self.xot.host}"\n'
            f'    client-cert: "{self.xot.client.file}"\n    client-key: "{self.xot.client.key}"\n'
        ) or ""

    def command(self):
        return ["nsd", "-d", "-c", self.folder / "nsd.conf"]


FOLLOWERS = (BindFollower, KnotFollower, NsdFollower)


class BindPrimary:
    """named with zones that a key may change: what the model is measured by."""

    def __init__(self, folder, port, key, zones, followers=(), serial="increment"):
        folder.mkdir(parents=True)
        self.folder, self.address, self.port, self.key = folder, "127.0.0.1", port, key
        text = ""
        also = "".join(f'{host} port {port} key "{key.text}"; ' for host, port in followers)
        for number, (zone, content) in enumerate(zones.items()):
            (folder / f"{number}.db").write_text(content)
            text += (
                f'zone "{zone}" {{ type primary; file "{number}.db"; notify explicit;\n'
                f"    serial-update-method {serial}; also-notify {{ {also}}};\n"
                f'    allow-update {{ key "{key.text}"; }};\n'
                f'    allow-transfer {{ key "{key.text}"; }}; }};\n'
            )
        text = NAMED.format(
            folder=folder, port=port, notify="explicit", key=key.file_text(), zones=text
        )
        (folder / "named.conf").write_text(text)
        self.process = Process(
            "primary",
            ["named", "-f", "-d", "1", "-c", folder / "named.conf", "-n", "1", "-U", "1"],
            folder,
        )
        self.process.wait_line(r"running$")

    def client(self):
        return Client(self.address, self.port, self.key)

    def close(self):
        self.process.stop()
        self.process.kill_all()
