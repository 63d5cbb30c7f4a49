"""The same zone and the same traffic with the name servers that are installed: Knot signs it by
itself; NSD, which cannot sign, serves what avow exports. For orientation: each with its defaults
but for one worker on one processor."""

import shutil
import subprocess
import time

from dnsbits import Asker
from server import cpu_seconds, free_port, resident


class Peer:
    def __init__(self, bench, name, program):
        self.bench, self.name = bench, name
        self.program = shutil.which(program)
        self.folder = bench.folder / name
        self.port = free_port()
        self.process = None

    def start(self, *words):
        before = time.perf_counter()
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", "0", self.program, *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        return before

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process and self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pids(self):
        """The process and all that come of it."""
        found, more = [], [self.process.pid]
        while more:
            found += more
            more = subprocess.run(
                ["pgrep", "-P", ",".join(map(str, more))], capture_output=True, text=True
            ).stdout.split()
            more = list(map(int, more))
        return found

    def measure_start(self, *words):
        asker = Asker(self.port)
        start = self.start(*words)
        seconds = asker.wait_signed(self.bench.first, "A", start, 1800, self.is_alive)
        asker.close()
        return round(seconds, 3)

    def measure_traffic(self):
        row = {}
        for figure, questions in self.bench.workloads().items():
            self.bench.blast(self.port, questions, 1)
            before = sum(map(cpu_seconds, self.pids()))
            tally = self.bench.blast(self.port, questions, self.bench.options.seconds)
            used = sum(map(cpu_seconds, self.pids())) - before
            word = figure.removesuffix("_ratio")
            row[f"{word}_per_second"] = round(tally["answers_per_second"])
            row[f"{word}_us"] = round(1e6 * used / max(tally["answers"], 1), 2)
        row["resident_mb"] = round(sum(resident(pid)[0] for pid in self.pids()) / 1e6, 1)
        return row


def measure_knot(bench):
    peer = Peer(bench, "knot", "knotd")
    if not peer.program:
        return {"skipped": "not installed"}
    (peer.folder / "zones").mkdir(parents=True)
    shutil.copy(bench.zone_file, peer.folder / "zones/big.zone")
    configuration = peer.folder / "knot.conf"
    configuration.write_text(
        f"""server:
    listen: 127.0.0.1@{peer.port}
    rundir: {peer.folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
database:
    storage: {peer.folder}
policy:
  - id: bench
    algorithm: ecdsap256sha256
    nsec3: on
    nsec3-iterations: 0
    nsec3-salt-length: 0
    signing-threads: 2
template:
  - id: default
    storage: {peer.folder}/zones
    zonefile-sync: -1
    journal-content: all
    dnssec-signing: on
    dnssec-policy: bench
zone:
  - domain: {bench.zone}
    file: big.zone
"""
    )
    try:
        row = {"load_s": peer.measure_start("-c", configuration)}
        row.update(peer.measure_traffic())
        peer.stop()
        row["restart_s"] = peer.measure_start("-c", configuration)
    finally:
        peer.stop()
    return row


def measure_nsd(bench):
    peer = Peer(bench, "nsd", "nsd")
    if not peer.program:
        return {"skipped": "not installed"}
    peer.folder.mkdir(parents=True)
    signed = peer.folder / "signed.zone"
    bench.server.stop()
    bench.server.start()
    bench.until_control(bench.server)
    with open(signed, "w") as file:
        subprocess.run(
            [bench.build / "avowctl", "-s", bench.server.control, "zone", "export", bench.zone],
            stdout=file, check=True,
        )
    bench.server.stop()
    configuration = peer.folder / "nsd.conf"
    configuration.write_text(
        f"""server:
    ip-address: 127.0.0.1@{peer.port}
    server-count: 1
    rrl-ratelimit: 0
    username: ""
    zonesdir: "{peer.folder}"
    pidfile: "{peer.folder}/nsd.pid"
    xfrdfile: "{peer.folder}/xfrd.state"
    zonelistfile: "{peer.folder}/zone.list"
    xfrdir: "{peer.folder}"
    logfile: "{peer.folder}/nsd.log"
remote-control:
    control-enable: no
zone:
    name: {bench.zone}
    zonefile: signed.zone
"""
    )
    try:
        row = {"load_of_signed_zone_s": peer.measure_start("-d", "-c", configuration)}
        row.update(peer.measure_traffic())
    finally:
        peer.stop()
    return row


def measure(bench):
    rows = {}
    for name, measure_one in (("knot", measure_knot), ("nsd", measure_nsd)):
        try:
            rows[name] = measure_one(bench)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            rows[name] = {"failed": str(error)}
        print(f"{name}: {rows[name]}", flush=True)
    return rows
