"""Two keystores: when the token of one hangs, the zones of the other know nothing of it."""

import threading

import pytest

from lab import by_length, open_to, small_zone, until, wire
from lab.model import NOERROR
from lab.updating import Silence, put_text

KEY = wire.Key.make("update.test.")
HANGING, WORKING, LATER = "a.test.", "b.test.", "c.test."


def two_tokens(lab, *orders, sessions=(2, 2), one_module=False):
    """A daemon with a zone on a token that fails on order, and one on a token that does not."""
    failing = lab.token()
    working = failing.beside("second")
    failing.with_faults().order(*orders)
    if one_module:
        working.module = failing.module
    server = lab.avow(
        token=failing,
        zones={
            HANGING: (small_zone(HANGING), open_to(KEY, policy="failing")),
            WORKING: (small_zone(WORKING), open_to(KEY, policy="working")),
        },
        keys=[KEY],
        keystores=[
            failing.keystore("failing", sessions=sessions[0]),
            working.keystore("working", sessions=sessions[1]),
        ],
        policies=[{"name": name, "keystore": name} for name in ("failing", "working")],
    )
    return server, failing


def is_up(server, name):
    return {token["keystore"]: token["up"] for token in server.status()["signing"]["tokens"]}[name]


class Changes:
    """Updates of one zone; each must be done, and its answer be signed at once."""

    def __init__(self, server, zone):
        self.server, self.zone, self.count = server, zone, 0
        self.client = server.client(KEY)

    def make(self):
        self.count += 1
        answer = put_text(self.client, self.zone, "fresh", self.count)
        assert answer.rcode == NOERROR, answer
        answer = self.server.ask(f"fresh.{self.zone}", "TXT")
        assert answer.is_signed() and answer.texts("TXT") == {f'"{self.count}"'}, answer


def load_another(server):
    """A zone comes, which needs keys of its own."""
    server.add_zone(LATER, small_zone(LATER), policy="working")
    server.write_configuration()
    server.hang_up()
    until(lambda: server.run_ctl("zone", "status", LATER).returncode == 0, "the zone to be known")
    server.wait_signed(LATER)
    assert server.ask(f"www.{LATER}").is_signed()


@pytest.mark.parametrize(
    "order", ["slow 20000 C_Initialize", *by_length([], ["hang C_Initialize", "hang C_Login"])]
)
def test_a_token_that_hangs_while_it_is_opened(lab, order):
    server, failing = two_tokens(lab, order)
    server.wait_signed(WORKING)
    changes = Changes(server, WORKING)
    for _ in range(5):
        changes.make()
    load_another(server)
    assert not is_up(server, "failing") and server.metric("tokens_up") == 1
    assert server.room("signer")["restarts"] == 0
    failing.order()
    server.wait_signed(HANGING)
    assert is_up(server, "failing") and server.ask(f"www.{HANGING}").is_signed()
    changes.make()


class Attempts(threading.Thread):
    """Updates of a zone whose token hangs, several at a time over its life."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.answers, self.ended = server, [], threading.Event()

    def run(self):
        with self.server.client(KEY, seconds=5.0) as client:
            while not self.ended.is_set():
                try:
                    self.answers.append(put_text(client, HANGING, "fresh", 1).rcode)
                except Silence:
                    self.answers.append(None)

    def finish(self):
        self.ended.set()
        self.join(timeout=60)
        assert not self.is_alive()


def test_a_token_that_hangs_while_it_signs(lab):
    server, failing = two_tokens(lab)
    server.wait_signed()
    changes, attempts = Changes(server, WORKING), Attempts(server)
    pid, mark = server.room_pid("signer"), server.log.mark()
    failing.order("hang C_Sign")
    attempts.start()
    try:
        # Until all of its sessions hang, and some time beyond: the others are not even slower.
        while is_up(server, "failing"):
            changes.make()
        load_another(server)
        for _ in range(20):
            changes.make()
        assert server.metric("token_hangs") == 1 and server.room_pid("signer") == pid
        assert server.ask(f"www.{HANGING}").is_signed()  # what is stored is served
    finally:
        attempts.finish()
    assert NOERROR not in attempts.answers
    server.process.wait_line("keystore failing: signing has taken .* other keystores work", mark)
    # It is back; the calls that hung do not come back, and another process must do without them.
    failing.order()
    server.wait_restart("signer", pid)
    server.process.wait_line("keystore failing: signing has taken .* the process ends", mark)
    with server.client(KEY) as client:
        until(lambda: put_text(client, HANGING, "fresh", 2).rcode == NOERROR, "the token to sign")
    server.wait_signed()
    assert server.ask(f"fresh.{HANGING}", "TXT").is_signed()
    changes.make()


def test_a_slow_token_has_no_more_threads_than_sessions(lab):
    """More is asked of it than there are threads: all the same, the other token's are free."""
    server, failing = two_tokens(lab, sessions=(1, 4))
    server.wait_signed()
    changes, done = Changes(server, WORKING), []
    path = server.zone_file(HANGING)
    path.write_text(path.read_text() + "".join(f"fresh{i} A 192.0.2.7\n" for i in range(100)))
    reload = threading.Thread(
        target=lambda: done.append(server.run_ctl("zone", "reload", HANGING)), daemon=True
    )
    failing.order("slow 6000")
    reload.start()
    try:
        while not done:  # it is given up, once what is asked of the token has all waited
            changes.make()
        load_another(server)
    finally:
        failing.order()
        reload.join(timeout=60)
    assert done[0].returncode == 1 and "could not be" in done[0].stderr, done
    until(lambda: server.ask(f"fresh99.{HANGING}").is_signed(), "what could not be signed before")
    server.wait_signed()
    assert server.room("signer")["restarts"] == 0


def test_two_tokens_behind_one_module(lab):
    """It is loaded once for both; both lose their tokens, and both find them again."""
    server, tokens = two_tokens(lab, one_module=True)
    server.wait_signed()
    changes = Changes(server, WORKING)
    assert len(tokens.calls("C_Initialize")) == 1
    tokens.order("removed")
    with server.client(KEY) as client:
        assert put_text(client, HANGING, "fresh", 1).rcode != NOERROR
    until(lambda: not is_up(server, "failing"), "the first token to be missed")
    with server.client(KEY) as client:
        assert put_text(client, WORKING, "fresh", 1).rcode != NOERROR
    until(lambda: not is_up(server, "working"), "the second token to be missed")
    tokens.order()
    with server.client(KEY) as client:
        until(lambda: put_text(client, HANGING, "fresh", 2).rcode == NOERROR, "the first token")
    until(lambda: is_up(server, "working"), "the second token")
    changes.make()
    assert server.room("signer")["restarts"] == 0
