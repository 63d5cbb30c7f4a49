"""Servers that take signed dynamic updates and give whole zones away: avow, BIND and Knot, and NSD
for transfers alone. All serve the same zone, under one TSIG key, P-256 and NSEC3 without iterations.
avow and Knot have their keys in SoftHSM, BIND, which needs an engine for that, in files."""

import base64
import os
import shutil
import signal
import subprocess
import time

from dnsbits import Asker
from server import PIN, Server, cpu_seconds, free_port, resident

KEY = "bench.key."
SECRET = base64.b64encode(bytes(range(32))).decode()
TSIG = f"{KEY}:{SECRET}"


class Writer:
    """What all of them have: a folder, a port, a process and its children."""

    name = program = None

    def __init__(self, bench, zone, zone_file):
        self.bench, self.zone, self.zone_file = bench, zone, zone_file
        self.folder = bench.folder / f"{self.name}-{os.path.basename(zone_file)}"
        self.port = free_port()
        self.process = None

    @classmethod
    def is_installed(cls):
        return bool(shutil.which(cls.program))

    def execute(self, *words, **environment):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                [shutil.which(self.program), *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **environment},
            )

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        found, more = [], [self.process.pid]
        while more:
            found += more
            more = subprocess.run(
                ["pgrep", "-P", ",".join(map(str, more))], capture_output=True, text=True
            ).stdout.split()
            more = list(map(int, more))
        return found

    def cpu(self):
        return sum(map(cpu_seconds, self.pids()))

    def memory(self):
        return sum(resident(pid)[0] for pid in self.pids()) / 1e6

    def wait_signed(self, owners, seconds=1800):
        """Until each owner has a signed answer, and the server has nothing more to do."""
        asker = Asker(self.port)
        start = time.perf_counter()
        for owner in owners:
            asker.wait_signed(owner, "A", start, seconds, self.is_alive)
        asker.close()
        quiet = 0
        while quiet < 3:
            before = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - before < 0.05 else 0
            if time.perf_counter() - start > seconds or not self.is_alive():
                raise RuntimeError(f"{self.name} does not come to rest; see {self.folder}")

    def stop(self):
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pause(self):
        self.stopped = self.pids()
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)


class Avow(Writer):
    name = "avow"

    def __init__(self, bench, zone, zone_file):
        super().__init__(bench, zone, zone_file)
        self.server = Server(bench.build, self.folder, bench.token, zone, zone_file)
        self.port = self.server.port
        text = self.server.configuration.read_text().replace(
            f"  - {{name: {zone}, file: {zone_file}}}\n",
            f"  - name: {zone}\n"
            f"    file: {zone_file}\n"
            f"    allow-update: [{{key: {KEY}}}]\n"
            f"    allow-transfer: [{{key: {KEY}}}, {{address: 127.0.0.1, insecure: on}}]\n",
        )
        text += f"tsig:\n  - {{name: {KEY}, secret: {SECRET}}}\n"
        self.server.configuration.write_text(text)
        self.server.configuration.chmod(0o600)

    def start(self):
        self.server.start()
        self.process = self.server.process

    def wait_signed(self, owners, seconds=1800):
        self.bench.until_control(self.server)
        self.server.wait_signed(seconds)
        self.server.be_urgent()

    def rooms(self):
        return self.server.pids()


class Bind(Writer):
    name, program = "bind", "named"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "keys").mkdir(exist_ok=True)
        shutil.copy(self.zone_file, self.folder / "zone")
        configuration = self.folder / "named.conf"
        configuration.write_text(
            f"""options {{
    directory "{self.folder}";
    listen-on port {self.port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "{self.folder}/pid";
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    notify no;
    allow-transfer {{ any; }};
    sig-signing-nodes 5000;
    sig-signing-signatures 2000;
}};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
dnssec-policy bench {{
    keys {{
        ksk key-directory lifetime unlimited algorithm ecdsap256sha256;
        zsk key-directory lifetime unlimited algorithm ecdsap256sha256;
    }};
    nsec3param iterations 0 optout no salt-length 0;
}};
zone "{self.zone}" {{
    type primary;
    file "zone";
    key-directory "keys";
    dnssec-policy bench;
    allow-update {{ key "{KEY}"; }};
}};
"""
        )
        self.execute("-g", "-c", configuration)


class Knot(Writer):
    name, program = "knot", "knotd"

    def start(self):
        (self.folder / "zones").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.zone_file, self.folder / "zones/zone")
        configuration = self.folder / "knot.conf"
        configuration.write_text(
            f"""server:
    listen: 127.0.0.1@{self.port}
    rundir: {self.folder}
    background-workers: 2
database:
    storage: {self.folder}
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: key
    key: {KEY}
    action: [update, transfer]
  - id: address
    address: 127.0.0.1
    action: transfer
keystore:
  - id: token
    backend: pkcs11
    config: "pkcs11:token=avow;pin-value={PIN} {self.bench.token.module}"
policy:
  - id: bench
    keystore: token
    algorithm: ecdsap256sha256
    nsec3: on
    nsec3-iterations: 0
    nsec3-salt-length: 0
    signing-threads: 2
zone:
  - domain: {self.zone}
    storage: {self.folder}/zones
    file: zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: bench
    acl: [key, address]
"""
        )
        self.execute("-c", configuration, SOFTHSM2_CONF=str(self.bench.token.configuration))


class Nsd(Writer):
    """Serves `zone_file`, which is a signed one."""

    name, program = "nsd", "nsd"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "nsd.conf"
        configuration.write_text(
            f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    rrl-ratelimit: 0
    username: ""
    zonesdir: "{self.folder}"
    pidfile: "{self.folder}/nsd.pid"
    xfrdfile: "{self.folder}/xfrd.state"
    zonelistfile: "{self.folder}/zone.list"
    xfrdir: "{self.folder}"
    logfile: "{self.folder}/nsd.log"
remote-control:
    control-enable: no
key:
    name: "{KEY}"
    algorithm: hmac-sha256
    secret: "{SECRET}"
zone:
    name: {self.zone}
    zonefile: "{self.zone_file}"
    provide-xfr: 127.0.0.1 NOKEY
    provide-xfr: 127.0.0.1 {KEY}
"""
        )
        self.execute("-d", "-c", configuration)
