"""What no seal tells is found in the background, and mended where that is safe."""

import json
import re
import struct
import subprocess

from lab import NOERROR, NXDOMAIN, SERVFAIL, SPOIL, open_to, small_zone, until, wire
from lab import model
from lab.updating import put_text

ZONE = "a.test."
OTHER = "b.test."


def spoil(server, *words):
    """Damage to the store of a daemon that is stopped."""
    done = subprocess.run(
        [str(SPOIL), str(server.state / "store"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def stopped(lab, **more):
    server = lab.avow(zones={ZONE: small_zone(ZONE), OTHER: small_zone(OTHER)}, **more)
    server.wait_signed()
    assert server.stop() == 0
    return server


def scrubbed(server):
    """The pass of the start has ended; what it found."""
    return until(
        lambda: (last := server.ask_daemon("scrub", "status")["scrub"]["last"])["ended"] and last,
        "the pass of the start to end",
    )


def scrub(server, code=0):
    done = server.run_ctl("--json", "scrub", "start", "--wait")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)["scrub"]["last"]


def test_a_store_without_faults(lab):
    server = lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    found = scrub(server)
    status = server.zone_status(ZONE)
    assert found["signatures"] == status["signatures"] == status["scrub"]["signatures"] > 20
    assert found["records"] > found["signatures"] / 2
    assert (found["records_damaged"], found["signatures_bad"], found["zones_doubtful"]) == (0, 0, 0)
    assert status["problem"] is None and status["scrub"]["at"]
    assert "scrub" in server.ctl("status") and "scrubbed" in server.ctl("zone", "status", ZONE)
    assert server.stop() == 0
    checked = server.run_ctl("store", "check", "--signatures")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{found['signatures']} RRsets with signatures, 0 with" in checked.stdout


def test_a_bad_signature_is_made_anew(lab):
    server = stopped(lab)
    name = f"www.{ZONE}"
    spoil(server, "signature", ZONE, name, "A")
    checked = server.run_ctl("store", "check", "--signatures")
    assert checked.returncode == 1 and "does not match" in checked.stderr, checked.stderr
    assert server.run_ctl("store", "check").returncode == 0
    server.start()
    validator = lab.unbound(server, ZONE)
    assert not validator.ask(name).is_authentic
    serial = server.serial(ZONE)
    found = scrub(server)
    assert (found["signatures_bad"], found["signatures_left"]) == (1, 0)
    assert server.metric("signatures_bad") == 1
    assert server.log.lines(r"a\.test\.: a stored signature of www\.a\.test\. A does not hold")
    until(lambda: server.serial(ZONE) > serial, "the new signature to be stored")
    assert scrub(server)["signatures_bad"] == 0
    another = lab.unbound(server, ZONE)
    assert another.ask(name).is_authentic, another.why()


def test_what_was_not_verified_is_found(lab):
    """A token that is wrong now and then, and a policy that does not look: the scrub does."""
    token = lab.token(faults=True)
    policy = {"name": "default", "verify-signatures": "never"}
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)}, policies=[policy], start=False)
    server.start()
    server.wait_signed()
    assert scrub(server)["signatures_bad"] == 0
    token.order("wrong 5")
    server.change_zone(ZONE, lambda text: text + "".join(f"n{i} A 192.0.2.7\n" for i in range(40)))
    server.ctl("zone", "wait", ZONE)
    token.order()
    assert scrub(server)["signatures_bad"] > 0
    until(lambda: scrub(server)["signatures_bad"] == 0, "all of them to be made anew")


def test_a_zone_that_lost_a_record_is_loaded_anew(lab):
    """Its file is all that it is: it is read again, by itself."""
    server = stopped(lab)
    spoil(server, "vanish", ZONE, f"www.{ZONE}")
    checked = server.run_ctl("store", "check")
    assert checked.returncode == 1 and "not those that its digest is of" in checked.stderr
    server.start()
    found = scrubbed(server)
    assert found["zones_doubtful"] == 1
    until(lambda: server.ask(f"www.{ZONE}").rcode == NOERROR, "the zone to be whole again")
    server.wait_signed()
    assert server.zone_status(ZONE)["problem"] is None
    assert scrub(server)["zones_doubtful"] == 0
    assert server.metric("zones_doubtful") == 0
    assert server.log.lines(r"a\.test\. not answered for: .*its file is loaded anew")


def test_a_hook_that_fails_keeps_no_zone_from_being_mended(lab):
    """What it let through once, and what has not changed, it is not asked about again."""
    program = lab.folder / "check-zone"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    hook = {"program": str(program), "user": "root"}
    server = lab.avow(zones={ZONE: (small_zone(ZONE), {"hook": hook})})
    server.wait_signed()
    assert server.stop() == 0
    spoil(server, "vanish", ZONE, f"www.{ZONE}")
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    server.start()
    assert scrubbed(server)["zones_doubtful"] == 1
    until(lambda: server.ask(f"www.{ZONE}").rcode == NOERROR, "the zone to be whole again")
    server.wait_signed()
    assert server.metric("loads_held") == 0 and server.zone_status(ZONE)["problem"] is None


def put(server, key):
    """The RCODE of an update that adds a name."""
    with server.client(key) as client:
        return put_text(client, ZONE, "fresh", 1).rcode


def test_a_zone_in_doubt_is_not_written_to_its_file(lab):
    """Neither when asked nor at a stop: the file has what the store has lost."""
    key = wire.Key.make("key.test.")
    server = lab.avow(zones={ZONE: (small_zone(ZONE), open_to(key))}, keys=[key])
    server.wait_signed()
    assert put(server, key) == model.NOERROR
    assert server.stop() == 0
    spoil(server, "vanish", ZONE, f"www.{ZONE}")
    server.zones[ZONE]["zone-file"] = "write"
    server.write_configuration()
    server.start()
    assert scrubbed(server)["zones_doubtful"] == 1
    done = server.run_ctl("zone", "write", ZONE)
    assert done.returncode == 1 and "in doubt" in done.stdout + done.stderr
    assert server.stop() == 0
    assert server.zone_file(ZONE).read_text() == small_zone(ZONE)


def test_a_zone_in_doubt_is_not_answered(lab):
    """Updates have changed it: what it should be, an operator has to say."""
    key = wire.Key.make("key.test.")
    zones = {ZONE: (small_zone(ZONE), open_to(key)), OTHER: small_zone(OTHER)}
    server = lab.avow(zones=zones, keys=[key])
    server.wait_signed()
    assert put(server, key) == model.NOERROR
    assert server.stop() == 0
    spoil(server, "vanish", ZONE, f"www.{ZONE}")
    server.start()
    scrubbed(server)
    for name in (f"www.{ZONE}", f"mail.{ZONE}", f"nothere.{ZONE}", ZONE):
        until(lambda: server.ask(name).rcode == SERVFAIL, f"{name} not to be answered")
    assert server.ask(f"www.{OTHER}").is_signed()
    status = server.zone_status(ZONE)
    assert status["state"] == "doubtful" and "reload --force" in status["problem"]
    zones = server.status()["zones"]
    assert (zones["served"], zones["fully_signed"], zones["doubtful"]) == (1, 1, 1)
    assert "1 served, 1 fully signed" in (text := server.ctl("status")) and "1 doubtful" in text
    done = server.run_ctl("zone", "wait", ZONE, "--timeout", "0")
    assert done.returncode == 1 and "not answered for" in done.stdout + done.stderr
    assert server.metric("zones_doubtful") == 1
    assert put(server, key) == model.SERVFAIL
    assert server.run_ctl("zone", "reload", ZONE).returncode == 7
    assert scrub(server, code=1)["zones_doubtful"] == 1
    server.ctl("zone", "reload", ZONE, "--force")
    server.wait_signed()
    assert server.status()["zones"]["doubtful"] == 0
    assert server.ask(f"www.{ZONE}").is_signed()
    assert server.ask(f"fresh.{ZONE}").rcode == NXDOMAIN
    assert scrub(server)["zones_doubtful"] == 0


def test_nothing_is_answered_before_the_look(lab):
    """scrub-first: the very first answers are those of a store that was looked through."""
    key = wire.Key.make("key.test.")
    zones = {ZONE: (small_zone(ZONE), open_to(key)), OTHER: small_zone(OTHER)}
    server = lab.avow(zones=zones, keys=[key], server={"scrub-first": "yes"})
    server.wait_signed()
    assert put(server, key) == model.NOERROR
    assert server.stop() == 0
    spoil(server, "vanish", ZONE, f"www.{ZONE}")
    server.start()
    for name in (f"www.{ZONE}", f"mail.{ZONE}", ZONE):
        assert server.ask(name).rcode == SERVFAIL
    assert server.ask(f"www.{OTHER}").is_signed()
    begun = server.log.lines(r"answers begin: all zones were looked through")
    # Another keeper alone keeps nobody waiting.
    server.wait_restart("keeper", server.kill_room("keeper"))
    assert server.ask(f"www.{OTHER}").is_signed()
    assert server.log.lines(r"answers begin: ") == begun


def test_a_damaged_record(lab):
    server = stopped(lab)
    spoil(server, "record", ZONE, f"www.{ZONE}")
    server.start()
    found = scrubbed(server)
    assert (found["records_damaged"], found["zones_doubtful"]) == (1, 0)
    assert server.log.lines(r"a\.test\.: nodes: www\.a\.test\.: the record is damaged")
    until(lambda: server.ask(f"www.{ZONE}").rcode == NOERROR, "the zone to be loaded anew")
    server.wait_signed()
    assert scrub(server)["records_damaged"] == 0
    assert server.metric("records_corrupt") == 1


def test_a_damaged_record_whose_file_has_gone(lab):
    """Nothing but that name suffers, and it says so until somebody does something."""
    server = stopped(lab)
    spoil(server, "record", ZONE, f"www.{ZONE}")
    path = server.zone_file(ZONE)
    path.rename(path.with_suffix(".away"))
    server.start()
    scrubbed(server)
    assert server.ask(f"www.{ZONE}").rcode == SERVFAIL
    assert server.ask(f"mail.{ZONE}").is_signed()
    # What is said helps while the daemon runs.
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "www", "A", "192.0.2.7")
    done = server.run_ctl("zone", "commit", ZONE)
    assert done.returncode == 1 and "avowctl scrub start" in done.stderr, done
    assert "zone reload --force" in done.stderr, done
    assert "zone reload --force" in server.zone_status(ZONE)["problem"]
    assert scrub(server, code=1)["records_damaged"] == 1


def damage_row(server, label):
    with server.store_file.open("r+b") as file:
        octets = file.read()
        # Its apex, the version that is served, none that is being loaded, the serial.
        for row in re.finditer(rb"\x01" + label + rb"\x04test\0\0\0\0[\x01-\x06]\0{7}\x01", octets):
            file.seek(row.end() - 1)
            file.write(b"\x02")


def test_a_damaged_row_of_a_zone_that_was_removed(lab):
    """Nobody knows what it said: it goes, and what is behind it is as it was."""
    zones = {name: small_zone(name) for name in (ZONE, "b.test.", "c.test.")}
    server = lab.avow(zones=zones)
    server.wait_signed()
    kept = {name: server.zones.pop(name) for name in ("b.test.", "c.test.")}
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda status: status["zones"]["removed"] == 2, "both to be kept")
    scrubbed(server)
    damage_row(server, b"b")
    server.hang_up()
    server.process.wait_line(r"b\.test\., which is not configured any more, is dropped")
    server.wait_status(lambda status: status["zones"]["removed"] == 1, "the other to be kept")
    server.zones.update(kept)
    server.write_configuration()
    server.hang_up()
    for name in kept:
        server.wait_signed(name)
        assert server.ask(f"www.{name}").is_signed()
    assert scrub(server)["records_damaged"] == 0


def test_a_damaged_row_of_a_zone(lab):
    """What it says is in the keeper's memory: it is written over."""
    server = lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    scrubbed(server)  # or that pass may be the one that finds it
    damage_row(server, b"a")
    assert scrub(server, code=1)["records_damaged"] == 1
    assert server.log.lines("the rows of all zones were written anew")
    assert scrub(server)["records_damaged"] == 0
    assert server.serial(ZONE) == 1 and server.ask(f"www.{ZONE}").is_signed()


def damage_entry(server, serial):
    """Of the journal, under the daemon that runs: what leads from a serial to the next one."""
    with server.store_file.open("r+b") as file:
        octets = file.read()
        entry = struct.pack("!IHBI", serial, 0, 1, serial + 1)  # the end of its key, and its head
        found = list(re.finditer(re.escape(entry), octets))
        assert found, "no such entry"
        for place in found:
            file.seek(place.end())
            file.write(b"\xff")


def leads_on(server, key, serial):
    """Whether an IXFR from there brings what has changed, not the whole zone."""
    with server.client(key) as client:
        return client.ixfr(ZONE, serial)[1].type == wire.SOA


def test_a_damaged_journal(lab):
    """Nothing leads over the damage: the journal begins behind it, and the log says whose it is."""
    key = wire.Key.make("key.test.")
    zones = {ZONE: (small_zone(ZONE), open_to(key)), OTHER: small_zone(OTHER)}
    server = lab.avow(zones=zones, keys=[key])
    server.wait_signed()
    scrubbed(server)
    with server.client(key) as client:
        for name in ("one", "two", "three"):
            assert put_text(client, ZONE, name, 1).rcode == model.NOERROR
    newest, first = server.serial(ZONE), server.zone_status(ZONE)["journal"]["oldest_serial"]
    assert newest == first + 3 and leads_on(server, key, first)

    damage_entry(server, first + 1)
    found = scrub(server)
    assert (found["records_damaged"], found["records_mended"]) == (1, 1)
    assert server.log.lines(rf"a\.test\. its journal was .* begins with serial {newest - 1} now")
    journal = server.zone_status(ZONE)["journal"]
    assert (journal["oldest_serial"], journal["entries"]) == (newest - 1, 1)
    assert leads_on(server, key, newest - 1)
    assert not leads_on(server, key, newest - 2) and not leads_on(server, key, first)

    damage_entry(server, newest - 1)
    assert scrub(server)["records_mended"] == 1
    assert server.log.lines(r"a\.test\. its journal was .* is empty now")
    assert server.zone_status(ZONE)["journal"]["entries"] == 0
    assert not leads_on(server, key, newest - 1)
    with server.client(key) as client:
        assert put_text(client, ZONE, "four", 1).rcode == model.NOERROR
    assert leads_on(server, key, newest)
    assert scrub(server)["records_damaged"] == 0
    assert server.stop() == 0
    server.check_store()


def keys_of(page):
    """The keys of a leaf of LMDB's tree."""
    flags, lower = struct.unpack_from("<HH", page, 10)
    for place in range(16, lower, 2) if flags == 2 else ():
        (node,) = struct.unpack_from("<H", page, place)
        (length,) = struct.unpack_from("<H", page, node + 6)
        yield bytes(page[node + 8 : node + 8 + length])


def test_a_page_of_zeros(lab):
    """Nobody can tell what was in it. Both zones come back from their files."""
    server = stopped(lab)
    octets = bytearray(server.store_file.read_bytes())
    for page in range(8192, len(octets), 4096):
        if any(key.endswith(b"test\0a\0www\0") for key in keys_of(octets[page : page + 4096])):
            octets[page : page + 4096] = bytes(4096)
    server.store_file.write_bytes(octets)
    server.start()
    assert scrubbed(server)["zones_doubtful"] > 0
    for zone in (ZONE, OTHER):
        until(lambda: server.ask(f"www.{zone}").is_signed(), f"{zone} to be whole again")
    assert scrub(server)["zones_doubtful"] == 0


def test_passes_follow_each_other(lab):
    server = lab.avow(zones={ZONE: small_zone(ZONE)}, server={"scrub": "1s"})
    server.wait_signed()
    until(lambda: server.metric("scrubs") >= 3, "passes that follow each other")
    assert server.metric("signatures_verified") > 0
    assert server.metric("signatures_bad") + server.metric("records_corrupt") == 0
