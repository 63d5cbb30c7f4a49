#!/usr/bin/env python3
"""The rate limit under load: what it costs, and what a flood gets out of it.

    make bench-programs && python3 tests/bench/limits.py [--seconds N]

cost      answers a second and processor time for each, limit on over limit off, nobody limited
flood     one source asks DNSKEY, ANY and NXDOMAIN as fast as it can: octets out / in, by the second;
          without a cookie, and with a client cookie alone
network   4,096 sources of a /20, 20 queries a second each: answers a second against its limit; and
          how many questions of clients among them that have a cookie are answered
neighbour a client beside the flooder: how many of its questions are answered
"""
import argparse
import json
import os
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AVOW_BUILD", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests" / "scenario"))

import dns.edns  # noqa: E402

from lab import Answer, Lab, SoftHsm, cookies, large_zone, question, small_zone  # noqa: E402

ZONE = "a.test."
RATE = 200
SOURCES, EACH = 4096, 20


def cpu_ns(pid):
    """Processor time of all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def start(lab, zone, **settings):
    server = lab.avow(zones={ZONE: zone}, **{"rate-limit": settings})
    server.wait_signed()
    return server


# ---- cost ------------------------------------------------------------------------------------


def blast(server, questions, seconds):
    """Answers a second, and nanoseconds for each."""
    pid, before = server.room_pids()["front"], server.metric("responses")
    used = cpu_ns(pid)
    program = Path(os.environ["AVOW_BUILD"]) / "tests" / "bench" / "udp_blast"
    words = ["-p", str(server.port), "-f", str(questions), "-s", str(seconds)]
    told = json.loads(subprocess.run([program, *words], capture_output=True, check=True).stdout)
    answers = server.metric("responses") - before
    return answers / told["seconds"], (cpu_ns(pid) - used) / answers


def measure_cost(lab, folder, seconds):
    questions = Path(folder) / "questions"
    questions.write_text("".join(f"host{i:07d}.{ZONE} A\n" for i in range(5000)))
    on = {"responses-per-second": 1000000, "classes": {}}
    servers = {
        name: start(lab, large_zone(ZONE, 5000), **settings)
        for name, settings in (("off", {}), ("on", on))
    }
    rounds = [
        {name: blast(server, questions, seconds) for name, server in servers.items()} for _ in range(5)
    ]
    assert servers["on"].metric("dropped_limit") == 0
    rates = statistics.median(each["on"][0] / each["off"][0] for each in rounds)
    times = statistics.median(each["off"][1] / each["on"][1] for each in rounds)
    print(f"cost: answers a second on/off {rates:.3f}; processor time off/on {times:.3f}")


# ---- floods ----------------------------------------------------------------------------------


def client(server, address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.connect((server.address, server.port))
    sock.setblocking(False)
    return sock


def queries(cookie):
    options = [dns.edns.GenericOption(cookies.COOKIE, cookie)] if cookie else []
    names = [f"{'x' * (3 - len(str(i)))}{i}.{ZONE}" for i in range(1000)]
    wires = [question(name, "A", options=options).to_wire() for name in names]
    apex = [question(ZONE, rdtype, options=options).to_wire() for rdtype in ("DNSKEY", "ANY")]
    return wires, apex


def send_for_a_second(sock, wires, apex):
    """As many as there is time for; octets sent."""
    end, octets, place = time.monotonic() + 1.0, 0, 0
    while time.monotonic() < end:
        for _ in range(64):
            place += 1
            wire = apex[place % 3] if place % 3 < 2 else wires[place % len(wires)]
            try:
                octets += sock.send(wire)
            except BlockingIOError:
                pass
    return octets


def measure_flood(lab, slip, seconds, cookie=b""):
    server = start(lab, small_zone(ZONE), **{"responses-per-second": RATE, "slip": slip})
    wires, apex = queries(cookie)
    ratios, pace = [], []
    with client(server, "127.1.1.1") as flooder:
        for _ in range(seconds + 1):
            before = server.metric("response_octets")
            octets = send_for_a_second(flooder, wires, apex)
            ratios.append((server.metric("response_octets") - before) / octets)
            pace.append(octets / statistics.mean(len(wire) for wire in [wires[0], *apex]))
        answered = 0
        with client(server, "127.1.1.2") as neighbour:
            for _ in range(20):
                flooder.send(apex[0])
                neighbour.send(wires[0])
                if select.select([neighbour], [], [], 1.0)[0]:
                    answered += not neighbour.recv(4096)[2] & 2
    print(
        f"flood{' with a client cookie' * bool(cookie)}, slip {slip}: octets out/in by the second {' '.join(f'{ratio:.3f}' for ratio in ratios)}"
        f" (the first has the burst), {statistics.mean(pace):.0f} queries a second;"
        f" a neighbour has {answered} of 20 answers"
    )


class Known:
    """A client that has got a cookie, and sends it with each question."""

    def __init__(self, server, address):
        self.sock = client(server, address)
        self.asked = self.answered = 0
        self.sock.send(self._wire(b"client-0"))
        select.select([self.sock], [], [], 10.0)
        self.wire = self._wire(cookies.cookie_of(Answer.read(self.sock.recv(4096))))

    @staticmethod
    def _wire(cookie):
        options = [dns.edns.GenericOption(cookies.COOKIE, cookie)]
        return question(f"www.{ZONE}", "A", options=options).to_wire()

    def ask(self):
        self._take()
        self.sock.send(self.wire)
        self.asked += 1

    def _take(self):
        while select.select([self.sock], [], [], 0)[0]:
            self.answered += not self.sock.recv(4096)[2] & 2

    def close(self):
        select.select([self.sock], [], [], 1.0)
        self._take()
        self.sock.close()


def measure_network(lab, seconds):
    server = start(lab, small_zone(ZONE), **{"responses-per-second": 50, "slip": 0})
    wire = question(f"www.{ZONE}", "A").to_wire()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    known = [Known(server, f"127.2.{i}.7") for i in range(16)]  # select takes no high descriptors
    clients = [client(server, f"127.2.{i >> 8}.{i & 255}") for i in range(SOURCES)]
    rows = []
    for _ in range(seconds + 2):
        before, began = server.status()["metrics"], time.monotonic()
        for turn in range(EACH):
            time.sleep(max(0.0, began + turn / EACH - time.monotonic()))
            for each in known:
                each.ask()
            for sock in clients:
                try:
                    sock.send(wire)
                except BlockingIOError:
                    pass
        time.sleep(max(0.0, began + 1.0 - time.monotonic()))
        after, took = server.status()["metrics"], time.monotonic() - began
        rows.append(
            tuple(round((after[key] - before[key]) / took) for key in ("queries_udp", "responses"))
        )
    for each in [*clients, *known]:
        each.close()
    answered, asked = (sum(getattr(each, what) for each in known) for what in ("answered", "asked"))
    print(
        f"network: {SOURCES} sources of a /20, limit 256 * 50 = 12800: (asked, answered) a second "
        f"{' '.join(map(str, rows))} (the first has the burst); clients with a cookie have"
        f" {answered} of {asked} answers"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=3)
    seconds = parser.parse_args().seconds
    folder = tempfile.mkdtemp(prefix="avow-bench-")
    lab = Lab(SoftHsm(folder))
    try:
        print(f"load average {os.getloadavg()[0]:.2f}")
        measure_cost(lab, folder, seconds)
        measure_flood(lab, 1, seconds)
        measure_flood(lab, 2, seconds)
        measure_flood(lab, 1, seconds, b"client-0")
        measure_network(lab, seconds)
    finally:
        lab.close()
        lab.remove()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
