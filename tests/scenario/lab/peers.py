"""The peers: NSD serves what avow exports, unbound validates what avow answers, verifiers judge."""

import re
import subprocess

from . import ask as asking
from .process import Process

# ---- NSD ----------------------------------------------------------------------------------

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
    minimal-responses: yes
    refuse-any: no
    round-robin: no
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    ipv4-edns-size: {payload}
    reuseport: no
remote-control:
    control-enable: no
"""


class Nsd:
    def __init__(self, folder, port, zones):
        folder.mkdir(parents=True)
        text = NSD.format(port=port, folder=folder, payload=asking.PAYLOAD)
        for name, path in zones.items():
            text += f'zone:\n    name: "{name}"\n    zonefile: "{path}"\n'
        (folder / "nsd.conf").write_text(text)
        self.address, self.port = "127.0.0.1", port
        self.process = Process("nsd", ["nsd", "-d", "-c", folder / "nsd.conf"], folder)
        self.process.wait_line(r"nsd started")

    def ask(self, name, rdtype="A", tcp=False, **more):
        return asking.ask(self.address, self.port, asking.question(name, rdtype, **more), tcp)

    def ask_many(self, queries, **more):
        return asking.ask_many(self.address, self.port, queries, **more)

    def close(self):
        self.process.stop()
        self.process.kill_all()


# ---- unbound ------------------------------------------------------------------------------

UNBOUND = """server:
    directory: "{folder}"
    interface: 127.0.0.1@{port}
    port: {port}
    username: ""
    chroot: ""
    pidfile: ""
    do-daemonize: no
    use-syslog: no
    verbosity: 1
    val-log-level: 2
    num-threads: 1
    do-not-query-localhost: no
    module-config: "validator iterator"
    target-fetch-policy: "0 0 0 0 0"
    harden-dnssec-stripped: yes
    harden-below-nxdomain: no
    qname-minimisation: no
    aggressive-nsec: no
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
    msg-cache-size: 1m
    serve-expired: no
    val-bogus-ttl: 0
    infra-host-ttl: 1
    local-zone: "test." nodefault
    local-zone: "2.0.192.in-addr.arpa." nodefault
{anchors}
remote-control:
    control-enable: no
{stubs}"""


class Unbound:
    """A validator: `anchors` are DS records as text, `stubs` {zone: [(address, port)]}."""

    def __init__(self, folder, port, anchors, stubs):
        folder.mkdir(parents=True)
        (folder / "unbound.conf").write_text(
            UNBOUND.format(
                folder=folder,
                port=port,
                anchors="".join(f'    trust-anchor: "{anchor}"\n' for anchor in anchors),
                stubs="".join(
                    f'stub-zone:\n    name: "{zone}"\n    stub-prime: no\n'
                    + "".join(f"    stub-addr: {address}@{port}\n" for address, port in servers)
                    for zone, servers in stubs.items()
                ),
            )
        )
        self.address, self.port = "127.0.0.1", port
        command = ["unbound", "-d", "-c", folder / "unbound.conf"]
        self.process = Process("unbound", command, folder)
        self.process.wait_line(r"start of service")

    def ask(self, name, rdtype="A"):
        """Validated; a failure of validation is SERVFAIL, and the log says why."""
        query = asking.question(name, rdtype)
        query.flags |= asking.dns.flags.RD | asking.dns.flags.AD
        return asking.ask(self.address, self.port, query, seconds=20.0, tries=3)

    def why(self):
        return "\n".join(self.process.log.lines("validation failure|info: error")[-5:])

    def close(self):
        self.process.stop()
        self.process.kill_all()


# ---- verifiers ----------------------------------------------------------------------------


def _run(*words):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=600
    )
    return done.returncode, done.stdout + done.stderr


def verify_with_ldns(path):
    """It knows no opt-out: not for zones that leave delegations out of the chain."""
    code, text = _run("ldns-verify-zone", "-V", "1", path)
    assert code == 0, f"ldns-verify-zone: {text[-2000:]}"


def verify_with_bind(path, name, csk=False):
    code, text = _run("dnssec-verify", *(["-z"] if csk else []), "-o", name, path)
    assert code == 0, f"dnssec-verify: {text[-2000:]}"


def verify_with_knot(path, name):
    code, text = _run("kzonecheck", "-d", "on", "-o", name, path)
    assert code == 0, f"kzonecheck: {text[-2000:]}"


def check_with_bind(path, name):
    """Not DNSSEC, but all else that BIND asks of a zone: no name service is looked up."""
    code, text = _run("named-checkzone", "-i", "none", "-k", "ignore", name, path)
    assert code == 0, f"named-checkzone: {text[-2000:]}"


def verify(path, name, csk=False, opt_out=False):
    """All that judge a signed zone by itself."""
    if not opt_out:
        verify_with_ldns(path)
    verify_with_bind(path, name, csk)
    verify_with_knot(path, name)
    check_with_bind(path, name)


# ---- one question by a tool for people ----------------------------------------------------


def dig(address, port, *words):
    return _run("dig", f"@{address}", "-p", str(port), *words)[1]


def kdig(address, port, *words):
    return _run("kdig", f"@{address}", "-p", str(port), *words)[1]


def delv(address, port, folder, zone, anchors, *words):
    """delv with the zone's own DS as the only trust anchor."""
    lines = []
    for anchor in anchors:
        fields = re.split(r"\s+", anchor)
        start = fields.index("DS")
        digest = "".join(fields[start + 4 :])
        tag, algorithm, kind = fields[start + 1 : start + 4]
        lines.append(f'"{zone}" static-ds {tag} {algorithm} {kind} "{digest}";')
    path = folder / "anchor.conf"
    path.write_text("trust-anchors { " + " ".join(lines) + " };\n")
    root = zone.rstrip(".") or "."
    command = ["delv", f"@{address}", "-p", port, "-a", path, f"+root={root}", *words]
    return _run(*command)[1]
