"""Random updates: avow and a model of RFC 2136 give the same answers and have the same zone."""

import threading
import time

import pytest

from lab import by_length, open_to, peers, wire
from lab.chance import start_zone
from lab.duel import Duel
from lab.model import NOERROR, REFUSED, SIGNERS, Choices, Update, Zone
from lab.model import is_newer, next_serial, soa_serial
from lab.updating import difference, flat, follow, write_zone
from lab.wire import IN, SOA, TXT, Record

KEY = wire.Key.make("update.test.")
POLICIES = [
    {"name": "default"},
    {"name": "plain", "denial": "nsec"},
    {"name": "opt-out", "nsec3": {"opt-out": True}},
]
ZONES = {"u.test.": "none", "h.test.": "default", "n.test.": "plain", "o.test.": "opt-out"}
SEQUENCES = by_length(75, 5000)  # of each zone
BETWEEN = by_length(15, 100)  # sequences between verifications


def start(lab, zones, fill=0, **more):
    named = {
        name: (start_zone(name, fill=fill), open_to(KEY, policy=policy, **more))
        for name, policy in zones.items()
    }
    server = lab.avow(zones=named, keys=[KEY], policies=POLICIES)
    server.wait_signed()
    return server


def verify(server, name, policy):
    """What a secondary gets must be a signed zone without fault."""
    if policy != "none":
        verify_records(server, server.axfr(name, KEY), name, policy)


def verify_records(server, records, name, policy):
    path = write_zone(server.folder / f"verify-{name}", records)
    if policy != "opt-out":
        peers.verify_with_ldns(path)
    peers.verify_with_bind(path, name)


class Player(threading.Thread):
    """One zone's duel; all go on at once, so that their updates share commits."""

    def __init__(self, server, name, policy, seed):
        super().__init__(daemon=True)
        self.server, self.name_, self.policy = server, name, policy
        self.client = server.client(KEY)
        self.duel = Duel(
            self.client, name, seed, Choices(), apex_ds=False, wild_cuts=policy == "none"
        )
        self.error = None

    def run(self):
        try:
            for _ in range(0, SEQUENCES, BETWEEN):
                self.duel.run(BETWEEN)
                verify(self.server, self.name_, self.policy)
        except BaseException as error:  # told by the main thread
            self.error = error
        finally:
            self.client.close()


def test_the_model_agrees(lab):
    server = start(lab, ZONES)
    seed = by_length(2136, time.time_ns())
    players = [Player(server, name, policy, f"{seed} {name}") for name, policy in ZONES.items()]
    for player in players:
        player.start()
    for player in players:
        player.join()
    for player in players:
        if player.error:
            raise player.error
        rcodes = set(player.duel.rcodes)
        assert len(rcodes) >= 6, f"{player.name_}: the updates were too tame: {player.duel.rcodes}"
    assert server.metric("updates_applied") > SEQUENCES
    # It is also what is there after a restart.
    assert server.stop() == 0
    server.start()
    for player in players:
        player.duel.client = server.client(KEY)
        player.duel.compare()
        player.duel.client.close()
        verify(server, player.name_, player.policy)


def put(name, zone, *texts):
    records = [Record(wire.name(name), TXT, IN, 300, wire.rdata("TXT", text)) for text in texts]
    return Update(((wire.name(zone), SOA, IN),), [], records)


@pytest.mark.parametrize("policy", ["increment", "unixtime", "date"])
def test_serials(lab, policy):
    server = start(lab, {"u.test.": "none", "h.test.": "default"}, serial=policy)
    with server.client(KEY) as client:
        for zone in ("u.test.", "h.test."):
            for turn in range(4):
                old, before = Zone(wire.name(zone), client.axfr(zone)).serial(), time.time()
                assert client.update(put(f"new.{zone}", zone, f"turn{turn}")).rcode == NOERROR
                new, after = Zone(wire.name(zone), client.axfr(zone)).serial(), time.time()
                wanted = {
                    next_serial(old, policy, moment)
                    for moment in range(int(before), int(after) + 2)
                }
                assert new in wanted, f"{policy}: {new} after {old}"
                # What changes nothing moves nothing.
                assert client.update(put(f"new.{zone}", zone, f"turn{turn}")).rcode == NOERROR
                assert Zone(wire.name(zone), client.axfr(zone)).serial() == new


def test_a_change_is_there_when_it_is_acknowledged(lab):
    """Visible to queries and signed, to the one who asks next."""
    server = start(lab, {"h.test.": "default", "n.test.": "plain"})
    with server.client(KEY) as client:
        for turn in range(by_length(60, 2000)):
            zone = ("h.test.", "n.test.")[turn % 2]
            name = f"n{turn}.{zone}"
            assert server.ask(name, "TXT").rcode == "NXDOMAIN"
            assert client.update(put(name, zone, "there"), tcp=turn % 3 == 0).rcode == NOERROR
            answer = server.ask(name, "TXT", tries=1)
            assert answer.texts("TXT") == {'"there"'} and answer.is_signed()


def test_the_serial_of_many_at_once(lab):
    """Updates that share a commit: none is lost, and the serial only goes forward."""
    server = start(lab, {"h.test.": "default"})
    zone, problems = "h.test.", []

    def work(number):
        with server.client(KEY) as client:
            for turn in range(by_length(20, 500)):
                reply = client.update(
                    put(f"c{number}-{turn}.{zone}", zone, "there"), tcp=number % 2
                )
                if reply.rcode != NOERROR:
                    problems.append(reply.rcode)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    serials = [Zone(wire.name(zone), server.axfr(zone, KEY)).serial()]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        serials.append(Zone(wire.name(zone), server.axfr(zone, KEY)).serial())
    for worker in workers:
        worker.join()
    assert not problems
    assert all(new == old or is_newer(new, old) for old, new in zip(serials, serials[1:]))
    owners = {record.name[0] for record in server.axfr(zone, KEY) if record.type == TXT}
    wanted = {b"c%d-%d" % (n, turn) for n in range(16) for turn in range(by_length(20, 500))}
    assert wanted <= owners, f"{len(wanted - owners)} acknowledged updates are not there"
    verify(server, zone, "default")
    assert server.metric("rounds") < len(wanted), "no two updates shared a commit"


@pytest.mark.parametrize("policy", ["none", "default", "plain", "opt-out"])
def test_every_difference_leads_to_the_zone(lab, policy):
    """IXFR from any of the zones there were, applied to that zone, gives the zone there is."""
    zone, differences = "i.test.", 0
    server = start(lab, {zone: policy}, fill=200)
    with server.client(KEY) as client:
        wild = policy == "none"
        duel = Duel(client, zone, f"ixfr {policy}", apex_ds=False, wild_cuts=wild, half_way=False)
        chance, held = duel.chance.random, [client.axfr(zone)]
        for _ in range(by_length(25, 1000)):
            for _ in range(chance.randint(1, 5)):
                duel.step()
            now = duel.compare()
            if (soa_serial(now[0].rdata) - soa_serial(held[-1][0].rdata)) & 0xFFFFFFFF > 1 << 20:
                held = [now]  # two leaps lead to serials that were another zone's
            for old in chance.sample(held, min(3, len(held))):
                serial = soa_serial(old[0].rdata)
                if not is_newer(soa_serial(now[0].rdata), serial):
                    continue
                records = client.ixfr(zone, serial)
                differences += records[1].type == SOA
                found = difference(follow(flat(old), records), flat(now))
                assert not found, f"from {serial}: - IXFR, + AXFR\n{found}\n{duel.story()}"
            held = [*held[-11:], now]
    assert differences > by_length(10, 400)


class Gardener(threading.Thread):
    """One of many at work in the same zone, each below a name of its own."""

    def __init__(self, server, zone, number, turns):
        super().__init__(daemon=True)
        self.client, self.zone, self.turns = server.client(KEY), zone, turns
        self.below = (b"g%d" % number, *wire.name(zone))
        self.duel = Duel(
            self.client, zone, f"garden {number} {zone}", below=f"g{number}", wild_cuts=False
        )
        self.error = None

    def run(self):
        try:
            for _ in range(self.turns):
                self.duel.step()
        except BaseException as error:  # told by the main thread
            self.error = error

    def mine(self, rows):
        return {row for row in rows if row[0][-len(self.below) :] == self.below}

    def check(self, records):
        if self.error:
            raise self.error
        mine, theirs = self.mine(self.duel.zone.flat()), self.mine(flat(records))
        assert mine == theirs, f"{difference(mine, theirs)}\n{self.duel.story()}"
        self.duel.recent = []


@pytest.mark.parametrize("policy", ["none", "default", "plain", "opt-out"])
def test_many_clients_of_one_zone(lab, policy):
    """Updates of the same zone share commits; what fails in one is not seen in another."""
    zone = "g.test."
    server = start(lab, {zone: policy})
    with server.client(KEY) as client:
        for batch in range(by_length(2, 60)):
            gardeners = [Gardener(server, zone, number, 25) for number in range(12)]
            for gardener in gardeners:
                gardener.duel.chance.random.seed(f"{gardener.duel.seed} {batch}")
                gardener.start()
            for gardener in gardeners:
                gardener.join()
                gardener.client.close()
            records = client.axfr(zone)
            for gardener in gardeners:
                gardener.check([row for row in records if row.type not in SIGNERS])
            verify(server, zone, policy)
    status = server.status()["metrics"]
    assert status["rounds"] < status["updates_applied"], "no two updates shared a commit"


@pytest.mark.parametrize("policy", ["default", "plain", "opt-out"])
def test_transfers_while_many_update(lab, policy):
    """Each difference and each whole zone is the zone of one moment, signed without a fault."""
    zone = "g.test."
    server = start(lab, {zone: policy}, fill=200)
    gardeners = [Gardener(server, zone, number, by_length(60, 3000)) for number in range(6)]
    for gardener in gardeners:
        gardener.start()
    with server.client(KEY) as client:
        held, turns = flat(client.axfr(zone)), 0
        while any(gardener.is_alive() for gardener in gardeners):
            records = client.ixfr(zone, serial_of(held))
            if len(records) == 1:
                continue
            held, turns = follow(held, records), turns + 1
            if turns % 5 == 0:
                whole = client.axfr(zone)
                if serial_of(held) == soa_serial(whole[0].rdata):
                    assert held == flat(whole), difference(held, flat(whole))
                verify_records(server, whole, zone, policy)
                verify_rows(server, held, zone, policy)
        for gardener in gardeners:
            gardener.join()
            gardener.client.close()
        records = client.axfr(zone)
        for gardener in gardeners:
            gardener.check([row for row in records if row.type not in SIGNERS])


def serial_of(rows):
    return next(soa_serial(rdata) for _, kind, _, rdata in rows if kind == SOA)


def verify_rows(server, rows, zone, policy):
    """The same for a zone as a set, the SOA first as files have it."""
    records = [Record(owner, kind, IN, ttl, rdata) for owner, kind, ttl, rdata in rows]
    records.sort(key=lambda record: record.type != SOA)
    verify_records(server, [*records, records[0]], zone, policy)


# ---- a few things that chance meets too seldom --------------------------------------------------

U = "u.test."


def test_a_long_update(lab):
    """Many records in one message, over TCP: all or nothing."""
    server = start(lab, {U: "none", "h.test.": "default"})
    for zone in (U, "h.test."):
        many = put(f"many.{zone}", zone, *(f"text{number}" for number in range(600)))
        spoilt = Update(many.zone, [], many.updates + [Record((b"out",), TXT, IN, 300, b"\1x")])
        with server.client(KEY) as client:
            before = client.axfr(zone)
            assert client.update(spoilt, tcp=True).rcode == 10
            assert client.axfr(zone) == before
            assert client.update(many, tcp=True).rcode == NOERROR
            found = [
                record
                for record in client.axfr(zone)
                if record.name[0] == b"many" and record.type == TXT
            ]
            assert len(found) == 600
            gone = Update(
                many.zone, [], [Record(wire.name(f"many.{zone}"), wire.ANY, wire.ANY_CLASS, 0, b"")]
            )
            assert client.update(gone).rcode == NOERROR
            assert not [record for record in client.axfr(zone) if record.name[0] == b"many"]


def test_the_same_message_again_is_not_done_again(lab):
    """A datagram that a client sends again, its answer lost: the same answer, one change."""
    server = start(lab, {U: "none"})
    section = ((wire.name(U), SOA, IN),)
    absent = Record(wire.name(f"once.{U}"), wire.ANY, wire.NONE, 0, b"")
    update = Update(section, [absent], [Record(wire.name(f"once.{U}"), TXT, IN, 60, b"\1x")])
    signed, mac = KEY.sign(update.wire())
    with server.client(KEY) as client:
        for _ in range(3):
            client.udp.send(signed)
            client.udp.settimeout(10)
            reply = wire.Message(client.udp.recv(65535))
            assert reply.rcode == NOERROR, "the prerequisite was looked at again"
        assert Zone(wire.name(U), client.axfr(U)).serial() == 2


def test_letter_case(lab):
    """Names are the same in any letter case, also in RDATA: nothing comes twice."""
    server = start(lab, {U: "none", "h.test.": "default"})
    for zone in (U, "h.test."):
        labels, section = wire.name(f"cut.{zone}"), ((wire.name(zone), SOA, IN),)
        lower, upper = (wire.name_wire(wire.name(text)) for text in ("ns.b.test.", "NS.B.TEST."))
        with server.client(KEY) as client:
            for owner, target in ((labels, lower), (labels, upper), ((b"CUT", *labels[1:]), lower)):
                reply = client.update(Update(section, [], [Record(owner, wire.NS, IN, 60, target)]))
                assert reply.rcode == NOERROR
                assert len(Zone(wire.name(zone), client.axfr(zone)).rrset(labels, wire.NS)[1]) == 1
                found = [
                    r
                    for r in client.axfr(zone)
                    if wire.folded(r.name) == labels and r.type == wire.NS
                ]
                assert len(found) == 1
            there = Record((b"CuT", *labels[1:]), wire.NS, IN, 0, upper)
            gone = there._replace(rdclass=wire.NONE)
            assert client.update(Update(section, [there], [gone])).rcode == NOERROR
            assert labels not in Zone(wire.name(zone), client.axfr(zone)).names


def soa(zone, serial):
    text = f"ns.{zone} hostmaster.{zone} {serial} 7200 1800 1209600 600"
    return Record(wire.name(zone), SOA, IN, 300, wire.rdata("SOA", text))


def test_the_serial_never_goes_back(lab):
    """Two leaps of nearly half the circle in one update lead back: not for those who follow."""
    server = start(lab, {U: "none", "h.test.": "default"})
    for zone in (U, "h.test."):
        with server.client(KEY) as client:
            section, old = ((wire.name(zone), SOA, IN),), 10
            assert client.update(Update(section, [], [soa(zone, old)])).rcode == NOERROR
            leaps = [soa(zone, old + (1 << 31) - 1), soa(zone, old - 2)]
            client.update(Update(section, [], leaps))
            assert client.update(put(f"new.{zone}", zone, "x")).rcode == NOERROR
            assert is_newer(Zone(wire.name(zone), client.axfr(zone)).serial(), old)


def test_what_cannot_be_signed_is_refused(lab):
    """A DS at the apex is of no zone (RFC 4035 section 2.4): refused at once, others go on."""
    server = start(lab, {"h.test.": "default"})
    zone = "h.test."
    digest = wire.rdata("DS", "60485 13 2 " + 64 * "0")
    update = Update(
        ((wire.name(zone), SOA, IN),), [], [Record(wire.name(zone), wire.DS, IN, 300, digest)]
    )
    with server.client(KEY) as client:
        reply = client.update(update)
        assert reply.rcode == REFUSED, f"RCODE {reply.rcode}"
        assert client.update(put(f"new.{zone}", zone, "x")).rcode == NOERROR
        assert not server.ask(zone, "DS").answers()
    assert server.metric("sign_refusals") == 0


def test_an_rrset_that_no_message_can_carry(lab):
    """It is refused before it is too large to be answered or sent."""
    server = start(lab, {U: "none", "h.test.": "default"})
    for zone in (U, "h.test."):
        labels, rcodes = wire.name(f"large.{zone}"), []
        with server.client(KEY) as client:
            for turn in range(12):
                texts = (b"%06d" % (turn * 50 + number) for number in range(50))
                records = [
                    Record(labels, TXT, IN, 300, b"\xff" + text.ljust(255, b"x")) for text in texts
                ]
                rcodes.append(
                    client.update(Update(((wire.name(zone), SOA, IN),), [], records)).rcode
                )
                found = server.ask(f"large.{zone}", "TXT", tcp=True)
                assert len(found.answers("TXT")) == 50 * rcodes.count(NOERROR)
            assert set(rcodes) == {NOERROR, REFUSED}, rcodes
            # Other names of the zone are no worse for it.
            assert client.update(put(f"new.{zone}", zone, "x")).rcode == NOERROR
            client.axfr(zone)
