"""What comes with a TSIG, or is for peers alone: answered, refused, and told apart (RFC 8945)."""

import base64
import os
import signal
import socket
import struct
import time
from unittest import mock

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from lab import NOERROR, NXDOMAIN, REFUSED, Answer, Stream, large_zone, question, small_zone, until
from lab.peers import dig, kdig

ZONE = "a.test."
SECRET = base64.b64encode(b"s" * 32).decode()
OTHER_SECRET = base64.b64encode(b"o" * 32).decode()
KEY = {"name": "peer.", "algorithm": "hmac-sha256", "secret": SECRET}


def key(name="peer.", secret=SECRET, algorithm="hmac-sha256"):
    return dns.tsig.Key(name, secret, algorithm)


def settings():
    zones = {ZONE: (small_zone(ZONE, more="big TXT " + " ".join(f'"{"x" * 200}{i}"' for i in range(40))),
                    {"allow-transfer": [{"key": "peer."}]})}
    return {"zones": zones, "tsig": [KEY]}


@pytest.fixture(scope="module")
def server(shared_lab):
    server = shared_lab.avow(**settings())
    server.wait_signed()
    return server


def signed(name, rdtype="A", by=None, **more):
    query = question(name, rdtype, **more)
    query.use_tsig(by or key())
    return query


def send(server, query, tcp=False, seconds=10):
    """dnspython checks the answer's TSIG: a missing or wrong one is an exception."""
    ask = dns.query.tcp if tcp else dns.query.udp
    return Answer(ask(query, server.address, timeout=seconds, port=server.port))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_query_with_tsig(server, tcp):
    answer = send(server, signed(f"www.{ZONE}"), tcp)
    assert answer.rcode == NOERROR and answer.has("AA") and answer.is_signed()
    assert answer.message.had_tsig
    assert send(server, signed(f"nothere.{ZONE}"), tcp).rcode == NXDOMAIN
    assert send(server, signed("other.test."), tcp).rcode == REFUSED
    plain = server.ask(f"www.{ZONE}", tcp=tcp)
    assert plain.answers() == answer.answers(), "the same as the front says"


@pytest.mark.parametrize("tool", [dig, kdig])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_tools_for_people(server, tool, transport):
    text = tool(server.address, server.port, transport, "+norecurse",
                "-y", f"hmac-sha256:peer.:{SECRET}", f"www.{ZONE}", "A")
    assert "status: NOERROR" in text and "192.0.2" in text and "TSIG" in text.upper(), text
    assert "verif" not in text.lower() and "fail" not in text.lower(), text


def test_room_for_the_tsig(server):
    short = send(server, signed(f"big.{ZONE}", "TXT"))
    assert short.has("TC") and len(short.message.to_wire()) <= 1232
    whole = send(server, signed(f"big.{ZONE}", "TXT"), tcp=True)
    assert not whole.has("TC") and len(whole.texts("TXT")) == 1


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_is_wrong_is_said(server, tcp):
    before = server.status()["metrics"]
    with pytest.raises(dns.tsig.PeerBadKey):
        send(server, signed(f"www.{ZONE}", by=key("nobody.")), tcp)
    with pytest.raises(dns.tsig.PeerBadKey):  # its name, and another algorithm than it is for
        send(server, signed(f"www.{ZONE}", by=key(algorithm="hmac-sha512")), tcp)
    with pytest.raises(dns.tsig.PeerBadSignature):
        send(server, signed(f"www.{ZONE}", by=key(secret=OTHER_SECRET)), tcp)
    after = server.status()["metrics"]
    assert after["tsig_badkey"] - before["tsig_badkey"] == 2
    assert after["tsig_badsig"] - before["tsig_badsig"] == 1


@pytest.mark.parametrize("away", [-3600, 3600], ids=["late", "early"])
def test_out_of_time(server, away):
    query = signed(f"www.{ZONE}")
    now = time.time()
    with mock.patch("time.time", lambda: now + away):
        with pytest.raises(dns.tsig.PeerBadTime):
            send(server, query)
    assert server.metric("tsig_badtime") >= 1


def test_a_message_changed_on_its_way(server):
    wire = bytearray(signed(f"www.{ZONE}").to_wire())
    wire[13] ^= 0x01  # a letter of the question
    answer = server.exchange(bytes(wire))
    assert answer[3] & 15 == dns.rcode.NOTAUTH
    assert struct.unpack("!H", answer[:2]) == struct.unpack("!H", bytes(wire[:2]))


def test_what_nobody_may(server):
    """Without a key, or with one that is not enough: REFUSED, before anything is spent."""
    with server.stream() as stream:
        stream.send(question(ZONE, "AXFR"))
        answer = stream.receive()
        assert answer.rcode == REFUSED and 18 in answer.extended_errors()
    update = dns.update.UpdateMessage(ZONE)
    update.add("fresh", 60, "A", "192.0.2.9")
    assert dns.query.udp(update, server.address, timeout=10, port=server.port).rcode() == dns.rcode.REFUSED
    update.use_tsig(key())
    refused = dns.query.tcp(update, server.address, timeout=10, port=server.port)
    assert refused.rcode() == dns.rcode.REFUSED and refused.had_tsig
    elsewhere = dns.update.UpdateMessage("other.test.", keyring=key())
    elsewhere.add("fresh", 60, "A", "192.0.2.9")
    assert send(server, elsewhere).rcode == "NOTAUTH"
    assert server.metric("updates_refused") == 2 and server.metric("transfers_refused") >= 1
    assert server.ask(f"fresh.{ZONE}").rcode == NXDOMAIN


def test_notify_in(server):
    """We are the primary: whoever tells us something is heard and not heeded (RFC 1996)."""
    before = server.metric("notifies_received")
    for name, rcode in ((ZONE, NOERROR), ("other.test.", "NOTAUTH")):
        for by in (None, key()):
            notify = dns.message.make_query(name, "SOA")
            notify.flags = dns.opcode.to_flags(dns.opcode.NOTIFY) | dns.flags.AA
            if by:
                notify.use_tsig(by)
            answer = send(server, notify)
            assert answer.rcode == rcode
            assert answer.message.opcode() == dns.opcode.NOTIFY
            assert answer.has("AA") == (rcode == NOERROR)
    assert server.metric("notifies_received") == before + 4


def receive(stream, query):
    """The next answer, checked against the query's TSIG if it has one."""
    length = stream._octets(2)
    wire = stream._octets(struct.unpack("!H", length)[0])
    answer = dns.message.from_wire(wire, keyring=query.keyring, request_mac=query.mac)
    assert answer.id == query.id and answer.had_tsig == query.had_tsig
    return Answer(answer)


def test_a_connection_goes_on_after_it_has_moved(server):
    """Plain, signed, plain ... on one connection: every answer in order, whoever gives it."""
    queries = [question(f"www.{ZONE}", "A") if i % 3 else signed(f"www.{ZONE}") for i in range(1, 60)]
    with server.stream() as stream:
        stream.send(*queries)
        for query in queries:
            assert receive(stream, query).rcode == NOERROR
        assert server.metric("desk_connections") >= 1
    until(lambda: server.metric("desk_connections") == 0, "the desk to see that it has ended")


def test_a_desk_that_dies(lab):
    """Its connections end; the next one serves, and the front never stopped."""
    server = lab.avow(**settings())
    server.wait_signed()
    with server.stream() as stream:
        stream.send(signed(f"www.{ZONE}"))
        assert stream._octets(2)
        old = server.kill_room("desk")
        while stream.sock.recv(4096):
            pass
        assert server.ask(f"www.{ZONE}").rcode == NOERROR
    server.wait_restart("desk", old)
    server.wait_rooms()
    assert send(server, signed(f"www.{ZONE}")).rcode == NOERROR


def test_a_desk_that_stands_still(lab):
    """Whatever is sent to it meanwhile, queries are answered; then it goes on."""
    server = lab.avow(**settings())
    server.wait_signed()
    pid = server.room_pid("desk")
    update = dns.update.UpdateMessage(ZONE)
    update.add("fresh", 60, "A", "192.0.2.9")
    wire, streams = update.to_wire(), []
    os.kill(pid, signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.connect((server.address, server.port))
            before = server.metric("dropped_send")
            while server.metric("dropped_send") == before:
                for _ in range(500):
                    flood.send(wire)
        for _ in range(200):
            streams.append(Stream(server.address, server.port))
            streams[-1].send(question(ZONE, "AXFR"))
        for tcp in (False, True):
            assert server.ask(f"www.{ZONE}", tcp=tcp).is_signed()
    finally:
        os.kill(pid, signal.SIGCONT)
        for stream in streams:
            stream.sock.close()

    def is_heard(tcp):
        try:
            return send(server, signed(f"www.{ZONE}"), tcp, seconds=1).rcode == NOERROR
        except (EOFError, ConnectionError, dns.exception.Timeout):
            return False  # what waits at a worker of the front is taken first

    for tcp in (False, True):
        until(lambda: is_heard(tcp), "room in the queue to the desk")
    until(lambda: server.metric("desk_connections") == 0, "the desk to have done with all of them")


def test_a_front_that_dies_takes_no_connection_of_the_desk_along(lab):
    server = lab.avow(**settings())
    server.wait_signed()
    with server.stream() as stream:
        stream.send(first := signed(f"www.{ZONE}"))
        assert receive(stream, first).rcode == NOERROR
        server.wait_restart("front", server.kill_room("front"))
        stream.send(second := signed(f"www.{ZONE}"))
        assert receive(stream, second).rcode == NOERROR
    assert send(server, signed(f"www.{ZONE}")).rcode == NOERROR


def test_keys_change_with_a_reload(lab):
    server = lab.avow(**settings())
    server.wait_signed()
    new = key("new.", OTHER_SECRET)
    with pytest.raises(dns.tsig.PeerBadKey):
        send(server, signed(f"www.{ZONE}", by=new))
    with server.stream() as stream:  # a connection of before goes on
        stream.send(first := signed(f"www.{ZONE}"))
        assert receive(stream, first).rcode == NOERROR
        server.settings["tsig"] = [{**KEY, "name": "new.", "secret": OTHER_SECRET}]
        server.zones[ZONE]["allow-transfer"] = [{"key": "new."}]
        server.write_configuration()
        server.hang_up()

        def is_known():
            try:
                return send(server, signed(f"www.{ZONE}", by=new)).rcode == NOERROR
            except dns.tsig.PeerBadKey:
                return False

        until(is_known, "the new key to be known")
        stream.send(second := signed(f"www.{ZONE}", by=new))
        assert receive(stream, second).rcode == NOERROR
    with pytest.raises(dns.tsig.PeerBadKey):
        send(server, signed(f"www.{ZONE}"))


def test_many_connections_that_nothing_speaks_for(lab):
    """They fill the desk's places, and the one with a key is served all the same."""
    server = lab.avow(**settings(), transfers={"clients": 4})
    server.wait_signed()
    notify = dns.message.make_query(ZONE, "SOA")
    notify.flags = dns.opcode.to_flags(dns.opcode.NOTIFY) | dns.flags.AA
    streams = [Stream(server.address, server.port) for _ in range(12)]
    try:
        for stream in streams:
            stream.send(notify)
            assert stream.receive().rcode == NOERROR
        assert send(server, signed(f"www.{ZONE}"), tcp=True).rcode == NOERROR
        assert server.metric("desk_connections") <= 4
        assert sum(stream.is_closed(0.2) for stream in streams) >= 8
    finally:
        for stream in streams:
            stream.sock.close()


def test_what_is_not_signed_yet_is_waited_for(lab):
    """A query with TSIG asks the keeper for the signatures that it misses, as the front does."""
    token = lab.token(faults=True)
    zones = {"big.test.": (large_zone("big.test.", 5000), {"allow-transfer": [{"key": "peer."}]})}
    server = lab.avow(token=token, zones=zones, tsig=[KEY], start=False)
    token.order("rate 20")
    server.start()
    server.process.wait_line(r"big\.test\. loaded")
    for number, tcp in ((4000, False), (4001, True)):
        assert send(server, signed(f"host000{number}.big.test."), tcp).is_signed()
    token.order()
