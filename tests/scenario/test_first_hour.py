"""`make run` ends with a signed zone, and the lines that it prints work as they are."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import AVOWD, BUILD, CAMPAIGN, ROOT, free_port


def copy_tree(target, with_build):
    """The sources; and what is built of them, unless everything is to be built anew."""
    left_out = {".git", "build", "run", "autom4te.cache"}
    if not with_build:
        left_out |= {"configure", "config.mk", "config.h", "config.h.in", "config.status"}

    def ignore(folder, names):
        return left_out & set(names) if Path(folder) == ROOT else ()

    shutil.copytree(ROOT, target, symlinks=True, ignore=ignore)
    if with_build:
        (target / "build").symlink_to(BUILD)


def run_make(folder, *words, port):
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1200,
        env={**os.environ, "AVOW_PORT": str(port), "MAKEFLAGS": "", "MAKELEVEL": ""},
    )


def first_hour(folder, port, *words):
    """Run it, try each line that it prints, stop it."""
    done = run_make(folder, *words, "run", port=port)
    try:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
        outputs = {}
        for line in lines:
            tried = subprocess.run(
                shlex.split(line), cwd=folder, capture_output=True, text=True, timeout=60
            )
            assert tried.returncode == 0, f"{line}: {tried.stdout}{tried.stderr}"
            outputs[line] = tried.stdout + tried.stderr
    finally:
        stopped = run_make(folder, *words, "stop", port=port)
    assert stopped.returncode == 0, stopped.stderr
    assert not (folder / "run" / "avowd.pid").exists()
    return outputs


def check_outputs(outputs):
    digs = [text for line, text in outputs.items() if line.startswith("dig ")]
    assert any("status: NOERROR" in text and "RRSIG" in text for text in digs), digs
    assert any("status: NXDOMAIN" in text and "NSEC3" in text for text in digs), digs
    delvs = [text for line, text in outputs.items() if line.startswith("delv ")]
    assert delvs and all("; fully validated" in text for text in delvs), delvs
    assert any("hello" in line and "fully validated" in text for line, text in outputs.items())
    transfers = [text for line, text in outputs.items() if line.endswith(" AXFR")]
    assert transfers and all(text.count("\tSOA\t") == 2 for text in transfers), transfers
    assert any("avowctl" in line and " DS " in text for line, text in outputs.items())


def test_the_first_hour(lab):
    port = free_port()
    folder = lab.folder / "copy"
    copy_tree(folder, with_build=True)
    check_outputs(first_hour(folder, port, f"BUILD={BUILD}"))
    # Once more: what is there is used again, the keys too.
    before = (folder / "run" / "anchor.conf").read_text()
    check_outputs(first_hour(folder, port, f"BUILD={BUILD}"))
    assert (folder / "run" / "anchor.conf").read_text() == before


@pytest.mark.skipif(not CAMPAIGN, reason="builds everything; make campaign")
def test_the_first_hour_of_a_fresh_copy(lab):
    folder = lab.folder / "fresh"
    copy_tree(folder, with_build=False)
    check_outputs(first_hour(folder, free_port()))
    assert (folder / "build" / "avowd").exists()
    assert AVOWD.exists()
