#!/usr/bin/env python3
"""Every figure of the benchmark in one run; tests/bench/README.md says what each is.

usage: run.py --build BUILD [--names N] [--runs N] [--seconds S] [--only WORD,...] [--json FILE]
              [--cycles N] [--peers] [--keep]
"""

import argparse
import bisect
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import budget
import crowds
import peers
import updates
from dnsbits import Asker
from server import Server, Token, cpu_seconds, free_port, resident

HERE = Path(__file__).resolve().parent
ZONE = "big.example."
SERVER_CPU, CLIENT_CPU = 0, 1
TARGETS = {  # figure: (must reach, whether more is better, peer)
    "load_s": (4.0, False, "Knot 145 s, PowerDNS 32 s"),
    "restart_s": (0.1, False, "Knot 391 s, PowerDNS 0.095 s"),
    "on_demand_p99_ms": (50.0, False, "-"),
    "signing_ratio": (0.85, True, "-"),
    "full_100k_s": (15.0, False, "Knot 29 s, no answers meanwhile"),
    "hot_ratio": (0.60, True, "Knot 0.43"),
    "uniform_ratio": (0.50, True, "-"),
    "nxdomain_ratio": (0.40, True, "Knot 0.32"),
    "resident_mb": (200.0, False, "Knot 1,470 MB"),
    "store_ratio": (2.0, False, "-"),
    "updates_1": (400.0, True, "see below"),
    "updates_ratio": (0.5, True, "-"),
    "updates_64": (2500.0, True, "see below"),
    "updates_slope": (1.3, False, "Knot grows with the zone"),
    "query_p99_ratio": (2.0, False, "see below"),
    "axfr_ratio": (0.3, True, "see below"),
    "axfr_tsig_ratio": (0.5, True, "-"),
    "store_growth": (1.5, False, "-"),
    "four_s": (None, False, "-"),
    "crowd_p99_ms": (100.0, False, "-"),
    "crowd_kb": (64.0, False, "-"),
    "crowd_transfer_s": (1.0, False, "-"),
    "flood_answered": (0.995, True, "-"),
    "flood_p99_ms": (5.0, False, "-"),
    "flood_signatures": (1.0, False, "-"),
    "cycles_signed": (99.9, True, "-"),
    "cycles_leaks": (0, False, "-"),
}
LABELS = {
    "load_s": "zone file to first signed answer, s",
    "restart_s": "restart to first signed answer, s",
    "on_demand_p99_ms": "answer for what is not signed yet, p99, ms",
    "signing_ratio": "background signing / bare C_Sign loop",
    "full_100k_s": "100 k names fully signed, s",
    "hot_ratio": "answers per core / echo: hot set",
    "uniform_ratio": "answers per core / echo: uniform",
    "nxdomain_ratio": "answers per core / echo: NXDOMAIN",
    "resident_mb": "resident memory of all rooms, MB",
    "store_ratio": "store / signed zone in wire form",
    "updates_1": "durable signed updates/s, 1 client",
    "updates_ratio": "same / one flush and four signatures",
    "updates_64": "durable signed updates/s, 64 clients",
    "updates_slope": "time of an update, large zone / 1 k names",
    "query_p99_ratio": "p99 of queries, 64 clients update / idle",
    "axfr_ratio": "AXFR per core / TCP loopback copy",
    "axfr_tsig_ratio": "AXFR with TSIG / without",
    "store_growth": "store after 100,000 updates / live",
    "four_s": "four transfers, queries and updates, s",
    "crowd_p99_ms": "new TCP client among 7,000 bad ones, p99, ms",
    "crowd_kb": "memory of a bad TCP connection, KB",
    "crowd_transfer_s": "transfer among 200 strangers begins, s",
    "flood_answered": "answered amid a flood, slow token, share",
    "flood_p99_ms": "same, p99, ms",
    "flood_signatures": "signatures spent / RRsets and chain",
    "cycles_signed": "signed answers while the token comes and goes, %",
    "cycles_leaks": "leaks of that: descriptors, processes, MiB",
}
# What needs the zone of --names loaded and not signed yet, at first.
ZONE_PARTS = ("load", "full", "demand", "signing", "restart", "traffic", "memory", "store")
CROWD_PARTS = ("crowd",)
BUDGET_PARTS = ("budget",)
CYCLE_PARTS = ("token-cycles",)
UPDATE_PARTS = ("updates", "latency", "transfers", "growth", "slope", "four")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# ---- questions ---------------------------------------------------------------------------------


class Names:
    """The owners of a zone made by make_zone.py, with a type that each has (A where it is a cut)."""

    def __init__(self, path):
        self.all, self.hosts = [], []
        last = None
        for line in Path(path).read_text().splitlines():
            owner, rdtype = line.split(" ", 2)[:2]
            if owner[0] in "$@*" or owner == last or owner.startswith("ns1.") or owner in ("ns1", "ns2"):
                continue
            last = owner
            self.all.append((owner, "A" if rdtype == "NS" else rdtype))
            if rdtype == "A":
                self.hosts.append(owner)
        self.hosts.sort()

    def write(self, path, chosen):
        with open(path, "w") as file:
            file.writelines(f"{owner}.{ZONE} {rdtype}\n" for owner, rdtype in chosen)

    def late_hosts(self):
        """Hosts that the walk over the zone, which goes in order of names, comes to last."""
        return self.hosts[bisect.bisect(self.hosts, "v") :]


# ---- figures -----------------------------------------------------------------------------------


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, Path(folder)
        self.build = Path(options.build)
        self.figures, self.raw = {}, {}
        self.zone = ZONE
        self.token = Token(self.folder / "token")
        self.zone_file = self.make_zone(options.names)
        self.names = Names(self.zone_file)
        self.first = f"{self.names.hosts[0]}.{ZONE}"
        self.server = None

    def make_zone(self, names):
        """Without the wildcard of make_zone.py: below it there would be no NXDOMAIN."""
        path = self.folder / f"zone-{names}"
        made = subprocess.run(
            [sys.executable, HERE / "make_zone.py", str(names), ZONE], stdout=subprocess.PIPE, check=True
        ).stdout
        path.write_bytes(b"".join(l for l in made.splitlines(True) if not l.startswith(b"*")))
        return path

    def new_server(self, name, zone_file, workers=0):
        return Server(self.build, self.folder / name, self.token, ZONE, zone_file, workers)

    def note(self, figure, value, **raw):
        self.figures[figure] = value
        self.raw[figure] = raw
        say(f"{LABELS[figure]}: {value:.4g}   {json.dumps(raw) if raw else ''}")

    say = staticmethod(say)

    @staticmethod
    def names_of(zone_file):
        return Names(zone_file)

    def wanted(self, word):
        return not self.options.only or word in self.options.only

    def tool(self, name, *words, processor=None):
        command = [str(self.build / "tests/bench" / name), *map(str, words)]
        if processor is not None:
            command = ["taskset", "-c", str(processor)] + command
        done = subprocess.run(command, env=self.token.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    # Zone file to first signed answer: an empty state, then execute.
    def load(self):
        times = []
        self.server = self.new_server("main", self.zone_file)
        for run in range(self.options.runs):
            self.server.stop()
            self.server.forget()
            asker = Asker(self.server.port)
            start = self.server.start()
            times.append(asker.wait_signed(self.first, "A", start, 600, self.server.is_alive))
            asker.close()
        self.note("load_s", statistics.median(times), runs=[round(t, 3) for t in times])

    def signed_share(self):
        status = self.server.zone_status()
        return status["signatures"] / max(status["signatures_wanted"], 1)

    # Answers for names that the background has not come to, one at a time, while it works. Signing
    # goes over all names first, then over the chain: at 35 % it has not come to `late_hosts`.
    def on_demand(self):
        late = self.names.late_hosts()
        random.Random(1).shuffle(late)
        asker = Asker(self.server.port)
        before = self.server.status()["metrics"]
        times, failed = [], 0
        start = time.perf_counter()
        for owner in late:
            if len(times) % 50 == 0 and self.signed_share() > 0.35:
                break
            if time.perf_counter() - start > self.options.seconds * 4:
                break
            answer, milliseconds = asker.ask(f"{owner}.{ZONE}")
            times.append(milliseconds)
            failed += not (answer and answer.is_signed_positive())
        asker.close()
        after = self.server.status()["metrics"]
        seconds = time.perf_counter() - start
        if len(times) < 100:
            say("answers for what is not signed yet: the zone was signed too fast: no figure")
            return
        self.note(
            "on_demand_p99_ms",
            quantile(times, 0.99),
            p50=round(quantile(times, 0.5), 2),
            largest=round(max(times), 2),
            asked=len(times),
            failed=failed,
            signed_while_waiting=after["wants_answered"] - before["wants_answered"],
            stored_per_second=round((after["signatures_stored"] - before["signatures_stored"]) / seconds),
            share_signed_at_end=round(self.signed_share(), 3),
        )

    def stored(self):
        return self.server.status()["metrics"]["signatures_stored"], time.perf_counter()

    # Daemon and bare loop in turn, the other one standing still.
    def signing(self):
        ratios, rates, bare = [], [], []
        threads = os.cpu_count()  # what `sessions` of a keystore is when it is left out
        for run in range(self.options.runs):
            if self.signed_share() > 0.9:
                break
            time.sleep(0.5)
            count, start = self.stored()
            time.sleep(self.options.seconds)
            more, end = self.stored()
            rates.append((more - count) / (end - start))
            self.server.pause()
            try:
                best = max(
                    self.tool(
                        "sign_loop", "-m", self.token.module, "-u", "pkcs11:token=avow", "-p",
                        self.token.pin_file, "-t", threads, "-s", self.options.seconds / 2, "-c", copies, "-j",
                    )["signatures_per_second"]
                    for copies in ("none", "each")
                )
            finally:
                self.server.go_on()
            bare.append(best)
            ratios.append(rates[-1] / best)
        if not ratios:
            say("background signing: the zone is too small to measure it: no figure")
            return
        self.note(
            "signing_ratio",
            statistics.median(ratios),
            ratios=[round(r, 3) for r in ratios],
            per_second=[round(r) for r in rates],
            bare_per_second=[round(b) for b in bare],
            threads=threads,
        )

    def finish_signing(self):
        start = time.perf_counter()
        self.server.wait_signed(1800)
        say(f"fully signed after {time.perf_counter() - start:.1f} s more")

    # 100 k names, from execute to the last signature, with a query every 10 ms.
    def full_100k(self):
        times, counts = [], {"asked": 0, "answered": 0, "silence": 0, "slowest_ms": 0}
        zone_file = self.make_zone(100000)
        hosts = Names(zone_file).hosts
        for run in range(self.options.runs):
            server = self.new_server(f"full-{run}", zone_file)
            start = server.start()
            done = threading.Event()
            asking = threading.Thread(target=self.keep_asking, args=(server, hosts, done, counts))
            asking.start()
            try:
                self.until_control(server)
                server.wait_signed(300)
                times.append(time.perf_counter() - start)
            finally:
                done.set()
                asking.join()
                server.stop()
                server.forget()
        self.note(
            "full_100k_s", statistics.median(times), runs=[round(t, 2) for t in times], **counts
        )

    def until_control(self, server):
        for _ in range(1000):
            try:
                return server.zone_status()
            except RuntimeError:
                if not server.is_alive():
                    raise
                time.sleep(0.02)
        raise RuntimeError("the daemon does not answer its control socket")

    def keep_asking(self, server, hosts, done, counts):
        """From the first signed answer on, so that `asked` is what ought to be answered."""
        asker = Asker(server.port)
        chance = random.Random(2)
        try:
            asker.wait_signed(f"{hosts[0]}.{ZONE}", "A", time.perf_counter(), 300, server.is_alive)
            while not done.wait(0.01):
                answer, milliseconds = asker.ask(f"{chance.choice(hosts)}.{ZONE}", seconds=1.0)
                counts["asked"] += 1
                counts["answered"] += bool(answer and answer.is_signed_positive())
                counts["silence"] += answer is None
                counts["slowest_ms"] = max(counts["slowest_ms"], round(milliseconds))
        except RuntimeError:
            pass  # the zone was signed before the first question, or the run ends with an error
        asker.close()

    def restart(self):
        times = []
        for run in range(self.options.runs + 2):
            self.server.stop()
            asker = Asker(self.server.port)
            start = self.server.start()
            times.append(asker.wait_signed(self.first, "A", start, 60, self.server.is_alive))
            asker.close()
        self.note("restart_s", statistics.median(times), runs=[round(t, 4) for t in times])

    # ---- traffic ----

    def blast(self, port, questions, seconds):
        return self.tool("udp_blast", "-p", port, *questions, "-s", seconds, processor=CLIENT_CPU)

    def one_round(self, questions, pids, length):
        """The echo, then the server: (answers/s, answers/CPU second) of each."""
        port = free_port()
        echo = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), self.build / "tests/bench/udp_echo", "-p", str(port), "-l", str(length)]
        )
        try:
            time.sleep(0.1)
            before = cpu_seconds(echo.pid)
            tally = self.blast(port, questions, self.options.seconds)
            used = cpu_seconds(echo.pid) - before
            bare = (tally["answers_per_second"], tally["answers"] / used)
        finally:
            echo.terminate()
            echo.wait()
        before = sum(map(cpu_seconds, pids))
        tally = self.blast(self.server.port, questions, self.options.seconds)
        used = sum(map(cpu_seconds, pids)) - before
        return bare, (tally["answers_per_second"], tally["answers"] / used), tally

    def workload(self, figure, questions):
        pids = [self.server.pids()["front"]]
        warm = self.blast(self.server.port, questions, self.options.seconds)
        length = round(warm["mean_octets"])
        rounds = [self.one_round(questions, pids, length) for _ in range(self.options.runs)]
        by_wall = statistics.median(ours[0] / bare[0] for bare, ours, _ in rounds)
        by_cpu = statistics.median(ours[1] / bare[1] for bare, ours, _ in rounds)
        tally = rounds[-1][2]
        expected = "3" if figure == "nxdomain_ratio" else "0"
        if tally["rcodes"].get(expected, 0) < 0.999 * tally["answers"]:
            raise RuntimeError(f"{figure}: the answers are not what was to be measured: {tally}")
        self.note(
            figure,
            min(by_wall, by_cpu),
            ratio_of_answers=round(by_wall, 3),
            ratio_of_cpu=round(by_cpu, 3),
            answers_per_second=[round(ours[0]) for _, ours, _ in rounds],
            echoes_per_second=[round(bare[0]) for bare, _, _ in rounds],
            us_per_answer=[round(1e6 / ours[1], 2) for _, ours, _ in rounds],
            us_per_echo=[round(1e6 / bare[1], 2) for bare, _, _ in rounds],
            octets=length,
            rcodes=tally["rcodes"],
            with_answer_records=round(tally["with_answer_records"] / max(tally["answers"], 1), 3),
            lost=sum(t["lost"] for _, _, t in rounds),
        )

    def workloads(self):
        hot, uniform = self.folder / "hot", self.folder / "uniform"
        self.names.write(hot, [(owner, "A") for owner in self.names.hosts[:16]])
        self.names.write(uniform, self.names.all)
        return {
            "hot_ratio": ("-f", hot),
            "uniform_ratio": ("-f", uniform),
            "nxdomain_ratio": ("-r", ZONE),
        }

    # One worker on one processor, the generator on the other.
    def traffic(self):
        self.server.stop()
        self.server.write(self.zone_file, workers=1)
        asker = Asker(self.server.port)
        start = self.server.start(processor=SERVER_CPU)
        asker.wait_signed(self.first, "A", start, 60, self.server.is_alive)
        asker.close()
        for figure, questions in self.workloads().items():
            self.workload(figure, questions)

    # The very processes that loaded and signed the zone, once they have been queried as well.
    def memory(self):
        for questions in self.workloads().values():
            self.blast(self.server.port, questions, self.options.seconds)
        rooms = {room: resident(pid) for room, pid in self.server.pids().items()}
        self.note(
            "resident_mb",
            sum(own for own, _ in rooms.values()) / 1e6,
            rooms={room: round(own / 1e6, 1) for room, (own, _) in rooms.items()},
            of_files_not_counted={room: round(files / 1e6, 1) for room, (_, files) in rooms.items()},
        )

    def store(self):
        self.server.stop()
        size = self.tool("wire_size", self.server.state / "store")
        self.note("store_ratio", size["ratio"], **size)

    def run(self):
        if any(map(self.wanted, ZONE_PARTS)):
            self.run_zone()
        if any(map(self.wanted, UPDATE_PARTS)):
            updates.Updates(self).run()
        if any(map(self.wanted, CROWD_PARTS)):
            crowds.Crowds(self).run()
        if any(map(self.wanted, BUDGET_PARTS)):
            budget.run(self)
        if any(map(self.wanted, CYCLE_PARTS)):
            import cycles  # which takes its programs from AVOW_BUILD

            cycles.Cycles(self).run()

    def run_zone(self):
        if self.wanted("full"):
            self.full_100k()
        self.load()
        if self.wanted("demand"):
            self.on_demand()
        if self.wanted("signing"):
            self.signing()
        if any(map(self.wanted, ("restart", "traffic", "memory", "store"))):
            self.finish_signing()
        if self.wanted("memory"):
            self.memory()
        if self.wanted("restart"):
            self.restart()
        if self.wanted("traffic"):
            self.traffic()
        if self.wanted("store"):
            self.store()
        self.server.stop()
        if self.options.peers:
            self.raw["peers"] = peers.measure(self)


# ---- telling -----------------------------------------------------------------------------------


def print_table(bench):
    print(f"\n{'figure':<46} {'measured':>10} {'must reach':>12}      peer")
    for figure, (target, more, peer) in TARGETS.items():
        if figure not in bench.figures:
            continue
        value = bench.figures[figure]
        if target is None:
            print(f"{LABELS[figure]:<46} {value:>10.4g}")
            continue
        good = value >= target if more else value <= target
        mark = "" if good else "  MISSED"
        sign = ">=" if more else "<="
        print(f"{LABELS[figure]:<46} {value:>10.4g} {sign:>5} {target:<8g}{mark:<8} {peer}")
    for figure, raw in bench.raw.items():
        for name, row in (raw.get("peers") or {}).items() if figure in bench.figures else ():
            print(f"{LABELS[figure]}: {name}: {json.dumps(row)}")
    for name, row in bench.raw.get("peers", {}).items():
        print(f"{name}: {json.dumps(row)}")


def describe_machine():
    model = next(
        (l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?"
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "kernel": os.uname().release,
    }


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--names", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement of a rate")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--cycles", type=int, default=30, help="of token-cycles")
    parser.add_argument("--json", help="where the figures go; BUILD/bench.json when left out")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--alone", action="store_true", help="no BIND, Knot and NSD with updates")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    return parser.parse_args()


def main():
    options = read_options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: two processors are needed, one for the server")
    folder = tempfile.mkdtemp(prefix="avow-bench-")
    os.environ["AVOW_BUILD"] = os.path.abspath(options.build)
    machine = describe_machine()
    say(f"{machine['processor']}, {machine['cores']} cores, load {machine['load'][0]:.2f}; {folder}")
    bench = Bench(options, folder)
    failed = None
    try:
        bench.run()
    except (RuntimeError, subprocess.SubprocessError) as error:
        failed = error
    finally:
        if bench.server:
            bench.server.stop()
    result = {"machine": machine, "names": options.names, "figures": bench.figures, "raw": bench.raw}
    path = options.json or str(Path(options.build) / "bench.json")
    Path(path).write_text(json.dumps(result, indent=2, default=str) + "\n")
    print_table(bench)
    print(f"\nraw values: {path}")
    if failed:
        say(f"FAILED: {failed}; logs in {folder}")
        return 1
    if options.keep:
        say(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
