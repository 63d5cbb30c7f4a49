"""What cannot be started says why, in one clear line, and ends with code 1."""

import socket

import pytest

from lab import NOERROR, small_zone

ZONE = {"a.test.": small_zone("a.test.")}


def errors(log):
    return [line for line in log.splitlines() if " error: " in line]


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_port_in_use(lab, kind):
    server = lab.avow(zones=ZONE, start=False)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", server.port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        code, log = server.start_in_vain()
    assert code == 1
    assert len(errors(log)) == 1 and "in use" in errors(log)[0], log
    assert str(server.port) in errors(log)[0]
    server.start()  # the way is free now
    server.wait_signed()


def test_a_second_daemon_on_the_same_state(lab):
    server = lab.avow(zones=ZONE)
    server.wait_signed()
    other = lab.avow(zones=ZONE, start=False)
    other.settings["server"] = {"state": str(server.state), "control": "other.sock"}
    other.write_configuration()
    code, log = other.start_in_vain()
    assert code == 1
    assert len(errors(log)) == 1 and str(server.state) in errors(log)[0], log
    assert server.ask("www.a.test.").rcode == NOERROR


def test_a_second_daemon_on_the_same_control_socket(lab):
    server = lab.avow(zones=ZONE)
    other = lab.avow(zones=ZONE, start=False)
    other.settings["server"] = {"control": str(server.folder / "avow.sock")}
    other.write_configuration()
    code, log = other.start_in_vain()
    assert code == 1
    assert len(errors(log)) == 1 and "avow.sock" in errors(log)[0], log
    server.wait_signed()  # it still has its socket


def test_a_store_of_a_newer_format(lab):
    server = lab.avow(zones=ZONE)
    server.wait_signed()
    assert server.stop() == 0
    octets = server.store_file.read_bytes()
    key = b"format\0\0\0"
    assert key in octets
    place = octets.index(key) + len(key)
    spoilt = octets.replace(key + octets[place : place + 1], key + bytes([99]))
    server.store_file.write_bytes(spoilt)
    code, log = server.start_in_vain()
    assert code == 1
    assert len(errors(log)) == 1 and "format 99" in errors(log)[0], log
    assert server.store_file.read_bytes() == spoilt, "a store that is refused stays as it is"
    checked = server.run_ctl("store", "check")
    assert checked.returncode == 1 and "format 99" in checked.stderr
    server.store_file.write_bytes(octets)
    server.start()
    assert server.ask("www.a.test.").is_signed()


def test_a_store_that_is_none(lab):
    server = lab.avow(zones=ZONE, start=False)
    (server.state / "store").mkdir(parents=True, mode=0o700)
    server.state.chmod(0o700)
    server.store_file.write_bytes(b"this is no store" * 1024)
    code, log = server.start_in_vain()
    assert code == 1 and len(errors(log)) == 1 and "data.mdb" in errors(log)[0], log


def test_an_address_that_this_machine_does_not_have(lab):
    server = lab.avow(zones=ZONE, start=False, listen=[("192.0.2.1", 5300)])
    code, log = server.start_in_vain()
    assert code == 1 and len(errors(log)) == 1 and "192.0.2.1" in errors(log)[0], log
