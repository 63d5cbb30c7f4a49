"""A token and an avowd of the benchmark's own."""

import glob
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PIN = "1234"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_softhsm():
    for pattern in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so"):
        for path in glob.glob(pattern):
            return path
    raise SystemExit("bench: SoftHSM is missing: run etc/dependencies.sh --run")


class Token:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.module = find_softhsm()
        tokens = self.folder / "tokens"
        tokens.mkdir(parents=True)
        self.configuration = self.folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.pin_file = self.folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "avow", "--pin", PIN, "--so-pin", PIN],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def cpu_seconds(pid):
    """What all threads of a process have used, in seconds, to the nanosecond."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            total += int(Path(path).read_text().split()[0])
        except OSError:
            pass  # the thread has ended
    return total / 1e9


def resident(pid):
    """(anonymous and shared, of files) octets of a process."""
    kilo = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        word, _, rest = line.partition(":")
        if word in ("RssAnon", "RssShmem", "RssFile", "VmHWM"):
            kilo[word] = int(rest.split()[0]) * 1024
    return kilo["RssAnon"] + kilo["RssShmem"], kilo["RssFile"]


def allow_urgency():
    """As LimitRTPRIO= of the unit has it."""
    try:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (1, 1))
    except (OSError, ValueError):
        pass  # that takes CAP_SYS_RESOURCE


class Server:
    """avowd over one zone file."""

    def __init__(self, build, folder, token, zone, zone_file, workers=0):
        self.build = Path(build)
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.token, self.zone = token, zone
        self.port = free_port()
        self.control = self.folder / "avow.sock"
        self.configuration = self.folder / "avow.yaml"
        self.log = self.folder / "avowd.log"
        self.process = None
        self.write(zone_file, workers)

    def write(self, zone_file, workers):
        self.configuration.write_text(
            f"""server:
  listen: [127.0.0.1@{self.port}]
  workers: {workers}
  state: {self.state}
  control: {self.control}
  log: {{target: "{self.log}", level: info}}
keystores:
  - name: default
    module: {self.token.module}
    uri: "pkcs11:token=avow"
    pin-file: {self.token.pin_file}
    environment: {{SOFTHSM2_CONF: {self.token.configuration}}}
policies:
  - {{name: default, keystore: default}}
zones:
  - {{name: {self.zone}, file: {zone_file}}}
"""
        )

    def start(self, processor=None):
        """Execute avowd; the time just before."""
        command = [str(self.build / "avowd"), "-c", str(self.configuration)]
        if processor is not None:
            command = ["taskset", "-c", str(processor)] + command
        before = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=self.token.environment, stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=allow_urgency,
        )
        return before

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def be_urgent(self):
        """Have the front's workers be what they are by themselves where that limit can be set."""
        for thread in map(int, os.listdir(f"/proc/{self.pids()['front']}/task")):
            try:
                os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
            except OSError:
                return

    def stop(self):
        if not self.is_alive():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def forget(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def tell(self, *words, timeout=3600):
        """avowctl's answer."""
        done = subprocess.run(
            [str(self.build / "avowctl"), "-s", str(self.control), "--json", *words],
            capture_output=True,
            timeout=timeout,
        )
        if done.returncode:
            raise RuntimeError(f"avowctl {' '.join(words)}: {done.returncode}: {(done.stderr or done.stdout).decode().strip()}")
        return json.loads(done.stdout)

    def status(self):
        return self.tell("status")

    def zone_status(self):
        return self.tell("zone", "status", self.zone)

    def wait_signed(self, seconds):
        self.tell("zone", "wait", self.zone, "--timeout", str(seconds))

    def pids(self):
        """Room to process id, the supervisor's too."""
        pids = {room["room"]: room["pid"] for room in self.status()["rooms"]}
        pids["supervisor"] = self.process.pid
        return pids

    def pause(self):
        self.stopped = list(self.pids().values())
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)
