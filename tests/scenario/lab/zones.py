"""Zones for tests: made, read, and what may be asked of them."""

import random

import dns.rdata

HEAD = """$ORIGIN {origin}
$TTL {ttl}
@ SOA ns hostmaster {serial} 2h 30m 2w {minimum}
@ NS ns
@ MX 10 mail
@ TXT "the apex"
ns A 192.0.2.53
ns AAAA 2001:db8::53
mail A 192.0.2.25
"""

# One of each kind of answer; what lies below `child` is somebody else's.
BODY = """www A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
chain CNAME alias
here.is.deep A 192.0.2.77
*.wild A 192.0.2.99
known.wild A 192.0.2.98
old DNAME new
printer.new A 192.0.2.90
signed NS ns.signed
signed DS 60485 13 2 d4b7d520e7bb5f0f67674a0ccceb1e3e0614b93c4f9e99b8383f6a1e4469da50
ns.signed A 198.51.100.1
unsigned NS ns.unsigned
ns.unsigned A 198.51.100.2
other NS ns.elsewhere.example.
"""


def small_zone(origin, serial=1, ttl="1h", minimum="10m", more=""):
    head = HEAD.format(origin=origin, serial=serial, ttl=ttl, minimum=minimum)
    return head + BODY + more


def large_zone(origin, names, serial=1):
    """Hosts, a delegation now and then, MX and TXT: as in the zone of the benchmarks."""
    lines = [HEAD.format(origin=origin, serial=serial, ttl="1h", minimum="10m")]
    for number in range(names):
        name, octets = f"host{number:07d}", (number >> 16 & 255, number >> 8 & 255, number & 255)
        if number % 20 == 7:
            lines.append(f"{name} NS ns.{name}\nns.{name} A 10.%d.%d.%d\n" % octets)
        else:
            lines.append(f"{name} A 10.%d.%d.%d\n" % octets)
        if number % 5 == 0:
            lines.append(f'{name} TXT "number {number}"\n{name} MX 10 mail\n')
    return "".join(lines)


class Export:
    """What a zone holds, from its export: a record a line, names in full."""

    def __init__(self, path, origin):
        self.origin = origin.lower()
        self.types = {}  # owner -> types, signatures and NSEC3 left out
        self.lines = []
        with open(path, encoding="ascii") as file:
            for line in file:
                fields = line.split(None, 4)
                if len(fields) < 5 or line.startswith(";"):
                    continue
                self.lines.append(line.rstrip("\n"))
                if fields[3] not in ("RRSIG", "NSEC", "NSEC3"):
                    self.types.setdefault(fields[0].lower(), set()).add(fields[3])
        assert self.types, f"{path} holds no records"
        self.owners = sorted(self.types)
        self.cuts = {
            owner for owner, types in self.types.items() if "NS" in types and owner != self.origin
        }
        self.dnames = {owner for owner, types in self.types.items() if "DNAME" in types}
        self.wildcards = {owner for owner in self.types if owner.startswith("*.")}

    def records(self, *types):
        """Records of these types as "owner ttl type rdata"."""
        found = set()
        for line in self.lines:
            owner, ttl, _, kind, rdata = line.split(None, 4)
            if kind in types:
                text = dns.rdata.from_text("IN", kind, rdata).to_text()
                found.add(f"{owner.lower()} {ttl} {kind} {text}")
        return found

    def signatures(self):
        """(owner, type covered) -> RDATA of the RRSIGs."""
        found = {}
        for line in self.lines:
            owner, _, _, kind, rdata = line.split(None, 4)
            if kind == "RRSIG":
                found.setdefault((owner.lower(), rdata.split()[0]), set()).add(rdata)
        return found

    def is_below_cut(self, name):
        return any(name == cut or name.endswith("." + cut) for cut in self.cuts)


LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def near_misses(export, count, seed):
    """Names that nearly exist: changed, deeper, shallower, wild, of odd octets, other letter case."""
    chance = random.Random(seed)
    origin = "" if export.origin == "." else export.origin
    names = set()

    def word():
        return "".join(chance.choice(LETTERS[:26]) for _ in range(chance.randint(1, 12)))

    def under(label, name):
        return f"{label}." + ("" if name == "." else name)

    def changed(name):
        label, _, rest = name.partition(".")
        if not rest or "\\" in label or "*" in label:
            return under(word(), name)
        place = chance.randrange(len(label))
        way = chance.randrange(3)
        if way == 0:
            label = label[:place] + chance.choice(LETTERS) + label[place + 1 :]
        elif way == 1:
            label = label[:place] + chance.choice(LETTERS) + label[place:]
        else:
            label = label[:place] + label[place + 1 :] or "x"
        return f"{label[:63]}.{rest}"

    odd = ["\\000", "\\001\\000", "a\\.b", "\\255", "*", "_", "x" * 63, "\\032"]
    makers = [
        lambda owner: changed(owner),
        lambda owner: under(word(), owner),
        lambda owner: under(word(), under(word(), owner)),
        lambda owner: owner.partition(".")[2] or origin or ".",
        lambda owner: under("*", owner),
        lambda owner: under(chance.choice(odd), owner),
        lambda owner: "".join(chance.choice((c.upper(), c)) for c in owner),
        lambda owner: under(word(), origin or "."),
    ]
    tries = 0
    while len(names) < count and tries < count * 50:
        tries += 1
        name = chance.choice(makers)(chance.choice(export.owners))
        inside = export.origin == "." or (name.lower() + "").endswith(export.origin)
        if inside and len(name) < 230 and ".." not in name:
            names.add(name)
    return sorted(names)
