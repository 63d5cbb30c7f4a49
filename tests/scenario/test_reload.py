"""A changed zone file becomes a difference; a bad one changes nothing."""

import re

import pytest

from lab import NOERROR, NXDOMAIN, REFUSED, Export, Failed, example_zones, peers, small_zone, until

ZONE = "a.test."


def start(lab, **more):
    server = lab.avow(zones={ZONE: small_zone(ZONE)}, **more)
    server.wait_signed()
    return server


def test_only_what_changed_is_signed_anew(lab):
    server = start(lab)
    before = Export(server.export(ZONE), ZONE)
    made = server.metric("signatures")

    def edit(text):
        return text.replace("www A 192.0.2.80", "www A 192.0.2.81") + "fresh A 192.0.2.7\n"

    told = server.change_zone(ZONE, edit)
    assert told["loaded"] and told["serial"] == 2
    assert server.ask(f"www.{ZONE}").texts("A") == {"192.0.2.81"}
    assert server.ask(f"fresh.{ZONE}").is_signed()
    server.wait_signed()
    after = Export(server.export(ZONE), ZONE)
    old, new = before.signatures(), after.signatures()
    touched = {("www.a.test.", "A"), ("a.test.", "SOA")}
    for key in old:
        if key[1] == "NSEC3" or key in touched:
            continue
        assert new[key] == old[key], f"the signature of {key} was made anew"
    for key in touched:
        assert new[key] != old[key], f"the signature of {key} is the old one"
    # www, SOA and fresh; the link of fresh and the one before it.
    assert server.metric("signatures") - made <= 8
    peers.verify(server.export(ZONE), ZONE)


def test_what_is_gone_is_denied(lab):
    server = start(lab)
    assert server.ask(f"here.is.deep.{ZONE}").rcode == NOERROR
    server.change_zone(ZONE, lambda text: text.replace("here.is.deep A 192.0.2.77\n", ""))
    server.wait_signed()
    validator = lab.unbound(server, ZONE)
    for name in ("here.is.deep", "is.deep", "deep"):
        answer = validator.ask(f"{name}.{ZONE}")
        assert answer.rcode == NXDOMAIN and answer.is_authentic, f"{answer}{validator.why()}"
    # And back again.
    server.change_zone(ZONE, lambda text: text + "here.is.deep A 192.0.2.77\n")
    server.wait_signed()
    assert server.ask(f"here.is.deep.{ZONE}").is_signed()
    assert server.ask(f"is.deep.{ZONE}").rcode == NOERROR
    peers.verify(server.export(ZONE), ZONE)


def test_cuts_wildcards_and_dnames_come_and_go(lab):
    """Each hides or shows what lies below it; the chain follows (checklist 52)."""
    server = start(lab)
    steps = [
        ("below.cut A 192.0.2.1\n", "below.cut", NOERROR),
        ("below.cut A 192.0.2.1\ncut NS ns.elsewhere.example.\n", "below.cut", None),
        ("below.cut A 192.0.2.1\n", "below.cut", NOERROR),
        ("*.star A 192.0.2.2\n", "x.star", NOERROR),
        ("", "x.star", NXDOMAIN),
        ("gate DNAME wild\n", "x.gate", NOERROR),
        ("", "x.gate", NXDOMAIN),
    ]
    base = server.zone_file(ZONE).read_text()
    for more, name, rcode in steps:
        server.zone_file(ZONE).write_text(base + more)
        assert server.reload(ZONE)["loaded"]
        server.wait_signed()
        answer = server.ask(f"{name}.{ZONE}")
        if rcode is None:
            assert not answer.has("AA") and not answer.answers()
        else:
            assert answer.rcode == rcode, answer
        peers.verify(server.export(ZONE), ZONE)


def test_the_serial_moves_with_the_file_or_by_itself(lab):
    server = start(lab)
    assert server.reload(ZONE)["serial"] == 1  # nothing changed
    told = server.change_zone(ZONE, lambda text: text.replace("hostmaster 1 2h", "hostmaster 9 2h"))
    assert told["serial"] == 9
    assert server.ask(ZONE, "SOA").is_signed()
    told = server.change_zone(ZONE, lambda text: text + "more A 192.0.2.3\n")
    assert told["serial"] == 10  # the file still says 9
    # A serial that goes back does not go back for those who follow it (RFC 1982).
    with pytest.raises(Failed) as failed:
        server.change_zone(ZONE, lambda text: text.replace("hostmaster 9 2h", "hostmaster 3 2h"))
    assert failed.value.code == 7, "an old copy of the file?"
    told = server.ask_daemon("zone", "reload", ZONE, "--force")
    assert told["serial"] >= 10


BAD_LINES = [
    "www2 A 192.0.2.256",
    "www3 NOSUCHTYPE 1",
    "alias TXT \"beside a CNAME\"",
    "www4 MX mail",
    "elsewhere.example. A 192.0.2.1",
]


def test_a_file_with_errors_changes_nothing(lab):
    server = start(lab)
    before = server.export(ZONE).read_text()
    good = server.zone_file(ZONE).read_text()
    count = len(good.splitlines())
    server.zone_file(ZONE).write_text(good + "".join(line + "\n" for line in BAD_LINES))
    mark = server.log.mark()
    done = server.run_ctl("zone", "reload", ZONE)
    assert done.returncode == 1
    path = str(server.zone_file(ZONE))
    told = {int(found) for found in re.findall(re.escape(path) + r":(\d+):", done.stderr)}
    # Syntax is judged before the rules between records, of which the CNAME is one.
    wanted = {count + 1, count + 2, count + 4, count + 5}
    assert wanted <= told, done.stderr
    logged = server.log.text(mark)
    for line in wanted:
        assert f"{path}:{line}:" in logged, logged
    assert server.ask(f"www.{ZONE}").texts("A") == {"192.0.2.80"}
    status = server.zone_status(ZONE)
    assert status["serial"] == 1 and status["problem"]
    assert server.export(ZONE).read_text() == before
    # What the rules say, alone.
    server.zone_file(ZONE).write_text(good + BAD_LINES[2] + "\n")
    done = server.run_ctl("zone", "reload", ZONE)
    assert done.returncode == 1 and "alias" in done.stderr + server.log.text(mark)
    # A good file again.
    server.zone_file(ZONE).write_text(good + "fine A 192.0.2.4\n")
    assert server.reload(ZONE)["loaded"]
    assert server.ask(f"fine.{ZONE}").is_signed()
    assert not server.zone_status(ZONE)["problem"]


def test_a_hang_up_reads_configuration_and_changed_files(lab):
    server = start(lab)
    text = server.zone_file(ZONE).read_text()
    server.zone_file(ZONE).write_text(text + "fresh A 192.0.2.7\n")
    server.add_zone("b.test.", small_zone("b.test."))
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask(f"fresh.{ZONE}").rcode == NOERROR, "the changed file to be read")
    until(lambda: server.ask("www.b.test.").rcode == NOERROR, "the new zone to be served")
    server.wait_signed("b.test.")
    assert server.ask("www.b.test.").is_signed()
    del server.zones["b.test."]
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask("www.b.test.").rcode == REFUSED, "the zone to be no longer served")
    assert server.run_ctl("zone", "status", "b.test.").returncode == 4
    assert server.ask(f"www.{ZONE}").is_signed()


def test_a_zone_that_comes_back_has_its_keys_again(lab):
    server = lab.avow(zones={ZONE: small_zone(ZONE), "b.test.": small_zone("b.test.")})
    server.wait_signed()
    before = server.ds("b.test.")
    kept = server.zones.pop("b.test.")
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask("www.b.test.").rcode == REFUSED, "the zone to go")
    server.zones["b.test."] = kept
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask("www.b.test.").rcode == NOERROR, "the zone to come back")
    server.wait_signed("b.test.")
    assert server.ds("b.test.") == before
    peers.verify(server.export("b.test."), "b.test.")


def without(server, name):
    """Take the zone's entry out of the configuration; returns it."""
    entry = server.zones.pop(name)
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask(f"www.{name}").rcode == REFUSED, "the zone to go")
    return entry


def back(server, name, entry):
    server.zones[name] = entry
    server.write_configuration()
    server.hang_up()
    until(lambda: server.ask(f"www.{name}").rcode == NOERROR, "the zone to come back")


def edit(server, address):
    server.ctl("zone", "begin", "b.test.")
    server.ctl("zone", "set", "b.test.", "dynamic", "A", address)
    server.ctl("zone", "commit", "b.test.")


@pytest.mark.parametrize("running", [True, False])
def test_a_zone_that_comes_back_has_its_updates_and_serial_again(lab, running):
    """An entry that is gone for once may be a slip."""
    server = lab.avow(zones={ZONE: small_zone(ZONE), "b.test.": small_zone("b.test.")})
    server.wait_signed()
    edit(server, "192.0.2.1")
    server.wait_signed("b.test.")
    serial, keys = server.serial("b.test."), server.ds("b.test.")
    assert serial > 1
    if running:
        entry = without(server, "b.test.")
    else:
        assert server.stop() == 0
        entry = server.zones.pop("b.test.")
        server.start()
        until(lambda: server.ask("www.b.test.").rcode == REFUSED, "the zone to go")
    server.wait_status(lambda status: status["zones"]["removed"] == 1, "the zone to be kept")
    assert "1 zones that are not configured" in server.ctl("status")
    server.kill_room("keeper")
    server.wait_status(lambda status: status["zones"]["removed"] == 1, "it to be kept still")
    assert server.ask("www.b.test.").rcode == REFUSED
    if not running:
        assert server.stop() == 0
        server.zones["b.test."] = entry
        server.start()
    back(server, "b.test.", entry)
    assert server.serial("b.test.") == serial and server.ds("b.test.") == keys
    answer = server.ask("dynamic.b.test.")
    assert answer.texts("A") == {"192.0.2.1"} and answer.is_signed()
    server.wait_status(lambda status: status["zones"]["removed"] == 0, "nothing else to be kept")
    edit(server, "192.0.2.2")
    assert server.serial("b.test.") > serial
    server.wait_signed("b.test.")
    peers.verify(server.export("b.test."), "b.test.")


@pytest.mark.parametrize("kept_for", ["0", "1s"])
def test_a_removed_zone_is_dropped_in_the_end(lab, kept_for):
    zones = {ZONE: small_zone(ZONE), "b.test.": small_zone("b.test.")}
    server = lab.avow(zones=zones, server={"keep-removed": kept_for})
    server.wait_signed()
    entry = without(server, "b.test.")
    server.process.wait_line(r"b\.test\., which is not configured any more, is dropped"
                             if kept_for != "0" else r"b\.test\. is no longer served")
    server.wait_status(lambda status: status["zones"]["removed"] == 0, "it to be dropped")
    back(server, "b.test.", entry)
    server.wait_signed("b.test.")
    assert server.serial("b.test.") == 1


def test_a_zone_in_a_new_folder_is_told_of(lab):
    server = start(lab)
    if "landlock" not in server.room("keeper")["confinement"].split("missing")[0]:
        pytest.skip("this kernel has no Landlock")
    path = lab.folder / "new" / "b.test.zone"
    path.parent.mkdir()
    path.write_text(small_zone("b.test."))
    server.zones["b.test."] = {"name": "b.test.", "file": str(path)}
    server.write_configuration()
    server.hang_up()
    server.process.wait_line("folders that zone files of the configuration lay in")
    server.wait_status(lambda status: status["zones"]["problems"], "the problem to be told")


def test_another_policy_makes_another_chain(lab):
    """The denial of a served zone is changed; it validates before and after."""
    policies = [{"name": "default"}, {"name": "plain", "denial": "nsec"}]
    server = start(lab, policies=policies)
    validator = lab.unbound(server, ZONE)
    assert validator.ask(f"nothere.{ZONE}").is_authentic
    server.zones[ZONE]["policy"] = "plain"
    server.write_configuration()
    server.hang_up()
    server.wait_status(lambda _: server.zone_status(ZONE)["denial"] == "nsec", "the other chain")
    server.wait_signed()
    assert server.ask(f"nothere.{ZONE}").authority("NSEC")
    assert validator.ask(f"nothere.{ZONE}").is_authentic, validator.why()
    peers.verify(server.export(ZONE), ZONE)


def test_a_restart_needs_neither_file_nor_token(lab):
    """The store is the memory: what was signed is served at once, signed as it was."""
    server = lab.avow(zones=example_zones())
    server.wait_signed()
    before = {name: server.export(name).read_text() for name in server.zones}
    assert server.stop() == 0
    made = server.starts
    server.start()
    assert server.starts == made + 1
    assert server.ask("www.example.com.").is_signed()
    for name, text in before.items():
        assert server.export(name).read_text() == text
    assert server.metric("signatures") <= 2 * len(server.zones) * 2  # the proofs of keys
