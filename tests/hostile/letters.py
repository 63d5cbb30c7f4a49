#!/usr/bin/env python3
"""A front and a desk that were taken over write to the other rooms of a real daemon.

usage: letters.py          (make check-hostile builds what it needs)

Whatever they send, nothing is signed that the store does not hold, no zone changes that they may not
change, and no other room dies. Each act is a letter, or some, and then one whose answer is known:
when that has come, the act is over. What the rooms are for is tried as well, and must work.
"""

import os
import random
import shutil
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("AVOW_BUILD", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests" / "scenario"))

from lab import Lab, SoftHsm, letters, wire  # noqa: E402
from lab.letters import DESK, KEEPER, SUPERVISOR, letter  # noqa: E402
from lab.model import Update  # noqa: E402
from lab.wire import A, ANY, ANY_CLASS, IN, NONE, SOA, TXT, Record  # noqa: E402

SIGNED, CLOSED, PLAIN = "a.test.", "closed.test.", "plain.test."
ZONE = """$ORIGIN {0}
$TTL 3600
@ SOA ns hostmaster 1 3600 900 604800 600
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
sub NS ns.sub
ns.sub A 192.0.2.81
deep.empty TXT "below an empty name"
"""
KEY = wire.Key.make("hostile.")
CHANGES, WANTED = 0, 1  # the desk's channels to the keeper
MOST = 3  # records of a name that the key may change
NOTAUTH, REFUSED = 9, 5


class World:
    """A daemon one of whose rooms is ours, and what must not change in it."""

    def __init__(self, lab, room):
        self.room, self.ids = room, iter(range(1000, 1 << 30))
        only = [{"key": KEY.text, "types": ["TXT"], "records-per-name": MOST}]
        self.server = lab.avow(
            zones={
                SIGNED: (ZONE.format(SIGNED), {"allow-update": only}),
                CLOSED: ZONE.format(CLOSED),
                PLAIN: (ZONE.format(PLAIN), {"policy": "none"}),
            },
            keys=[KEY], start=False, server={"workers": 1},
        )
        self.strings = letters.Strings(self.server, room)
        self.server.start()
        self.strings.take()
        self.server.wait_signed(SIGNED, CLOSED)
        self.mark = self.server.log.mark()

    def look(self):
        """What no act may change."""
        status = self.server.status()
        rooms = {room["room"]: (room["pid"], room["state"]) for room in status["rooms"]}
        zones = {zone: self.server.ctl("zone", "export", zone) for zone in (SIGNED, CLOSED, PLAIN)}
        return {
            "rooms": rooms,
            "signatures": status["metrics"]["signatures"],
            "configuration": status["configuration"],
            **zones,
        }

    def version_of(self, zone):
        """Versions are small numbers: the one in which the keeper finds the zone's own apex."""
        for version in range(1, 32):
            self.strings.send(*self.wanted(), letter("want", id=version, version=version, type=SOA, owner=zone))
            if self.strings_until("stored", "not_stored").name == "stored":
                return version
        raise AssertionError(f"{zone} is not to be found")

    def strings_until(self, *names):
        while (heard := self.strings.hear()).name not in names:
            pass
        return heard

    def wanted(self):
        return (KEEPER, 0 if self.room == "front" else WANTED)

    # ---- a letter whose answer is known, on each channel ----

    def known(self, room, index):
        """Send it; what the answers are known by."""
        number = next(self.ids)
        if room == SUPERVISOR:
            self.strings.send(room, index, letter("failed", text=f"turn {number}"))
            self.server.process.wait_line(f"cannot start: turn {number}$", since=self.mark)
            return set()
        if room == DESK:
            octets = struct.pack("!6H", number & 0xFFFF, 5 << 11, 0, 0, 0, 0)
            self.strings.send(room, index, handoff(octets))
            return {octets[:2]}
        if (room, index) == self.wanted():
            self.strings.send(room, index, letter("want", id=number, version=self.version, type=A, owner=f"www.{SIGNED}"))
            return {number}
        # A zone's updates are answered in their order, each zone's by themselves.
        zones = {next(self.ids): zone for zone in (SIGNED, CLOSED, PLAIN)}
        for number, zone in zones.items():
            self.strings.send(room, index, update(number, [], zone=zone, prerequisite_count=1, prerequisites=records([(f"forged.{zone}", TXT, ANY_CLASS, b"")], ttl=0)))
        return set(zones)

    def do(self, room, index, frames):
        """Send, and what is heard until the known answers have come."""
        for frame in frames:
            self.strings.send(room, index, *(frame if isinstance(frame, tuple) else (frame,)))
        known, others = self.known(room, index), []
        while known:
            heard = self.strings.hear()
            mark = heard.fields.get("id") or bytes(heard.fields.get("message", b"")[:2])
            if mark in known:
                known.discard(mark)
            else:
                others.append(heard)
        return others


def says_yes(heard):
    """Whether a room did what it was asked."""
    if heard.name == "reply":
        return heard.fields["message"][3] & 15 == 0
    return heard.name == "stored" or (heard.name == "updated" and heard.fields["transaction"] != 0)


# ---- letters ---------------------------------------------------------------------------------


def address(host="127.0.0.1", port=5353):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))


def handoff(message, **more):
    return letter("handoff", **{"client": address(), "local": address(port=53), "message": message, **more})


def records(rows, ttl=60, limit=MOST):
    """As the desk writes them: (owner, type, class, RDATA)."""
    return b"".join(
        wire.name_wire(wire.name(owner)) + struct.pack("!2HIIH", kind, rdclass, ttl, limit, len(rdata)) + rdata
        for owner, kind, rdclass, rdata in rows
    )


def update(number, rows, zone=SIGNED, **more):
    fields = {"id": number, "zone": zone, "change_count": len(rows), "who": "hostile"}
    return letter("update", **{"changes": records(rows), **fields, **more})


def request(*words):
    return letter("request", version=1, arguments=b"".join(word.encode() + b"\0" for word in words))


JOB = (  # an RRset that nobody stored, for key 1, as the keeper would write it
    struct.pack("!QBI", 1, 1, 1) + struct.pack("!II", 0, 0xFFFFFFF) + wire.name_wire(wire.name(f"forged.{SIGNED}"))
    + struct.pack("!HI", A, 60) + struct.pack("!HI", 1, 6) + b"\0\4\1\2\3\4"
)


def strangers_letters(link):
    """Letters that belong to other links, or should come the other way."""
    rows = {
        "sign data of one's own": letter("sign", count=1, jobs=JOB),
        "bring a signature": letter("signatures", count=1, results=bytes(16)),
        "name a key": letter("key_ensure", request=1, number=1, zone=SIGNED, keystore="default", algorithm=13, flags=257, may_generate=1),
        "forget a key": letter("key_forget", number=1),
        "bring a key": letter("key", request=1, number=1, ok=1, dnskey=b"\1\1\3\x0d" + bytes(64)),
        "say that the token is away": letter("token", keystore="default", up=0),
        "ask for what avowctl may: a reload": request("zone", "reload", SIGNED, "--force"),
        "ask for what avowctl may: an export": request("zone", "export", SIGNED),
        "answer avowctl": letter("done", code=0, json=b"{}", text="done"),
        "configure": letter("configure", last=1, share=bytes(64)),
        "reload the configuration": letter("reload", last=1, share=bytes(64)),
        "hand over a page": (letter("page", kind=0, room=1, writable=1, descriptor=1), 1),
        "hand over a peer": (letter("peer", room=0, index=0, descriptor=1), 1),
        "stop": letter("stop"),
        "say that a room is down": letter("state", room=0, state=2, text="down"),
        "say that a configuration was not taken": letter("taken", at=1, refused_at=2),
        "have a room restarted": letter("restart", room=0, reason="because"),
        "say that it is stored": letter("stored", id=1, transaction=1 << 60),
        "say that an update was made": letter("updated", id=1, serial=9),
        "say that a zone has changed": letter("changed", zone=SIGNED, serial=99),
        "answer in the desk's name": letter("reply", trusted=1, client=address(), local=address(), message=bytes(12)),
    }
    if link != "CHANGES":
        rows["update as the desk does"] = update(1, [(f"forged.{SIGNED}", TXT, IN, b"\1x")])
        rows["report a secondary"] = letter("secondary", zone=SIGNED, address="x", event=3, serial=1)
    if link != "WANTED":
        rows["want as a worker does"] = letter("want", id=1, version=1, type=A, owner=f"www.{SIGNED}")
    if link != "HANDOFF":
        rows["hand off as a worker does"] = handoff(bytes(12))
    return rows


def malformed(good):
    """What is made of a good letter. (An empty frame is how a socket says that it is closed.)"""
    chance = random.Random(4)
    return {
        "send one octet": good[:1],
        "send a letter of a link that is not": b"\x77" + good[1:],
        "send a letter that is not": good[:1] + b"\x77" + good[2:],
        "cut a letter short, everywhere": [good[:length] for length in range(2, len(good))],
        "send more than the letter": good + b"\0",
        "send a descriptor that no letter has": (good, 1),
        "send two descriptors that no letter has": (good, 2),
        "send a length beyond all": good[:-4] + b"\xff\xff\xff\xff",
        "send the longest frame, of zeros": bytes(128 * 1024),
        "send a frame that is too long": good + bytes(128 * 1024),
        "send a thousand frames by chance": [bytes([*good[:2]]) + chance.randbytes(chance.randrange(120)) for _ in range(1000)],
    }


def wants(world):
    """Signatures over what is not there, or is not to be signed."""
    version, hash_ = world.version, bytes(range(20))

    def want(**more):
        return letter("want", **{"id": next(world.ids), "version": version, "type": A, "owner": f"www.{SIGNED}", **more})

    return {
        "want a name that is not in the store": want(owner=f"forged.{SIGNED}"),
        "want a type that the name has not": want(type=TXT),
        "want every type that there is": [want(type=kind) for kind in range(2, 300)],
        "want an empty non-terminal": want(owner=f"empty.{SIGNED}"),
        "want a delegation": want(owner=f"sub.{SIGNED}", type=wire.NS),
        "want glue": want(owner=f"ns.sub.{SIGNED}"),
        "want a name out of the zone": want(owner="www.example.com."),
        "want the zone's parent": want(owner="test.", type=wire.NS),
        "want another zone's name in this one": want(owner=f"www.{CLOSED}"),
        "want the root": want(owner="."),
        "want an unsigned zone's name": [want(version=each, owner=f"www.{PLAIN}") for each in range(16)],
        "want a version that is not": [want(version=each) for each in (0, version + 1000, 0xFFFFFFFF)],
        "want a hash that is not in the chain": want(kind=1, owner=SIGNED, hash=hash_),
        "want a hash of a wrong length": [want(kind=1, owner=SIGNED, hash=hash_[:19]), want(kind=1, owner=SIGNED, hash=hash_ * 99), want(kind=1, owner=SIGNED)],
        "want a hash in another zone's name": want(kind=1, owner=PLAIN, hash=hash_),
        "want a kind that is not": want(kind=77, owner=f"forged.{SIGNED}"),
        "want the same by thousands": [want(owner=f"forged{number}.{SIGNED}") for number in range(3000)],
        "want with the id of somebody else": [want(id=each, owner=f"forged.{SIGNED}") for each in (0, (1 << 64) - 1)],
    }


def signed_update(owner, text, key=KEY, now=None, zone=SIGNED):
    change = Record(wire.name(owner), TXT, IN, 60, bytes([len(text)]) + text)
    octets = Update(((wire.name(zone), SOA, IN),), [], [change]).wire()
    return (key.sign(octets, now)[0] if key else octets)


def handoffs():
    """What a front may tell the desk of clients that there are not."""
    owner, soa = f"forged.{SIGNED}", [(wire.name(SIGNED), wire.AXFR, IN)]
    good = signed_update(owner, b"x")
    false = wire.Key(KEY.text, KEY.algorithm, b"another secret of the same size.")
    transfer = wire.message(wire.QUERY, soa)
    return {
        "update without a key": handoff(signed_update(owner, b"x", key=None)),
        "update with an unknown key": handoff(signed_update(owner, b"x", key=wire.Key.make("unknown."))),
        "update with a wrong secret": handoff(signed_update(owner, b"x", key=false)),
        "update with a key's signature, stale": handoff(signed_update(owner, b"x", now=time.time() - 4000)),
        "update with a key's signature, from the future": handoff(signed_update(owner, b"x", now=time.time() + 4000)),
        "update with a signature over something else": handoff(good.replace(b"forged", b"forger", 1)),
        "update a zone that the key may not": handoff(signed_update(f"forged.{CLOSED}", b"x", zone=CLOSED)),
        "update out of the zone": handoff(signed_update("forged.example.", b"x")),
        "update from every address, without a key": [handoff(signed_update(owner, b"x", key=None), client=address(f"{a}.0.0.1")) for a in range(1, 224)],
        "transfer without a key": handoff(transfer),
        "transfer by UDP with the key": handoff(KEY.sign(transfer)[0]),
        "name a client that is none": [handoff(good, client=octets) for octets in (b"", b"\2", address() * 9, b"\x77" * 16, address()[:9])],
        "name a local address that is none": [handoff(good, local=octets) for octets in (b"", address()[:3], bytes(128))],
        "hand off no message": handoff(b""),
        "hand off half a message": [handoff(good[:length]) for length in range(0, len(good) - 1, 3)],
        "hand over a connection without one": letter("connection", client=address(), local=address(port=53), unread=b"\0\3abc"),
        "hand over what is no connection": (letter("connection", client=address(), local=address(port=53), unread=good, descriptor=1), 1),
        "hand over a connection from nowhere": (letter("connection", descriptor=1), 1),
    }


def updates():
    """What a desk may tell the keeper that no key may say."""
    forged, www, text = f"forged.{SIGNED}", f"www.{SIGNED}", b"\1x"
    sound = update(1, [(forged, TXT, IN, text)])
    many = [(forged, TXT, IN, b"\1%d" % number) for number in range(MOST + 1)]
    types = {"RRSIG": 46, "NSEC": 47, "NSEC3": 50, "NSEC3PARAM": 51, "OPT": 41, "TSIG": 250, "AXFR": 252, "ANY": ANY}
    rows = {
        f"add {name}": update(1, [(forged, kind, IN, rdata)])
        for name, kind in types.items() for rdata in [bytes(40)]
    }
    return {
        **rows,
        "remove the chain": [update(1, [(www, kind, ANY_CLASS, b"")]) for kind in (46, 47, 50, 51)],
        "remove NSEC3PARAM": update(1, [(SIGNED, 51, ANY_CLASS, b"")]),
        "remove one signature": update(1, [(www, 46, NONE, bytes(40))]),
        "update a zone that is not": update(1, [("forged.nowhere.test.", TXT, IN, text)], zone="nowhere.test."),
        "update out of the zone": update(1, [("www.example.com.", TXT, IN, text)]),
        "update another zone in this one": update(1, [(f"www.{CLOSED}", TXT, IN, text)]),
        "update the zone's parent": update(1, [("test.", TXT, IN, text)]),
        "update an unsigned zone that nobody may": update(1, [(f"forged.{PLAIN}", TXT, IN, text)], zone=PLAIN),
        "update a signed zone that nobody may": update(1, [(f"forged.{CLOSED}", TXT, IN, text)], zone=CLOSED),
        "add a key to the zone": update(1, [(SIGNED, wire.DNSKEY, IN, b"\1\1\3\x0d" + bytes(64))]),
        "add a child's key that no key may": update(1, [(SIGNED, wire.CDS, IN, b"\1\1\x0d\2" + bytes(32))]),
        "add more records than any key may": [
            update(1, many), *(update(1, many, changes=records(many, limit=limit)) for limit in (0, MOST + 1))
        ],
        "add an address of a wrong length": update(1, [(forged, A, IN, b"\1")]),
        "add RDATA with a name that never ends": update(1, [(forged, wire.NS, IN, b"\xc0\0")]),
        "add a record of another class": update(1, [(forged, TXT, 3, text)]),
        "claim more changes than there are": update(1, [(forged, TXT, IN, text)], change_count=9),
        "claim fewer changes than there are": update(1, [(forged, TXT, IN, text)], change_count=0),
        "claim prerequisites that are not there": update(1, [(forged, TXT, IN, text)], prerequisite_count=3),
        "send half a change": [
            update(1, [], change_count=1, changes=half) for half in (b"\3for", b"\xff" * 99)
        ],
        "send a refusal that is none": update(1, [(forged, TXT, IN, text)], refusal=0xFFFF),
        "refuse and change at once": update(1, [(forged, TXT, IN, text)], refusal=REFUSED),
        "remove the SOA and the last NS": update(1, [(SIGNED, SOA, ANY_CLASS, b""), (SIGNED, wire.NS, ANY_CLASS, b"")], refusal=0),
        "report a secondary of a zone that is not": letter("secondary", zone="nowhere.test.", address="x", event=3, serial=1),
        "report what no secondary does": letter("secondary", zone=SIGNED, address="\n\x1b[31m" * 60, event=77, serial=1, text="\n" * 200),
        "write two lines of the log": update(1, [(forged, A, IN, b"\1")], who="x\navowd: ready: forged"),
        "cut an update short": [sound[:length] for length in range(3, len(sound), 2)],
    }


def lies():
    """What a room may tell the supervisor of others."""
    return {
        "have the signer restarted": letter("restart", room=letters.SIGNER, reason="because"),
        "have the keeper restarted": letter("restart", room=KEEPER, reason="because"),
        "have a room restarted that is not": letter("restart", room=200, reason="because"),
        "refuse a configuration that it was not told": letter("reloaded", ok=0, text="because"),
    }


# ---- running ---------------------------------------------------------------------------------


class Tally:
    tried = succeeded = needed = broken = 0

    def act(self, what, failures):
        self.tried += 1
        self.succeeded += bool(failures)
        print(f"FAILED  {what}: {'; '.join(failures)}" if failures else f"denied  {what}", flush=True)

    def need(self, what, works):
        self.needed += 1
        self.broken += not works
        print(f"{'works  ' if works else 'FAILED '} {what}", flush=True)


def changes_between(before, after):
    return [f"{what} changed: {before[what]} {after[what]}"[:300] for what in before if before[what] != after[what]]


def attempt(world, tally, room, index, acts):
    before = world.look()
    for what, frames in acts.items():
        heard = world.do(room, index, frames if isinstance(frames, list) else [frames])
        failures = [f"{each.name} {each.fields}"[:200] for each in heard if says_yes(each)]
        after = world.look()
        tally.act(what, failures + changes_between(before, after))
        before = after


def replay(world, tally):
    """The front has seen it all, and may say it again: it is carried out once."""
    message = handoff(signed_update(f"once.{SIGNED}", b"x"))
    world.strings.send(DESK, 0, message)
    tally.need("hand off a good update", says_yes(world.strings_until("reply")))
    remove = Update(((wire.name(SIGNED), SOA, IN),), [], [Record(wire.name(f"once.{SIGNED}"), ANY, ANY_CLASS, 0, b"")])
    world.server.client(KEY).update(remove) if world.room == "desk" else world.do(DESK, 0, [handoff(KEY.sign(remove.wire())[0])])
    before = world.look()
    for _ in range(20):
        world.do(DESK, 0, [message])
    tally.act("say an old update again, twenty times", changes_between(before, world.look()))


def be_front(world, tally):
    attempt(world, tally, KEEPER, 0, {**wants(world), **strangers_letters("WANTED"), **malformed(letter("want", id=1, version=world.version, type=A, owner=f"forged.{SIGNED}", hash=bytes(4)))})
    attempt(world, tally, DESK, 0, {**handoffs(), **strangers_letters("HANDOFF"), **malformed(handoff(bytes(4)))})
    attempt(world, tally, SUPERVISOR, 0, lies())
    world.strings.send(KEEPER, 0, letter("want", id=1, version=world.version, type=A, owner=f"www.{SIGNED}"))
    tally.need("want what is in the store", world.strings_until("stored", "not_stored").name == "stored")
    replay(world, tally)


def be_desk(world, tally):
    attempt(world, tally, KEEPER, CHANGES, {**updates(), **strangers_letters("CHANGES"), **malformed(update(1, [(f"forged.{SIGNED}", A, IN, b"\1")], who=""))})
    attempt(world, tally, KEEPER, WANTED, {**wants(world), **strangers_letters("WANTED")})
    attempt(world, tally, SUPERVISOR, 0, lies())
    world.strings.send(KEEPER, CHANGES, update(7, [(f"new.{SIGNED}", TXT, IN, b"\1x")]))
    tally.need("update what a key may", says_yes(world.strings_until("updated")))
    tally.need("see it served and signed", world.server.ask(f"new.{SIGNED}", "TXT").is_signed())


def main():
    folder = tempfile.mkdtemp(prefix="avow-hostile-")
    lab = Lab(SoftHsm(folder))
    good = True
    try:
        for room, be in (("front", be_front), ("desk", be_desk)):
            print(f"---- letters of a hostile {room}")
            world, tally = World(lab, room), Tally()
            world.version = world.version_of(SIGNED)
            be(world, tally)
            print(
                f"letters of a hostile {room}: {tally.tried} forbidden acts tried, {tally.succeeded} succeeded;"
                f" {tally.needed} needs, {tally.broken} broken"
            )
            good = good and not tally.succeeded and not tally.broken
            world.strings.close()
            lab.close()
    finally:
        for thing in lab.things:
            thing.process.kill_all()
        lab.remove()
        shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
