from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

POLL_SECONDS = 0.05


class Unit:
    """A systemd service of an instance: one process, started again when it ends by itself.

    Attributes:
        log: File with the process's output.
        is_restarted: Whether a process that ended is started again (Restart=always).
        restart_seconds: How long that takes (RestartSec).
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.is_restarted = True
        self.restart_seconds = 2.0
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_active = False
        self._lock = threading.Lock()
        threading.Thread(target=self._supervise, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The process's exit code, negative for a signal; None while it lives."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts the process."""
        with self._lock:
            self._is_active = True
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT
                )

    def stop(self, seconds: float = 60.0) -> None:
        """Stops the process as `docker stop` does: SIGTERM, and SIGKILL when that took too long."""
        self._is_active = False
        if not self.is_running:
            return
        self.send(signal.SIGTERM)
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kills the process; it is started again when the unit is."""
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def _supervise(self) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            if self._is_active and self.is_restarted and not self.is_running:
                time.sleep(self.restart_seconds)
                if self._is_active and self.is_restarted:
                    self.start()
