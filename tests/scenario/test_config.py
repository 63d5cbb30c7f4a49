"""A configuration with errors: each is told with its place; nothing starts, or what runs stays."""

import subprocess

import pytest

from lab import AVOWD, NOERROR, until, small_zone

BAD = [
    ("an unknown key", '"workers": 2', '"wrokers": 2'),
    ("an address that is none", "127.0.0.1@", "127.0.0.256@"),
    ("a policy that is not there", '"zones": [', '"zones": [{"name": "b.test.", "file": "b", "policy": "no"}, '),
    ("an algorithm that is none", "ecdsap256sha256", "md5"),
    ("a keystore's URI that is none", "pkcs11:token=avow", "token=avow"),
    ("broken YAML", '"policies": [', '"policies": [['),
]


def spoil(server, before, after):
    text = server.configuration.read_text()
    assert before in text
    server.write_configuration(text.replace(before, after, 1))


@pytest.mark.parametrize("what,before,after", BAD, ids=[row[0] for row in BAD])
def test_nothing_starts(lab, what, before, after):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, start=False)
    spoil(server, before, after)
    checked = subprocess.run(
        [AVOWD, "-t", "-c", server.configuration], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 1
    code, log = server.start_in_vain()
    assert code == 1
    for text in (checked.stderr, log):
        lines = [line for line in text.splitlines() if str(server.configuration) in line]
        assert lines, text
        file, line, column = lines[0].split(": ")[0].rsplit(":", 2)
        assert file.endswith("avow.yaml") and int(line) > 0 and int(column) > 0
    assert not server.state.exists()


def test_every_error_is_told_at_once(lab):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, start=False)
    for what, before, after in BAD[:4]:
        spoil(server, before, after)
    code, log = server.start_in_vain()
    assert code == 1
    places = [line for line in log.splitlines() if "avow.yaml:" in line and ": " in line]
    assert len(places) >= 4, log


def test_a_zone_file_that_is_missing_is_a_problem_of_that_zone(lab):
    """The other zones are served; the one without a file says so."""
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, start=False)
    server.add_zone("b.test.", small_zone("b.test."))
    server.zone_file("b.test.").unlink()
    server.start()
    server.wait_signed("a.test.")
    assert server.ask("www.a.test.").rcode == NOERROR
    status = until(
        lambda: (s := server.zone_status("b.test."))["problem"] and s, "b.test. to have a problem"
    )
    assert status["state"] == "failed"
    assert server.ask("www.b.test.").rcode in ("REFUSED", "SERVFAIL")


def test_on_reload_the_running_configuration_stays(lab):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")})
    server.wait_signed("a.test.")
    began = server.status()["configuration"]
    assert began["read_at"] and not began["refused_at"]
    for what, before, after in BAD:
        server.write_configuration()
        spoil(server, before, after)
        mark = server.log.mark()
        server.hang_up()
        server.process.wait_line(r"the configuration stays as it is", since=mark)
        assert server.log.lines(r"avow\.yaml:\d+:\d+: ", since=mark), what
        assert server.ask("www.a.test.").texts("A") == {"192.0.2.80"}
    server.write_configuration()  # avowctl reads it too, and what runs is told of all the same
    server.wait_status(lambda status: status["configuration"]["refused_at"], "it to be told of")
    assert "FAILED: the log says why" in server.ctl("status")
    server.wait_restart("keeper", server.kill_room("keeper"))
    server.wait_status(lambda status: status["configuration"]["refused_at"], "the next to know")
    mark = server.log.mark()
    server.hang_up()
    server.process.wait_line(r"reloaded .*avow\.yaml: 1 zones", since=mark)
    server.wait_status(lambda status: not status["configuration"]["refused_at"], "it to be taken")
    assert "FAILED" not in server.ctl("status")
    assert server.ask("www.a.test.").texts("A") == {"192.0.2.80"}
