"""Answers are signed and valid while most of the zone is not signed yet."""

import random

from lab import NOERROR, NXDOMAIN, by_length, large_zone, until


def test_answers_validate_while_the_zone_is_being_signed(lab):
    """The token is made slow, so that the background signing lasts as long as the test asks."""
    names = by_length(20000, 100000)
    token = lab.token(faults=True)
    server = lab.avow(token=token, zones={"big.test.": large_zone("big.test.", names)}, start=False)
    token.order("rate 300")
    server.start()
    server.process.wait_line(r"big\.test\. loaded")
    until(lambda: server.zone_status("big.test.")["state"] == "signing", "the signing to begin")
    validator = lab.unbound(server, "big.test.")
    chance = random.Random(1)
    for number in chance.sample(range(names), by_length(60, 300)):
        owner = f"host{number:07d}.big.test."
        if number % 20 == 7:
            answer = validator.ask(owner, "DS")
            assert answer.rcode == NOERROR and answer.is_authentic, validator.why()
            continue
        answer = validator.ask(owner, "A")
        assert answer.rcode == NOERROR and answer.is_authentic, f"{answer}{validator.why()}"
        denied = validator.ask(f"x{number}.big.test.", "A")
        assert denied.rcode == NXDOMAIN and denied.is_authentic, f"{denied}{validator.why()}"
    status = server.zone_status("big.test.")
    assert status["state"] == "signing" and status["signatures"] < status["signatures_wanted"]
    metrics = server.status()["metrics"]
    assert metrics["wants_answered"] > 0 and metrics["wants_timeout"] == 0
    token.order()  # as fast as it can
    server.wait_signed("big.test.")
    assert server.ask("host0000001.big.test.").is_signed()


def test_many_ask_for_one_signature(lab):
    """Single-flight: one hundred questions for one RRset that is not signed are one signature."""
    token = lab.token(faults=True)
    zone = large_zone("big.test.", 5000)
    server = lab.avow(token=token, zones={"big.test.": zone}, start=False)
    token.order("rate 20")
    server.start()
    server.process.wait_line(r"big\.test\. loaded")
    from lab import question  # one query, many times, each with an id of its own

    answers = server.ask_many([question("host0004000.big.test.", "A")] * 100, window=100)
    assert all(wire and wire[3] & 15 == 0 for wire in answers)
    metrics = server.status()["metrics"]
    assert metrics["wants_asked"] <= 2 * 2  # once for each worker, at most twice in a race
    token.order()
    server.wait_signed("big.test.")
