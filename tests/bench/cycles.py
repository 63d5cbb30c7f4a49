"""A token that is killed, hangs and goes, under load; tests/bench/README.md says what is what."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from server import resident

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenario"))

from lab import Lab, SoftHsm, large_zone, open_to, until, wire  # noqa: E402
from lab.updating import put_text  # noqa: E402

ZONE, NAMES = "cycles.test.", 20000
RATE = 20000  # queries a second
BLAST = 10  # seconds of one run of the generator
MIB = 1 << 20
ROUNDS_MOST = 60


class Load(threading.Thread):
    """udp_blast, over and over, until it is told to end."""

    def __init__(self, bench, server, questions):
        super().__init__(daemon=True)
        self.command = [
            str(bench.build / "tests/bench/udp_blast"), "-p", str(server.port), "-f", str(questions),
            "-l", str(RATE), "-S", "-s", str(BLAST),
        ]
        self.ended, self.tallies, self.failed = threading.Event(), [], None

    def run(self):
        try:
            while not self.ended.is_set():
                self.tallies.append(json.loads(subprocess.run(self.command, capture_output=True, check=True).stdout))
        except (subprocess.SubprocessError, ValueError) as error:
            self.failed = error

    def finish(self):
        self.ended.set()
        self.join()
        if self.failed:
            raise RuntimeError(f"udp_blast: {self.failed}")
        return self.tallies


def descriptors(pid):
    """Whoever is not root may not look: None."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return None


class Cycles:
    def __init__(self, bench):
        self.bench, self.count = bench, bench.options.cycles
        folder = bench.folder / "cycles"
        folder.mkdir()
        self.folder, self.updates, self.refused = folder, 0, 0
        self.times = {"killed": [], "hanging": [], "removed": []}

    # ---- what a cycle is ----

    def update(self):
        """Something that has to be signed now; whether it was."""
        self.updates += 1
        done = put_text(self.client, ZONE, f"turn{self.updates % 50}", self.updates).rcode == 0
        self.refused += not done
        return done

    def killed(self):
        self.server.wait_restart("signer", self.server.kill_room("signer"))

    def in_vain(self):
        """An update that is on its way, in a thread."""
        update = threading.Thread(target=self.update)
        update.start()
        return update

    def hanging(self):
        pid, refused = self.server.room_pid("signer"), self.refused
        self.token.order("hang C_Sign 1")
        update = self.in_vain()
        time.sleep(1)  # the call hangs by now; the next signer is to find a token that does not
        self.token.order()
        self.server.wait_restart("signer", pid)
        update.join()
        if self.refused == refused:
            raise RuntimeError("a token that hangs has signed")

    def removed(self):
        self.token.order("removed")
        update = self.in_vain()  # or late
        self.server.wait_token(False)
        self.token.order()
        update.join()

    def cycle(self, number):
        kind, start = (self.killed, self.hanging, self.removed)[number % 3], time.monotonic()
        kind()
        until(self.update, "the token to sign again")
        self.times[kind.__name__].append(time.monotonic() - start)

    # ---- what must not grow ----

    def settle(self):
        """The front's cache of answers is memory that is written round and round, and anew after
        each change of the zone: wait until it was round once, and all of it is there."""
        held = 0
        for _ in range(ROUNDS_MOST):
            before, held = held, resident(self.server.room_pid("front"))[0]
            if held - before < MIB // 8:
                return
            until(self.update, "an update")
            time.sleep(2)  # of questions
        raise RuntimeError("the front's memory grows and grows")

    def weigh(self):
        """By room: descriptors, and octets of memory; and how many processes there are."""
        self.server.wait_token(True)
        rooms = {**self.server.room_pids(), "supervisor": self.server.process.pid}
        held = {room: (descriptors(pid), resident(pid)[0]) for room, pid in rooms.items()}
        return held, len(self.server.process.descendants())

    @staticmethod
    def leaks(before, after):
        """Descriptors and processes too many, and whole MiB that a room has grown by."""
        (rooms, processes), (rooms_after, processes_after) = before, after
        more = {
            room: [(b or 0) - (a or 0) for a, b in zip(rooms[room], rooms_after[room])] for room in rooms
        }
        found = {
            "descriptors": sum(max(0, count) for count, _ in more.values()),
            "processes": max(0, processes_after - processes),
            "mib": sum(max(0, octets) // MIB for _, octets in more.values()),
        }
        grown = {room: round(octets / 1024) for room, (_, octets) in more.items()}
        return sum(found.values()), {**found, "grown_kb": grown}

    # ---- all of it ----

    def start(self, lab):
        key = wire.Key.make("cycles.")
        self.token = lab.token(faults=True)
        self.server = lab.avow(
            zones={ZONE: (large_zone(ZONE, NAMES), open_to(key))}, token=self.token, keys=[key],
        )
        self.server.wait_signed()
        self.client = self.server.client(key)
        questions = self.folder / "questions"
        hosts = [number for number in range(NAMES) if number % 20 != 7]
        questions.write_text("".join(f"host{number:07d}.{ZONE} A\n" for number in hosts))
        return questions

    def measure(self, lab):
        questions = self.start(lab)
        load = Load(self.bench, self.server, questions)
        load.start()
        try:
            for number in range(3):  # what is made once and kept is no leak
                self.cycle(number)
            self.settle()
            before, start = self.weigh(), time.monotonic()
            for number in range(self.count):
                self.cycle(number)
            seconds, after = time.monotonic() - start, self.weigh()
        finally:
            tallies = load.finish()
            self.client.close()
        keys = ("sent", "answers", "with_signature", "lost", "seconds")
        total = {key: sum(tally[key] for tally in tallies) for key in keys}
        return total, self.leaks(before, after), seconds

    def run(self):
        lab = Lab(SoftHsm(self.folder / "softhsm"))
        try:
            total, (leaks, found), seconds = self.measure(lab)
        except AssertionError as error:
            raise RuntimeError(f"{error}\n{self.server.log.tail()}") from error
        finally:
            lab.close()
            lab.remove()
        each = {kind: round(statistics.median(times), 1) for kind, times in self.times.items()}
        self.bench.note(
            "cycles_signed", 100 * total["with_signature"] / total["sent"], cycles=self.count,
            seconds=round(seconds), seconds_each=each, queries=total["sent"],
            a_second=round(total["answers"] / total["seconds"]),
            not_signed=total["sent"] - total["with_signature"], lost=total["lost"],
            updates=self.updates, updates_refused=self.refused,
        )
        self.bench.note("cycles_leaks", leaks, **found)
