"""kill -9 under updates: what was acknowledged is there, signed; the serial never goes back."""

import random
import threading
import time

from lab import ROOMS, by_length, free_port, kill, large_zone, open_to, peers, until, wire
from lab.model import NOERROR, is_newer, soa_serial
from lab.secondaries import BindFollower, KnotFollower
from lab.updating import Silence, difference, flat, put_text, write_zone
from lab.wire import TXT

ZONE = "k.test."
OTHER = "l.test."
KEY = wire.Key.make("update.test.")
CLIENTS, NAMES = 4, 40
BADTIME = 18  # signed before the desk began: it cannot know whether it was done
PAUSE = CLIENTS / 200  # seconds between a client's updates: 200 a second in all


class Changer(threading.Thread):
    """Gives its names new numbers, one after the other, and remembers what was acknowledged."""

    def __init__(self, server, number, zone):
        super().__init__(daemon=True)
        self.server, self.number, self.zone = server, number, zone
        self.acknowledged = {}  # name -> the number that it must have at least
        self.sent = {}  # name -> numbers since then of which nothing was heard
        self.count = self.good = 0
        self.complaints = []
        self.ended, self.wanted_still, self.still = (threading.Event() for _ in range(3))

    def run(self):
        chance = random.Random(self.number)
        while not self.ended.is_set():
            with self.server.client(KEY, seconds=1.0) as client:
                while not self.ended.is_set():
                    if self.wanted_still.is_set():
                        self.still.set()
                        time.sleep(0.01)
                        continue
                    self.still.clear()
                    heard = self.change(client, chance)
                    time.sleep(PAUSE)
                    if not heard:
                        break  # another socket

    def change(self, client, chance):
        name = f"c{self.number}-{chance.randrange(NAMES)}"
        self.count += 1
        self.sent.setdefault(name, []).append(self.count)
        try:
            reply = put_text(client, self.zone, name, self.count, tcp=self.number % 2)
        except (Silence, OSError):
            return False
        if reply.rcode == NOERROR:
            self.good += 1
            self.acknowledged[name], self.sent[name] = self.count, []
        elif reply.rcode != 2 and wire.tsig_error(reply) != BADTIME:
            self.complaints.append(f"RCODE {reply.rcode}, TSIG error {wire.tsig_error(reply)}")
        return True

    def pause(self):
        self.wanted_still.set()
        until(lambda: self.still.is_set() or not self.is_alive(), "a client to be still")
        assert self.is_alive(), "a client has ended"

    def go_on(self):
        self.still.clear()
        self.wanted_still.clear()

    def check(self, texts):
        """What is there must be what was acknowledged, or what was sent after that."""
        for name, number in self.acknowledged.items():
            found = texts.get(f"{name}.{self.zone}")
            allowed = {number, *self.sent[name]}
            assert (
                found in allowed
            ), f"{name}: {found}, acknowledged {number}, then sent {self.sent[name]}"
        assert not self.complaints, self.complaints[:3]


class Lookout:
    """What the zones were when they were last looked at."""

    def __init__(self, server):
        self.server, self.serials = server, {}

    def look(self, zone, verify):
        records = self.server.axfr(zone, KEY)
        serial = soa_serial(records[0].rdata)
        old = self.serials.get(zone, serial)
        assert serial == old or is_newer(
            serial, old
        ), f"the serial of {zone} went from {old} to {serial}"
        self.serials[zone] = serial
        if verify:
            path = write_zone(self.server.folder / f"verify-{zone}", records)
            peers.verify_with_ldns(path)
            peers.verify_with_bind(path, zone)
        return {
            wire.name_text(record.name): int(record.rdata[1:])
            for record in records
            if record.type == TXT and record.rdata[1:].isdigit()
        }


def strike(server, victim):
    if victim == "everything":
        server.kill_everything()
        server.check_store()
        server.start()
    elif victim == "all rooms":
        for pid in server.room_pids().values():
            kill(pid)
    else:
        pid = server.room_pids().get(victim)
        if pid:
            kill(pid)


def check(server, changers, lookout, verify):
    """With the clients at rest."""
    for changer in changers:
        changer.pause()
    server.wait_rooms()
    for zone in (ZONE, OTHER):
        texts = until(lambda: try_look(lookout, zone, verify), f"a transfer of {zone}")
        for changer in changers:
            if changer.zone == zone:
                changer.check(texts)
    for changer in changers:
        changer.go_on()


def try_look(lookout, zone, verify):
    """The desk may not be listening yet."""
    try:
        return lookout.look(zone, verify)
    except (Silence, OSError):
        return None


def test_sudden_deaths_under_updates(lab):
    ports = [free_port(), free_port()]
    settings = open_to(KEY, *(("127.0.0.1", port) for port in ports))
    zones = {ZONE: (large_zone(ZONE, 300), settings), OTHER: (large_zone(OTHER, 30), settings)}
    server = lab.avow(zones=zones, keys=[KEY])
    server.wait_signed()
    followers = lab.followers(
        (server.address, server.port),
        KEY,
        ZONE,
        OTHER,
        kinds=(BindFollower, KnotFollower),
        ports=ports,
    )
    changers = [Changer(server, number, (ZONE, OTHER)[number // 2]) for number in range(CLIENTS)]
    lookout = Lookout(server)
    for changer in changers:
        changer.start()
    chance = random.Random(by_length(31, time.time_ns()))
    victims = [*ROOMS, "keeper", "keeper", "desk", "all rooms", "everything"]
    turns = by_length(18, 2000)
    try:
        for turn in range(turns):
            victim = victims[turn % len(victims)] if turn < 18 else chance.choice(victims)
            time.sleep(chance.random() * 0.4)  # the random moment itself
            strike(server, victim)
            check(server, changers, lookout, verify=turn % by_length(6, 25) == 0)
    finally:
        for changer in changers:
            changer.ended.set()
        for changer in changers:
            changer.join(timeout=120)
    check_end(server, changers, lookout, followers)


def check_end(server, changers, lookout, followers):
    assert all(changer.good > 20 for changer in changers), [changer.good for changer in changers]
    server.wait_rooms()
    server.wait_signed()
    for zone in (ZONE, OTHER):
        texts = lookout.look(zone, True)
        for changer in changers:
            if changer.zone == zone:
                changer.check(texts)
        records = server.axfr(zone, KEY)
        for follower in followers:
            # It was told while nobody listened; the notification is repeated, or it asks by itself.
            follower.wait_serial(zone, soa_serial(records[0].rdata), seconds=240)
            found = difference(flat(records), flat(follower.axfr(zone)))
            assert not found, f"- avow, + {follower.name}\n{found}"
    assert server.stop() == 0
    report = server.check_store()
    assert report["misplaced"] == 0
    assert all(table["damaged"] == 0 for table in report["tables"].values())
