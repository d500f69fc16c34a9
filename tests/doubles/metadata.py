from __future__ import annotations

import datetime
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "/latest/api/token"
DATA = "/latest/meta-data/"
# The access key of the instance's role.
ROLE_KEY = "ASIAINSTANCEROLE"
CREDENTIALS = "iam/security-credentials/"


class Metadata:
    """An instance's metadata service (IMDSv2) on loopback, credentials of its role included.

    Attributes:
        url: Endpoint.
        values: Path below /latest/meta-data/ to value; what is not in it is answered by 404.
        tokens: Tokens that are valid now, with their time of expiry (monotonic).
        requests: Paths asked for, in order.
        credential_seconds: How long the credentials handed out are valid.
    """

    def __init__(self, instance_id: str, private_ip: str, region: str = "eu-west-1") -> None:
        self.values = {
            "instance-id": instance_id,
            "local-ipv4": private_ip,
            "placement/availability-zone": f"{region}a",
            "placement/region": region,
            "autoscaling/target-lifecycle-state": "InService",
        }
        self.tokens: dict[str, float] = {}
        self.requests: list[str] = []
        self.credential_seconds = 6 * 3600.0
        handler = type("Handler", (_Handler,), {"metadata": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()

    def announce_spot_interruption(self) -> None:
        """Has EC2 take the instance back in two minutes."""
        self.values["spot/instance-action"] = json.dumps(
            {"action": "terminate", "time": "2026-01-01T00:02:00Z"}
        )

    def recommend_rebalance(self) -> None:
        """Has EC2 see a raised risk of interruption."""
        self.values["events/recommendations/rebalance"] = json.dumps(
            {"noticeTime": "2026-01-01T00:00:00Z"}
        )

    def new_token(self, seconds: float) -> str:
        """Hands out a token."""
        token = secrets.token_hex(16)
        self.tokens[token] = time.monotonic() + seconds
        return token

    def value(self, path: str) -> str | None:
        """Returns what is served below /latest/meta-data/."""
        if path == CREDENTIALS:
            return "role"
        if path == CREDENTIALS + "role":
            expiry = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
                seconds=self.credential_seconds
            )
            return json.dumps(
                {
                    "Code": "Success",
                    "AccessKeyId": ROLE_KEY,
                    "SecretAccessKey": "secret",
                    "Token": "token",
                    "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            )
        return self.values.get(path)


class _Handler(BaseHTTPRequestHandler):
    metadata: Metadata

    def do_PUT(self) -> None:
        seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        if self.path != TOKEN or seconds is None:
            self._answer(400, "")
        else:
            self._answer(200, self.metadata.new_token(float(seconds)))

    def do_GET(self) -> None:
        path = self.path.removeprefix(DATA)
        self.metadata.requests.append(path)
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        if self.metadata.tokens.get(token, 0.0) < time.monotonic():
            self._answer(401, "")
            return
        value = self.metadata.value(path)
        self._answer(404 if value is None else 200, value or "")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
