"""A token with a wrong PIN, without a token, and one that goes and comes back."""

import random
import threading

import pytest

from lab import NOERROR, NXDOMAIN, SERVFAIL, PIN, by_length, large_zone, question, small_zone, until

ZONE = "a.test."


def test_a_wrong_pin_is_tried_once(lab):
    """Three wrong ones lock many tokens: the second try is the operator's, not ours."""
    token = lab.token(faults=True)
    token.write_pin("00000000")
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)})
    server.process.wait_line(r"error: .*PIN")
    # Whatever makes the daemon want its keys must not make it try again.
    for _ in range(3):
        server.run_ctl("zone", "reload", ZONE)
        server.wait_rooms()
    problem = until(lambda: server.zone_status(ZONE)["problem"], "the zone to say what is wrong")
    assert "PIN" in problem and PIN not in server.log.text()
    assert not server.token_status()["up"]
    logins = [line for line in token.calls("C_Login") if "0x0" not in line.split()]
    assert len(logins) == 1, token.calls("C_Login")
    # The right PIN, and a sign that it has changed.
    token.write_pin(PIN)
    server.hang_up()
    server.wait_signed(ZONE)
    assert server.ask(f"www.{ZONE}").is_signed()
    # The signer has begun anew for that: nothing went wrong.
    assert not server.log.lines("error: .*signer ended") and server.room("signer")["restarts"] == 0


def test_a_keystore_that_changes_has_another_signer(lab):
    """What a process has given up, as the network here, it does not get back."""
    server = lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    text = server.configuration.read_text()
    for network in (True, False):
        old, mark = server.room_pid("signer"), server.log.mark()
        given = '"network": true, "pin-file"' if network else '"pin-file"'
        server.configuration.write_text(text.replace('"pin-file"', given, 1))
        server.hang_up()
        server.wait_restart("signer", old)
        server.process.wait_line("the signer has ended to begin with the new", since=mark)
        server.wait_status(lambda status: status["signing"]["tokens"][0]["up"], "the token")
    # The keeper may have met it while it was away; the supervisor has nothing to complain of.
    assert not server.log.lines(" error: avowd: ") and server.room("signer")["restarts"] == 0


def test_a_token_that_is_missing_at_the_start(lab):
    """What is stored is served; new signatures wait; it goes on by itself when the token is back."""
    token = lab.token()
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    assert server.stop() == 0
    tokens, away = token.folder / "tokens", token.folder / "away"
    tokens.rename(away)
    tokens.mkdir()
    server.start()
    assert server.ask(f"www.{ZONE}").is_signed()
    assert server.ask(f"nothere.{ZONE}").authority("RRSIG")
    assert "avow" in server.wait_token(False)["text"]  # it is named
    tokens.rmdir()
    away.rename(tokens)
    server.wait_token(True)
    server.change_zone(ZONE, lambda text: text + "fresh A 192.0.2.7\n")
    server.wait_signed()
    assert server.ask(f"fresh.{ZONE}").is_signed()


def test_a_new_zone_without_a_token(lab):
    """Nothing can be signed and there are no keys: the zone says which token it waits for."""
    token = lab.token()
    tokens, away = token.folder / "tokens", token.folder / "away"
    tokens.rename(away)
    tokens.mkdir()
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)})
    problem = until(lambda: server.zone_status(ZONE)["problem"], "the zone to say what is wrong")
    assert "avow" in problem
    assert server.ask(f"www.{ZONE}").rcode in (SERVFAIL, "REFUSED")
    tokens.rmdir()
    away.rename(tokens)
    server.wait_signed(ZONE)
    assert server.ask(f"www.{ZONE}").is_signed()


class Asker(threading.Thread):
    """Asks for what is stored, all the time; notes what it did not like."""

    def __init__(self, server, names):
        super().__init__(daemon=True)
        self.server, self.names = server, names
        self.asked, self.complaints, self.ended = 0, [], threading.Event()

    def run(self):
        chance = random.Random(2)
        while not self.ended.is_set():
            name = chance.choice(self.names)
            answer = self.server.ask(name)
            self.asked += 1
            if answer.rcode != NOERROR or not answer.is_signed():
                self.complaints.append(str(answer))

    def finish(self):
        self.ended.set()
        self.join(timeout=60)
        assert self.asked > 0 and not self.complaints, self.complaints[:3]


def change_in_vain(server, name):
    path = server.zone_file(ZONE)
    path.write_text(path.read_text() + f"{name} A 192.0.2.7\n")
    told = server.run_ctl("zone", "reload", ZONE)
    assert told.returncode == 1, told
    # The signer that hangs is ended in the very second in which the load gives up.
    assert "could not be signed" in told.stderr or "the signer is away" in told.stderr, told


@pytest.mark.parametrize("way", ["removed", "hang", "error"])
def test_a_token_that_goes_and_comes_back_under_load(lab, way):
    token = lab.token(faults=True)
    server = lab.avow(token=token, zones={ZONE: large_zone(ZONE, 500)})
    server.wait_signed()
    asker = Asker(server, [f"host{number:07d}.{ZONE}" for number in range(500) if number % 20 != 7])
    asker.start()
    try:
        for turn in range(by_length(1, 5)):
            orders = {
                "removed": ["removed"],
                "hang": ["hang C_Sign 1"],
                "error": ["error C_Sign CKR_DEVICE_ERROR", "error C_SignInit CKR_DEVICE_ERROR"],
            }[way]
            token.order(*orders)
            name = f"fresh{turn}.{ZONE}"
            mark, restarts = server.log.mark(), server.room("signer")["restarts"]
            # It cannot be signed now: told as such; what is served stays as it was, and signed.
            change_in_vain(server, name)
            fresh = server.ask(name)
            assert fresh.rcode == NXDOMAIN, fresh
            if way != "hang":
                assert "avow" in server.wait_token(False)["text"]
                assert server.metric("tokens_up") == 0
                server.process.wait_line("error: signer: keystore default: the token is gone", mark)
            else:
                server.process.wait_line("error: signer: .* does not end; the process ends", mark)
            token.order()
            until(lambda: server.ask(name).is_signed(), "what could not be signed before")
            server.wait_signed(ZONE)
            assert server.token_status()["up"] and server.metric("tokens_up") == 1
            assert way != "hang" or server.room("signer")["restarts"] > restarts
    finally:
        asker.finish()
    assert server.metric("rcode_noerror") >= asker.asked


def test_a_token_that_signs_wrongly_is_found_out(lab):
    """A key proves itself when it is loaded, and signatures are verified as the policy says."""
    token = lab.token(faults=True)
    policy = {"name": "default", "verify-signatures": "always"}
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)}, policies=[policy])
    server.wait_signed()
    token.order("wrong")
    name = f"fresh.{ZONE}"
    change_in_vain(server, name)
    assert server.ask(name).rcode == NXDOMAIN
    token.order()
    until(lambda: server.ask(name).is_signed(), "what could not be signed before")
    validator = lab.unbound(server, ZONE)
    assert validator.ask(name).is_authentic, validator.why()


def test_questions_for_what_cannot_be_signed_have_an_end(lab):
    """The deadline passes, the answer is SERVFAIL, and the queue of those who wait is empty again."""
    token = lab.token(faults=True)
    server = lab.avow(token=token, zones={ZONE: large_zone(ZONE, 2000)}, start=False)
    token.order("rate 1")
    server.start()
    server.process.wait_line(r"a\.test\. loaded")
    names = [f"host{number:07d}.{ZONE}" for number in range(1000, 1040)]
    answers = server.ask_many([question(name, "A") for name in names], window=40)
    assert {wire[3] & 15 for wire in answers} <= {0, 2}
    until(lambda: server.metric("wants_parked") == 0, "nobody to wait any more")
    token.order()
    server.wait_signed()
    assert all(server.ask(name).rcode == NOERROR for name in names)
