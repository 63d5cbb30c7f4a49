"""Fixtures of the scenario tests; what they are made of is in lab/."""

import shutil
import subprocess
import tempfile

import pytest

from lab import AVOWCTL, AVOWD, KEEP, Lab, SoftHsm, TokenMissing


def pytest_configure(config):
    config.addinivalue_line("markers", "campaign: only in the long form")


@pytest.fixture(scope="session")
def softhsm():
    """The token that all others are copies of."""
    for program in (AVOWD, AVOWCTL):
        if not program.exists():
            pytest.exit(f"{program} is missing: run make first", returncode=2)
    folder = tempfile.mkdtemp(prefix="avow-token-")
    try:
        yield SoftHsm(folder)
    except TokenMissing as missing:
        pytest.exit(f"the tests need SoftHSM: {missing}", returncode=2)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _use(lab):
    yield lab
    try:
        lab.close()
    except BaseException as error:
        logs = "".join(f"\n---- {name}\n{text}" for name, text in lab.logs())
        raise AssertionError(f"at the end: {error}{logs}") from error
    finally:
        if not KEEP:
            lab.remove()


@pytest.fixture
def lab(softhsm):
    """For one test."""
    yield from _use(Lab(softhsm))


@pytest.fixture(scope="module")
def shared_lab(softhsm):
    """For all tests of a file that only look."""
    yield from _use(Lab(softhsm))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure is told together with the ends of the logs."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for fixture in ("lab", "shared_lab"):
            used = item.funcargs.get(fixture)
            for name, text in used.logs() if used else ():
                report.sections.append((name, text))


@pytest.fixture
def small_disk(tmp_path, request):
    """A disk of the size that the test says, when it may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none",
                           str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("a small disk cannot be made here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
