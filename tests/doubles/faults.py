from __future__ import annotations

import datetime
import io
import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

# What AWS allows a request's clock to be off.
SKEW_SECONDS = 300.0


@dataclass(frozen=True)
class Call:
    """One request to AWS.

    Attributes:
        caller: The access key that signed it.
        service: Signing name of the service, which is IAM's prefix too.
        operation: The operation.
        parameters: Its parameters, as they were sent.
    """

    caller: str
    service: str
    operation: str
    parameters: dict[str, Any]


class Faults:
    """WSGI middleware in front of moto: records every call, and fails as AWS does when told to.

    Attributes:
        calls: Every call so far, refused ones included.
        throttled: Refuses half of all calls for their rate.
        out: Answers nothing for a while and then 503. DiscoverInstances goes on in both cases, as
            the DNS of Route 53 does when Cloud Map's own API is out.
        out_seconds: How long a call hangs while out.
        denied: Operations that are refused.
        denied_code: The code with which they are.
    """

    def __init__(self, app: Any, before: Callable[[], None]) -> None:
        self.calls: list[Call] = []
        self.throttled = False
        self.out = False
        self.out_seconds = 1.0
        self.denied: set[str] = set()
        self.denied_code = "AccessDenied"
        self._app = app
        self._before = before
        # As good as any other order, and the same in every run.
        self._random = random.Random(7)
        # moto's state knows no threads.
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one request."""
        call = self._parse(environ)
        self.calls.append(call)
        if call.operation == "DiscoverInstances":
            return self._answer(environ, start_response)
        if self.out:
            time.sleep(self.out_seconds)
            return self._refuse(environ, start_response, 503, "ServiceUnavailable")
        if abs(self._skew(environ)) > SKEW_SECONDS:
            return self._refuse(environ, start_response, 403, "InvalidSignatureException")
        if call.operation in self.denied:
            return self._refuse(environ, start_response, 403, self.denied_code)
        if self.throttled and self._random.random() < 0.5:
            return self._refuse(environ, start_response, 400, "ThrottlingException")
        return self._answer(environ, start_response)

    def operations(self) -> list[str]:
        """Returns the names of the operations called so far."""
        return [call.operation for call in self.calls]

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self._before()
            return list(self._app(environ, start_response))

    def _parse(self, environ: dict[str, Any]) -> Call:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2]
        # key/day/region/service/aws4_request
        caller, _, _, service, *_ = scope.split("/") if scope.count("/") > 3 else [""] * 4
        target = environ.get("HTTP_X_AMZ_TARGET")
        if target:
            return Call(caller, service, target.rpartition(".")[2], json.loads(body or b"{}"))
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        return Call(caller, service, form.pop("Action", ""), form)

    def _skew(self, environ: dict[str, Any]) -> float:
        stamp = environ.get("HTTP_X_AMZ_DATE")
        if not stamp:
            return 0.0
        signed = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
        return signed.replace(tzinfo=datetime.timezone.utc).timestamp() - time.time()

    def _refuse(
        self, environ: dict[str, Any], start_response: Any, status: int, code: str
    ) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET"):
            content_type = "application/x-amz-json-1.1"
            body = json.dumps({"__type": code, "message": "as told by the test"})
        else:
            content_type = "text/xml"
            body = (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                "<Message>as told by the test</Message></Error></ErrorResponse>"
            )
        start_response(f"{status} {code}", [("Content-Type", content_type)])
        return [body.encode()]
