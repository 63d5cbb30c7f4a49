"""Digests of whole zones (RFC 8976): those of files are verified, ours are right for everybody."""

import subprocess

import pytest

from lab import open_to, peers, small_zone, until, wire
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
