"""Everything at once, for as long as SOAK_SECONDS says, with signatures that live for ten minutes:
nothing dies, nothing expired is ever seen, and memory does not grow. `make soak` is the hour."""

import json
import random
import threading
import time
from pathlib import Path

from lab import large_zone, open_to, peers, wire
from lab.model import NOERROR
from lab.paths import soak_seconds
from lab.updating import put_text, write_zone

KEY = wire.Key.make("soak.test.")
NAMES = 400
UPDATED, RELOADED = "updated.test.", "reloaded.test."
POLICY = {
    "name": "default",
    "dnskey-ttl": "1m",
    "signature-validity": "10m",
    "signature-refresh": "4m",
    "signature-jitter": "2m",
}
QUERY_EVERY, UPDATE_EVERY, TRANSFER_EVERY, RELOAD_EVERY, SAMPLE_EVERY = 0.004, 0.05, 10, 7, 5
MIB_A_HOUR = 1.0
LONG_ENOUGH = 1800  # seconds, from which on a slope says something


def zone_text(name, serial=1):
    return large_zone(name, NAMES, serial).replace("$TTL 1h", "$TTL 60")


class Soak:
    """Threads that work on a server until the time is over; the first that fails ends all."""

    def __init__(self, server, seconds):
        self.server, self.until = server, time.monotonic() + seconds
        self.over = threading.Event()
        self.failures, self.counts, self.samples = [], {}, []

    def run(self, *jobs):
        threads = [threading.Thread(target=self._job, args=(job, every)) for job, every in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.failures, self.failures[0]

    def _job(self, job, every):
        name, number = job.__name__, 0
        try:
            while not self.over.wait(every) and time.monotonic() < self.until:
                job(number)
                number += 1
                self.counts[name] = number
        except BaseException as error:  # pylint: disable=broad-except
            self.failures.append(f"{name}, turn {number}: {error!r}")
            self.over.set()

    def check_times(self, answer, asked):
        for section in (answer.message.answer, answer.message.authority):
            for rrset in section:
                for rdata in rrset if rrset.rdtype == 46 else ():
                    assert rdata.inception <= time.time(), answer
                    assert rdata.expiration > asked, answer

    def query(self, number):
        zone = random.choice((UPDATED, RELOADED))
        kind, asked = number % 4, time.time()
        if kind == 0:
            answer = self.server.ask(f"absent{random.random()}.{zone}")
            assert answer.rcode == "NXDOMAIN" and answer.authority("RRSIG"), answer
        elif kind == 1:
            answer = self.server.ask(zone, random.choice(("DNSKEY", "SOA", "NS")))
            assert answer.is_signed(), answer
        else:
            host = random.randrange(0, NAMES, 5)
            answer = self.server.ask(f"host{host:07d}.{zone}", "MX", tcp=kind == 3)
            assert answer.is_signed(), answer
        self.check_times(answer, asked)

    def update(self, number):
        with self.server.client(KEY, seconds=10.0) as client:
            assert put_text(client, UPDATED, f"n{number % 1000}", number).rcode == NOERROR

    def transfer(self, number):
        for zone in (UPDATED, RELOADED):
            path = write_zone(self.server.folder / f"soak-{zone}zone", self.server.axfr(zone, KEY))
            peers.verify_with_ldns(path)

    def reload(self, number):
        text = zone_text(RELOADED, number + 2).replace('"number 0"', f'"turn {number}"')
        self.server.change_zone(RELOADED, lambda _: text)

    def sample(self, _number):
        octets = {}
        for room, pid in self.server.room_pids().items():
            status = Path(f"/proc/{pid}/status").read_text().split("RssAnon:")[1]
            octets[room] = int(status.split()[0]) * 1024
        self.samples.append((time.monotonic(), octets))

    def slopes(self):
        """MiB an hour of each room, over the last two thirds: by least squares."""
        rows = self.samples[len(self.samples) // 3 :]
        middle = sum(at for at, _ in rows) / len(rows)
        spread = sum((at - middle) ** 2 for at, _ in rows) or 1.0
        return {
            room: sum((at - middle) * octets[room] for at, octets in rows) / spread * 3600 / 2**20
            for room in rows[0][1]
        }


def test_soak(lab):
    seconds = soak_seconds()
    server = lab.avow(
        zones={name: (zone_text(name), open_to(KEY)) for name in (UPDATED, RELOADED)},
        keys=[KEY], policies=[POLICY],
    )
    server.wait_signed()
    rooms, signatures = server.room_pids(), server.metric("signatures_stored")
    soak = Soak(server, seconds)
    soak.run(
        (soak.query, QUERY_EVERY),
        (soak.update, UPDATE_EVERY),
        (soak.transfer, min(TRANSFER_EVERY, seconds / 3)),
        (soak.reload, min(RELOAD_EVERY, seconds / 3)),
        (soak.sample, min(SAMPLE_EVERY, seconds / 10)),
    )
    slopes = soak.slopes()
    print(json.dumps({
        "seconds": seconds, "done": soak.counts,
        "signatures": server.metric("signatures_stored") - signatures,
        "mib_an_hour": {room: round(slope, 3) for room, slope in slopes.items()},
        "mib": {room: round(octets / 2**20, 2) for room, octets in soak.samples[-1][1].items()},
    }))
    assert all(soak.counts.get(job) for job in ("query", "update", "transfer", "reload")), soak.counts
    assert server.room_pids() == rooms, "a room was started anew"
    if seconds >= LONG_ENOUGH:
        assert sum(slopes.values()) < MIB_A_HOUR, slopes
    assert server.stop() == 0
    server.check_store()
