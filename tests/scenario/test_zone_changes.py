"""What people do to zones with avowctl: transactions, differences, and files kept in step."""

import base64
import json
import os
import random
import subprocess
import time

import pytest

from lab import NOERROR, NXDOMAIN, Failed, by_length, kill, peers, small_zone, until

ZONE = "a.test."


def start(lab, more="", **settings):
    server = lab.avow(zones={ZONE: (small_zone(ZONE, more=more), settings)})
    server.wait_signed()
    return server


def code_of(server, *words):
    return server.run_ctl("zone", *words).returncode


def commit(server, *changes):
    """Each change is the words behind `zone`: (set, www, A, 192.0.2.1)."""
    server.ctl("zone", "begin", ZONE)
    for verb, *words in changes:
        server.ctl("zone", verb, ZONE, *words)
    return server.ask_daemon("zone", "commit", ZONE)


def plain(server):
    """The zone as its file would say it, the serial aside."""
    return sorted(
        line for line in server.ctl("zone", "export", ZONE, "--unsigned").splitlines()
        if " IN SOA " not in line
    )


# ---- transactions -------------------------------------------------------------------------


def test_a_transaction(lab):
    server = start(lab)
    serial = server.serial(ZONE)
    assert code_of(server, "set", ZONE, "fresh", "A", "192.0.2.1") == 1, "begin comes first"
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "fresh", "300", "A", "192.0.2.1")
    server.ctl("zone", "set", ZONE, "fresh", "TXT", "v=DKIM1; k=rsa; p=abc")
    server.ctl("zone", "set", ZONE, f"*.deep.{ZONE}", "TXT", '"one" "two"')
    server.ctl("zone", "unset", ZONE, "www", "A")
    done = server.run_ctl("zone", "diff", ZONE)
    assert done.returncode == 6, done
    assert f"+fresh.{ZONE} 300 IN A 192.0.2.1\n" in done.stdout
    assert f'+fresh.{ZONE} 3600 IN TXT "v=DKIM1; k=rsa; p=abc"\n' in done.stdout
    assert f"-www.{ZONE} 3600 IN A 192.0.2.80\n" in done.stdout
    told = json.loads(server.run_ctl("--json", "zone", "commit", ZONE, "--dry-run").stdout)
    assert told["would_change"] and sorted(told["changes"]) == sorted(done.stdout.splitlines())
    assert server.serial(ZONE) == serial and server.ask(f"fresh.{ZONE}").rcode == NXDOMAIN
    assert server.zone_status(ZONE)["transaction"]["changes"] == 4
    told = server.ask_daemon("zone", "commit", ZONE)
    # It is served, signed, the moment that avowctl says so.
    assert told["serial"] == serial + 1 and told["rcode"] == "NOERROR"
    assert server.ask(f"fresh.{ZONE}", "TXT").is_signed()
    assert server.ask(f"x.deep.{ZONE}", "TXT").texts("TXT") == {'"one" "two"'}
    assert not server.ask(f"www.{ZONE}").texts("A")
    status = server.zone_status(ZONE)
    assert status["changes_not_in_file"] and status["transaction"] is None
    assert status["journal"]["entries"] >= 1 and status["journal"]["oldest_serial"] == serial
    assert "does not have" in server.ctl("zone", "status", ZONE)
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)


def test_all_or_nothing(lab):
    server = start(lab)
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "fine", "A", "192.0.2.1")
    server.ctl("zone", "set", ZONE, "www", "CNAME", "fine")
    with pytest.raises(Failed) as failed:
        server.ctl("zone", "commit", ZONE)
    assert failed.value.code == 1 and "change 2" in failed.value.text
    assert server.ask(f"fine.{ZONE}").rcode == NXDOMAIN
    server.ctl("zone", "unset", ZONE, "www")
    assert code_of(server, "commit", ZONE) == 1, "the order counts"
    server.ctl("zone", "abort", ZONE)
    assert code_of(server, "commit", ZONE) == 1


def test_a_large_transaction(lab):
    """Far more signatures than an update may wait for; what a program sends at one blow."""
    server = start(lab)
    count = by_length(300, 5000)
    server.ctl("zone", "begin", ZONE)
    for number in range(count):
        server.ctl("zone", "set", ZONE, f"n{number}", "A", f"10.1.{number // 250}.{number % 250}")
    assert server.ask_daemon("zone", "commit", ZONE)["changed"]
    assert server.ask(f"n{count - 1}.{ZONE}").is_signed()
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)


# ---- differences and exports --------------------------------------------------------------


def test_a_difference_says_what_the_reload_does(lab):
    server = start(lab)
    path = server.zone_file(ZONE)
    other = path.with_name("other.zone")
    text = path.read_text().replace("www A 192.0.2.80", "www A 192.0.2.81") + "fresh A 192.0.2.7\n"
    other.write_text(text)
    assert code_of(server, "diff", ZONE) == 0
    done = server.run_ctl("zone", "diff", ZONE, "zones/other.zone", cwd=server.folder)
    assert done.returncode == 6, done
    before = plain(server)
    path.write_text(text)
    server.reload(ZONE)
    after = plain(server)
    said = {line[1:] for line in done.stdout.splitlines() if line[0] == "-"}
    assert said == set(before) - set(after)
    said = {line[1:] for line in done.stdout.splitlines() if line[0] == "+"}
    assert said == set(after) - set(before)
    elsewhere = server.folder.parent / "elsewhere.zone"
    elsewhere.write_text(text)
    done = server.run_ctl("zone", "diff", ZONE, str(elsewhere))
    assert done.returncode in (0, 1), done  # without Landlock it may be read
    assert done.returncode == 0 or "folders" in done.stderr, done


def test_an_unsigned_export_is_the_zone(lab):
    server = start(lab, more='odd TXT "a\\"b;c" "\\195\\164"\n*.wild MX 10 www\ncut2 NS ns.cut2\n'
                             "ns.cut2 A 192.0.2.99\nx TYPE65280 \\# 3 0a0b0c\n")
    commit(server, ("set", "fresh", "AAAA", "2001:db8::1"))
    path = server.folder / "unsigned.zone"
    path.write_text(server.ctl("zone", "export", ZONE, "--unsigned"))
    peers.check_with_bind(path, ZONE)
    for words in (["kzonecheck", "-o", ZONE, path], ["ldns-read-zone", path]):
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done
    other = lab.avow(zones={ZONE: path})
    other.wait_signed()
    assert other.ctl("zone", "export", ZONE, "--unsigned") == path.read_text()


# ---- reloads over changes -----------------------------------------------------------------


@pytest.mark.parametrize("policy", ["ask", "replace", "merge"])
def test_a_reload_over_changes(lab, policy):
    server = start(lab, reload=policy)
    commit(server, ("set", "fresh", "A", "192.0.2.7"))
    path = server.zone_file(ZONE)
    path.write_text(path.read_text().replace("www A 192.0.2.80", "www A 192.0.2.81"))
    done = server.run_ctl("zone", "reload", ZONE)
    if policy == "ask":
        assert done.returncode == 7 and "--force" in done.stderr, done
        assert server.ask(f"fresh.{ZONE}").is_signed()
        assert server.ask(f"www.{ZONE}").texts("A") == {"192.0.2.80"}
        server.ctl("zone", "reload", ZONE, "--force")
    else:
        assert done.returncode == 0, done
    assert server.ask(f"www.{ZONE}").texts("A") == {"192.0.2.81"}
    assert server.ask(f"fresh.{ZONE}").rcode == (NOERROR if policy == "merge" else NXDOMAIN)
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)


# ---- secondaries --------------------------------------------------------------------------


def test_what_a_secondary_took_is_shown(lab):
    secret = base64.b64encode(b"s" * 32).decode()
    server = lab.avow(
        zones={ZONE: (small_zone(ZONE), {"allow-transfer": [{"key": "peer."}]})},
        tsig=[{"name": "peer.", "algorithm": "hmac-sha256", "secret": secret}],
    )
    server.wait_signed()
    assert server.zone_status(ZONE)["secondaries"] == []
    peers.kdig(server.address, server.port, "-y", f"hmac-sha256:peer.:{secret}", ZONE, "AXFR")
    until(lambda: server.zone_status(ZONE)["secondaries"], "the fact")
    (secondary,) = server.zone_status(ZONE)["secondaries"]
    assert "127.0.0.1" in secondary["address"] or "::1" in secondary["address"], secondary
    assert secondary["transferred_serial"] == server.serial(ZONE)
    assert secondary["transferred_at"] and secondary["notified_serial"] is None
    assert "took all of" in server.ctl("zone", "status", ZONE)


# ---- files kept in step -------------------------------------------------------------------


def test_the_file_follows(lab):
    server = start(lab, **{"zone-file": "write"})
    path = server.zone_file(ZONE)
    path.chmod(0o640)
    commit(server, ("set", "fresh", "A", "192.0.2.7"))
    until(lambda: "fresh.a.test. 3600 IN A 192.0.2.7\n" in path.read_text(), "the file")
    until(lambda: not server.zone_status(ZONE)["changes_not_in_file"], "the row")
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name]
    peers.check_with_bind(path, ZONE)
    serial = server.serial(ZONE)
    # What is not written yet is, when it stops; the start after that loads nothing.
    commit(server, ("set", "last", "A", "192.0.2.8"))
    assert server.stop() == 0
    assert "last.a.test." in path.read_text()
    server.start()
    server.wait_signed()
    assert server.metric("loads") == 0 and server.serial(ZONE) == serial + 1
    # An edit by hand is loaded over it without a question: nothing would be lost.
    server.change_zone(ZONE, lambda text: text + "hand A 192.0.2.9\n")
    assert server.ask(f"hand.{ZONE}").is_signed() and server.ask(f"last.{ZONE}").is_signed()


def test_an_edit_by_hand_is_not_written_over(lab):
    server = start(lab, **{"zone-file": "write"})
    path = server.zone_file(ZONE)
    edited = path.read_text() + "hand A 192.0.2.9\n"
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "fresh", "A", "192.0.2.7")
    path.write_text(edited)
    server.ctl("zone", "commit", ZONE)
    until(lambda: server.zone_status(ZONE)["file_problem"], "the refusal")
    assert path.read_text() == edited
    assert code_of(server, "write", ZONE) == 7
    server.ctl("zone", "write", ZONE, "--force")
    assert "fresh.a.test." in path.read_text() and "hand" not in path.read_text()
    status = server.zone_status(ZONE)
    assert status["problem"] is None and not status["changes_not_in_file"]


def test_a_file_that_is_only_read(lab):
    server = start(lab)
    text = server.zone_file(ZONE).read_text()
    commit(server, ("set", "fresh", "A", "192.0.2.7"))
    assert code_of(server, "write", ZONE, "--force") == 5
    assert server.stop() == 0
    assert server.zone_file(ZONE).read_text() == text


@pytest.mark.parametrize("small_disk", ["64k"], indirect=True)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_full_disk(lab, small_disk):
    server = lab.avow(zones={ZONE: (small_zone(ZONE), {"zone-file": "write"})}, start=False)
    path = small_disk / "a.zone"
    path.write_text(small_zone(ZONE))
    server.zones[ZONE]["file"] = str(path)
    server.start()
    server.wait_signed()
    before = path.read_text()
    filler = small_disk / "filler"
    with open(filler, "wb", 0) as out, pytest.raises(OSError):
        while True:
            out.write(b"x" * 1024)
    commit(server, ("set", "fresh", "A", "192.0.2.7"))
    done = server.run_ctl("zone", "write", ZONE)
    assert done.returncode == 1 and "No space" in done.stderr, done
    assert path.read_text() == before and len(list(small_disk.iterdir())) == 2
    assert server.ask(f"fresh.{ZONE}").is_signed()
    filler.unlink()
    server.ctl("zone", "write", ZONE)
    assert "fresh.a.test." in path.read_text()
    assert server.stop() == 0


# ---- sudden deaths ------------------------------------------------------------------------


def test_what_was_committed_outlives_everything(lab):
    server = start(lab, **{"zone-file": "write"})
    chance = random.Random(by_length(5, time.time_ns()))
    known, serial = {}, server.serial(ZONE)
    for turn in range(by_length(8, 200)):
        name = f"n{chance.randrange(12)}"
        address = f"10.2.{turn // 250}.{turn % 250}"
        told = commit(server, ("unset", name), ("set", name, "A", address))
        known[name] = address
        assert told["serial"] > serial
        serial = told["serial"]
        if turn % 3 == 1:
            server.run_ctl("zone", "write", ZONE)
        time.sleep(chance.random() * 0.2)  # the random moment itself
        if chance.random() < 0.5:
            server.kill_everything()
            server.start()
        else:
            kill(server.room_pids()["keeper"])
        server.wait_rooms()
        until(lambda: code_of(server, "wait", ZONE, "--timeout", "60") == 0, "the zone")
        assert server.zone_status(ZONE)["serial"] >= serial
        for name, address in known.items():
            answer = server.ask(f"{name}.{ZONE}")
            assert answer.texts("A") == {address} and answer.is_signed(), answer
    assert server.zone_status(ZONE)["problem"] is None
    peers.verify(server.export(ZONE), ZONE)
    assert server.stop() == 0
    text = server.zone_file(ZONE).read_text()
    assert all(f"{name}.{ZONE} 3600 IN A {address}\n" in text for name, address in known.items())


def test_the_keeper_may_write_only_where_it_is_meant_to(lab):
    """Rights are given up at the start: a zone that is to be written later cannot be."""
    server = lab.avow(start=False)
    for number, kind in enumerate(("write", "read")):
        folder = server.folder / kind
        folder.mkdir()
        (folder / "zone").write_text(small_zone(f"{kind}.test."))
        server.zones[f"{kind}.test."] = {
            "name": f"{kind}.test.", "file": f"{kind}/zone", "zone-file": kind}
    server.start()
    server.wait_signed()
    confined = "landlock" in server.room("keeper")["confinement"].split("missing")[0]
    server.zones["read.test."]["zone-file"] = "write"
    server.write_configuration()
    keeper = server.room_pid("keeper")
    server.hang_up()
    until(lambda: server.zone_status("read.test.")["zone_file"] == "write", "the configuration")
    assert server.run_ctl("zone", "write", "write.test.").returncode == 0
    done = server.run_ctl("zone", "write", "read.test.")
    if confined and server.room_pid("keeper") == keeper:
        assert done.returncode == 1 and "not permitted" in done.stderr, done
        assert not (server.folder / "read" / "zone").read_text().startswith(";")
