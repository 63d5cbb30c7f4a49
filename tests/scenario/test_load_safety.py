"""Loads that would do harm: held until somebody forces them, or refused by a program."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from lab import NOERROR, NXDOMAIN, large_zone, open_to, peers, small_zone, until, wire
from lab.updating import put_text

ZONE = "a.test."
HELD = 7


def start(lab, text, **settings):
    server = lab.avow(zones={ZONE: (text, settings)})
    server.wait_signed()
    return server


def reload(server, *more):
    return server.run_ctl("zone", "reload", ZONE, *more)


def compared(server):
    return json.loads(server.run_ctl("--json", "zone", "diff", ZONE).stdout)


def held(server):
    return server.zone_status(ZONE)["held"]


# ---- what is held -------------------------------------------------------------------------


def test_half_a_file(lab):
    text = large_zone(ZONE, 300)
    server = start(lab, text)
    path, serial = server.zone_file(ZONE), server.serial(ZONE)
    path.write_text(large_zone(ZONE, 100, serial=2))
    told = server.run_ctl("zone", "diff", ZONE)
    assert told.returncode == 6 and "it would be held: 210 of its 318 names" in told.stdout + told.stderr
    assert json.loads(server.run_ctl("--json", "zone", "diff", ZONE).stdout)["held"]
    done = reload(server)
    assert done.returncode == HELD and "names would go" in done.stdout + done.stderr
    assert server.serial(ZONE) == serial
    assert server.ask(f"host0000299.{ZONE}").is_signed()
    figures = held(server)
    assert (figures["reason"], figures["names_served"], figures["names"]) == ("deletion", 318, 108)
    assert (figures["names_gone"], figures["names_new"]) == (210, 0)
    assert "HELD" in server.ctl("zone", "status", ZONE)
    assert server.status()["zones"]["held"] == 1 and "1 held" in server.ctl("status")
    assert server.metric("loads_held") == 1
    # It is not tried again and again, but once more when the file is another one.
    loads = server.metric("loads_held") + server.metric("loads")
    server.hang_up()
    server.process.wait_line("reloading ")
    server.ask_daemon("zone", "list")
    assert server.metric("loads_held") + server.metric("loads") == loads
    path.write_text(large_zone(ZONE, 299, serial=3))
    server.hang_up()
    server.wait_status(lambda status: held(server) is None and server.serial(ZONE) == 3, "loaded")
    assert server.zone_status(ZONE)["problem"] is None
    # Forced, half a zone is what was meant.
    path.write_text(large_zone(ZONE, 100, serial=4))
    assert reload(server).returncode == HELD
    server.ctl("zone", "reload", ZONE, "--force")
    assert server.serial(ZONE) == 4 and held(server) is None
    assert server.ask(f"host0000299.{ZONE}").rcode == NXDOMAIN
    assert "for it is forced: 209 of its" in server.log.text()
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)


def test_small_zones_and_limits(lab):
    server = start(lab, small_zone(ZONE))
    server.change_zone(ZONE, lambda text: text.split("www A")[0].replace("ns hostmaster 1", "ns hostmaster 2"))
    assert server.serial(ZONE) == 2, "fewer than free-deletions are nobody's worry"
    server.zones[ZONE]["reload-check"] = {"largest-deletion": 0, "free-deletions": 0}
    server.write_configuration()
    server.hang_up()
    server.process.wait_line("reloading ")
    server.zone_file(ZONE).write_text(server.zone_file(ZONE).read_text().replace("mail A 192.0.2.25", ""))
    assert reload(server).returncode == HELD
    # Another limit, the same file: that is worth another try.
    server.zones[ZONE]["reload-check"] = {"largest-deletion": 100}
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda status: held(server) is None, "let through")


ODD = {
    "servers": (lambda text: text.replace("@ NS ns\n", "@ NS else.example.\n"), "name servers would stay"),
    "primary": (lambda text: text.replace("SOA ns ", "SOA other ").replace("@ NS ns\n", "@ NS ns\n@ NS other\n"), "the primary"),
    "serial": (lambda text: text.replace("hostmaster 10 ", "hostmaster 9 "), "serial 9 is before"),
    "expire": (lambda text: text.replace(" 2w ", " 2h "), "EXPIRE"),
    "minimum": (lambda text: text.replace(" 10m\n", " 100d\n"), "MINIMUM"),
    "ttl": (lambda text: text + "far 36000000 A 192.0.2.1\n", "longest TTL"),
}


def test_the_next_keeper_tells_what_is_not_loaded(lab):
    """Until a load goes well, also when the keys are there and all is signed."""
    broken = "b.test."
    server = lab.avow(zones={ZONE: large_zone(ZONE, 300), broken: small_zone(broken)})
    server.wait_signed()
    server.zone_file(ZONE).write_text(large_zone(ZONE, 100, serial=2))
    server.zone_file(broken).write_text(small_zone(broken) + "www AA 192.0.2.1\n")
    server.hang_up()
    told = {ZONE: "its file is held: 210 of its 318 names", broken: "has 1 error; the zone is served"}

    def is_stale(zone):
        status = server.zone_status(zone)
        usable = all(key["usable"] for key in status["keys"])
        return status["state"] == "stale" and usable and not status["signatures_under_way"]

    def check():
        for zone, text in told.items():
            until(lambda: is_stale(zone), f"{zone} not to be loaded")
            assert text in (server.zone_status(zone)["problem"] or ""), zone
        problems = {row["zone"]: row["problem"] for row in server.status()["zones"]["problems"]}
        assert all(text in problems[zone] for zone, text in told.items()), problems
        assert all(text in server.ctl("zone", "list") for text in told.values())

    check()
    server.wait_restart("keeper", server.kill_room("keeper"))
    check()
    assert server.stop() == 0
    server.start()
    check()
    for zone, text in ((ZONE, large_zone(ZONE, 299, serial=3)), (broken, small_zone(broken))):
        server.zone_file(zone).write_text(text)
        server.ctl("zone", "reload", zone)
    assert server.status()["zones"]["problems"] == []


def test_odd_changes_of_the_apex(lab):
    text = small_zone(ZONE, serial=10)
    server = start(lab, small_zone(ZONE, serial=1))
    server.zone_file(ZONE).write_text(text)
    server.reload(ZONE)
    for what, (change, said) in ODD.items():
        assert change(text) != text, what
        server.zone_file(ZONE).write_text(change(text))
        done = reload(server)
        assert done.returncode == HELD and said in done.stdout + done.stderr, (what, done)
        assert held(server)["reason"] == "apex" and server.serial(ZONE) == 10, what
    server.zone_file(ZONE).write_text(text)
    server.reload(ZONE)
    assert held(server) is None
    for what, (change, said) in ODD.items():
        server.zones[ZONE]["reload-check"] = {"apex": False}
    server.write_configuration()
    server.hang_up()
    server.process.wait_line("reloading ")
    for change, _said in ODD.values():
        text = change(text)
    server.zone_file(ZONE).write_text(text)
    server.reload(ZONE)
    server.wait_signed()
    assert server.ask(ZONE, "NS").texts("NS") == {"else.example."}


def test_errors_come_before_what_a_file_is_held_for(lab):
    """Whoever was told of --force would meet them then."""
    server = start(lab, large_zone(ZONE, 100), hook=hook(lab, '[ "$AVOW_SERIAL" = 2 ] && exit 1\nexit 0\n'))
    text, path = small_zone(ZONE, serial=2), server.zone_file(ZONE)
    wrong_digest = "@ ZONEMD 2 1 1 " + "ab" * 48 + "\n"
    for what, broken, said, errors in (
        ("nothing", "", "no SOA", 2),
        ("no servers", text.replace("@ NS ns\n", ""), "no NS", 1),
        ("a digest", text + wrong_digest + "www CNAME mail\n", "has CNAME and other data", 1),
        ("the hook", large_zone(ZONE, 100, serial=2) + "@ CNAME mail\n", "has CNAME and other data", 1),
    ):
        path.write_text(broken)
        done = reload(server)
        told = done.stdout + done.stderr
        assert done.returncode == 1 and said in told and f"has {errors} error" in told, (what, done)
        assert held(server) is None and "--force" not in told, what
        assert server.run_ctl("zone", "check", str(path), ZONE).returncode == 1, what
        assert reload(server, "--force").returncode == 1, what
    assert server.metric("loads_held") == 0 and server.serial(ZONE) == 1
    # What is no error but a warning is told beside the reason.
    path.write_text(text.replace("mail A 192.0.2.25\n", ""))
    done = reload(server)
    assert done.returncode == HELD and "has no address in this zone" in done.stdout + done.stderr, done


def test_all_is_told_that_force_passes(lab):
    server = start(lab, large_zone(ZONE, 100))
    less = large_zone(ZONE, 50, serial=2) + "far 36000000 A 192.0.2.1\n"
    reasons = ("names would go", "longest TTL", "ZONEMD is wrong")
    server.zone_file(ZONE).write_text(less + "@ ZONEMD 2 1 1 " + "ab" * 48 + "\n")
    done = reload(server)
    told = done.stdout + done.stderr
    assert done.returncode == HELD and "--force passes all checks, zone diff shows what would change" in told
    diff = compared(server)
    for reason in reasons:
        assert reason in told and reason in held(server)["text"] and reason in diff["held"], reason
    assert held(server)["reason"] == "zonemd" and held(server)["names_gone"]
    # A file that was not read because of updates: who asks is told where the rest is to be seen.
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "fresh", "A", "192.0.2.1")
    server.ctl("zone", "commit", ZONE)
    done = reload(server)
    told = done.stdout + done.stderr
    assert done.returncode == HELD and held(server)["reason"] == "edited" and "updates have changed it" in told
    assert "--force passes all checks and drops what updates have changed, zone diff shows what else would be held" in told
    diff = compared(server)
    assert diff["asks"] and all(reason in diff["held"] for reason in reasons)
    # A merge that is held keeps them, and would not if it were forced.
    server.zones[ZONE]["reload"] = "merge"
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda status: (held(server) or {}).get("reason") == "zonemd", "the merge to be held")
    assert "passes all checks and drops what updates have changed" in server.zone_status(ZONE)["problem"]


def test_a_held_zone_is_signed_and_updated(lab):
    """Nothing but the file waits."""
    server = start(lab, large_zone(ZONE, 300))
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
    assert reload(server).returncode == HELD
    server.ctl("zone", "begin", ZONE)
    server.ctl("zone", "set", ZONE, "fresh", "A", "192.0.2.1")
    server.ctl("zone", "commit", ZONE)
    assert server.ask(f"fresh.{ZONE}").is_signed()
    # Another way of signing: the zone is composed anew from the store, and still held.
    server.settings["policies"] = [{"name": "default", "denial": "nsec"}]
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda status: server.zone_status(ZONE)["denial"] == "nsec", "NSEC")
    server.wait_signed()
    assert held(server)["reason"] == "deletion" and server.ask(f"host0000299.{ZONE}").is_signed()
    assert server.zone_status(ZONE)["state"] == "stale"


def test_a_merge_does_not_count_what_updates_made(lab):
    server = start(lab, small_zone(ZONE), **{"reload": "merge", "reload-check": {"free-deletions": 5}})
    server.ctl("zone", "begin", ZONE)
    for number in range(60):
        server.ctl("zone", "set", ZONE, f"n{number}", "A", "192.0.2.1")
    server.ctl("zone", "commit", ZONE)
    server.change_zone(ZONE, lambda text: text.replace("ns hostmaster 1", "ns hostmaster 20"))
    assert server.serial(ZONE) == 20 and server.ask(f"n59.{ZONE}").rcode == NOERROR


# ---- the hook -----------------------------------------------------------------------------


def program(lab, text):
    path = lab.folder / "check-zone"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def out(lab):
    """A folder that the hook can write in: beside those that lead to the store, not one of them."""
    folder = lab.folder / "out"
    folder.mkdir(exist_ok=True)
    return folder


def hook(lab, text, **more):
    return {"program": program(lab, text), "user": "root", "deadline": "30s", **more}


def test_a_hook_sees_the_zone_and_refuses(lab):
    seen_file = out(lab) / "seen"
    script = f'env | grep AVOW >{seen_file}.env; echo "$1" >>{seen_file}.env; ' \
             f'cat >{seen_file}\nif grep -q forbidden {seen_file}; then echo "there is a forbidden name"; exit 3; fi\n'
    server = start(lab, small_zone(ZONE), hook=hook(lab, script, arguments=["--strict"]))
    seen = seen_file.read_text()
    assert f"www.{ZONE} 3600 IN A 192.0.2.80\n" in seen
    told = (out(lab) / "seen.env").read_text().split()
    assert f"AVOW_ZONE={ZONE}" in told and "AVOW_SERIAL=1" in told and "--strict" in told
    assert "AVOW_NAMES_SERVED=0" in told and not any("SERVED_SERIAL" in word for word in told)
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2, more="forbidden A 192.0.2.1\n"))
    done = reload(server)
    assert done.returncode == HELD and "there is a forbidden name" in done.stdout + done.stderr
    assert "code 3" in held(server)["text"] and held(server)["reason"] == "hook"
    assert server.ask(f"forbidden.{ZONE}").rcode == NXDOMAIN
    told = (out(lab) / "seen.env").read_text().split()
    assert "AVOW_SERVED_SERIAL=1" in told and "AVOW_NAMES_NEW=1" in told
    server.ctl("zone", "reload", ZONE, "--force")
    assert server.ask(f"forbidden.{ZONE}").rcode == NOERROR
    assert not list(server.state.glob("loading*"))


def test_a_hold_ends_with_its_reason(lab):
    """A hook that says something else, or has failed, is asked again; one that has refused is not."""
    asked, fails = out(lab) / "asked", out(lab) / "fails"
    script = f'echo asked >>{asked}\n[ -e {fails} ] && kill -9 $$\n[ "$1" = strict ] && exit 1\nexit 0\n'
    asked.write_text("")
    os.chmod(asked, 0o666)
    server = start(lab, small_zone(ZONE), hook=hook(lab, script, arguments=["mild"]))

    def configure(*words):
        server.zones[ZONE]["hook"]["arguments"] = list(words)
        server.write_configuration()
        mark = server.log.mark()
        server.hang_up()
        server.process.wait_line("reloading ", since=mark)
        server.ask_daemon("zone", "list")

    def times():
        return asked.read_text().count("asked")

    configure("strict")
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
    assert reload(server).returncode == HELD and "refuses it" in held(server)["text"]
    before = times()
    configure("strict")
    assert times() == before and held(server)
    configure("mild")
    server.wait_status(lambda status: held(server) is None and server.serial(ZONE) == 2, "loaded")
    fails.touch()
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=3))
    assert reload(server).returncode == HELD and "has failed" in held(server)["text"]
    fails.unlink()
    configure("mild")
    server.wait_status(lambda status: held(server) is None and server.serial(ZONE) == 3, "loaded")


def test_what_a_hook_says_cuts_off_nothing_else(lab):
    """A thousand octets are its reason, whole in status; where there is less room, it gives way."""
    server = start(lab, small_zone(ZONE), hook=hook(lab, "exit 0\n"))
    advice = "; the zone is served as it was; zone reload --force passes all checks, zone diff shows what would change"
    for said in ("\u00e4" * 500, "x" + "\u00e4" * 499 + "y"):
        words = out(lab) / "words"
        words.write_text(said)
        program(lab, f"cat {words}\nexit 3\n")
        server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
        done = reload(server)
        assert done.returncode == HELD and (done.stdout + done.stderr).rstrip().endswith("..." + advice), done
        assert octets(held(server)["text"]).decode() == "its hook refuses it: it ended with code 3: " + said
        problem = octets(server.zone_status(ZONE)["problem"]).decode()  # no half a character
        assert problem.startswith("its file is held: its hook refuses it: ") and problem.endswith("\u00e4..." + advice)
        assert said in server.log.text()
    program(lab, "echo short\nexit 3\n")
    assert reload(server).returncode == HELD
    assert server.zone_status(ZONE)["problem"].endswith("code 3: short" + advice)


def octets(text):
    """The daemon's JSON has a character for each octet beyond ASCII."""
    return text.encode("latin-1")


def lives(pid):
    return os.path.exists(f"/proc/{pid}")


def test_updates_go_on_while_a_hook_runs(lab):
    """What they change meanwhile is neither lost nor held up."""
    gate, begun = out(lab) / "gate", out(lab) / "begun"
    script = f'[ "$AVOW_SERIAL" = 1 ] && exit 0\ntouch {begun}\n' \
             f'while [ ! -e {gate} ]; do sleep 0.05; done\n'
    key = wire.Key.make("k.example.")
    settings = open_to(key, hook=hook(lab, script), reload="merge")
    server = lab.avow(zones={ZONE: (small_zone(ZONE), settings)}, keys=[key])
    server.wait_signed()
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2, more="fresh A 192.0.2.1\n"))
    with ThreadPoolExecutor(1) as pool, server.client(key) as client:
        done = pool.submit(reload, server)
        until(begun.exists, "the hook to run")
        assert put_text(client, ZONE, "meanwhile", 7).rcode == 0
        assert server.ask(f"meanwhile.{ZONE}", "TXT").is_signed()
        assert server.zone_status(ZONE)["state"] == "reloading" and not done.done()
        gate.touch()
        assert done.result().returncode == 0
    assert server.ask(f"fresh.{ZONE}").rcode == NOERROR
    assert server.ask(f"meanwhile.{ZONE}", "TXT").texts("TXT") == {'"7"'}
    # Where they would be lost, the load is held instead.
    server.zones[ZONE]["reload"] = "ask"
    server.write_configuration()
    server.ctl("zone", "reload", ZONE, "--force")
    gate.unlink()
    begun.unlink()
    server.hang_up()
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=20))
    with ThreadPoolExecutor(1) as pool, server.client(key) as client:
        done = pool.submit(reload, server)
        until(begun.exists, "the hook to run")
        assert put_text(client, ZONE, "meanwhile", 8).rcode == 0
        gate.touch()
        assert done.result().returncode == HELD
    assert held(server)["reason"] == "edited"
    assert server.ask(f"meanwhile.{ZONE}", "TXT").texts("TXT") == {'"8"'}
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)


def test_a_hook_that_hangs_is_killed(lab):
    pids = out(lab) / "pids"
    script = f'[ "$AVOW_SERIAL" = 1 ] && exit 0\nsleep 1000 &\necho $$ $! >{pids}\necho and more\nwait\n'
    server = start(lab, small_zone(ZONE), hook=hook(lab, script, deadline="1s"))
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
    assert reload(server).returncode == HELD
    assert "killed at its deadline: and more" in held(server)["text"]
    for pid in pids.read_text().split():
        until(lambda: not lives(pid), "the program and its child to be gone")
    # One that outlives the keeper that asked is ended as well, and the file is loaded anew.
    server.zones[ZONE]["hook"]["deadline"] = "1h"
    server.write_configuration()
    server.hang_up()
    pids.unlink()
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=3))
    server.hang_up()
    until(lambda: pids.exists() and pids.read_text().split(), "the hook to run")
    first = pids.read_text().split()
    pids.unlink()
    server.kill_room("keeper")
    for pid in first:
        until(lambda: not lives(pid), "the program to be gone")
    until(lambda: pids.exists() and pids.read_text().split(), "the hook to run again")
    last = pids.read_text().split()
    assert server.stop() == 0
    for pid in last:
        until(lambda: not lives(pid), "the program to be gone")


def test_a_hook_is_confined(lab):
    """It has the zone and its words: no descriptor, variable, privilege or file of the daemon."""
    seen_file = out(lab) / "seen"
    server = lab.avow(start=False)
    script = f'{{ ls /proc/self/fd | wc -l; env | cut -d= -f1 | sort | tr "\\n" " "; echo\n' \
             f'grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status; ulimit -c\n' \
             f'ls {server.state}; }} >{seen_file} 2>&1\nexit 0\n'
    server.add_zone(ZONE, small_zone(ZONE), hook=hook(lab, script))
    os.environ["SECRET_OF_OURS"] = "1"
    try:
        server.start()
    finally:
        del os.environ["SECRET_OF_OURS"]
    server.wait_signed()
    seen = seen_file.read_text()
    assert seen.startswith("4\n"), seen  # 0 to 2, and the folder that ls reads
    assert "SECRET" not in seen and "AVOW_ZONE" in seen and "NOTIFY_SOCKET" not in seen
    assert "NoNewPrivs:\t1" in seen and "CapEff:\t0000000000000000" in seen
    if os.geteuid() == 0:
        assert "CapBnd:\t0000000000000000" in seen
    if "landlock" in server.room("keeper")["confinement"].split("missing")[0]:
        assert "ermission denied" in seen or "cannot open" in seen, seen


def test_a_hook_that_cannot_be_run(lab):
    server = start(lab, small_zone(ZONE), hook=hook(lab, "exit 0\n"))
    program(lab, "exit 0\n")
    os.unlink(lab.folder / "check-zone")
    server.zone_file(ZONE).write_text(small_zone(ZONE, serial=2))
    assert reload(server).returncode == HELD
    assert "could not be executed" in held(server)["text"]
    # Others can write it: then the configuration is refused.
    os.chmod(program(lab, "exit 0\n"), 0o777)
    done = server.run_ctl("config", "check", str(server.configuration))
    assert done.returncode == 1 and "chmod go-w" in done.stdout + done.stderr
    os.chmod(lab.folder / "check-zone", 0o755)
    server.reload(ZONE)
    assert server.serial(ZONE) == 2
    if os.geteuid() == 0:
        # As root it is somebody else who runs it, or nobody.
        del server.zones[ZONE]["hook"]["user"]
        server.write_configuration()
        done = server.run_ctl("config", "check", str(server.configuration))
        assert done.returncode == 0 and "runs no hook without" in done.stdout + done.stderr
        mark = server.log.mark()
        server.hang_up()
        server.process.wait_line("reloaded ", since=mark)
        server.zone_file(ZONE).write_text(small_zone(ZONE, serial=3))
        assert reload(server).returncode == HELD and "needs a user" in held(server)["text"]
