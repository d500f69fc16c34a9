from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from pathlib import Path

_BINARY = "docker-registry"
_START_SECONDS = 30


class RegistryProcess:
    """A real image registry on a free port of this machine, with its storage in a folder.

    It keeps images for ECR's stand-in; nothing else speaks to it.

    Attributes:
        port: Port on 127.0.0.1.
    """

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        config = folder / "registry.yml"
        config.write_text(
            "version: 0.1\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        self._log = (folder / "registry.log").open("wb")
        self._process = subprocess.Popen(
            [_BINARY, "serve", str(config)], stdout=self._log, stderr=subprocess.STDOUT
        )
        self._await_answer()

    @staticmethod
    def why_not() -> str | None:
        """Returns why no registry can be started here, or None when one can."""
        if shutil.which(_BINARY) is None:
            return f"{_BINARY} is not installed (Debian package docker-registry)"
        return None

    def stop(self) -> None:
        """Ends the registry."""
        self._process.terminate()
        self._process.wait(timeout=10)
        self._log.close()

    def _await_answer(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/v2/")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{_BINARY} did not answer within {_START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
