"""It stops when told, in order, completely, and with code 0, whatever is going on."""

import signal

import pytest

from lab import NOERROR, kill, large_zone, small_zone, until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_stops(lab, number):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")})
    server.wait_signed()
    pids = server.process.descendants()
    assert len(pids) == 5  # the supervisor and four rooms
    server.process.signal(number)
    assert server.process.wait_end() == 0
    until(lambda: not server.process.descendants(), "the rooms to be gone")
    assert server.log.find(r"avowd: stopping")
    assert server.log.lines(r"avowd: stopped")
    assert not server.log.lines(r" error: ")
    for name in ("avowd.pid", "avow.sock"):
        assert not (server.folder / name).exists()


def test_it_stops_while_it_loads_and_signs(lab):
    server = lab.avow(zones={"a.test.": large_zone("a.test.", 20000)}, start=False)
    server.write_configuration()
    server.launch()
    server.process.wait_line(r"a\.test\. loaded")
    assert server.stop() == 0
    server.check_store()
    server.start()
    server.wait_signed()
    assert server.ask("host0000001.a.test.").is_signed()


def test_it_stops_right_after_its_start(lab):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, start=False)
    server.launch()
    server.process.wait_line(r"avow \S+ starts")
    assert server.stop() == 0


def test_rooms_go_when_the_supervisor_dies(lab):
    """Nobody is left behind, and the next start finds its way."""
    server = lab.avow(zones={"a.test.": small_zone("a.test.")})
    server.wait_signed()
    kill(server.process.pid)
    server.process.popen.wait(timeout=60)
    until(lambda: not server.process.descendants(), "the orphans to end by themselves")
    server.start()
    assert server.ask("www.a.test.").rcode == NOERROR
