"""Updates and transfers, with BIND, Knot and NSD beside; tests/bench/README.md says what is what."""

import json
import os
import statistics
import subprocess
import threading
import time

import writers
from dnsbits import Asker
from server import cpu_seconds, free_port, resident

KINDS = ("add", "replace", "delete")
QUERY_RATE = 5000
SLOPE_TURNS = 3  # of a run
GROWTH_UPDATES = 100000
PAIRS = 5  # of a transfer and a copy, in a run


def mid(values):
    return statistics.median(values)


class Load:
    """A generator that runs until it is stopped, and its tally."""

    def __init__(self, bench, name, *words):
        self.process = subprocess.Popen(
            [bench.build / "tests/bench" / name, *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def result(self):
        out, error = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"{self.process.args[0]}: {error.strip()}")
        return json.loads(out)


class Subject:
    """A server with a zone, and the traffic that it gets."""

    def __init__(self, bench, writer, names):
        self.bench, self.writer, self.names = bench, writer, names
        self.serial = 0  # names that were added get one
        self.hosts = writer.folder.parent / f"hosts-{len(names.hosts)}"
        names.write(self.hosts, [(owner, "A") for owner in names.hosts])

    def start(self):
        began = time.perf_counter()
        self.writer.start()
        zone = self.writer.zone
        self.writer.wait_signed([f"{self.names.hosts[i]}.{zone}" for i in (0, -1)])
        self.bench.say(f"{self.writer.name}: signed after {time.perf_counter() - began:.0f} s")

    def words(self, kind, clients, first=None):
        words = ["-p", self.writer.port, "-z", self.writer.zone, "-k", writers.TSIG, "-m", kind]
        words += ["-c", clients, "-t", 5000]
        if kind == "replace":
            return words + ["-f", self.hosts]
        return words + ["-o", self.serial if first is None else first]

    def blast(self, kind, clients, *limit, first=None):
        tally = self.bench.tool("update_blast", *self.words(kind, clients, first), *limit)
        if tally["rcodes"].get("0", 0) < tally["answered"] or tally["forged"]:
            self.bench.say(f"{self.writer.name}: not all of the updates were carried out: {tally}")
        return tally

    def three_kinds(self, clients, seconds):
        """Names are added, existing ones get other data, those that were added go: the tallies."""
        first = self.serial
        tallies = {"add": self.blast("add", clients, "-s", seconds)}
        self.serial += tallies["add"]["answered"] + tallies["add"]["lost"]
        tallies["replace"] = self.blast("replace", clients, "-s", seconds)
        tallies["delete"] = self.blast("delete", clients, "-n", self.serial - first, first=first)
        return tallies


class AvowCounters:
    """What the updates of a stretch of time cost: of each room, of the disk, of the token."""

    def __init__(self, writer):
        self.writer, self.rooms = writer, writer.rooms()
        self.before = self.read()

    def read(self):
        metrics = self.writer.server.status()["metrics"]
        values = {f"cpu_{room}": cpu_seconds(pid) for room, pid in self.rooms.items()}
        with open(f"/proc/{self.rooms['keeper']}/io") as file:
            values["written"] = next(int(l.split()[1]) for l in file if l.startswith("wchar"))
        values["commits"] = metrics["commits"]
        values["signatures"] = metrics["signatures_stored"]
        return values

    def since(self, updates):
        after = self.read()
        delta = {key: after[key] - self.before[key] for key in after}
        row = {
            f"us_{room}": round(1e6 * delta[f"cpu_{room}"] / updates, 1)
            for room in ("front", "desk", "keeper", "signer")
        }
        row["updates_per_commit"] = round(updates / max(delta["commits"], 1), 2)
        row["signatures_per_update"] = round(delta["signatures"] / updates, 2)
        row["pages_per_commit"] = round(delta["written"] / 4096 / max(delta["commits"], 1), 1)
        return row


class Updates:
    def __init__(self, bench):
        self.bench, self.options, self.raw = bench, bench.options, {}
        self.subjects = {}
        self.bare = {}

    # ---- servers ----

    def subject(self, kind, names):
        key = (kind.name, names)
        if key not in self.subjects:
            zone_file = self.bench.make_zone(names)
            writer = kind(self.bench, self.bench.zone, str(zone_file))
            self.subjects[key] = Subject(self.bench, writer, self.bench.names_of(zone_file))
        subject = self.subjects[key]
        if not subject.writer.is_alive():
            subject.start()
        return subject

    def peers(self):
        if self.options.alone:
            return []
        return [kind for kind in (writers.Bind, writers.Knot) if kind.is_installed()]

    def stop_all(self):
        for subject in self.subjects.values():
            subject.writer.stop()

    # ---- updates a second, and the limit ----

    def sign(self, *words):
        """Seconds for a signature, by the faster of two ways."""
        token = self.bench.token
        rates = [
            self.bench.tool(
                "sign_loop", "-m", token.module, "-u", "pkcs11:token=avow", "-p", token.pin_file,
                "-t", 1, "-s", self.options.seconds / 2, "-c", copies, "-j", *words,
            )["signatures_per_second"]
            for copies in ("none", "each")
        ]
        return 1 / max(rates)

    # An update that adds a name to a zone with NSEC3 has four RRsets signed: its own, those of two
    # links of the chain, and the SOA.
    def limit(self, costs):
        """What the flush of a commit's pages takes, and four signatures: each in a loop of its own
        and added, and in one loop that does both in turn, where either is met cold."""
        words = ("-f", self.bench.folder / "flushed", "-g", max(1, round(costs["pages_per_commit"])))
        seconds = ("-s", self.options.seconds / 2)
        flush = 1 / self.bench.tool("flush_loop", *words, *seconds)["flushes_per_second"]
        commit = 1 / self.bench.tool("flush_loop", *words, "-m", *seconds)["flushes_per_second"]
        sign = self.sign()
        return {
            "flush_ms": round(flush * 1e3, 3),
            "commit_ms": round(commit * 1e3, 3),
            "sign_ms": round(sign * 1e3, 4),
            "per_second": round(1 / (flush + 4 * sign), 1),
            "per_second_of_commits": round(1 / (commit + 4 * sign), 1),
            "per_second_in_turn": round(1 / (4 * self.sign("-k", 4, *words)), 1),
        }

    def one_round(self, clients):
        """Of each server in turn, the others standing still."""
        row = {}
        subjects = [self.subject(kind, 100000) for kind in [writers.Avow] + self.peers()]
        for subject in subjects:
            subject.writer.pause()
        for subject in subjects:
            writer = subject.writer
            writer.go_on()
            try:
                counters = AvowCounters(writer) if writer.name == "avow" else None
                before = writer.cpu()
                tallies = subject.three_kinds(clients, self.options.seconds)
                used = writer.cpu() - before
                answered = sum(tally["answered"] for tally in tallies.values())
                row[writer.name] = {
                    kind: tally["updates_per_second"] for kind, tally in tallies.items()
                }
                row[writer.name]["p99_ms"] = tallies["add"]["p99_ms"]
                row[writer.name]["us_cpu"] = round(1e6 * used / answered)
                row[writer.name]["lost"] = sum(tally["lost"] for tally in tallies.values())
                if counters:
                    row["costs"] = counters.since(answered)
            finally:
                writer.pause()
            if counters:  # at once: the disk is another one half a minute later
                row["limit"] = self.limit(row["costs"])
        for subject in subjects:
            subject.writer.go_on()
        self.bench.say(f"{clients} clients: {json.dumps(row)}")
        return row

    def durable(self):
        rounds = {1: [], 64: []}
        for _ in range(self.options.runs):
            for clients in rounds:
                rounds[clients].append(self.one_round(clients))
        for clients in rounds:
            rows = rounds[clients]
            peers = {
                name: {kind: mid([row[name][kind] for row in rows]) for kind in rows[0][name]}
                for name in rows[0] if name not in ("costs", "limit", "avow")
            }
            self.bench.note(
                f"updates_{clients}",
                mid([row["avow"]["add"] for row in rows]),
                runs=[row["avow"] for row in rows], costs=rows[-1]["costs"], peers=peers,
            )
        limits = [row["limit"] for row in rounds[1]]
        ratios = {
            name: [
                round(row["avow"]["add"] / limit[name], 3) for row, limit in zip(rounds[1], limits)
            ]
            for name in ("per_second", "per_second_of_commits", "per_second_in_turn")
        }
        self.bench.note("updates_ratio", mid(ratios["per_second"]), ratios=ratios, limits=limits)

    # ---- the zone's size ----

    # By short turns, so that whatever else the machine and its disk do meets both.
    def slope(self):
        small, large = self.subject(writers.Avow, 1000), self.subject(writers.Avow, self.options.names)
        ratios, rows = {}, []
        for clients in (1, 64):
            times = {kind: [] for kind in KINDS}
            cpu = []
            for _ in range(SLOPE_TURNS * self.options.runs):
                tallies, used = [], []
                for subject in (large, small):
                    before = subject.writer.cpu()
                    tallies.append(
                        subject.three_kinds(clients, self.options.seconds / SLOPE_TURNS)
                    )
                    updates = sum(tally["answered"] for tally in tallies[-1].values())
                    used.append((subject.writer.cpu() - before) / updates)
                for kind in KINDS:
                    times[kind].append(
                        tallies[1][kind]["updates_per_second"]
                        / tallies[0][kind]["updates_per_second"]
                    )
                cpu.append(used[0] / used[1])
                rows.append({"clients": clients, "large": tallies[0], "small": tallies[1]})
            ratios[clients] = {kind: round(mid(times[kind]), 3) for kind in KINDS}
            ratios[clients]["cpu"] = round(mid(cpu), 3)
            ratios[clients]["adds"] = [round(ratio, 3) for ratio in times["add"]]
        self.bench.note(
            "updates_slope", max(ratios[clients]["add"] for clients in ratios), ratios=ratios,
            names=self.options.names,
            per_second={
                f"{row['clients']} {size}": row[size]["add"]["updates_per_second"]
                for row in rows for size in ("large", "small")
            },
        )

    # ---- queries meanwhile ----

    # Who measures must not wait for a processor itself: where it may, it runs before all others.
    def queries(self, subject, seconds):
        load = Load(
            self.bench, "udp_blast", "-p", subject.writer.port, "-f", subject.hosts, "-s", seconds,
            "-l", QUERY_RATE,
        )
        try:
            os.sched_setscheduler(load.process.pid, os.SCHED_FIFO, os.sched_param(10))
        except PermissionError:
            pass
        return load.result()

    def latency(self):
        rows = []
        subjects = [self.subject(kind, 100000) for kind in [writers.Avow] + self.peers()]
        for subject in subjects:
            subject.writer.pause()
        for run in range(self.options.runs):
            row = {}
            for subject in subjects:
                subject.writer.go_on()
                row[subject.writer.name] = self.latency_of(subject)
                subject.writer.pause()
            rows.append(row)
            self.bench.say(f"queries: {json.dumps(row)}")
        for subject in subjects:
            subject.writer.go_on()
        self.bench.note(
            "query_p99_ratio",
            mid([row["avow"]["64"]["ratio"] for row in rows]),
            runs=[row["avow"] for row in rows], peers={
                name: [row[name]["64"]["ratio"] for row in rows] for name in rows[0]
                if name != "avow"
            },
        )

    def latency_of(self, subject):
        seconds = self.options.seconds
        row = {}
        for clients in (1, 64):
            idle = self.queries(subject, seconds)
            updates = Load(
                self.bench, "update_blast", *subject.words("replace", clients), "-s", seconds + 1
            )
            time.sleep(0.5)
            busy = self.queries(subject, seconds)
            tally = updates.result()
            row[str(clients)] = {
                "ratio": round(busy["p99_ms"] / idle["p99_ms"], 2),
                "idle_ms": [idle["p50_ms"], idle["p99_ms"], idle["p999_ms"]],
                "busy_ms": [busy["p50_ms"], busy["p99_ms"], busy["p999_ms"]],
                "lost": [idle["lost"], busy["lost"]],
                "updates_per_second": tally["updates_per_second"],
            }
        return row

    # ---- transfers ----

    def drain(self, port, cpu, tsig, times=10):
        key = ("-k", writers.TSIG) if tsig else ()
        before = cpu()
        tally = self.bench.tool("axfr_drain", "-p", port, "-z", self.bench.zone, "-n", times, *key)
        used = cpu() - before
        return {
            "octets": tally["octets"] // times,
            "messages": tally["messages"] // times,
            "mb_a_cpu_second": tally["octets"] / used / 1e6,
            "mb_a_second": tally["octets"] / tally["seconds"] / 1e6,
        }

    def copy(self, octets):
        port = free_port()
        process = subprocess.Popen(
            [self.bench.build / "tests/bench/tcp_copy", "-p", str(port), "-n", str(octets)]
        )
        try:
            time.sleep(0.3)
            return self.drain(port, lambda: cpu_seconds(process.pid), False)
        finally:
            process.terminate()
            process.wait()

    def export(self, subject):
        path = self.bench.folder / "signed.zone"
        with open(path, "w") as file:
            subprocess.run(
                [self.bench.build / "avowctl", "-s", subject.writer.server.control, "zone",
                 "export", self.bench.zone], stdout=file, check=True,
            )
        return path

    def transfers(self):
        subjects = [self.subject(kind, 100000) for kind in [writers.Avow] + self.peers()]
        servers = [subject.writer for subject in subjects]
        if writers.Nsd.is_installed() and not self.options.alone:
            nsd = writers.Nsd(self.bench, self.bench.zone, str(self.export(subjects[0])))
            nsd.start()
            asker = Asker(nsd.port)
            asker.wait_signed(self.bench.first, "A", time.perf_counter(), 120, nsd.is_alive)
            asker.close()
            servers.append(nsd)
        rows = []
        try:
            for _ in range(self.options.runs):
                rows.append(self.transfer_round(servers))
                self.bench.say(f"transfers: {json.dumps(rows[-1])}")
        finally:
            if servers[-1].name == "nsd":
                servers[-1].stop()
        self.note_transfers(rows)

    def beside_copy(self, writer):
        """A transfer and the copy in turn: half a minute later the machine is another one, and
        where the kernel puts the two ends of a connection makes either a third faster or slower."""
        def middle(drains):
            return sorted(drains, key=lambda drain: drain["mb_a_cpu_second"])[PAIRS // 2]

        plain, copies = [], []
        for _ in range(PAIRS):
            plain.append(self.drain(writer.port, writer.cpu, False))
            copies.append(self.copy(plain[-1]["octets"]))
        return middle(plain), middle(copies)

    def transfer_round(self, servers):
        row = {}
        for writer in servers:
            try:
                if writer.name == "avow":
                    plain, copy = self.beside_copy(writer)
                    row["copy"] = {"plain": copy}
                else:
                    plain = self.drain(writer.port, writer.cpu, False)
                tsig = self.drain(writer.port, writer.cpu, True)
                row[writer.name] = {"plain": plain, "tsig": tsig}
            except RuntimeError as error:
                raise RuntimeError(f"{writer.name}: {error}") from error
        return row

    def note_transfers(self, rows):
        def ratios(name, word, against, figure="mb_a_cpu_second"):
            return [
                round(row[name][word][figure] / row[against[0]][against[1]][figure], 3)
                for row in rows
            ]

        copy = ("copy", "plain")
        peers = {
            name: {word: mid(ratios(name, word, copy)) for word in ("plain", "tsig")}
            for name in rows[0] if name not in ("copy", "avow")
        }
        self.bench.note(
            "axfr_ratio", mid(ratios("avow", "plain", copy)), peers=peers, runs=rows,
            by_wall={name: ratios(name, "plain", copy, "mb_a_second") for name in rows[0]},
        )
        self.bench.note(
            "axfr_tsig_ratio", mid(ratios("avow", "tsig", ("avow", "plain"))),
            of_the_copy=ratios("avow", "tsig", copy),
        )

    # ---- the store ----

    def store_of(self, subject):
        subject.writer.stop()
        return self.bench.tool("wire_size", subject.writer.server.state / "store")

    def growth(self):
        subject = self.subject(writers.Avow, 100000)
        before = self.store_of(subject)
        subject = self.subject(writers.Avow, 100000)
        tallies = [
            subject.blast("replace", 64, "-n", GROWTH_UPDATES // 2),
            subject.blast("churn", 64, "-n", GROWTH_UPDATES // 2, first=1000000),
        ]
        after = self.store_of(subject)
        self.bench.note(
            "store_growth", after["store_octets"] / after["used_octets"], before=before, after=after,
            file_after_to_before=round(after["store_octets"] / before["store_octets"], 3),
            seconds=[tally["seconds"] for tally in tallies],
        )

    # ---- four secondaries ----

    def four(self):
        subject = self.subject(writers.Avow, self.options.names)
        writer, rooms = subject.writer, subject.writer.rooms()
        alone = self.drain(writer.port, writer.cpu, True, 1)
        before = {room: resident(pid) for room, pid in rooms.items()}
        start = time.perf_counter()
        drains = [
            Load(self.bench, "axfr_drain", "-p", writer.port, "-z", writer.zone, "-k", writers.TSIG)
            for _ in range(4)
        ]
        done = threading.Event()
        updates, queries, peaks = [], [], dict.fromkeys(rooms, 0)
        threads = [
            threading.Thread(target=self.keep_on, args=(done, updates, lambda: subject.blast(
                "replace", 16, "-s", 1))),
            threading.Thread(target=self.keep_on, args=(done, queries, lambda: self.queries(
                subject, 1))),
            threading.Thread(target=self.watch, args=(done, rooms, peaks)),
        ]
        for thread in threads:
            thread.start()
        try:
            tallies = [drain.result() for drain in drains]
        finally:
            seconds = time.perf_counter() - start
            done.set()
            for thread in threads:
                thread.join()
        self.bench.note(
            "four_s", seconds, alone=alone, each=tallies,
            updates_per_second=round(mid([tally["updates_per_second"] for tally in updates])),
            query_p99_ms=[tally["p99_ms"] for tally in queries],
            queries_lost=sum(tally["lost"] for tally in queries),
            before_mb={room: round(own / 1e6, 1) for room, (own, _) in before.items()},
            peak_mb={room: round(own / 1e6, 1) for room, own in peaks.items()},
        )

    @staticmethod
    def keep_on(done, tallies, work):
        while not done.is_set():
            tallies.append(work())

    @staticmethod
    def watch(done, rooms, peaks):
        while not done.wait(0.05):
            for room, pid in rooms.items():
                peaks[room] = max(peaks[room], resident(pid)[0])

    # ---- all ----

    def run(self):
        parts = {
            "updates": self.durable,
            "latency": self.latency,
            "transfers": self.transfers,
            "growth": self.growth,
            "slope": self.slope,
            "four": self.four,
        }
        try:
            for word, part in parts.items():
                if self.bench.wanted(word):
                    part()
        finally:
            self.stop_all()
