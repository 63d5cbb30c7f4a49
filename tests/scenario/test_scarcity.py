"""What the system does not give for a while (processes, descriptors, room in the store): who needs
it waits and says so, all others go on, and afterwards all is as before."""

import contextlib
import os
import resource
import subprocess

import pytest

from lab import NXDOMAIN, kill, large_zone, open_to, until, wire
from lab.faults import Faults
from lab.model import NOERROR
from lab.model import SERVFAIL as LOST
from lab.paths import AVOWCTL
from lab.updating import Silence, put_text

ZONE = "s.test."
KEY = wire.Key.make("update.test.")
SERVED = f"host0000001.{ZONE}"


def begin(lab, faulty=False, names=50, **settings):
    """A daemon with a zone that is signed, and what makes it fail."""
    zones = {ZONE: (large_zone(ZONE, names), open_to(KEY))}
    server = lab.avow(zones=zones, keys=[KEY], start=False, **settings)
    faults = Faults(server) if faulty else None
    server.start()
    server.wait_signed()
    return server, faults


def is_changed(server, name, tcp=False):
    """Whether an update was carried out."""
    try:
        with server.client(KEY, seconds=5.0) as client:
            return put_text(client, ZONE, name, 1, tcp=tcp).rcode == NOERROR
    except Silence:
        return False


def check_well(server):
    """As it is when nothing is amiss: every room has what it needs from the others."""
    server.wait_rooms()
    for tcp in (False, True):
        until(lambda: is_changed(server, f"well-{tcp}", tcp), "an update to be carried out")
        assert server.ask(f"well-{tcp}.{ZONE}".lower(), "TXT", tcp=tcp).is_signed()


# ---- processes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["signer", "keeper", "desk", "front"])
def test_no_process_for_a_room(lab, room):
    """It is tried again, with growing patience; the other rooms do not notice."""
    server, faults = begin(lab, faulty=True)
    old, mark, restarts = server.room_pid(room), server.log.mark(), server.room(room)["restarts"]
    faults.fail_forks(3)
    server.kill_room(room)
    until(lambda: faults.forks_failed == 3, "three forks to fail")
    server.wait_restart(room, old)
    lines = server.log.lines(f"error: avowd: no process for the {room}: ", mark)
    assert len(lines) == 3 and "temporarily unavailable" in lines[0], lines
    assert server.room(room)["restarts"] == restarts + 4
    check_well(server)


def test_no_process_is_what_the_status_says(lab):
    server, faults = begin(lab, faulty=True)
    old = server.room_pid("desk")
    faults.fail_forks(1 << 30)
    server.kill_room("desk")
    server.wait_status(
        lambda status: any(
            room["room"] == "desk" and "no process" in room["confinement"]
            for room in status["rooms"]
        ),
        "the status to say so",
    )
    assert server.room("desk")["state"] == "down" and "no process" in server.ctl("status")
    assert server.ask(SERVED).is_signed() and server.ask(SERVED, tcp=True).is_signed()
    faults.fail_forks(0)
    server.wait_restart("desk", old)
    check_well(server)


def test_no_process_at_the_start(lab):
    """As long as it takes."""
    server = lab.avow(zones={ZONE: (large_zone(ZONE, 50), open_to(KEY))}, keys=[KEY], start=False)
    faults = Faults(server)
    faults.fail_forks(5)
    server.start()
    assert faults.forks_failed == 5
    server.wait_signed()
    check_well(server)


# ---- descriptors --------------------------------------------------------------------------------


@contextlib.contextmanager
def no_more_descriptors(pid):
    """What the process has open it keeps."""
    _, hard = before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_no_descriptors_in_the_front(lab):
    """UDP goes on; those who connect wait, and are served when there is room."""
    server, _ = begin(lab)
    shortages = server.metric("tcp_shortages")
    with no_more_descriptors(server.room_pid("front")), server.stream() as stream:
        stream.send(wire.message(wire.QUERY, [(wire.name(ZONE), wire.SOA, wire.IN)]))
        server.process.wait_line("no more TCP connections can be accepted: Too many open files")
        assert server.ask(SERVED).is_signed()
        assert server.metric("tcp_shortages") > shortages
    check_well(server)


def test_no_descriptors_in_the_desk(lab):
    """A connection that moves to it is lost, and its client connects again; datagrams go on."""
    server, _ = begin(lab)
    refused = server.metric("letters_refused")
    with no_more_descriptors(server.room_pid("desk")):
        assert not is_changed(server, "lost", tcp=True)
        server.process.wait_line("desk: a letter of the front was lost: .*descriptor")
        assert is_changed(server, "datagram")
        assert server.metric("letters_refused") > refused
    check_well(server)


def test_no_descriptors_in_the_keeper(lab):
    """avowctl waits, nobody else does, and the keeper does not spin."""
    server, _ = begin(lab)
    shortages = server.metric("control_shortages")
    words = [str(AVOWCTL), "-c", str(server.configuration), "status"]
    with no_more_descriptors(server.room_pid("keeper")):
        call = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        server.process.wait_line("keeper: calls of avowctl have to wait: Too many open files")
        for number in range(20):
            assert is_changed(server, f"n{number}")
            assert server.ask(f"n{number}.{ZONE}", "TXT").is_signed()
        assert call.poll() is None
    assert "ready" in call.communicate(timeout=60)[0]
    # Each time that it looks, twice a second; a spin counts thousands.
    assert shortages < server.metric("control_shortages") < shortages + 500
    check_well(server)


def test_a_room_that_misses_a_letter_of_the_supervisor(lab):
    """Its new peer came with that letter: another process of the room gets all it needs."""
    server, _ = begin(lab)
    keeper = server.room_pid("keeper")
    with no_more_descriptors(keeper):
        kill(server.room_pids()["front"])
        server.process.wait_line("keeper: a letter of the supervisor was lost")
        until(lambda: server.room_pids().get("keeper") not in (None, keeper), "another keeper")
    check_well(server)


def test_no_descriptors_in_the_supervisor(lab):
    """No room can be started until there are some; those that run go on."""
    server, _ = begin(lab)
    old = server.room_pid("desk")
    with no_more_descriptors(server.process.pid):
        server.kill_room("desk")
        server.process.wait_line("avowd: no channel for the desk: Too many open files")
        assert server.ask(SERVED).is_signed() and server.ask(SERVED, tcp=True).is_signed()
    server.wait_restart("desk", old)
    check_well(server)


# ---- room in the store --------------------------------------------------------------------------


def fill(server, names, wanted):
    """Updates until the store takes no more than is wanted; what was acknowledged is added."""
    with server.client(KEY) as client:
        while server.status()["store"]["accepts"] not in wanted:
            name = f"fill{len(names)}"
            if put_text(client, ZONE, name, len(names)).rcode == NOERROR:
                names.append(name)


def check_all_are_there(server, names):
    for name in names[:: len(names) // 20 or 1] + names[-1:]:
        assert server.ask(f"{name}.{ZONE}", "TXT").is_signed()


def test_a_store_that_is_full(lab):
    """At 80 % it takes no loads, at 90 % no updates, and it serves whatever happens."""
    server, _ = begin(lab, names=4000, server={"store-size": "8M"})
    mark, names = server.log.mark(), []
    fill(server, names, ("no loads", "signatures only"))
    server.process.wait_line("warning: keeper: the store is more than 80 % full: ", since=mark)
    path = server.zone_file(ZONE)
    path.write_text(path.read_text() + "new A 192.0.2.7\n")
    told = server.run_ctl("zone", "reload", ZONE)
    assert told.returncode == 1 and "80 % full" in told.stderr, told
    fill(server, names, ("signatures only",))
    server.process.wait_line("error: keeper: the store is more than 90 % full: ", since=mark)
    with server.client(KEY) as client:
        assert put_text(client, ZONE, "more", 1).rcode == LOST
    assert server.metric("store_used_permille") >= 900
    assert server.metric("updates_lost") and "takes signatures only" in server.ctl("status")
    check_all_are_there(server, names)
    assert server.ask(f"more.{ZONE}", "TXT").rcode == NXDOMAIN
    assert server.status()["store"]["short_of"] == "store"
    # A larger one: all is there, and it goes on.
    assert server.stop() == 0
    server.settings["server"]["store-size"] = "64M"
    server.start()
    check_all_are_there(server, names)
    check_well(server)


def resize(folder, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


@pytest.mark.parametrize("small_disk", ["1G"], indirect=True)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_small_disk(lab, small_disk):
    """Nothing left on the disk counts as little, and who is refused is told that it is the disk."""
    server, _ = begin(lab, server={"state": str(small_disk), "store-size": "64M"})
    told = server.status()["store"]
    assert told["accepts"] == "everything" and told["short_of"] is None, told
    mark = server.log.mark()
    resize(small_disk, "200M")
    server.process.wait_line("warning: keeper: the store's disk has less than 256 MiB left: ", mark)
    resize(small_disk, "16M")
    filler = small_disk / "filler"
    with open(filler, "wb", 0) as out, pytest.raises(OSError):
        while True:
            out.write(b"x" * 4096)
    server.process.wait_line("error: keeper: the store's disk has less than 64 MiB left: ", mark)
    server.wait_status(lambda status: status["store"]["disk_left_octets"] == 0, "a full disk")
    told = server.status()["store"]
    assert told["accepts"] == "signatures only" and told["short_of"] == "disk", told
    assert "disk has 0 B left, takes signatures only: short of disk" in server.ctl("status")
    path = server.zone_file(ZONE)
    path.write_text(path.read_text() + "new A 192.0.2.7\n")
    told = server.run_ctl("zone", "reload", ZONE)
    assert told.returncode == 1 and "disk has less than 64 MiB left" in told.stderr, told
    assert not server.log.lines("the store has room again", mark)
    filler.unlink()
    resize(small_disk, "1G")
    server.process.wait_line("the store has room again", mark)
    until(lambda: server.ask(f"new.{ZONE}").is_signed(), "the load that had no room")
    check_well(server)
