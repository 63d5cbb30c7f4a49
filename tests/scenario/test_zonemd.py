"""Digests of whole zones (RFC 8976): those of files are verified, ours are right for everybody."""

import json
import subprocess

import pytest

from lab import NOERROR, free_port, large_zone, open_to, peers, secondaries, small_zone, until, wire
from lab.updating import put_text

ZONE = "a.test."
HELD = 7


def with_digest(lab, text, *options, signed=False):
    """The zone with ZONEMD records that ldns has made, and signatures if wanted."""
    folder = lab.folder / "ldns"
    folder.mkdir(exist_ok=True)
    (folder / "zone").write_text(text)
    keys = []
    if signed:
        done = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", ZONE], cwd=folder,
                              capture_output=True, text=True, check=True)
        keys = [done.stdout.strip()]
    subprocess.run(["ldns-signzone", *options, "-o", ZONE, "-f", "out", "zone", *keys],
                   cwd=folder, check=True, capture_output=True)
    text = (folder / "out").read_text()
    assert "ZONEMD" in text
    return text


def held(server):
    return server.zone_status(ZONE)["held"]


@pytest.mark.parametrize("policy", ["none", "default"])
@pytest.mark.parametrize("signed", [False, True])
def test_files_are_verified(lab, policy, signed):
    options = ["-n", "-z", "sha384"] if signed else ["-Z", "-z", "sha384", "-z", "sha512"]
    good = with_digest(lab, small_zone(ZONE), *options, signed=signed)
    server = lab.avow(zones={ZONE: (good, {"policy": policy, "zonemd": "require"})})
    server.wait_signed()
    bad = good.replace("192.0.2.80", "192.0.2.81")
    assert bad != good
    server.zone_file(ZONE).write_text(bad)
    done = server.run_ctl("zone", "reload", ZONE)
    assert done.returncode == HELD and "ZONEMD is wrong" in done.stdout + done.stderr
    assert held(server)["reason"] == "zonemd"
    assert server.ask(f"www.{ZONE}").texts("A") == {"192.0.2.80"}
    diff = server.run_ctl("zone", "diff", ZONE)
    assert "ZONEMD is wrong" in diff.stdout + diff.stderr
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
    assert server.run_ctl("zone", "reload", ZONE).returncode == HELD
    assert "has no ZONEMD" in held(server)["text"]
    server.ctl("zone", "reload", ZONE, "--force")
    assert server.serial(ZONE) == 2 and held(server) is None
    # A zone that has never been served is not served either.
    server.zones[ZONE]["zonemd"] = "verify"
    server.add_zone("b.test.", small_zone("b.test.", more="@ ZONEMD 1 1 1 " + "ab" * 48 + "\n"))
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda status: status["zones"]["held"] == 1, "the new zone to be held")
    assert server.zone_status("b.test.")["state"] == "failed"


def test_a_file_is_judged_without_a_daemon(lab):
    house = lab.avow(start=False, zones={ZONE: small_zone(ZONE)})
    path = house.folder / "judged"

    def check(text):
        path.write_text(text)
        done = house.run_ctl("zone", "check", str(path), ZONE)
        said = json.loads(house.run_ctl("--json", "zone", "check", str(path), ZONE).stdout)
        return done.returncode, done.stdout + done.stderr, said["zonemd"]

    good = with_digest(lab, small_zone(ZONE), "-n", "-z", "sha384", signed=True)
    code, said, word = check(good)
    assert (code, word) == (0, "right") and "ZONEMD verified" in said
    code, said, word = check(good.replace("192.0.2.80", "192.0.2.81"))
    assert (code, word) == (1, "wrong") and "ZONEMD is wrong" in said and "1 error" in said
    code, said, word = check(small_zone(ZONE, more="@ ZONEMD 4711 1 1 " + "ab" * 48 + "\n"))
    assert (code, word) == (1, "stale") and "its ZONEMD is for serial 4711, not for 1" in said
    code, said, word = check(small_zone(ZONE, more="@ ZONEMD 1 1 240 " + "ab" * 48 + "\n"))
    assert (code, word) == (0, "unusable") and "warning: none of its ZONEMD" in said
    code, said, word = check(small_zone(ZONE))
    assert (code, word) == (0, "none") and "ZONEMD" not in said
    code, said, word = check(good + "www A 192.0.2.1.1\n")  # what was not read is not judged
    assert (code, word) == (1, None)


# ---- what is published --------------------------------------------------------------------


def digest(server):
    """The ZONEMD that is served, as (serial, scheme, hash); None."""
    texts = server.ask(ZONE, "ZONEMD").texts("ZONEMD")
    return tuple(int(word) for word in next(iter(texts)).split()[:3]) if texts else None


def published(server, number):
    server.wait_status(lambda status: status["metrics"]["digests"] >= number, f"digest {number}")
    serial, scheme, kind = digest(server)
    assert serial == server.serial(ZONE) and scheme == 1
    return kind


def verify(server, *options):
    """ldns makes the digest of what is exported anew; it fails when there is none."""
    path = server.export(ZONE)
    done = subprocess.run(["ldns-verify-zone", *options, str(path)], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done


@pytest.mark.parametrize(
    "policy",
    [{}, {"denial": "nsec"}, {"keys": "csk"}, None],
)
@pytest.mark.parametrize("kind", ["sha384", "sha512"])
def test_a_digest_is_right_and_follows(lab, policy, kind):
    key = wire.Key.make("k.example.")
    settings = open_to(key, **{"publish-zonemd": kind})
    if policy is None:
        settings["policy"] = "none"
    options = ["-Z"] if policy is None else ["-ZZ"]
    server = lab.avow(
        zones={ZONE: (small_zone(ZONE), settings)}, keys=[key],
        policies=[{"name": "default", **(policy or {})}],
    )
    server.wait_signed()
    assert published(server, 1) == {"sha384": 1, "sha512": 2}[kind]
    assert policy is None or server.ask(ZONE, "ZONEMD").is_signed()
    verify(server, *options)
    if policy is not None:
        peers.verify(server.export(ZONE), ZONE, csk="keys" in policy)
    with server.client(key) as client:
        assert put_text(client, ZONE, "fresh", 1).rcode == 0
        assert digest(server) in (None, (server.serial(ZONE), 1, {"sha384": 1, "sha512": 2}[kind]))
        published(server, 2)
        verify(server, *options)
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=100, more="more A 192.0.2.1\n"))
    server.ctl("zone", "reload", ZONE, "--force")
    published(server, 3)
    verify(server, *options)
    # A restart finds it, and makes no other.
    serial = server.serial(ZONE)
    server.stop()
    server.start()
    server.wait_signed()
    assert digest(server)[0] == serial == server.serial(ZONE)
    server.wait_status(lambda status: server.zone_status(ZONE)["zonemd"]["published"], "it is seen")
    assert server.zone_status(ZONE)["zonemd"]["publish"] == kind and server.metric("digests") == 0
    assert f"zonemd      {kind}, published" in server.ctl("zone", "status", ZONE)
    # It is no part of the file.
    assert policy is None or "ZONEMD" not in server.ctl("zone", "export", ZONE, "--unsigned")
    assert server.run_ctl("zone", "diff", ZONE).returncode == 0


ZONES = {
    "s.test.": (small_zone("s.test."), "default"),
    "o.test.": (small_zone("o.test.", more="".join(f"n{n} NS ns.far.example.\n" for n in range(50))), "out"),
    "n.test.": (large_zone("n.test.", 2000), "plain"),
    "u.test.": (small_zone("u.test."), "none"),
}
POLICIES = [
    {"name": "default"},
    {"name": "out", "nsec3": {"opt-out": True, "salt-length": 4}},
    {"name": "plain", "denial": "nsec"},
]


def test_knot_verifies_what_it_transfers(lab):
    """Whole or as differences, each version that has a digest is taken; its signatures are renewed,
    too."""
    key, port = wire.Key.make("k.example."), free_port()
    zones = {
        name: (text, open_to(key, ("127.0.0.1", port), policy=policy, **{"publish-zonemd": "sha384"}))
        for name, (text, policy) in ZONES.items()
    }
    policies = [
        {**policy, "signature-validity": "40s", "signature-refresh": "20s", "signature-jitter": "0"}
        if policy["name"] == "default" else policy for policy in POLICIES
    ]
    server = lab.avow(zones=zones, keys=[key], policies=policies)
    server.wait_signed()
    knot, = lab.followers((server.address, server.port), key, *zones,
                          kinds=[secondaries.KnotVerifier], ports=[port])

    def follow(zone):
        """Until Knot has a version with a digest, and what follows is no older."""
        def look():
            texts = server.ask(zone, "ZONEMD").texts("ZONEMD")
            return texts and int(next(iter(texts)).split()[0])
        serial = until(look, f"a digest of {zone}")
        until(lambda: (knot.serial(zone) or 0) >= serial, f"Knot to take {zone} at {serial}")
        return serial

    before = {zone: follow(zone) for zone in zones}
    with server.client(key) as client:
        for turn in range(2):
            for zone in zones:
                for number in range(5):
                    assert put_text(client, zone, f"fresh{number}.x{turn}", number).rcode == 0
            for zone in zones:
                serial = follow(zone)
                assert serial > before[zone]
                before[zone] = serial
    assert knot.counts()[1] >= len(zones), "by IXFR"
    # Renewed signatures take the digest away, and it comes back.
    until(lambda: follow("s.test.") > before["s.test."] + 1, "the next signatures")
    assert not server.zone_status("s.test.")["problem"]


def test_a_change_goes_first(lab):
    """A zone that never rests has no digest, and its updates do not wait for one."""
    key = wire.Key.make("k.example.")
    server = lab.avow(
        zones={ZONE: (large_zone(ZONE, 20000), open_to(key, **{"publish-zonemd": "sha512"}))}, keys=[key]
    )
    server.wait_signed()
    published(server, 1)
    with server.client(key) as client:
        for number in range(400):
            assert put_text(client, ZONE, "busy", number).rcode == 0
            told = digest(server)
            assert told is None or told[0] == server.serial(ZONE)
    published(server, 2)
    verify(server, "-ZZ")


def test_a_digest_of_the_file_is_served_as_long_as_it_is_true(lab):
    """An unsigned zone is what its file says, its digest with it; not after a change."""
    key = wire.Key.make("k.example.")
    good = with_digest(lab, small_zone(ZONE, serial=5), "-Z", "-z", "sha384")
    server = lab.avow(zones={ZONE: (good, open_to(key, policy="none"))}, keys=[key])
    assert digest(server) == (5, 1, 1)
    verify(server, "-Z")
    later = with_digest(lab, small_zone(ZONE, serial=9, more="b A 192.0.2.1\n"), "-Z", "-z", "sha384")
    server.zone_file(ZONE).write_text(later)
    server.reload(ZONE)
    assert digest(server) == (9, 1, 1)
    verify(server, "-Z")
    with server.client(key) as client:
        assert put_text(client, ZONE, "fresh", 1).rcode == 0
    assert digest(server) is None and server.serial(ZONE) == 10
    # A serial that is not the file's: the digest would be of another zone.
    again = with_digest(lab, small_zone(ZONE, serial=9, more="c A 192.0.2.1\n"), "-Z", "-z", "sha384")
    server.zone_file(ZONE).write_text(again)
    server.ctl("zone", "reload", ZONE, "--force")
    assert server.ask(f"c.{ZONE}").rcode == NOERROR
    assert digest(server) is None and server.serial(ZONE) == 11
