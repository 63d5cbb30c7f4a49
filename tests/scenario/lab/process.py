"""Processes that the lab starts: their log, their end, and that nothing of them is left."""

import os
import re
import signal
import subprocess
from pathlib import Path

from .waiting import PATIENCE, until

SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")


class Ended(AssertionError):
    """A process ended that should have gone on."""


class Log:
    """A file that a process writes and we read."""

    def __init__(self, path):
        self.path = Path(path)

    def text(self, since=0):
        try:
            with open(self.path, "rb") as file:
                file.seek(since)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def mark(self):
        """Here; to look only at what comes after."""
        return self.path.stat().st_size if self.path.exists() else 0

    def find(self, pattern, since=0):
        return re.search(pattern, self.text(since), re.MULTILINE)

    def lines(self, pattern, since=0):
        return [line for line in self.text(since).splitlines() if re.search(pattern, line)]

    def tail(self, lines=40):
        return "\n".join(self.text().splitlines()[-lines:])


class Process:
    """One program in a session of its own, so that its descendants can be found."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        self.log = Log(Path(folder) / f"{name}.log")
        with open(self.log.path, "ab") as out:
            self.popen = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.pid = self.popen.pid

    @property
    def code(self):
        return self.popen.poll()

    def check_alive(self):
        if self.code is not None:
            raise Ended(f"{self.name} ended with code {self.code}:\n{self.log.tail()}")

    def wait_line(self, pattern, since=0, seconds=PATIENCE):
        """Wait for a line of the log; the match."""

        def look():
            found = self.log.find(pattern, since)
            if not found:
                self.check_alive()
            return found

        return until(look, f"{pattern!r} in {self.log.path}", seconds)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait_end(self, seconds=PATIENCE):
        """Wait for its end; the exit code."""
        return self.popen.wait(timeout=seconds)

    def stop(self):
        """Ask it to end; the exit code."""
        if self.code is None:
            self.signal(signal.SIGTERM)
        return self.wait_end()

    def descendants(self):
        """The processes of its session that live, itself included."""
        return [pid for pid, session in live_processes() if session == self.pid]

    def kill_all(self):
        """The end without a word, for it and all that it started."""
        for pid in self.descendants():
            kill(pid)
        self.popen.wait(timeout=PATIENCE)
        until(lambda: not self.descendants(), f"the descendants of {self.name} to be gone")

    def check_log(self):
        found = SANITIZER.search(self.log.text())
        assert not found, f"{self.name}: a sanitizer complains:\n{self.log.text()[found.start():]}"


def kill(pid):
    """SIGKILL, to a process that may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _fields(path):
    """The fields of a stat file behind the name, the state first; None when it is gone."""
    try:
        with open(path) as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _lives(pid):
    """Whether any thread does: the first may have ended long before the others."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return False
    states = [_fields(f"/proc/{pid}/task/{task}/stat") for task in tasks]
    return any(fields and fields[0] not in "ZX" for fields in states)


def live_processes():
    """Number and session of every process that is not a zombie."""
    for entry in os.listdir("/proc"):
        fields = _fields(f"/proc/{entry}/stat") if entry.isdigit() else None
        if fields and (fields[0] not in "ZX" or _lives(entry)):
            yield int(entry), int(fields[3])
