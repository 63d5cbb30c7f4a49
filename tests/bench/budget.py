#!/usr/bin/env python3
"""A random-subdomain flood while the token is slow: who is answered, and what is signed.

    make all bench-programs build/tests/faults/token.so && python3 tests/bench/budget.py [--seconds N]

A zone is new, and its token makes 13 or 250 signatures a second (tests/faults/token.c). From 65,536
addresses come questions with DO for names that are not there: as fast as they are answered, then as
fast as they can be sent. Beside that a client asks for the apex and for names that are signed, 500
times a second, and a newcomer for names that are not, as a resolver does: by UDP, and by TCP when it is told to.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ZONE = "a.test."
SERVER_CPU, CLIENT_CPU = {0}, {1}
SOURCES = 65536
SIGNED, PACE = 20, 500  # names that the client asks for, questions a second
RATES = {13: 400, 250: 10000}  # of the token; names of the zone
FLOODS = {"as answered": 512, "as sent": 0}  # queries that may be under way; 0: any number


def keep_to(pid, processors):
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), processors)


def first_among_equals():
    """The client is on another machine, if there were one: it does not wait for the flooder."""
    os.sched_setaffinity(0, CLIENT_CPU)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def flooder():
    os.sched_setaffinity(0, CLIENT_CPU)


class Newcomer(threading.Thread):
    """Asks for one name after the other that is not signed yet, each once by UDP, and by TCP when it
    is told to."""

    def __init__(self, server, names):
        super().__init__(daemon=True)
        self.server, self.names = server, names
        self.asked = self.answered = self.by_tcp = 0
        self.ended = threading.Event()

    def ask(self, name):
        from lab import NoAnswer

        try:
            answer = self.server.ask(name, "A", seconds=4.0, tries=1)
            if answer.has("TC"):
                self.by_tcp += 1
                answer = self.server.ask(name, "A", tcp=True, seconds=4.0, tries=1)
        except NoAnswer:
            return False
        return answer.is_signed()

    def run(self):
        for name in self.names:
            if self.ended.wait(0.25):
                return
            self.asked += 1
            self.answered += self.ask(name)


def spent(server):
    """Signatures made, and the zone's RRsets and records of its chain."""
    status = server.zone_status(ZONE)
    return server.metric("signatures"), status["signatures_wanted"], status["signatures"]


def start(lab, rate, names):
    from lab import large_zone

    token = lab.token(faults=True)
    server = lab.avow(
        token=token, zones={ZONE: large_zone(ZONE, names)}, start=False, server={"workers": 1}
    )
    token.order(f"rate {rate}")
    server.start()
    server.process.wait_line(r"a\.test\. loaded")
    for pid in server.room_pids().values():
        keep_to(pid, SERVER_CPU)
    return server, token


def sign_some(server, folder):
    """Have what the client asks for signed; a file of it."""
    questions = [(ZONE, kind) for kind in ("SOA", "NS", "DNSKEY")]
    questions += [(f"host{i:07d}.{ZONE}", "A") for i in range(SIGNED) if i % 20 != 7]
    for name, kind in questions:
        answer = server.ask(name, kind, tcp=True)
        assert answer.is_signed(), f"{name} {kind}: {answer}"
    path = Path(folder) / "questions"
    path.write_text("".join(f"{name} {kind}\n" for name, kind in questions))
    return path


def begin(program, words, prepare):
    return subprocess.Popen([program, *map(str, words)], stdout=subprocess.PIPE, preexec_fn=prepare)


def told(process):
    output, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(output)


def flood(server, newcomers, questions, window, seconds):
    program = Path(os.environ["AVOW_BUILD"]) / "tests" / "bench" / "udp_blast"
    newcomer = Newcomer(server, newcomers)
    os.sched_setaffinity(0, CLIENT_CPU)
    before, made = server.status()["metrics"], spent(server)[0]
    words = ["-p", server.port, "-r", ZONE, "-n", SOURCES, "-w", window, "-s", seconds]
    bad = begin(program, words, flooder)
    time.sleep(0.5)
    newcomer.start()
    good = begin(program, ["-p", server.port, "-f", questions, "-l", PACE, "-s", seconds - 1], first_among_equals)
    good, bad = told(good), told(bad)
    newcomer.ended.set()
    newcomer.join()
    after, now = server.status()["metrics"], spent(server)
    return {
        "flood_a_second": round(bad["sent"] / bad["seconds"]),
        "flood_answered": round(bad["answers"] / bad["sent"], 3),
        "flood_truncated": round(bad["truncated"] / max(1, bad["answers"]), 3),
        "client_asked": good["sent"],
        "client_answered": round(good["with_answer_records"] / good["sent"], 5),
        "client_p50_ms": good["p50_ms"],
        "client_p99_ms": good["p99_ms"],
        "newcomer": f"{newcomer.answered} of {newcomer.asked}, {newcomer.by_tcp} by TCP",
        "signatures_a_second": round((now[0] - made) / bad["seconds"], 1),
        "signatures": now[0],
        "rrsets_and_chain": now[1],
        "turned": after["wants_turned"] - before["wants_turned"],
        "left_out": after["dropped_load"] - before["dropped_load"],
    }


def measure(rate, seconds, say=print):
    """Rows by name of the flood; the last: how many signatures were spent on the whole zone."""
    sys.path.insert(0, str(ROOT / "tests" / "scenario"))
    from lab import Lab, SoftHsm

    folder = tempfile.mkdtemp(prefix="avow-bench-")
    lab, rows = Lab(SoftHsm(folder)), {}
    try:
        names = RATES[rate]
        server, token = start(lab, rate, names)
        questions = sign_some(server, folder)
        unsigned = [f"host{i:07d}.{ZONE}" for i in range(names // 2, names) if i % 20 != 7]
        random.Random(1).shuffle(unsigned)
        for name, window in FLOODS.items():
            half, unsigned = unsigned[: len(unsigned) // 2], unsigned[len(unsigned) // 2 :]
            rows[name] = flood(server, half, questions, window, seconds)
            say(f"token {rate}/s, flood {name}: {json.dumps(rows[name])}")
        token.order()  # the rest, as fast as it can
        server.wait_signed(ZONE)
        made, wanted, _ = spent(server)
        rows["whole zone"] = {"signatures": made, "rrsets_and_chain": wanted}
        say(f"token {rate}/s, whole zone: {json.dumps(rows['whole zone'])}")
    finally:
        lab.close()
        lab.remove()
        shutil.rmtree(folder)
    return rows


def run(bench):
    """The figures of run.py: the worst of all floods."""
    os.environ["AVOW_BUILD"] = str(bench.build)
    raw = {rate: measure(rate, 10, bench.say) for rate in RATES}
    floods = [row for rows in raw.values() for name, row in rows.items() if name in FLOODS]
    bench.note("flood_answered", min(row["client_answered"] for row in floods))
    bench.note("flood_p99_ms", max(row["client_p99_ms"] for row in floods))
    bench.note(
        "flood_signatures",
        max(row["signatures"] / row["rrsets_and_chain"] for rows in raw.values() for row in rows.values()),
        load_average=os.getloadavg()[0],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=10)
    os.environ.setdefault("AVOW_BUILD", str(ROOT / "build"))
    seconds = parser.parse_args().seconds
    print(f"load average {os.getloadavg()[0]:.2f}")
    for rate in RATES:
        measure(rate, seconds)


if __name__ == "__main__":
    main()
