"""Power failures: every image that a disk may be left with holds each acknowledged update."""

import itertools
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lab import by_length, large_zone, open_to, wire
from lab.faults import Faults
from lab.model import NOERROR
from lab.paths import BUILD
from lab.updating import put_text

ZONE = "f.test."
KEY = wire.Key.make("update.test.")
CLIENTS = 4


def images(base, record, count, *more):
    """What the program says of so many images, and its complaints."""
    run = subprocess.run(
        [BUILD / "tests/power/power_fail", "-z", ZONE, "-n", str(count), *more, base, record],
        capture_output=True, text=True, check=False,
    )
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout), run.stderr


def write(server, numbers, until, told):
    with server.client(KEY, seconds=10.0) as client:
        for number in numbers:
            if number >= until:
                return
            assert put_text(client, ZONE, f"n{number}", number).rcode == NOERROR
            told(number)


def test_no_power_failure_loses_what_was_acknowledged(lab):
    server = lab.avow(
        zones={ZONE: (large_zone(ZONE, 50), open_to(KEY))}, keys=[KEY], start=False
    )
    faults, base = Faults(server), server.folder / "base.mdb"
    server.start()
    server.wait_signed()
    updates, numbers = by_length(100, 600), itertools.count()
    with faults.recording(base) as told, ThreadPoolExecutor(CLIENTS) as pool:
        turns = [pool.submit(write, server, numbers, updates, told) for _ in range(CLIENTS)]
        for turn in turns:
            turn.result()
    assert server.stop() == 0
    tally, complaints = images(base, faults.record, by_length(400, 20000))
    assert tally["acknowledged"] == updates and tally["flushes"] > updates / CLIENTS / 4
    assert not tally["failed"], complaints
    control, _ = images(base, faults.record, by_length(40, 400), "-u")
    assert control["failed"], "without flushes nothing is lost either: the images prove nothing"
