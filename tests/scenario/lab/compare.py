"""Two servers that serve one zone, compared answer by answer.

What may differ is written here as code, each with its reason; all else is a finding.
"""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from .ask import Answer, question, records

PROOF = {"NSEC", "NSEC3"}


def covered(rdata):
    """The type that an RRSIG covers, by its text."""
    return rdata.split(None, 1)[0].upper()


def is_of(record, types):
    """Whether a record is of these types, or is the signature of one."""
    _, _, kind, rdata = record
    return kind in types or (kind == "RRSIG" and covered(rdata) in types)


def without(section, test):
    return {record for record in section if not test(record)}


class Difference:
    """One question that was answered differently, and in what."""

    def __init__(self, query, ours, theirs, fields):
        self.name = query.question[0].name.to_text()
        self.rdtype = dns.rdatatype.to_text(query.question[0].rdtype)
        self.do = bool(query.ednsflags & dns.flags.DO)
        self.ours, self.theirs, self.fields = ours, theirs, fields

    def __str__(self):
        lines = [f"{self.name} {self.rdtype} do={int(self.do)}: {', '.join(self.fields)}"]
        for field, (ours, theirs) in self.fields.items():
            if isinstance(ours, set):
                lines += [f"    {field}: only avow: {record}" for record in sorted(ours - theirs)]
                lines += [f"    {field}: only peer: {record}" for record in sorted(theirs - ours)]
            else:
                lines.append(f"    {field}: avow {ours}, peer {theirs}")
        return "\n".join(lines)


class Comparer:
    """Asks both servers of a zone whose export is known."""

    def __init__(self, server, peer, export, validator):
        self.server, self.peer, self.export = server, peer, export
        self.validator = validator
        self.explained = {}

    def compare(self, questions):
        """All differences that nothing explains. `questions`: (name, type, do)."""
        queries = [question(name, rdtype, do=do) for name, rdtype, do in questions]
        ours = self._ask(self.server, queries)
        theirs = self._ask(self.peer, queries)
        found = []
        for query, our, their in zip(queries, ours, theirs):
            difference = self._difference(query, our, their)
            if difference and not self._explain(difference):
                found.append(difference)
        return found

    @staticmethod
    def _ask(server, queries):
        """By UDP; what is truncated once more by TCP."""
        answers = [Answer.read(wire) for wire in server.ask_many(queries)]
        for place, answer in enumerate(answers):
            if answer.has("TC"):
                query = queries[place]
                answers[place] = server.ask(
                    query.question[0].name,
                    query.question[0].rdtype,
                    tcp=True,
                    do=bool(query.ednsflags & dns.flags.DO),
                )
        return answers

    # ---- what is compared -----------------------------------------------------------------

    def _difference(self, query, ours, theirs):
        if query.question[0].rdtype == dns.rdatatype.ANY:
            return self._difference_any(query, ours, theirs)
        fields = {}
        for field, value in (
            ("rcode", lambda answer: answer.rcode),
            ("AA", lambda answer: answer.has("AA")),
            ("answer", lambda answer: answer.answers()),
            ("authority", self._authority),
        ):
            if value(ours) != value(theirs):
                fields[field] = (value(ours), value(theirs))
        fields.update(self._additional(ours, theirs))
        return Difference(query, ours, theirs, fields) if fields else None

    def _authority(self, answer):
        """Minimal responses: who answers need not say who else would (RFC 1034 section 6.2.1 shows
        it; nothing asks for it). NSD adds the apex NS to positive answers."""
        section = answer.authority()
        if not answer.message.answer:
            return section
        return without(
            section, lambda record: record[0] == self.export.origin and is_of(record, {"NS"})
        )

    def _additional(self, ours, theirs):
        """Addresses are optional, but for glue of in-domain servers (RFC 9471 section 3). What is
        there must be in the zone."""
        fields = {}
        our, their = ours.additional(), theirs.additional()
        known = self._zone_records()
        made_up = {r for r in our if r[2] != "OPT" and (r[0], r[2], r[3]) not in known}
        if made_up:
            fields["additional, not in the zone"] = (made_up, set())
        cut = self._cut_of(ours)
        if cut:
            glue = {r for r in their if r[2] in ("A", "AAAA") and ("." + r[0]).endswith("." + cut)}
            if glue - our:
                fields["glue"] = (our & glue, glue)
        return fields

    def _zone_records(self):
        if not hasattr(self, "_known"):
            self._known = set()
            for line in self.export.lines:
                owner, _, _, kind, rdata = line.split(None, 4)
                text = dns.rdatatype.from_text(kind)
                parsed = dns.rdata.from_text("IN", text, rdata)
                self._known.add((owner.lower(), kind, parsed.to_text().lower()))
        return self._known

    def _cut_of(self, answer):
        """The owner of the NS RRset of a referral."""
        if answer.has("AA") or answer.message.answer:
            return None
        return next((owner for owner, _, kind, _ in answer.authority() if kind == "NS"), None)

    def _difference_any(self, query, ours, theirs):
        """RFC 8482 section 4.1: one RRset of those that are there is enough, and either server
        chooses its own. Ours must be what the peer answers when asked for that type."""
        fields = {}
        if ours.rcode != theirs.rcode:
            fields["rcode"] = (ours.rcode, theirs.rcode)
        if bool(ours.answers()) != bool(theirs.answers()):
            fields["answer"] = (ours.answers(), theirs.answers())
        kinds = {kind for _, _, kind, _ in ours.answers() if kind != "RRSIG"}
        if len(kinds) > 1 and "CNAME" not in kinds:
            fields["types"] = (kinds, set())
        elif len(kinds) == 1:
            direct = self.peer.ask(
                query.question[0].name,
                kinds.pop(),
                tcp=True,
                do=bool(query.ednsflags & dns.flags.DO),
            )
            if direct.answers() != ours.answers():
                fields["answer"] = (ours.answers(), direct.answers())
        return Difference(query, ours, theirs, fields) if fields else None

    # ---- what is explained ----------------------------------------------------------------

    def _explain(self, difference):
        for explain in (
            self._is_encloser_of_a_literal_wildcard,
            self._is_proof_behind_a_dname,
        ):
            if explain(difference):
                name = explain.__name__[1:]
                self.explained[name] = self.explained.get(name, 0) + 1
                return True
        return False

    def _differs_in_proof(self, difference):
        """Whether only NSEC and NSEC3 records differ: ours and theirs, or None."""
        if set(difference.fields) != {"authority"} or not difference.do:
            return None
        ours, theirs = difference.fields["authority"]
        if without(ours, lambda r: is_of(r, PROOF)) != without(theirs, lambda r: is_of(r, PROOF)):
            return None
        return ours, theirs

    def _is_encloser_of_a_literal_wildcard(self, difference):
        """NODATA of a wildcard that was asked for by its own name: the NSEC3 that matches it is
        enough (RFC 5155 section 7.2.3); NSD adds the one of the closest encloser."""
        proofs = self._differs_in_proof(difference)
        return bool(proofs) and difference.name.startswith("*.") and proofs[0] < proofs[1]

    def _is_proof_behind_a_dname(self, difference):
        """The proof belongs to the rewritten name (RFC 4035 section 3.1.3.3); NSD 4.6 sends the one
        of the name that was asked for, or none. The validator must accept ours."""
        if not self._differs_in_proof(difference) or not difference.ours.answers("DNAME"):
            return False
        kind = difference.rdtype
        if kind == "DNAME":
            # unbound 1.17 cannot build a chain of trust for DNAME below a DNAME: a type that is not
            # there either has the same proof.
            kind = "MX"
            other = self.server.ask(difference.name, kind)
            if other.authority() != difference.ours.authority():
                return False
        answer = self.validator.ask(difference.name, kind)
        return answer.rcode == difference.ours.rcode and answer.is_authentic
