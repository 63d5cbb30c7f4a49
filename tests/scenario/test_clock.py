"""The wall clock is set while the daemon runs: what is served stays valid by it, serials go on, and
nobody is kept out when it is put right."""

import random
import threading
import time

import dns.rdatatype
import pytest

from lab import NXDOMAIN, SERVFAIL, large_zone, open_to, until, wire
from lab.faults import Faults
from lab.model import NOERROR, NOTAUTH
from lab.updating import put_text

ZONE = "c.test."
KEY = wire.Key.make("update.test.")
NAMES = 200
HOUR, DAY = 3600, 86400
BADTIME = 18
LIMIT = {"responses-per-second": 100000}  # one that is there, and that nobody meets


def begin(lab, ahead=0, **more):
    settings = open_to(KEY, **{"serial": "unixtime"})
    zones = {ZONE: (large_zone(ZONE, NAMES), settings)}
    server = lab.avow(zones=zones, keys=[KEY], start=False, **{"rate-limit": LIMIT}, **more)
    faults = Faults(server)
    faults.set_clock(ahead)
    server.start()
    server.wait_signed()
    return server, faults


def stamps(answer):
    """When the signatures of an answer begin and end."""
    message = answer.message
    return [
        (rdata.inception, rdata.expiration)
        for rrset in message.answer + message.authority
        if rrset.rdtype == dns.rdatatype.RRSIG
        for rdata in rrset
    ]


class Asker(threading.Thread):
    """Asks all the time; whatever comes must be valid by the daemon's clock of that moment."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ahead = server, 0
        self.asked, self.complaints, self.ended = 0, [], threading.Event()

    def run(self):
        chance = random.Random(5)
        while not self.ended.is_set():
            number = chance.randrange(2 * NAMES)  # every other one is not there
            ahead, before = self.ahead, time.time()
            answer = self.server.ask(f"host{number // 20 * 20 + number % 7:07d}.{ZONE}")
            if ahead is None or self.ahead != ahead:
                continue  # the clock was set meanwhile
            self.asked += 1
            found = stamps(answer)
            if answer.rcode not in ("NOERROR", NXDOMAIN) or not found:
                self.complaints.append(str(answer))
            for begins, ends in found:
                if not begins <= time.time() + ahead + 1 or not before + ahead - 1 <= ends:
                    self.complaints.append(f"at {before + ahead}: {begins} to {ends}: {answer}")

    def finish(self):
        self.ended.set()
        self.join(timeout=60)
        assert self.asked > 0 and not self.complaints, self.complaints[:3]


def update(server, name, number, ahead=0):
    """The answer to an update by a client whose clock is so many seconds ahead."""
    with server.client(KEY) as client:
        client.ahead = ahead
        return put_text(client, ZONE, name, number)


def carry_out(server, name, number, ahead=0):
    """An update that is carried out; signed in the second in which the clock was set, it may have
    been seen before, for all that the desk knows."""

    def is_done():
        reply = update(server, name, number, ahead)
        assert reply.rcode == NOERROR or wire.tsig_error(reply) == BADTIME, reply.rcode
        return reply.rcode == NOERROR

    until(is_done, "an update to be carried out")


def all_are_valid(server, ahead):
    """Whether every signature of the zone, as secondaries get it, is valid by the daemon's clock."""
    with server.client(KEY) as client:
        client.ahead = ahead
        records = client.axfr(ZONE)
    now = time.time() + ahead
    times = [
        (int.from_bytes(record.rdata[12:16], "big"), int.from_bytes(record.rdata[8:12], "big"))
        for record in records
        if record.type == dns.rdatatype.RRSIG
    ]
    assert len(times) > NAMES
    return all(begins <= now <= ends for begins, ends in times)


def said(server, way, seconds, since):
    """The log's line, and by how much the clock went by it."""
    line = server.process.wait_line(rf"the clock went {way} by (\d+) s: .*", since=since)
    assert abs(int(line[1]) - seconds) <= 2, line[0]
    return line[0]


def set_clock(server, faults, asker, ahead):
    asker.ahead = None
    faults.set_clock(ahead)
    asker.ahead = ahead


@pytest.mark.parametrize("ahead", [HOUR, 20 * DAY, -HOUR, -20 * DAY])
def test_the_clock_is_set_and_put_right(lab, ahead):
    server, faults = begin(lab)
    assert update(server, "before", 1).rcode == NOERROR
    assert server.status()["clock"]["last_set"] is None
    serial, jumps = server.serial(ZONE), server.metric("clock_jumps")
    asker = Asker(server)
    asker.start()
    try:
        for turn, (now, step) in enumerate([(ahead, ahead), (0, -ahead)]):
            mark = server.log.mark()
            set_clock(server, faults, asker, now)
            way = "forward" if step > 0 else "back"
            line = said(server, way, abs(step), mark)
            assert ("in the future are made anew" in line) == (step < -HOUR)
            assert server.metric("clock_jumps") == jumps + turn + 1
            clock = server.status()["clock"]
            assert clock["last_set"] == way and abs(clock["last_set_seconds"] - abs(step)) <= 2
            assert f"was set {jumps + turn + 1} times; last {way} by " in server.ctl("status")
            # Who has the same time is heard, who has another one is told the time.
            carry_out(server, f"turn{turn}", turn, now)
            wrong = update(server, f"wrong{turn}", turn, now - step)
            assert (wrong.rcode, wire.tsig_error(wrong)) == (NOTAUTH, BADTIME)
            # Serials only go on, also those that show the time.
            after = server.serial(ZONE)
            assert 0 < (after - serial) % 2**32 < 2**31, (serial, after)
            serial = after
            until(lambda: all_are_valid(server, now), "all signatures to be valid")
            assert not server.log.find("error:", mark), server.log.tail()
    finally:
        asker.finish()
    validator = lab.unbound(server, ZONE)
    assert validator.ask(f"turn1.{ZONE}", "TXT").is_authentic, validator.why()


def test_a_start_with_a_clock_that_is_wrong(lab):
    """As a machine starts whose clock has stood: it is put right while the daemon runs."""
    server, faults = begin(lab, 20 * DAY)
    assert update(server, "ahead", 1, 20 * DAY).rcode == NOERROR
    mark = server.log.mark()
    faults.set_clock(0)
    said(server, "back", 20 * DAY, mark)
    # Nobody waits for twenty days to be heard, nor for a signature.
    carry_out(server, "now", 2)
    until(lambda: all_are_valid(server, 0), "all signatures to be valid")
    validator = lab.unbound(server, ZONE)
    assert validator.ask(f"ahead.{ZONE}", "TXT").is_authentic, validator.why()


def test_a_keeper_that_starts_after_the_clock_was_set(lab):
    """It has not seen the clock being set, and finds what begins in the future all the same."""
    policy = {"name": "default", "signature-refresh": "1m"}  # so that they are not held for a minute
    server, faults = begin(lab, 20 * DAY, policies=[policy])
    old = server.kill_room("keeper")
    faults.set_clock(0)
    server.wait_restart("keeper", old)
    until(lambda: server.ask(f"host0000001.{ZONE}").rcode != SERVFAIL, "an answer")
    until(lambda: all_are_valid(server, 0), "all signatures to be valid")
