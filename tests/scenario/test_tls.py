"""DNS over TLS (RFC 7858): who may speak it, and what it costs others."""

import socket
import ssl
import subprocess

import dns.edns
import pytest

from lab import NOERROR, Answer, free_port, question, small_zone, tls, until


@pytest.fixture
def house(lab):
    return make_house(lab)


def make_house(lab, clients=1000, **settings):
    """A server with TLS, its authority, its certificate."""
    authority = tls.Authority(lab.folder / "authority")
    certificate = authority.issue("ns1.test")
    port = free_port()
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={"tls": tls.settings(port, certificate, authority, clients=clients), **settings},
    )
    server.wait_signed()
    server.tls_port = port
    server.certificate = certificate
    server.authority = authority
    return server


def test_kdig_is_answered_and_checks_the_certificate(house):
    words = ("www.a.test.", "A", "+dnssec")
    said = tls.kdig(house.tls_port, *words, authority=house.authority, host="ns1.test")
    assert tls.rcode(said) == "NOERROR" and "192.0.2.80" in said and "RRSIG" in said, said
    assert "TLS1.3" in said, said
    said = tls.kdig(house.tls_port, *words, authority=house.authority, host="other.test")
    assert tls.rcode(said) is None, said
    said = tls.kdig(house.tls_port, *words)
    assert tls.rcode(said) == "NOERROR", said
    metrics = house.status()["metrics"]
    assert metrics["tls_handshakes"] >= 2 and metrics["queries_tcp"] >= 2


def test_tls_1_2_is_refused(house):
    with pytest.raises(ssl.SSLError, match="(?i)version"):
        tls.Connection(house.tls_port, version=ssl.TLSVersion.TLSv1_2)
    until(lambda: house.status()["metrics"]["tls_failed_version"] == 1, "it to be counted")


def test_another_protocol_than_dot_is_refused(house):
    with pytest.raises(ssl.SSLError, match="(?i)protocol"):
        tls.Connection(house.tls_port, alpn=("http/1.1",))
    connection = tls.Connection(house.tls_port, alpn=("h2", "dot"))
    assert connection.sock.selected_alpn_protocol() == "dot"
    none = tls.Connection(house.tls_port, alpn=())
    assert none.ask_about("www.a.test.").rcode == NOERROR
    assert house.status()["metrics"]["tls_failed_protocol"] == 1


def test_many_questions_of_one_connection_and_of_many(house):
    connections = [tls.Connection(house.tls_port) for _ in range(20)]
    for _ in range(3):
        for connection in connections:
            connection.send(question("www.a.test.", "A"))
        for connection in connections:
            assert Answer.read(connection.receive_octets()).rcode == NOERROR
    assert house.status()["metrics"]["tls_open"] == 20
    for connection in connections:
        connection.close()
    until(lambda: house.status()["metrics"]["tls_open"] == 0, "all to be closed")
    assert house.status()["metrics"]["tcp_open"] == 0


def test_a_crowd_of_half_open_handshakes_holds_nobody_up(lab):
    """More of them than there is room for; a new client is let in, and they go."""
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test")
    port = free_port()
    settings = tls.settings(port, certificate, clients=40)
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, server={"tls": settings})
    server.wait_signed()
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    for half in crowd[::2]:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
    assert tls.Connection(port).ask_about("www.a.test.").rcode == NOERROR
    metrics = server.status()["metrics"]
    assert metrics["tls_evicted"] >= 20 and metrics["tls_open"] <= 40
    assert server.ask("www.a.test.", "A").rcode == NOERROR
    for half in crowd:
        half.close()


def test_a_slow_handshake_is_cut_off(lab):
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test")
    port = free_port()
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={"tls": tls.settings(port, certificate), "tcp": {"idle": "1s"}},
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as half:
        half.sendall(b"\x16")
        assert half.recv(1) == b""
    assert server.status()["metrics"]["tls_slow"] == 1


def test_an_idle_connection_is_closed_by_the_front(lab):
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test")
    port = free_port()
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={"tls": tls.settings(port, certificate), "tcp": {"idle": "1s"}},
    )
    server.wait_signed()
    connection = tls.Connection(port)
    assert connection.ask_about("www.a.test.").rcode == NOERROR
    assert connection.receive_octets() is None
    assert server.status()["metrics"]["tcp_idle"] == 1
    assert server.status()["metrics"]["tls_open"] == 0


def test_the_front_counts_the_client_behind_the_veil(lab):
    """per-address holds for the real address, whether it comes by TLS or plain."""
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test")
    port = free_port()
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={
            "tls": tls.settings(port, certificate),
            "workers": 1,
            "tcp": {"per-address": 2},
        },
    )
    server.wait_signed()
    first = tls.Connection(port)
    assert first.ask_about("www.a.test.").rcode == NOERROR
    others = [server.stream() for _ in range(2)]
    until(lambda: server.status()["metrics"]["tcp_evicted"] == 1, "one to make room")
    assert first.receive_octets() is None
    assert len(others) == 2


def test_a_veil_that_dies_comes_back(house):
    connection = tls.Connection(house.tls_port)
    assert connection.ask_about("www.a.test.").rcode == NOERROR
    old = house.kill_room("veil")
    assert house.ask("www.a.test.", "A").rcode == NOERROR
    house.wait_restart("veil", old)
    assert tls.Connection(house.tls_port).ask_about("www.a.test.").rcode == NOERROR


def test_status_tells_of_tls(house):
    tls.Connection(house.tls_port).close()
    said = house.status()["tls"]
    assert said["listen"] == [f"127.0.0.1@{house.tls_port}"]
    assert said["certificate_ends"].endswith("Z") and said["handshakes"] == 1
    assert f"TLS         on 127.0.0.1@{house.tls_port}, certificate ends 20" in house.ctl("status")


def test_answers_are_padded_when_asked_for_and_encrypted(house):
    """RFC 8467 section 4.1: multiples of 468 octets, by TLS alone."""
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(31))
    connection = tls.Connection(house.tls_port)
    for name, kind in (("www.a.test.", "A"), ("nope.a.test.", "A"), ("a.test.", "DNSKEY"), ("else.", "A")):
        for _ in range(2):  # the second time from the cache
            asked = question(name, kind, options=[padding])
            connection.send(asked)
            padded = connection.receive_octets()
            assert len(padded) % 468 == 0, (name, kind, len(padded))
            connection.send(question(name, kind))
            bare = connection.receive_octets()
            assert len(bare) < len(padded) and len(bare) % 468, (name, kind, len(bare))
            plain = house.ask(name, kind, tcp=True, options=[padding])
            assert not any(option.otype == padding.otype for option in plain.message.options)


def reload(server, pattern):
    mark = server.log.mark()
    server.hang_up()
    server.process.wait_line(pattern, since=mark)


def test_another_certificate_is_taken_under_open_connections(house):
    before = tls.Connection(house.tls_port)
    old = house.certificate.octets
    assert before.certificate() == old
    house.certificate.install(house.authority.issue("ns1.test", days=90))
    house.hang_up()
    until(
        lambda: tls.Connection(house.tls_port).certificate() == house.certificate.octets,
        "the new certificate",
    )
    assert house.certificate.octets != old
    assert before.ask_about("www.a.test.").rcode == NOERROR
    assert house.room("veil")["restarts"] == 0


def test_a_bad_pair_is_refused_and_the_old_one_goes_on(house):
    old = house.certificate.octets
    house.certificate.key.write_bytes(house.authority.issue("else.test").key.read_bytes())
    reload(house, r"server.tls: the key does not belong to the certificate")
    assert tls.Connection(house.tls_port).certificate() == old
    house.certificate.file.write_text("no certificate")
    reload(house, r"server.tls: the certificate is no certificate in PEM")
    assert tls.Connection(house.tls_port).certificate() == old
    gone = house.kill_room("veil")  # nor does the next process meet what was refused
    house.wait_restart("veil", gone)
    assert tls.Connection(house.tls_port).certificate() == old
    house.certificate.key.chmod(0o640)
    reload(house, r"can be read or written by others")
    done = house.run_ctl("config", "check", str(house.configuration))
    assert done.returncode == 1 and "others than its owner" in done.stderr


def test_a_bad_pair_is_found_by_the_check(house):
    house.certificate.key.write_bytes(house.authority.issue("else.test").key.read_bytes())
    done = house.run_ctl("config", "check", str(house.configuration))
    assert done.returncode == 1 and "does not belong to the certificate" in done.stderr
    done = subprocess.run([house.program, "-t", "-c", house.configuration], capture_output=True, text=True)
    assert done.returncode == 1 and "does not belong to the certificate" in done.stderr


def test_a_certificate_near_its_end_is_told_of(lab):
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test", days=5)
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={"tls": tls.settings(free_port(), certificate)},
    )
    server.process.wait_line(r"warning: veil: the TLS certificate ends in [45] days")


def test_a_certificate_that_has_ended_is_told_of_by_the_check_and_in_status(lab):
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test", days=-1)
    server = lab.avow(
        zones={"a.test.": small_zone("a.test.")},
        server={"tls": tls.settings(free_port(), certificate)},
    )
    done = subprocess.run([server.program, "-t", "-c", server.configuration], capture_output=True, text=True)
    assert done.returncode == 0 and "warning: server.tls: the certificate has ended" in done.stderr
    done = server.run_ctl("config", "check", str(server.configuration))
    assert done.returncode == 0 and "warning: server.tls: the certificate has ended" in done.stderr
    server.wait_status(lambda status: status["tls"]["certificate_ended"], "the end to be told of")
    assert "certificate ENDED 2" in server.ctl("status")


def rewritten(server, **tls_settings):
    """Its configuration with something else in server.tls; None: without that."""
    settings = server.settings["server"]["tls"]
    for key, value in tls_settings.items():
        settings.pop(key.replace("_", "-"), None)
        if value is not None:
            settings[key.replace("_", "-")] = value
    server.write_configuration()
    reload(server, "reloading")


def test_more_clients_by_a_reload(lab):
    house = make_house(lab, clients=4, tcp={"per-address": 100, "per-network": 100})
    gone = [tls.Connection(house.tls_port) for _ in range(8)]
    until(lambda: house.status()["metrics"]["tls_open"] <= 4, "the limit to hold")
    for connection in gone:
        connection.close()
    rewritten(house, clients=40)

    def all_are_answered():
        connections = [tls.Connection(house.tls_port) for _ in range(30)]
        for connection in connections:
            connection.send(question("www.a.test.", "A"))
        return all(connection.receive_octets() for connection in connections)

    until(all_are_answered, "thirty connections at once")


def test_dropping_tls_keeps_what_is_in_use(house):
    """Until the restart that it takes: not the certificate of the start, which may have leaked."""
    house.certificate.install(house.authority.issue("ns1.test", days=90))
    house.hang_up()
    new = house.certificate.octets
    until(lambda: tls.Connection(house.tls_port).certificate() == new, "the new certificate")
    del house.settings["server"]["tls"]
    house.write_configuration()
    reload(house, "server.tls.listen has changed: that needs a restart")
    assert tls.Connection(house.tls_port).certificate() == new
    house.wait_restart("veil", house.kill_room("veil"))
    assert tls.Connection(house.tls_port).certificate() == new


def test_another_authority_ends_what_the_old_one_vouched_for(lab):
    house = make_house(lab, tcp={"idle": 120})
    known = tls.Connection(house.tls_port, client=house.authority.issue("one.test"))
    other = tls.Connection(house.tls_port, client=house.authority.self_signed("two.test"))
    assert known.ask_about("www.a.test.").rcode == NOERROR
    assert other.ask_about("www.a.test.").rcode == NOERROR
    rewritten(house, client_ca_file=str(house.certificate.file))
    assert known.receive_octets() is None
    assert other.ask_about("www.a.test.").rcode == NOERROR
