"""DNS cookies on the wire, and other servers that make them with a given secret (RFC 9018)."""

import dns.edns

from . import ask as asking
from .process import Process

COOKIE = 10  # the option's code
CLIENT_OCTETS, WHOLE_OCTETS = 8, 24


def option(cookie):
    return dns.edns.GenericOption(COOKIE, cookie)


def ask(server, name, cookie, address=None, tcp=False, rdtype="A"):
    """Ask with a cookie (octets; empty: none); the answer, and the cookie in it."""
    options = [option(cookie)] if cookie else []
    query = asking.question(name, rdtype, do=False, options=options)
    answer = asking.ask(address or server.address, server.port, query, tcp)
    return answer, cookie_of(answer)


def cookie_of(answer):
    """What the answer's cookie option holds; empty when there is none."""
    for option in answer.message.options:
        if option.otype == COOKIE:
            return option.to_wire()
    return b""


class Peer:
    """Another server of one zone, with cookies of one secret; good ones are required over UDP."""

    name = None
    ready = None

    def __init__(self, folder, port, zone, content, secret):
        folder.mkdir(parents=True)
        self.folder, self.port, self.zone, self.secret = folder, port, zone, secret
        self.address = "127.0.0.1"
        (folder / "zone.db").write_text(content)
        (folder / "configuration").write_text(self.text())
        self.process = Process(self.name, self.command(), folder)
        self.process.wait_line(self.ready)

    def takes(self, cookie, address=None):
        """Whether it takes the cookie for a good one of its own."""
        answer, _ = ask(self, f"www.{self.zone}", cookie, address)
        assert answer.rcode in ("NOERROR", "BADCOOKIE"), answer
        return answer.rcode == "NOERROR"

    def close(self):
        self.process.stop()
        self.process.kill_all()


class Bind(Peer):
    name, ready = "named", r"running$"

    def text(self):
        return f"""options {{
    directory "{self.folder}";
    listen-on port {self.port} {{ 127.0.0.1; }};
    listen-on-v6 port {self.port} {{ ::1; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    notify no;
    allow-query {{ any; }};
    answer-cookie yes;
    require-server-cookie yes;
    cookie-algorithm siphash24;
    cookie-secret "{self.secret.hex()}";
}};
controls {{ }};
zone "{self.zone}" {{ type primary; file "zone.db"; }};
"""

    def command(self):
        return ["named", "-g", "-c", self.folder / "configuration", "-n", "1", "-U", "1"]


class Knot(Peer):
    name, ready = "knotd", r"server started"

    def text(self):
        return f"""server:
    listen: [127.0.0.1@{self.port}, "::1@{self.port}"]
    rundir: "{self.folder}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{self.folder}"
control:
    listen: "{self.folder}/knot.sock"
mod-cookies:
  - id: cookies
    secret: 0x{self.secret.hex()}
    badcookie-slip: 1
template:
  - id: default
    storage: "{self.folder}"
    global-module: mod-cookies/cookies
zone:
  - domain: {self.zone}
    file: zone.db
    semantic-checks: off
"""

    def command(self):
        return ["knotd", "-c", self.folder / "configuration"]


class Nsd(Peer):
    """It answers whoever asks, and says what it thinks of a cookie by what it sends back: a good
    one as it is, else the one that it would have made."""

    name, ready = "nsd", r"nsd started"

    def text(self):
        return f"""server:
    ip-address: 127.0.0.1@{self.port}
    ip-address: ::1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.folder}"
    database: ""
    zonelistfile: "{self.folder}/zone.list"
    xfrdfile: "{self.folder}/xfrd.state"
    xfrdir: "{self.folder}"
    pidfile: ""
    rrl-ratelimit: 0
    answer-cookie: yes
    cookie-secret: "{self.secret.hex()}"
remote-control:
    control-enable: no
zone:
    name: "{self.zone}"
    zonefile: zone.db
"""

    def command(self):
        return ["nsd", "-d", "-c", self.folder / "configuration"]

    def takes(self, cookie, address=None):
        return ask(self, f"www.{self.zone}", cookie, address)[1] == cookie


PEERS = (Bind, Knot, Nsd)


class Resolver:
    """BIND as a resolver that asks one server for everything, with cookies."""

    def __init__(self, folder, port, server):
        folder.mkdir(parents=True)
        self.address, self.port = "127.0.0.1", port
        (folder / "named.conf").write_text(
            f"""options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion yes;
    dnssec-validation no;
    send-cookie yes;
    forward only;
    forwarders {{ {server.address} port {server.port}; }};
}};
controls {{ }};
"""
        )
        command = ["named", "-g", "-c", folder / "named.conf", "-n", "1", "-U", "1"]
        self.process = Process("resolver", command, folder)
        self.process.wait_line(r"running$")

    def ask(self, name, rdtype="A"):
        query = asking.question(name, rdtype)
        query.flags |= asking.dns.flags.RD
        return asking.ask(self.address, self.port, query, seconds=20.0, tries=3)

    def close(self):
        self.process.stop()
        self.process.kill_all()
