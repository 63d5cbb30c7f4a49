"""Tokens: SoftHSM's is made once and copied; a software TPM is made on demand."""

import shutil
import subprocess
from pathlib import Path

from .paths import FAULT_MODULE
from .ports import free_port

SCRIPT = Path(__file__).with_name("token.sh")
LABEL, PIN = "avow", "30415926"
MISSING = 77  # token.sh: something is not installed


class TokenMissing(Exception):
    """What this kind of token needs is not installed."""


def _run(*words):
    done = subprocess.run(
        ["sh", str(SCRIPT), *map(str, words)], capture_output=True, text=True, timeout=120
    )
    if done.returncode == MISSING:
        raise TokenMissing(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


class Token:
    """How to reach a token: what a keystore of the configuration says of it."""

    def __init__(self, folder, module, environment, pin=PIN, label=LABEL):
        self.folder = Path(folder)
        self.label = label
        self.module = module
        self.environment = environment
        self.pin = pin
        self.control = None  # the fault module's orders
        self.pin_file = self.folder / "pin"
        self.write_pin(pin)

    def write_pin(self, pin):
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(0o600)

    def keystore(self, name="default", **more):
        return {
            "name": name,
            "module": str(self.module),
            "uri": f"pkcs11:token={self.label}",
            "pin-file": str(self.pin_file),
            "environment": self.environment,
            **more,
        }

    def order(self, *orders):
        """Give orders to the fault module, in place of earlier ones; none: be as the real one."""
        fresh = self.control.with_suffix(".new")
        fresh.write_text("".join(order + "\n" for order in orders))
        fresh.rename(self.control)

    def calls(self, function):
        """How often the fault module was called, by its log."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if line.split()[0] == function]

    def with_faults(self):
        """The same token behind the module that fails on order."""
        assert FAULT_MODULE.exists(), f"{FAULT_MODULE} is missing: make check-scenario builds it"
        self.control = self.folder / "control"
        self.control.write_text("")
        self.environment = {
            **self.environment,
            "AVOW_FAULT_MODULE": str(self.module),
            "AVOW_FAULT_CONTROL": str(self.control),
            "AVOW_FAULT_LOG": str(self.folder / "calls"),
        }
        self.module = FAULT_MODULE
        return self

    def beside(self, label):
        """Another token of SoftHSM in the same folder, behind a module that shares nothing.

        A process has one environment: so both tokens are in the folder that it names.
        """
        told = _run("softhsm", self.folder, label, PIN)
        module = self.folder / f"{label}.so"
        shutil.copy(told["module"], module)
        environment = {"SOFTHSM2_CONF": told["SOFTHSM2_CONF"]}
        return Token(self.folder, module, environment, label=label)

    def tool(self, *words):
        """pkcs11-tool on this token, logged in."""
        return subprocess.run(
            ["pkcs11-tool", "--module", str(self.module), "--token-label", self.label]
            + ["--login", "--pin", self.pin, *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            env={"PATH": "/usr/bin:/bin", **self.environment},
        )


class SoftHsm:
    """The template that tokens are copied from: making one takes longer than copying it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.told = _run("softhsm", self.folder, LABEL, PIN)

    def copy(self, folder):
        folder = Path(folder)
        shutil.copytree(self.folder / "tokens", folder / "tokens")
        configuration = folder / "softhsm2.conf"
        before = (self.folder / "softhsm2.conf").read_text()
        configuration.write_text(before.replace(str(self.folder), str(folder)))
        return Token(folder, self.told["module"], {"SOFTHSM2_CONF": str(configuration)})


class Tpm:
    """A software TPM that runs until it is stopped."""

    def __init__(self, folder):
        self.folder = Path(folder)
        told = _run("tpm2", self.folder, LABEL, PIN, self._port_pair())
        module = told.pop("module")
        told.pop("pid")
        self.token = Token(self.folder, module, told)

    @staticmethod
    def _port_pair():
        """Its control channel has the port after its own."""
        return free_port()

    def flush(self):
        """Drop what processes left loaded that are gone, as a TPM's resource manager does."""
        environment = {"TPM2TOOLS_TCTI": self.token.environment["TPM2_PKCS11_TCTI"]}
        for what in ("-t", "-l"):
            subprocess.run(
                ["tpm2_flushcontext", what],
                capture_output=True,
                timeout=60,
                env={"PATH": "/usr/bin:/bin", **environment},
            )

    def close(self):
        _run("stop", self.folder)
