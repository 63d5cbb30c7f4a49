"""kill -9 of any room, or of all, at random moments: it comes back by itself and nothing is lost."""

import random
import threading
import time

from lab import NOERROR, NXDOMAIN, ROOMS, NoAnswer, by_length, kill, large_zone, open_to
from lab import small_zone, tools, until, wire

ZONE = "a.test."
NAMES = 1500


class Asker(threading.Thread):
    """Asks through it all. Silence and SERVFAIL are what a death may cost; a wrong answer is not."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.asked, self.complaints, self.ended = 0, [], threading.Event()

    def run(self):
        chance = random.Random(3)
        while not self.ended.is_set():
            number = chance.randrange(NAMES)
            exists = chance.random() < 0.7
            name = f"{'host' if exists else 'none'}{number:07d}.{ZONE}"
            try:
                answer = self.server.ask(name, "TXT", seconds=0.5, tries=1)
            except NoAnswer:
                continue
            self.asked += 1
            allowed = {NOERROR, "SERVFAIL"} if exists else {NXDOMAIN, "SERVFAIL"}
            if answer.rcode not in allowed:
                self.complaints.append(str(answer))
            if answer.rcode == NOERROR and answer.message.answer and not answer.is_signed():
                self.complaints.append(str(answer))

    def finish(self):
        self.ended.set()
        self.join(timeout=60)
        assert self.asked > 0 and not self.complaints, self.complaints[:3]


def change(server, turn):
    """A difference, or now and then so large a one that it is a load."""
    text = large_zone(ZONE, NAMES + (turn % 7) * 50, serial=turn + 2)
    server.zone_file(ZONE).write_text(text + f"turn A 192.0.2.{turn % 250}\n")
    server.hang_up()


def strike(server, victim):
    """The pids that died."""
    pids = server.room_pids()
    if victim == "all rooms":
        for pid in pids.values():
            kill(pid)
    elif victim in pids:
        kill(pids[victim])


def test_sudden_deaths(lab):
    server = lab.avow(zones={ZONE: large_zone(ZONE, NAMES), "b.test.": small_zone("b.test.")})
    server.wait_signed()
    chance = random.Random(by_length(11, time.time_ns()))
    asker = Asker(server)
    asker.start()
    victims = [*ROOMS, "all rooms", "everything"]
    try:
        for turn in range(by_length(15, 500)):
            victim = victims[turn % len(victims)] if turn < 12 else chance.choice(victims)
            if chance.random() < 0.7:
                change(server, turn)
            time.sleep(chance.random() * 0.3)  # the random moment itself
            if victim == "everything":
                server.kill_everything()
                server.check_store()
                server.start()
            else:
                strike(server, victim)
            server.wait_rooms()
            assert server.ask("www.b.test.").is_signed()
    finally:
        asker.finish()
    change(server, 900)
    until(lambda: f"192.0.2.{900 % 250}" in server.ask(f"turn.{ZONE}").texts("A"), "the last change")
    server.wait_signed()
    validator = lab.unbound(server, ZONE, "b.test.")
    for number in chance.sample(range(NAMES), 40):
        kind = "DS" if number % 20 == 7 else "A"
        answer = validator.ask(f"host{number:07d}.{ZONE}", kind)
        assert answer.rcode == NOERROR and answer.is_authentic, validator.why()
        denied = validator.ask(f"none{number}.{ZONE}")
        assert denied.rcode == NXDOMAIN and denied.is_authentic, validator.why()
    from lab import peers

    for name in server.zones:
        peers.verify(server.export(name), name)
    assert server.stop() == 0
    report = server.check_store()
    assert report["misplaced"] == 0
    assert all(table["damaged"] == 0 for table in report["tables"].values())


def test_each_room_comes_back(lab):
    """One after the other, with the daemon at rest: exactly that room is another process."""
    server = lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    for name in ROOMS:
        before = server.room_pids()
        old = server.kill_room(name)
        server.wait_restart(name, old)
        server.wait_rooms()
        after = server.room_pids()
        assert {room for room in ROOMS if before[room] != after[room]} == {name}
        assert server.room(name)["restarts"] == 1
        assert server.ask(f"www.{ZONE}").is_signed()
        assert server.log.lines(rf"the {name} died of signal 9")
        # The whole chain of rooms works: a new name is loaded, signed and served.
        server.change_zone(ZONE, lambda text: text + f"after-{name} A 192.0.2.9\n")
        server.wait_signed()
        assert server.ask(f"after-{name}.{ZONE}").is_signed()


def test_the_front_serves_while_the_keeper_and_the_signer_are_away(lab):
    server = lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    for _ in range(3):
        pids = server.room_pids()
        kill(pids["keeper"])
        kill(pids["signer"])
        assert server.ask(f"www.{ZONE}").is_signed()
        assert server.ask(f"nothere.{ZONE}").rcode == NXDOMAIN
        server.wait_rooms()


def test_a_death_between_an_update_and_what_it_leaves_to_a_new_version(lab):
    """The chain of a large zone follows a SOA with another TTL of denials in a version of its own."""
    key = wire.Key.make("update.test.")
    server = lab.avow(zones={ZONE: (large_zone(ZONE, 50100), open_to(key))}, keys=[key])
    server.wait_signed()
    code, said = tools.run(
        "nsupdate", key, server.folder,
        f"server {server.address} {server.port}\nzone {ZONE}\n"
        f"update add {ZONE} 3600 SOA ns.{ZONE} hostmaster.{ZONE} 1000 7200 1800 1209600 77\nsend\n",
    )
    server.kill_everything()
    assert code == 0, said
    server.start()

    def followed():
        ttls = {ttl for _, ttl, _, _ in server.ask(f"nothere.{ZONE}").authority("NSEC3")}
        assert ttls <= {600, 77}
        return ttls == {77}

    until(followed, "the TTL of denials to follow the SOA", seconds=60)
    server.wait_signed()
    assert server.ask(ZONE, "SOA").is_signed()
