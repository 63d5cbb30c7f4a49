"""The rate limit of answers by UDP: whom it holds back, how, and whom it leaves alone."""

import select
import socket

import dns.edns
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from lab import NOERROR, NXDOMAIN, REFUSED, Answer, cookies, question, small_zone, until, wire

ZONE = "a.test."
MOST = 3000  # questions that are put at most: what is waited for takes a few


def limit(**settings):
    """Settings of the daemon: one answer a second, and what the test is about."""
    rate = {"responses-per-second": 1, **{key.replace("_", "-"): to for key, to in settings.items()}}
    return {"rate-limit": rate}


def start(lab, zone=None, keys=(), **settings):
    zones = {ZONE: (small_zone(ZONE), {"policy": "none", **(zone or {})})}
    server = lab.avow(zones=zones, keys=keys, **limit(**settings))
    # By TCP: the first answer by UDP is to be a test's own.
    until(lambda: server.ask(f"www.{ZONE}", tcp=True).rcode == NOERROR, "the zone to be served")
    return server


class Client:
    """Asks from an address of its own; all of 127.0.0.0/8 is this machine's."""

    def __init__(self, server, address="127.0.0.1"):
        self.server = server
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.sock.connect((server.address, server.port))
        self.asked = self.octets_in = self.octets_out = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, name=f"www.{ZONE}", rdtype="A", **more):
        query = question(name, rdtype, **more).to_wire()
        self.asked += 1
        self.octets_in += len(query)
        self.sock.send(query)

    def receive(self, seconds=10.0):
        """The next answer; None when there is none in so long."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return None
        wire = self.sock.recv(65535)
        self.octets_out += len(wire)
        return Answer.read(wire)

    def ask(self, *words, **more):
        self.send(*words, **more)
        return self.receive()

    def drain(self):
        """Whatever has come by now."""
        answers = []
        while answer := self.receive(0):
            answers.append(answer)
        return answers

    def ask_until(self, metric, value, *words, **more):
        """Ask until the daemon has counted so many; the answers that came."""
        answers = []
        while self.server.metric(metric) < value:
            assert self.asked < MOST, f"{metric}: {self.server.metric(metric)} after {self.asked}"
            for _ in range(20):
                self.send(*words, **more)
            answers += self.drain()
        return answers


def held_back(server):
    """How many were limited, by what became of them, and by class: these must agree."""
    metrics = server.status()["metrics"]
    fates = sum(metrics[f"{fate}_limit"] for fate in ("dropped", "slipped", "leaked", "spared"))
    kinds = ("positive", "nodata", "nxdomain", "referral", "error", "unread")
    assert fates == sum(metrics[f"limited_{kind}"] for kind in kinds)
    return fates


def is_empty(answer):
    message = answer.message
    return answer.has("TC") and not (message.answer or message.authority or message.additional)


def shortened(client, **more):
    """Ask until an answer is; the octets that went in and out for that one."""
    while True:
        assert client.asked < MOST
        client.octets_in = client.octets_out = 0
        if is_empty(client.ask(**more)):
            return client.octets_in, client.octets_out


def test_over_the_limit_a_client_is_sent_to_tcp(lab):
    """Slip 1: every answer over the limit says TC and nothing else; by TCP all is answered."""
    server = start(lab, slip=1)
    with Client(server) as client:
        first = client.ask()
        assert first.texts("A") and not first.has("TC")
        answers = [client.ask() for _ in range(50)]
        empty = [answer for answer in answers if answer.has("TC")]
        assert empty and all(is_empty(answer) and answer.rcode == NOERROR for answer in empty)
        assert server.metric("slipped_limit") == len(empty)
        assert server.metric("dropped_limit") == 0
        assert held_back(server) == len(empty)
        line = f"rate limit  {len(empty)} answers over it: 0 dropped, {len(empty)} shortened"
        assert line in server.ctl("status")
        # No larger than what was asked, with and without EDNS, also when the server has a name.
        name = {"options": [dns.edns.GenericOption(dns.edns.NSID, b"")]}
        for more in ({}, {"payload": 0, "do": False}, name):
            octets_in, octets_out = shortened(client, **more)
            assert octets_out <= octets_in
        assert server.ask(f"www.{ZONE}", tcp=True).texts("A") == first.texts("A")
        # Resolvers do just that by themselves.
        query = question(f"www.{ZONE}", "A")
        whole, by_tcp = dns.query.udp_with_fallback(query, server.address, 30, server.port)
        assert whole.answer and by_tcp
    # Once for each worker that met it: of which two sockets reach two.
    assert server.log.text().count("127.0.0.1/32 has had too many") in (1, 2)


def test_without_slip_nothing_is_sent(lab):
    server = start(lab, slip=0)
    with Client(server) as client:
        assert client.ask().texts("A")
        client.ask_until("dropped_limit", 200)
        assert server.metric("slipped_limit") == 0
        # What is asked and what is answered or dropped is the same, once all has been looked at.
        until(
            lambda: server.metric("responses") - server.metric("queries_tcp")
            + server.metric("dropped_limit") == client.asked,
            "all questions to be answered or dropped",
        )
        held_back(server)
        assert server.ask(f"www.{ZONE}", tcp=True).texts("A")


def test_slip_two_sends_about_half(lab):
    """And less goes out than comes in, whatever is asked for."""
    server = start(lab, slip=2)
    with Client(server) as client:
        client.ask_until("dropped_limit", 30)
        client.drain()
        client.octets_in = client.octets_out = 0
        before = server.metric("dropped_limit")
        client.ask_until("dropped_limit", before + 800, ZONE, "SOA")
        until(lambda: server.metric("queries_udp") == client.asked, "all to be looked at")
        client.drain()
        assert client.octets_out <= 0.6 * client.octets_in


def test_others_are_not_held_back(lab):
    """Nor those beside a flooder: its neighbours in the same network."""
    server = start(lab, slip=0)
    with Client(server, "127.3.0.1") as flooder:
        flooder.ask_until("dropped_limit", 100)
        for address in ("127.3.0.2", "127.3.1.1", "127.9.9.9"):
            with Client(server, address) as client:
                assert client.ask().texts("A"), address


def test_a_network_has_a_limit_as_a_whole(lab):
    """Many addresses of one /24, none of them over its own limit."""
    server = start(lab, slip=0, window="1m")
    for last in range(1, 255):
        with Client(server, f"127.4.4.{last}") as client:
            client.send()
            if last % 16 == 0 and server.metric("dropped_limit"):
                break
    assert until(lambda: server.metric("dropped_limit"), "the /24 to be over its limit")
    assert "127.4.4.0/24 has had too many" in server.log.text()
    with Client(server, "127.4.5.1") as client:
        assert client.ask().texts("A")


def test_exempt_addresses_and_zones(lab):
    server = start(lab, slip=1, exempt=["127.5.0.0/16"])
    with Client(server, "127.5.6.7") as client:
        assert all(client.ask().texts("A") for _ in range(100))
    assert held_back(server) == 0
    free = start(lab, zone={"rate-limit": "off"}, slip=1)
    with Client(free) as client:
        assert all(client.ask().texts("A") for _ in range(100))
        # Outside of it the same client is limited, and within it still is not.
        client.ask_until("limited_unread", 5, "elsewhere.", "A")
        client.drain()
        assert client.ask(f"mail.{ZONE}", "A").rcode in (NOERROR, NXDOMAIN)


def test_classes_have_rates_of_their_own(lab):
    server = start(lab, slip=1, classes={"positive": 0, "nxdomain": 1})
    with Client(server) as client:
        client.ask_until("limited_nxdomain", 5, f"nothere.{ZONE}")
        client.drain()
        assert all(client.ask().texts("A") for _ in range(50)), "a class without limit"
        assert server.metric("limited_positive") == server.metric("limited_unread") == 0
        held_back(server)


def test_dry_run_counts_only(lab):
    server = start(lab, slip=0, dry_run=True)
    with Client(server) as client:
        assert all(client.ask().texts("A") for _ in range(200))
    assert server.metric("spared_limit") > 0
    assert server.metric("dropped_limit") == server.metric("slipped_limit") == 0
    held_back(server)
    assert "gets them all the same (dry-run)" in server.log.text()


def test_dry_run_that_ends_is_told(lab):
    """The flood goes on, and is told of anew: its answers are held back from now on."""
    server = start(lab, slip=0, dry_run=True)
    with Client(server) as client:
        client.ask_until("spared_limit", 10)
        server.process.wait_line(r"too many .*; it gets them all the same \(dry-run\)")
        server.settings = {**server.settings, **limit(slip=0)}
        server.write_configuration()
        mark = server.log.mark()
        server.hang_up()
        client.ask_until("dropped_limit", 10)
        assert server.log.lines(r"rate limit: 127\.0\.0\.1\S* has had too many [a-z ]+$", since=mark)


def test_the_desk_is_no_way_around_it(lab):
    """What it refuses is limited, too; who shows a key is answered whatever others do in its name."""
    key = wire.Key.make("ddns.")
    allowed = {"allow-update": [{"key": "ddns."}]}
    server = start(lab, zone=allowed, keys=[key], slip=0)

    def update(**more):
        made = dns.update.UpdateMessage(ZONE, **more)
        made.add("new", 300, "A", "192.0.2.9")
        return made

    with Client(server) as client:
        client.sock.send(update().to_wire())
        assert client.receive().rcode == REFUSED

        def dropped():
            client.sock.send(update().to_wire())
            return server.metric("dropped_limit") >= 20

        until(dropped, "refusals to be held back")
        assert server.metric("limited_error") == held_back(server)
    shown = dns.tsig.Key("ddns.", key.secret, "hmac-sha256")
    for _ in range(5):
        answer = dns.query.udp(update(keyring=shown), server.address, 10, server.port)
        assert answer.rcode() == dns.rcode.NOERROR and answer.had_tsig


def with_cookie(octets):
    return {"options": [dns.edns.GenericOption(cookies.COOKIE, octets)]}


def test_a_client_that_knows_cookies_is_not_lost(lab):
    """While others ask in its name: BADCOOKIE brings it a cookie, and with that it is answered."""
    server = start(lab, slip=1)
    with Client(server) as flooder, Client(server) as client:
        flooder.ask_until("slipped_limit", 50)

        def refused():
            client.send(**with_cookie(b"client-0"))
            answer = client.receive(0.2)
            return answer and answer.rcode == "BADCOOKIE" and answer

        answer = until(refused, "a cookie")
        assert not answer.has("TC") and not answer.message.answer
        cookie = cookies.cookie_of(answer)
        assert len(cookie) == cookies.WHOLE_OCTETS
        for _ in range(50):
            flooder.send()
            answer = client.ask(**with_cookie(cookie))
            assert answer.texts("A") and cookies.cookie_of(answer) == cookie
        held_back(server)


def test_leak_lets_some_through(lab):
    server = start(lab, slip=0, leak=3)
    with Client(server) as client:
        client.ask_until("leaked_limit", 20)
        assert server.metric("dropped_limit") > 0
        held_back(server)


def test_a_reload_takes_effect(lab):
    """On, another way, off: without a restart, and known to a front that starts anew."""
    server = start(lab, responses_per_second=0)
    pids = server.room_pids()
    with Client(server) as client:
        assert all(client.ask().texts("A") for _ in range(100))
        assert held_back(server) == 0

        def reload(**settings):
            server.settings = {**server.settings, **limit(**settings)}
            server.write_configuration()
            server.hang_up()

        reload(slip=1)
        client.ask_until("slipped_limit", 10)
        reload(slip=0)
        client.ask_until("dropped_limit", 10)
        reload(slip=0, exempt=["127.0.0.1"])
        until(lambda: client.drain() or (client.send() or client.receive(0.2)), "to be exempt")
        client.drain()
        assert client.ask().texts("A")
        reload(responses_per_second=0)
        assert server.room_pids() == pids
        reload(slip=1)
        old = server.kill_room("front")
        server.wait_restart("front", old)
        before = server.metric("slipped_limit")
        client.ask_until("slipped_limit", before + 10)
