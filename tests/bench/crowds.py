"""TCP clients that do no good, and what others notice; tests/bench/README.md says what is what."""

import json
import re
import socket
import statistics
import struct
import subprocess
import time

import writers
from dnsbits import encode_query
from server import resident

BAD = {"i": 5000, "n": 1000, "b": 1000}  # idle, never reading, one octet a second
STRANGERS = 200
NAMES = 1000  # of the zone, which matters little here
TRANSFERS = 30
PAUSE = 0.005  # between two new clients
SETTLE = 2.0  # until those that do not read have asked for as much as they can
WAIT = 5.0
FULL = "tcp: {clients: 9000, idle: 10m, per-address: 9000, per-network: 9000}"


class Crowd:
    """tcp_crowd, until the end of the `with`."""

    def __init__(self, bench, port, *words):
        self.process = subprocess.Popen(
            [bench.build / "tests/bench/tcp_crowd", "-p", str(port), "-z", bench.zone, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def __enter__(self):
        self.first = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.last = json.loads(self.process.stdout.readline())
        self.process.wait()

    def summary(self):
        return {kind: {"connected": tally["connected"], "closed": tally["closed"], "answers": tally["answers"]}
                for kind, tally in self.last.items() if tally["connected"]}


def receive(sock):
    """An answer; None: it did not come whole."""
    octets = b""
    while len(octets) < 2 or len(octets) < 2 + struct.unpack(">H", octets[:2])[0]:
        piece = sock.recv(65536)
        if not piece:
            return None
        octets += piece
    return octets[2:]


def ask_anew(port, query):
    """Milliseconds from connecting to the whole answer; None: there was none."""
    start = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as sock:
            sock.sendall(struct.pack(">H", len(query)) + query)
            answer = receive(sock)
    except OSError:
        return None
    return (time.perf_counter() - start) * 1e3 if answer and not answer[3] & 15 else None


def kernel_octets(port):
    """Of the server's ends: what is in their buffers, or set aside for them; and how many they are."""
    text = subprocess.run(
        ["ss", "-tmnH", "state", "established", "sport", "=", str(port)], capture_output=True, text=True
    ).stdout
    found = re.findall(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)", text)
    return sum(sum(map(int, numbers)) for numbers in found), len(found)


class Crowds:
    def __init__(self, bench):
        self.bench, self.options = bench, bench.options
        self.zone_file = bench.make_zone(NAMES)
        self.names = bench.names_of(self.zone_file)
        self.writer = writers.Avow(bench, bench.zone, str(self.zone_file))
        self.query = encode_query(1, f"{self.names.hosts[0]}.{bench.zone}")

    def start(self, more=""):
        configuration = self.writer.server.configuration
        text = re.sub(r"\n  tcp: .*", "", configuration.read_text())
        configuration.write_text(text.replace("server:", f"server:\n  {more}", 1) if more else text)
        self.writer.start()
        self.writer.wait_signed([])

    def front(self):
        return self.writer.rooms()["front"]

    # ---- new clients ----

    def new_clients(self, seconds):
        times, failed = [], 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            milliseconds = ask_anew(self.writer.port, self.query)
            if milliseconds is None:
                failed += 1
            times.append(WAIT * 1e3 if milliseconds is None else milliseconds)
            time.sleep(PAUSE)
        times.sort()
        return {
            "asked": len(times), "failed": failed,
            **{name: round(times[min(len(times) - 1, int(share * len(times)))], 2)
               for name, share in (("p50", 0.5), ("p99", 0.99), ("largest", 1.0))},
        }

    def memory(self, words):
        """Of one connection: of the front, and of the kernel for it."""
        before = resident(self.front())[0]
        with Crowd(self.bench, self.writer.port, *words) as crowd:
            time.sleep(SETTLE)
            held, count = kernel_octets(self.writer.port)
            grown = resident(self.front())[0] - before
            clients = self.new_clients(self.options.seconds)
        opened = sum(tally["connected"] for tally in crowd.first.values())
        return {
            "connections": opened, "front_kb": round(grown / opened / 1e3, 1),
            "kernel_kb": round(held / count / 1e3, 1) if count else None,
            "kb": round((grown / opened + (held / count if count else 0)) / 1e3, 1),
            "new_clients": clients,
        }

    # Room for all of them first, so that all stay and can be weighed; then what is configured when
    # nothing is said, where each takes the place of another, and comes again.
    def bad_clients(self):
        words = [word for letter, count in BAD.items() for word in (f"-{letter}", count)]
        self.start(FULL)
        alone = self.new_clients(self.options.seconds)
        everybody = self.memory(words)
        self.writer.stop()
        self.start(FULL)
        kind = self.memory(["-n", BAD["n"]])
        self.writer.stop()
        self.start()
        with Crowd(self.bench, self.writer.port, "-r", *words) as crowd:
            crowded = self.new_clients(self.options.seconds)
        metrics = self.writer.server.status()["metrics"]
        self.writer.stop()
        self.bench.note(
            "crowd_p99_ms", max(everybody["new_clients"]["p99"], crowded["p99"]), alone=alone,
            with_room_for_all=everybody["new_clients"], with_defaults=crowded, crowd=crowd.summary(),
            evicted=metrics["tcp_evicted"], slow_readers=metrics["tcp_slow_readers"],
        )
        self.bench.note("crowd_kb", max(everybody["kb"], kind["kb"]), all=everybody, never_reading=kind)

    # ---- transfers ----

    def first_octets(self):
        """Seconds until a transfer that is allowed is over; the zone is small."""
        times = []
        for _ in range(TRANSFERS):
            start = time.perf_counter()
            self.bench.tool("axfr_drain", "-p", self.writer.port, "-z", self.bench.zone, "-k", writers.TSIG)
            times.append(time.perf_counter() - start)
        return {"median": round(statistics.median(times), 4), "largest": round(max(times), 4)}

    # From an address that may have the zone without a key strangers would be none.
    def strangers(self):
        configuration = self.writer.server.configuration
        configuration.write_text(
            configuration.read_text().replace(", {address: 127.0.0.1, insecure: on}", "")
        )
        self.start()
        rows = {"alone": self.first_octets()}
        wrong = writers.TSIG[:-4] + "AAA="
        for name, key in (("no key", None), ("unknown key", f"stranger.:{writers.SECRET}"), ("wrong secret", wrong)):
            for networks in (1, STRANGERS):
                words = ["-x", STRANGERS, "-m", networks] + (["-k", key] if key else [])
                with Crowd(self.bench, self.writer.port, *words) as crowd:
                    row = self.first_octets()
                rows[f"{name}, {networks} networks"] = {**row, "refused": crowd.last["transfers"]["answers"]}
        self.writer.stop()
        self.bench.note("crowd_transfer_s", max(row["largest"] for row in rows.values()), runs=rows)

    def run(self):
        try:
            self.bad_clients()
            self.strangers()
        finally:
            self.writer.stop()
