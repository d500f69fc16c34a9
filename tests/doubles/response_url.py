from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ResponseUrl:
    """Where CloudFormation waits for a custom resource's answer: a presigned S3 URL.

    Attributes:
        url: The URL to put the answer to.
        answers: The answers that were accepted.
        failures: How many of the next requests are answered by 503.
    """

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.failures = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer?Signature=x"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: ResponseUrl

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.owner.failures:
            self.owner.failures -= 1
            self.send_response(503)
        elif self.headers.get("Content-Type"):
            # The signature covers an empty content type.
            self.send_response(403)
        else:
            self.owner.answers.append(json.loads(body))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass
