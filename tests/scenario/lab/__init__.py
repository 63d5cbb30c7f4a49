"""The lab: real daemons, real peers and real tokens on loopback.

A test asks the fixture `lab` for what it needs. Everything that was started is stopped at its end,
and the end of the test fails when a process is left or a sanitizer complained.
"""

import shutil
import tempfile
from pathlib import Path

from . import acme, cookies, kea, peers, secondaries, tls, tools, wire
from .ask import (
    FORMERR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    NoAnswer,
    PAYLOAD,
    REFUSED,
    SERVFAIL,
    Answer,
    Stream,
    question,
    records,
)
from .avow import ROOMS, Avow, Failed, open_to
from .paths import (
    AVOWCTL,
    AVOWD,
    BUILD,
    CAMPAIGN,
    EXAMPLES,
    KEEP,
    ROOT,
    SHARED,
    SPOIL,
    by_length,
    example_zones,
    is_sanitized,
    zone_name,
)
from .ports import free_address, free_port, has_ipv6
from .process import Process, kill
from .token import PIN, SoftHsm, TokenMissing, Tpm
from .waiting import PATIENCE, TooLate, until
from .zones import Export, large_zone, near_misses, small_zone


class Lab:
    """What one test has started, and a folder of its own."""

    def __init__(self, template):
        self.template = template
        self.folder = Path(tempfile.mkdtemp(prefix="avow-lab-"))
        self.things = []
        self.count = 0

    def _fresh(self, kind):
        self.count += 1
        return self.folder / f"{kind}-{self.count}"

    def token(self, faults=False):
        """A new token of SoftHSM; with `faults`, behind the module that fails on order."""
        token = self.template.copy(self._fresh("token"))
        return token.with_faults() if faults else token

    def tpm(self):
        """A software TPM; its .token is for a daemon."""
        folder = self._fresh("tpm")
        folder.mkdir()
        self.things.append(Tpm(folder))
        return self.things[-1]

    def avow(self, zones=None, token=None, start=True, listen=None, keys=(), **settings):
        """A daemon. `zones`: {name: path, text, or (path or text, {settings})}; `keys`: TSIG."""
        port = free_port()
        if not listen:
            listen = [("127.0.0.1", port)] + ([("::1", port)] if has_ipv6() else [])
        server = Avow(self._fresh("avow"), token or self.token(), listen, **settings)
        for key in keys:
            server.add_key(key)
        for name, source in (zones or {}).items():
            source, more = source if isinstance(source, tuple) else (source, {})
            server.add_zone(name, source, **more)
        self.things.append(server)
        if start:
            server.start()
        else:
            server.write_configuration()
        return server

    def nsd(self, zones):
        self.things.append(peers.Nsd(self._fresh("nsd"), free_port(), zones))
        return self.things[-1]

    def bind_primary(self, zones, key=None, **more):
        """BIND with zones that a key may change; {name: text}."""
        key = key or wire.Key.make("update.test.")
        primary = secondaries.BindPrimary(self._fresh("primary"), free_port(), key, zones, **more)
        self.things.append(primary)
        return primary

    def followers(self, primary, key, *zones, kinds=secondaries.FOLLOWERS, ports=None, xot=None):
        """A server of each kind that follows the primary, which is (address, port)."""
        started = []
        for number, kind in enumerate(kinds):
            port = ports[number] if ports else free_port()
            started.append(kind(self._fresh(kind.name), port, primary, key, zones, xot))
            self.things.append(started[-1])
        return started

    def cookie_peer(self, kind, zone, content, secret):
        """Another server, one of cookies.PEERS, whose cookies are made with this secret."""
        self.things.append(kind(self._fresh("peer"), free_port(), zone, content, secret))
        return self.things[-1]

    def resolver(self, server):
        """BIND, which asks this server for everything and sends cookies."""
        self.things.append(cookies.Resolver(self._fresh("resolver"), free_port(), server))
        return self.things[-1]

    def kea(self, place, key, forward, reverse):
        self.things.append(kea.Kea(self._fresh("kea"), free_port(), place, key, forward, reverse))
        return self.things[-1]

    def pebble(self, place):
        self.things.append(acme.Pebble(self._fresh("pebble"), free_port(), place))
        return self.things[-1]

    def unbound(self, server, *zones, anchors=None, stubs=None):
        """A validator that trusts the server's keys for these zones, and asks it for them."""
        if anchors is None:
            anchors = [ds for zone in zones for ds in server.ds(zone)]
        if stubs is None:
            stubs = {zone: [(server.address, server.port)] for zone in zones}
        self.things.append(peers.Unbound(self._fresh("unbound"), free_port(), anchors, stubs))
        return self.things[-1]

    def close(self):
        """Stop everything, the last first; complain once all have been stopped."""
        complaints = []
        for thing in reversed(self.things):
            try:
                thing.close()
            except Exception as error:  # the others are to be stopped all the same
                complaints.append(error)
                process = getattr(thing, "process", None)
                if process:
                    process.kill_all()
        self.things = []
        if complaints:
            raise complaints[0]

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self, lines=60):
        """The ends of all logs, for the report of a test that failed."""
        for path in sorted(self.folder.glob("*/*.log")):
            text = path.read_text(errors="replace").splitlines()
            yield str(path.relative_to(self.folder)), "\n".join(text[-lines:])
