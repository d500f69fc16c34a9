from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _HubServer(ThreadingHTTPServer):
    models: dict[str, Path]
    errors: dict[str, tuple[int, str]]
    fetched: list[str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HubServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        # /api/models/<owner>/<name>/<what>/... or /<owner>/<name>/resolve/<revision>/<file>
        parts = self.path.partition("?")[0].strip("/").split("/")
        is_api = parts[0] == "api"
        name = "/".join(parts[2:4] if is_api else parts[:2])
        folder = self.server.models.get(name)
        if folder is None:
            status, code = self.server.errors.get(name, (404, "RepoNotFound"))
            self._send(status, b"{}", {"X-Error-Code": code})
        elif is_api:
            self._send(200, json.dumps(_describe(name, folder, parts[4])).encode(), {})
        else:
            self._send_file(folder / "/".join(parts[4:]))

    def _send_file(self, file: Path) -> None:
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = file.read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        if self.command == "GET":
            self.server.fetched.append(file.name)
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": _COMMIT})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


class ModelHub:
    """A model hub on loopback, as far as a snapshot's download needs one. A context manager.

    Attributes:
        url: What HF_ENDPOINT must say.
        fetched: Names of the files that were downloaded.
    """

    def __init__(self, models: dict[str, Path], errors: dict[str, tuple[int, str]]) -> None:
        """Prepares the hub.

        Args:
            models: Folder of each model.
            errors: For a model's name, the status and the error code that it is refused with.
        """
        self._server = _HubServer(("127.0.0.1", 0), _Handler)
        self._server.models = models
        self._server.errors = errors
        self._server.fetched = self.fetched = []
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> ModelHub:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _describe(name: str, folder: Path, what: str) -> object:
    """What the hub's API says about a model: its files, or all else."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if what == "tree":
        return [
            {
                "type": "file",
                "path": path.relative_to(folder).as_posix(),
                "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
                "size": path.stat().st_size,
            }
            for path in files
        ]
    siblings = [{"rfilename": path.relative_to(folder).as_posix()} for path in files]
    return {"id": name, "sha": _COMMIT, "siblings": siblings}
