"""The model and a server do the same updates: same answers, same zone, after each of them."""

import copy

from . import wire
from .chance import Chance
from .model import RCODES, SIGNERS, SOA, Choices, Zone
from .updating import difference, flat, lines


class Differs(AssertionError):
    """The server is not as the model is."""


class Duel:
    """One zone of one server, with what the model thinks of it."""

    def __init__(self, client, apex, seed, choices=Choices(), model=Zone, **more):
        self.client, self.apex, self.seed = client, apex, seed
        self.chance = Chance(apex, seed, **more)
        self.zone = model(wire.name(apex), client.axfr(apex), choices)
        self.steps, self.rcodes = 0, {}
        self.recent = []  # since the last comparison: (the zone before, the update)

    def step(self):
        """One update by both."""
        update, before = self.chance.update(self.zone), copy.deepcopy(self.zone.names)
        self.recent.append((before, update))
        reply = self.client.update(update, tcp=self.steps % 3 == 0)
        self.zone.heard = reply.rcode
        rcode = self.zone.apply(update)
        self.steps += 1
        self.rcodes[RCODES[rcode]] = self.rcodes.get(RCODES[rcode], 0) + 1
        if rcode != reply.rcode:
            got = reply.rcode if reply.rcode >= len(RCODES) else RCODES[reply.rcode]
            raise Differs(f"the model says {RCODES[rcode]}, the server {got}\n{self.story()}")

    def compare(self):
        """The zones must be the same; what the server has, as it came."""
        records = self.client.axfr(self.apex)
        theirs, mine = flat(records, SIGNERS), self.zone.flat()
        if theirs != mine and not self.excuses(mine, theirs):
            raise Differs(f"- model, + server\n{difference(mine, theirs)}\n{self.story()}")
        self.recent = []
        return records

    def excuses(self, mine, theirs):
        """For servers that are known to differ."""
        return False

    def story(self):
        """How to see it again: the zone as it was when both agreed, and what came then."""
        told = [f"seed {self.seed!r}, step {self.steps}; the zone before:"]
        for number, (before, update) in enumerate(self.recent):
            if not number:
                zone = Zone(wire.name(self.apex), [])
                zone.names = before
                told += lines(zone.flat())
            told.append(f"update {number + 1}:\n{update}")
        return "\n".join(told)

    def run(self, sequences, longest=8):
        """Sequences of updates; the zone is compared after each sequence."""
        for _ in range(sequences):
            for _ in range(self.chance.random.randint(1, longest)):
                self.step()
            self.compare()


def only_serials(mine, theirs):
    """Whether nothing but the SOA's serial differs."""
    rest = [row for row in mine ^ theirs if row[1] != SOA]
    soas = [row for row in mine ^ theirs if row[1] == SOA]
    return (
        not rest
        and len({(owner, ttl, rdata[:-20], rdata[-16:]) for owner, _, ttl, rdata in soas}) == 1
    )
