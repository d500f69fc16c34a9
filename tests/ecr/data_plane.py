from __future__ import annotations

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ecr.image_store import ImageStore, TagIsImmutableError

_CHUNK = 1 << 20
_HOP_HEADERS = {"connection", "transfer-encoding", "keep-alive"}
_MANIFEST = re.compile(r"^/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)$")


class DataPlane:
    """What Docker speaks to: a real registry behind ECR's login and ECR's immutable tags.

    Args:
        registry_port: Port of the registry on this machine.
        store: The repository whose tags are immutable.
        password: What get-login-password hands out; nothing else is let in.

    Attributes:
        host: host:port for image names; Docker takes it without TLS because it is this machine.
        pushed: References under which manifests were pushed, in order.
    """

    def __init__(self, registry_port: int, store: ImageStore, password: str) -> None:
        self.pushed: list[str] = []
        token = base64.b64encode(f"AWS:{password}".encode()).decode()

        class Handler(_Handler):
            pass

        Handler.plane = self
        Handler.registry_port = registry_port
        Handler.store = store
        Handler.authorization = f"Basic {token}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plane: DataPlane
    registry_port: int
    store: ImageStore
    authorization: str

    def _serve(self) -> None:
        if self.headers.get("Authorization") != self.authorization:
            self._discard_body()
            self._answer_error(401, "UNAUTHORIZED", "Your authorization token has expired.")
            return
        pushed = _MANIFEST.match(self.path) if self.command == "PUT" else None
        if pushed and not pushed["reference"].startswith("sha256:"):
            try:
                self.store.check_push(pushed["reference"])
            except TagIsImmutableError as error:
                self._discard_body()
                self._answer_error(400, "TAG_INVALID", str(error))
                return
        self._forward()
        if pushed:
            self.plane.pushed.append(pushed["reference"])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's

    def _forward(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.registry_port, timeout=600)
        # The host stays, because the registry builds its redirects from it.
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_HEADERS}
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        connection.request(self.command, self.path, self._body(), headers, encode_chunked=chunked)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_HEADERS:
                self.send_header(name, value)
        whole = b""
        if answer.headers.get("Content-Length") is None:
            whole = answer.read()
            self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)
        while chunk := answer.read(_CHUNK):
            self.wfile.write(chunk)
        connection.close()

    def _body(self) -> Iterator[bytes] | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(self.headers.get("Content-Length", 0))
        return self._bytes(length) if length else None

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._bytes(size)
            self.rfile.readline()
        self.rfile.readline()

    def _bytes(self, left: int) -> Iterator[bytes]:
        while left:
            chunk = self.rfile.read(min(left, _CHUNK))
            left -= len(chunk)
            yield chunk

    def _discard_body(self) -> None:
        for _ in self._body() or ():
            pass

    def _answer_error(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="https://ecr/",service="ecr"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
        pass
