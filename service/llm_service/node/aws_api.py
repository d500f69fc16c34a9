from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError

logger = logging.getLogger(__name__)

# Short and few, because every caller has a loop of its own that knows what may wait: a call is
# decided within about 20 s even when nothing answers.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
)

# What an API says to a request whose credentials or clock are not good any more. Credentials are
# kept by wall clock inside botocore, so a clock that jumped makes it keep expired ones.
_STALE_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class AwsApi:
    """The AWS calls of the agent, off the event loop.

    Clients are made at first use and made anew, credentials included, once an API refused a
    request for the age of its credentials or signature.

    Args:
        region: Region of all calls.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        # boto3's sessions, other than its clients, are not made for several threads.
        self._lock = threading.Lock()

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Calls an operation in a thread.

        Args:
            service: boto3's name of the service.
            operation: boto3's name of the method.
            parameters: The operation's parameters.

        Returns:
            The answer.

        Raises:
            botocore.exceptions.ClientError: When the API refused.
            botocore.exceptions.BotoCoreError: When no answer came.
        """
        try:
            return await asyncio.to_thread(self._call, service, operation, parameters)
        except ClientError as error:
            if error_code(error) in _STALE_CREDENTIALS:
                self._start_over(error_code(error))
            raise
        except (NoCredentialsError, CredentialRetrievalError) as error:
            # A client that was made without credentials stays without for ever.
            self._start_over(str(error))
            raise

    def _start_over(self, reason: str) -> None:
        logger.warning("credentials are renewed", extra={"reason": reason})
        with self._lock:
            self._session, self._clients = None, {}

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = getattr(self._client(service), operation)(**parameters)
        return dict(answer)

    def _client(self, service: str) -> Any:
        with self._lock:
            if self._session is None:
                # Clients are cycles: without this, those of before and their 25 MB stay beside the
                # new ones, and the container's limit is near.
                gc.collect()
                self._session = boto3.session.Session(region_name=self._region)
            if service not in self._clients:
                self._clients[service] = self._session.client(service, config=_CONFIG)
            return self._clients[service]


def error_code(error: ClientError) -> str:
    """Returns the code that the API gave, for example InstanceNotFound."""
    return str(error.response.get("Error", {}).get("Code", ""))
