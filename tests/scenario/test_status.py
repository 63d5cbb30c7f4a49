"""avowctl tells what an operator wants to know, in words and as JSON, and its exit code means it."""

import json

import pytest

from lab import ROOMS, small_zone, until


@pytest.fixture(scope="module")
def server(shared_lab):
    zones = {
        "a.test.": small_zone("a.test."),
        "plain.test.": (small_zone("plain.test.", serial=7), {"policy": "none"}),
        "broken.test.": "@ A 192.0.2.1\n",
    }
    server = shared_lab.avow(zones=zones)
    server.wait_signed("a.test.", "plain.test.")
    until(lambda: server.zone_status("broken.test.")["state"] == "failed", "broken.test. to fail")
    return server


def test_the_daemon(server):
    server.ask("www.a.test.")
    status = server.status()
    assert status["ready"]
    assert [room["room"] for room in status["rooms"]] and {
        room["room"] for room in status["rooms"] if room["state"] == "ready" and room["pid"]
    } == set(ROOMS)
    assert all(room["confinement"] for room in status["rooms"])
    zones = status["zones"]
    assert (zones["configured"], zones["served"], zones["fully_signed"]) == (3, 2, 1)
    assert [problem["zone"] for problem in zones["problems"]] == ["broken.test."]
    signing = status["signing"]
    assert [token["up"] for token in signing["tokens"]] == [True]
    assert "avow" in signing["tokens"][0]["text"]
    server.wait_status(lambda status: status["signing"]["pending"] == 0, "nothing to be pending")
    assert signing["oldest_signature_expires"]
    assert status["metrics"]["queries_udp"] > 0 and status["metrics"]["signatures"] > 0
    text = server.ctl("status")
    for word in ("ready", "3 configured", "2 served", "1 fully signed", "broken.test.", *ROOMS):
        assert word in text, text


def test_zones(server):
    zones = {zone["zone"]: zone for zone in server.ask_daemon("zone", "list")["zones"]}
    assert zones["a.test."]["state"] == "signed"
    assert zones["plain.test."]["state"] == "unsigned" and zones["plain.test."]["serial"] == 7
    assert zones["broken.test."]["state"] == "failed" and zones["broken.test."]["problem"]
    status = server.zone_status("a.test.")
    assert status["denial"] == "nsec3" and not status["opt_out"]
    assert {key["role"] for key in status["keys"]} == {"ksk", "zsk"}
    assert all(key["usable"] and key["state"] == "active" for key in status["keys"])
    assert "a.test." in server.ctl("zone", "list") and "ksk" in server.ctl("zone", "status", "a.test.")


def test_keys_and_ds(server):
    keys = server.ask_daemon("key", "list", "a.test.")["zones"][0]["keys"]
    ksk = next(key for key in keys if key["role"] == "ksk")
    lines = server.ctl("ds", "a.test.").splitlines()
    assert [line.split()[:3] for line in lines] == [["a.test.", "IN", "DS"]] * 2
    assert {int(line.split()[3]) for line in lines} == {ksk["tag"]}
    assert {int(line.split()[5]) for line in lines} == {2, 4}
    served = server.ask("a.test.", "DNSKEY", tcp=True).texts("DNSKEY")
    printed = {line.split(None, 3)[3] for line in server.ctl("dnskey", "a.test.").splitlines()}
    assert {"".join(text.split()).lower() for text in printed} == {
        "".join(text.split()).lower() for text in served
    }


@pytest.mark.parametrize(
    "words,code",
    [
        (["zone", "status", "nothere.test."], 4),
        (["zone", "reload", "nothere.test."], 4),
        (["zone", "reload", "broken.test."], 1),
        (["zone", "wait", "broken.test.", "--timeout", "1"], 1),
        (["ds", "plain.test."], 1),
        (["zone", "stat", "a.test."], 2),
        (["zone", "status"], 2),
        ([], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_exit_codes(server, words, code):
    done = server.run_ctl(*words)
    assert done.returncode == code, done.stderr
    assert done.stderr.strip()


def test_no_daemon(lab):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")}, start=False)
    done = server.run_ctl("status")
    assert done.returncode == 3 and "avow.sock" in done.stderr


def test_json_has_an_answer_for_failures_too(server):
    done = server.run_ctl("--json", "zone", "reload", "broken.test.")
    assert done.returncode == 1
    assert json.loads(done.stdout)["loaded"] is False
