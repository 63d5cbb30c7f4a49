"""Crowds of TCP clients that do no good: others are served, and memory and descriptors come back."""

import json
import subprocess

import pytest

from lab import BUILD, NOERROR, Stream, question, small_zone, until
from lab.wire import Key

ZONE = "a.test."
CROWD = BUILD / "tests/bench/tcp_crowd"
PEER = Key.make("peer.")
STRANGER = Key.make("stranger.")


class Crowd:
    """Clients that come again until the end of the `with`."""

    def __init__(self, server, *words):
        self.process = subprocess.Popen(
            [CROWD, "-p", str(server.port), "-a", server.address, "-z", ZONE, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def __enter__(self):
        self.first = json.loads(self.process.stdout.readline())  # every client has connected
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.last = json.loads(self.process.stdout.readline())
        assert self.process.wait() == 0


@pytest.fixture(scope="module", autouse=True)
def generator():
    if not CROWD.exists():
        pytest.skip("make bench-programs builds what makes a crowd")


def start(lab, **tcp):
    tsig = [{"name": PEER.text, "algorithm": PEER.algorithm, "secret": PEER.base64}]
    zones = {ZONE: (small_zone(ZONE), {"allow-transfer": [{"key": PEER.text}]})}
    server = lab.avow(zones=zones, tsig=tsig, server={"workers": 2, "tcp": tcp})
    server.wait_signed()
    return server


def check_served(server):
    for tcp in (True, False):
        assert server.ask(f"www.{ZONE}", tcp=tcp).is_signed()


def check_quiet(server, front):
    """When they have left all is as before, and it is the same process."""
    until(lambda: server.metric("tcp_open") == 0, "all connections to be closed")
    assert server.metric("tcp_unsent") == 0
    assert server.room_pid("front") == front
    check_served(server)


def test_all_places_are_taken(lab):
    """Three kinds of clients, of which each alone would take all places, come again and again."""
    server = start(lab, clients=100, idle="60s")
    front = server.room_pid("front")
    with Crowd(server, "-r", "-i", 300, "-n", 100, "-b", 100):
        for _ in range(20):
            check_served(server)
        until(lambda: server.metric("tcp_evicted") > 5000, "many to have made room")
        assert server.metric("tcp_open") <= 100
        for _ in range(20):
            check_served(server)
    check_quiet(server, front)


def test_slow_clients_are_cut_off(lab):
    """With room for all: who reads nothing, writes too slowly or says nothing is told apart."""
    server = start(lab, clients=1000, idle="2s")
    front = server.room_pid("front")
    with Crowd(server, "-i", 100, "-n", 50, "-b", 50) as crowd:
        assert crowd.first["never_reading"]["connected"] == 50
        until(lambda: server.metric("tcp_slow_readers") == 50, "those that do not read to be cut off")
        until(lambda: server.metric("tcp_slow_writers") == 50, "those that write slowly to be cut off")
        until(lambda: server.metric("tcp_idle") >= 100, "idle ones to be closed")
        check_served(server)
    assert crowd.last["never_reading"]["received"] == 0
    assert server.metric("tcp_evicted") == 0
    check_quiet(server, front)
    assert "slow readers 50" in server.ctl("status")


def test_one_network_takes_no_place_of_others(lab):
    """Who holds a connection from elsewhere keeps it, whatever a single network does."""
    server = start(lab, clients=100, idle="60s")
    with Stream(server.address, server.port) as stream:
        stream.send(question(f"www.{ZONE}", "A"))
        assert stream.receive().rcode == NOERROR
        with Crowd(server, "-r", "-m", 1, "-i", 300):
            until(lambda: server.metric("tcp_evicted") > 2000, "many to have made room")
            stream.send(question(f"www.{ZONE}", "A"))
            assert stream.receive().rcode == NOERROR


def transfer(server):
    with server.client(PEER) as client:
        return client.axfr(ZONE)


@pytest.mark.parametrize(
    "key",
    [None, f"{STRANGER.text}:{STRANGER.base64}", f"{PEER.text}:{STRANGER.base64}"],
    ids=["no-key", "unknown-key", "wrong-secret"],
)
@pytest.mark.parametrize("networks", [1, 200])
def test_strangers_keep_no_transfer_waiting(lab, key, networks):
    """200 that may not transfer ask all the time; who may is served, each time."""
    server = start(lab)
    desk = server.room_pid("desk")
    words = ["-x", 200, "-m", networks] + (["-k", key] if key else [])
    with Crowd(server, *words) as crowd:
        for _ in range(20):
            assert transfer(server)
        until(lambda: server.metric("desk_refused") > 2000, "many to have been refused")
        for _ in range(20):
            assert transfer(server)
        check_served(server)
    rcodes = crowd.last["transfers"]["rcodes"]
    assert set(rcodes) <= {"5", "9"}, "REFUSED or NOTAUTH, and nothing else"
    assert server.metric("axfr_done") == 40
    until(lambda: server.metric("desk_connections") == 0, "the strangers to have left")
    assert server.room_pid("desk") == desk
