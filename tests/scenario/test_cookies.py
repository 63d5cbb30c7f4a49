"""DNS cookies (RFC 7873, RFC 9018): clients learn them, other servers make the same, secrets roll
over, and a client without a good one can be asked for it."""

import os
import re
import subprocess

import pytest

from lab import AVOWCTL, FORMERR, NOERROR, cookies, has_ipv6, peers, small_zone, until

ZONE = "a.test."
WWW = f"www.{ZONE}"
FRESH = b"client-0"
FIRST, SECOND = b"the first secret", b"the secret after"


def start(lab, secrets=(), **settings):
    """A server of one zone, unsigned: what is asked here is not how it is signed."""
    server = lab.avow(
        zones={ZONE: (small_zone(ZONE), {"policy": "none"})},
        start=False,
        server={"workers": 1, "cookies": {**({"secret-files": ["cookies"]} if secrets else {}), **settings}},
    )
    if secrets:
        write_secrets(server, *secrets)
    server.start()
    server.wait_signed(ZONE)
    return server


def write_secrets(server, *secrets, mode=0o600):
    path = server.folder / "cookies"
    path.unlink(missing_ok=True)
    path.write_text("".join(secret.hex() + "\n" for secret in secrets))
    path.chmod(mode)


def counts(server):
    metrics = server.status()["metrics"]
    return tuple(metrics[f"cookies_{kind}"] for kind in ("good", "bad", "client"))


def judged(server, cookie, **more):
    """What the server's counters say of a cookie."""
    before = counts(server)
    answer, _ = cookies.ask(server, WWW, cookie, **more)
    assert answer.rcode == NOERROR
    after = until(lambda: (now := counts(server)) != before and now, "the cookie to be counted")
    (kind,) = (k for k, old, new in zip(("good", "bad", "client"), before, after) if old != new)
    return kind


def learn(server, client=FRESH, **more):
    answer, cookie = cookies.ask(server, WWW, client, **more)
    assert answer.rcode == NOERROR and answer.texts("A") == {"192.0.2.80"}
    assert len(cookie) == cookies.WHOLE_OCTETS and cookie.startswith(client)
    return cookie


# ---- people's tools and a resolver ----------------------------------------------------------


def dig(server, *words):
    return peers.dig(server.address, server.port, *words, WWW, "A")


def kdig(server, *words):
    return peers.kdig(server.address, server.port, *words, WWW, "A")


def test_dig_learns_a_cookie_and_comes_back_with_it(lab):
    server = start(lab)
    text = dig(server, "+cookie")
    learnt = re.search(r"COOKIE: ([0-9a-f]{48}) \(good\)", text)
    assert learnt and "status: NOERROR" in text, text
    text = dig(server, f"+cookie={learnt.group(1)}")
    assert f"COOKIE: {learnt.group(1)} (good)" in text and "192.0.2.80" in text, text
    assert "COOKIE" not in dig(server, "+nocookie")
    text = dig(server, "+tcp", f"+cookie={learnt.group(1)[:-1]}{'0' if learnt.group(1)[-1] != '0' else '1'}")
    assert "status: NOERROR" in text and "(good)" in text, text
    assert until(lambda: counts(server) == (1, 1, 1), "three cookies to be counted")
    assert "1 good, 1 bad, 1 from clients" in server.ctl("status")


def test_kdig_learns_a_cookie_and_comes_back_with_it(lab):
    server = start(lab)
    text = kdig(server, "+cookie")
    learnt = re.search(r"COOKIE: ([0-9A-Fa-f]{48})", text)
    assert learnt and "status: NOERROR" in text, text
    text = kdig(server, f"+cookie={learnt.group(1)}")
    assert learnt.group(1) in text and "192.0.2.80" in text, text
    assert until(lambda: counts(server) == (1, 0, 1), "two cookies to be counted")


@pytest.mark.parametrize("require", ["never", "always"])
def test_a_resolver_uses_cookies(lab, require):
    """BIND learns one with its first question and sends it with all others."""
    server = start(lab, require=require)
    resolver = lab.resolver(server)
    for number in range(5):
        answer = resolver.ask(f"h{number}.wild.{ZONE}")
        assert answer.rcode == NOERROR and answer.texts("A") == {"192.0.2.99"}, answer
    good, bad, client = counts(server)
    assert good >= 4 and bad == 0 and client >= 1
    refused = server.metric("rcode_badcookie")
    assert refused >= 1 if require == "always" else refused == 0


# ---- what is asked of clients ---------------------------------------------------------------


def test_a_good_cookie_can_be_required(lab):
    server = start(lab, require="always")
    text = dig(server, "+cookie", "+nobadcookie")
    assert "status: BADCOOKIE" in text and "(good)" in text and "192.0.2.80" not in text, text
    text = dig(server, "+cookie")  # it comes again with what it was given
    assert "status: NOERROR" in text and "192.0.2.80" in text, text
    for words in (["+nocookie"], ["+tcp", "+cookie"]):
        text = dig(server, *words)
        assert "status: NOERROR" in text and "192.0.2.80" in text, text
    text = kdig(server, "+cookie", "+badcookie=1")
    assert "192.0.2.80" in text, text


def test_a_cookie_alone_can_be_asked_for(lab):
    """RFC 7873 section 5.4: a message without a question."""
    server = start(lab)
    text = dig(server, "+header-only", "+cookie", "+nobadcookie")
    assert "status: NOERROR" in text and "QUERY: 0" in text and "ANSWER: 0" in text, text
    cookie = re.search(r"COOKIE: ([0-9a-f]{48}) \(good\)", text).group(1)
    text = dig(server, "+header-only", f"+cookie={cookie}", "+nobadcookie")
    assert "status: NOERROR" in text and cookie in text, text
    text = dig(server, "+header-only", f"+cookie={cookie[:16]}{'00' * 16}", "+nobadcookie")
    assert "status: BADCOOKIE" in text and "(good)" in text, text


def test_they_can_be_switched_off(lab):
    server = start(lab, enabled=False)
    answer, cookie = cookies.ask(server, WWW, FRESH)
    assert answer.rcode == NOERROR and cookie == b""
    assert f"status: {FORMERR}" in dig(server, "+header-only", "+cookie")
    assert counts(server) == (0, 0, 0)


# ---- other servers with the same secret -----------------------------------------------------

ADDRESSES = ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", cookies.PEERS, ids=lambda kind: kind.name)
def test_servers_of_one_secret_know_each_others_cookies(lab, kind, address):
    server = start(lab, [FIRST])
    peer = lab.cookie_peer(kind, ZONE, small_zone(ZONE), FIRST)
    ours = learn(server, address=address)
    assert peer.takes(ours, address), f"{kind.name} does not know our cookie {ours.hex()}"
    theirs = cookies.ask(peer, WWW, b"client-1", address)[1]
    assert len(theirs) == cookies.WHOLE_OCTETS
    assert judged(server, theirs, address=address) == "good", theirs.hex()
    # The controls: another secret's, and another client's.
    assert judged(server, theirs[:-1] + bytes([theirs[-1] ^ 1]), address=address) == "bad"
    stranger = start(lab, [SECOND])
    assert not peer.takes(learn(stranger, address=address), address)


def test_a_cookie_is_good_at_every_server_of_an_address(lab):
    one, other = start(lab, [FIRST]), start(lab, [FIRST])
    assert judged(other, learn(one)) == "good"
    assert judged(one, learn(other)) == "good"


# ---- secrets --------------------------------------------------------------------------------


def reload(server, identity):
    """Until the one worker has the new settings: it calls itself by another name then."""
    server.settings["server"]["identity"] = identity
    server.write_configuration()
    server.hang_up()
    text = f'status: NOERROR.*"{identity}"'
    until(
        lambda: re.search(text, peers.dig(server.address, server.port, "id.server", "CH", "TXT"), re.S),
        "the new settings",
    )


def test_a_secret_is_replaced_without_a_restart(lab):
    """As avow.yaml(5) says: behind, in front, and the old one away."""
    server = start(lab, [FIRST])
    pid = server.room_pid("front")
    old = learn(server)

    write_secrets(server, FIRST, SECOND)
    reload(server, "behind")
    assert cookies.ask(server, WWW, old)[1] == old
    write_secrets(server, SECOND, FIRST)
    reload(server, "in-front")
    new = cookies.ask(server, WWW, old)[1]
    assert new != old and judged(server, old) == "good" and judged(server, new) == "good"
    write_secrets(server, SECOND)
    reload(server, "alone")
    assert judged(server, old) == "bad" and judged(server, new) == "good"
    assert server.room_pid("front") == pid


def test_a_secret_of_its_own_lasts_over_a_reload(lab):
    server = start(lab)
    cookie = learn(server)
    server.settings["server"]["cookies"] = {"require": "never"}
    reload(server, "another")
    assert judged(server, cookie) == "good"
    old = server.kill_room("front")
    server.wait_restart("front", old)
    assert judged(server, cookie) == "bad"  # and answered all the same


def test_a_secret_that_others_can_read_is_refused(lab):
    server = start(lab, [FIRST])
    cookie = learn(server)
    write_secrets(server, SECOND, mode=0o640)
    done = server.run_ctl("config", "check", server.configuration)
    assert done.returncode == 1 and "read or written by others" in done.stderr, done.stderr
    assert FIRST.hex() not in done.stderr and SECOND.hex() not in done.stderr
    mark = server.log.mark()
    server.hang_up()
    server.process.wait_line(r"the configuration stays as it is", mark)
    assert judged(server, cookie) == "good"


def test_avowctl_makes_secrets(lab):
    server = start(lab, [FIRST])
    with open(server.folder / "cookies", "w", encoding="ascii") as file:
        subprocess.run([AVOWCTL, "cookie", "generate"], stdout=file, check=True, timeout=60)
        subprocess.run([AVOWCTL, "cookie", "generate"], stdout=file, check=True, timeout=60)
    lines = (server.folder / "cookies").read_text().split()
    assert len(set(lines)) == 2 and all(len(bytes.fromhex(line)) == 16 for line in lines)
    server.ctl("config", "check", str(server.configuration))
    with open(os.open(server.folder / "open", os.O_WRONLY | os.O_CREAT, 0o644), "w") as file:
        made = subprocess.run(
            [AVOWCTL, "cookie", "generate"], stdout=file, stderr=subprocess.PIPE, timeout=60
        )
    assert made.returncode == 0 and b"warning" in made.stderr
