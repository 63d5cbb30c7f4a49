"""A dump is the whole store, whatever its format: loaded again it is the same store."""

import subprocess

from lab import AVOWCTL, example_zones


def ctl(*words, given=None):
    return subprocess.run([AVOWCTL, *words], input=given, capture_output=True, timeout=300)


def test_dump_and_load(lab):
    server = lab.avow(zones=example_zones())
    server.wait_signed()
    exported = {name: server.export(name).read_text() for name in server.zones}
    assert server.stop() == 0
    store = server.state / "store"
    dumped = ctl("store", "dump", str(store))
    assert dumped.returncode == 0 and dumped.stdout, dumped.stderr
    dumped.stdout.decode("ascii")  # it is text
    fresh = server.state / "fresh"
    loaded = ctl("store", "load", str(fresh), given=dumped.stdout)
    assert loaded.returncode == 0, loaded.stderr
    again = ctl("store", "dump", str(fresh))
    assert again.stdout == dumped.stdout
    store.rename(server.state / "old")
    fresh.rename(store)
    server.check_store()
    server.start()
    for name, text in exported.items():
        assert server.export(name).read_text() == text
    server.wait_signed()
    assert server.ask("www.example.com.").is_signed()


def test_a_dump_that_is_cut_or_changed_is_refused(lab):
    server = lab.avow(zones={"example.net.": example_zones()["example.net."]})
    server.wait_signed()
    assert server.stop() == 0
    dump = ctl("store", "dump", str(server.state / "store")).stdout
    for number, bad in enumerate((dump[: len(dump) // 2], b"", b"not a dump\n", dump + b"more\n")):
        folder = server.state / f"bad{number}"
        done = ctl("store", "load", str(folder), given=bad)
        assert done.returncode == 1 and done.stderr.strip(), number


def test_a_running_daemon_keeps_its_store_to_itself(lab):
    server = lab.avow(zones={"example.net.": example_zones()["example.net."]})
    server.wait_signed()
    for words in (["dump"], ["check"], ["load"]):
        done = ctl("store", *words, str(server.state / "store"), given=b"")
        assert done.returncode == 1 and done.stderr.strip(), words
    assert server.ask("www.example.net.").is_signed()
