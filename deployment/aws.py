from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from deployment.errors import AwsRefusedError, UsageError

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60
# Enough for a burst of throttling, short enough that a wrong endpoint answers within seconds.
MAX_ATTEMPTS = 5


class Aws:
    """One account and region, and the clients that talk to it.

    boto3 is imported with the first client, so that commands that need no AWS do not pay for it.

    Args:
        region: Region code; None takes AWS_REGION, AWS_DEFAULT_REGION or the profile's.
        profile: Profile of ~/.aws/config; None takes AWS_PROFILE or the default.
        clients: Ready clients by service name, used instead of new ones (tests).
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        clients: Mapping[str, Any] | None = None,
    ) -> None:
        self._asked_region = region
        self.profile = profile
        self._clients: dict[tuple[str, str], Any] = {}
        self._given = dict(clients or {})
        self._lock = threading.Lock()

    @cached_property
    def _session(self) -> Any:
        import boto3  # noqa: PLC0415  # a fifth of a second that most commands do not need

        return boto3.Session(profile_name=self.profile)

    @cached_property
    def region(self) -> str:
        """The region that stacks live in.

        Raises:
            UsageError: No region is set anywhere, or it is not a region of AWS.
        """
        # boto3 does not read AWS_REGION, which the AWS command line and Lambda set.
        region = (
            self._asked_region
            or os.environ.get("AWS_REGION")
            or str(self._session.region_name or "")
        )
        if not region:
            raise UsageError(
                "no AWS region is set",
                where="--region, AWS_REGION, AWS_DEFAULT_REGION, ~/.aws/config",
                remedy="name one, for example: --region eu-central-1",
            )
        return region

    def client(self, service: str, *, region: str | None = None) -> Any:
        """Returns the client of a service, made once.

        Args:
            service: Service name as boto3 spells it, for example "cloudformation".
            region: Region of the client; None takes this object's own.
        """
        if service in self._given:
            return self._given[service]
        key = (service, region or self.region)
        # A boto3 session must not make two clients at once; preflight asks from several threads.
        with self._lock:
            return self._client(key)

    def _client(self, key: tuple[str, str]) -> Any:
        if key not in self._clients:
            from botocore.config import Config  # noqa: PLC0415  # comes with boto3, see above

            self._clients[key] = self._session.client(
                key[0],
                region_name=key[1],
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_SECONDS,
                    read_timeout=READ_TIMEOUT_SECONDS,
                    retries={"mode": "standard", "max_attempts": MAX_ATTEMPTS},
                ),
            )
        return self._clients[key]

    @cached_property
    def _identity(self) -> dict[str, str]:
        answer: dict[str, str] = self.client("sts").get_caller_identity()
        return answer

    @property
    def account(self) -> str:
        """The account id of the credentials, 12 digits."""
        return self._identity["Account"]

    @property
    def caller(self) -> str:
        """ARN of the user or role that the credentials belong to."""
        return self._identity["Arn"]

    @property
    def partition(self) -> str:
        """The part of AWS that the credentials belong to: aws, aws-cn or aws-us-gov."""
        parts = self.caller.split(":")
        if len(parts) < 6:
            raise AwsRefusedError(
                f"unexpected identity {self.caller!r}",
                where="sts:GetCallerIdentity",
                remedy="check the endpoint that AWS_ENDPOINT_URL names",
            )
        return parts[1]

    @property
    def console(self) -> str:
        """Address of the web console of this region."""
        host = {
            "aws-cn": "console.amazonaws.cn",
            "aws-us-gov": "console.amazonaws-us-gov.com",
        }.get(self.partition, "console.aws.amazon.com")
        return f"https://{self.region}.{host}"
