from __future__ import annotations

import http.client
import ipaddress
import json
import re
import time
import urllib.error
import urllib.request
from http import HTTPStatus

from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.metadata_error import MetadataError

TOKEN_SECONDS = 300
# Renewed well before it ends, so that a slow request never carries an expired one.
TOKEN_RENEWAL_SECONDS = 200

# urllib would send a request to 169.254.169.254 through the proxy of the environment.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class InstanceMetadata:
    """A client of the instance metadata service, version 2 only (IMDSv2).

    Every request carries a session token; there is no falling back to version 1. All methods
    block; errors of the connection are OSError, answers that must not be used MetadataError.

    Args:
        endpoint: For example http://169.254.169.254.
        timeout: Seconds that one request may take.
    """

    def __init__(self, endpoint: str, timeout: float = 2.0) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._token = ""
        self._token_age = time.monotonic()

    def identity(self) -> InstanceIdentity:
        """Returns who this instance is.

        Raises:
            MetadataError: When a value is missing, empty or not of its shape: registering
                an empty or wrong address would send clients nowhere.
            OSError: When the service cannot be reached.
        """
        instance_id = self._required("instance-id")
        if not re.fullmatch(r"i-[0-9a-f]{8,17}", instance_id):
            raise MetadataError(f"instance-id is {instance_id!r}: not the id of an instance")
        private_ip = self._required("local-ipv4")
        try:
            ipaddress.IPv4Address(private_ip)
        except ValueError as error:
            raise MetadataError(f"local-ipv4 is {private_ip!r}: not an IPv4 address") from error
        return InstanceIdentity(
            instance_id=instance_id,
            private_ip=private_ip,
            availability_zone=self._required("placement/availability-zone"),
            region=self._required("placement/region"),
        )

    def target_lifecycle_state(self) -> str | None:
        """Returns where the group moves this instance, for example InService or Terminated.

        None when the instance belongs to no group or the group has not said yet.
        """
        return self._get("autoscaling/target-lifecycle-state")

    def spot_interruption(self) -> str | None:
        """Returns what a spot notice announces (terminate, stop, hibernate), or None."""
        notice = self._get("spot/instance-action")
        if notice is None:
            return None
        try:
            return str(json.loads(notice)["action"])
        except (ValueError, KeyError, TypeError) as error:
            raise MetadataError(f"spot/instance-action is {notice!r}: no notice") from error

    def rebalance_recommended(self) -> bool:
        """Tells whether EC2 sees a raised risk of interruption."""
        return self._get("events/recommendations/rebalance") is not None

    def _required(self, path: str) -> str:
        value = self._get(path)
        if value is None:
            raise MetadataError(f"{path} is not known to {self._endpoint}")
        return value

    def _get(self, path: str) -> str | None:
        """Returns a value, or None when there is none (404)."""
        for is_second_try in (False, True):
            headers = {"X-aws-ec2-metadata-token": self._valid_token()}
            try:
                value = self._send("GET", f"meta-data/{path}", headers)
            except urllib.error.HTTPError as error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                if error.code == HTTPStatus.UNAUTHORIZED and not is_second_try:
                    # The service forgot the token, for example after a stop and start.
                    self._token = ""
                    continue
                raise
            if not value:
                raise MetadataError(f"{path} is empty")
            return value
        raise AssertionError("unreachable: the second try returns or raises")

    def _valid_token(self) -> str:
        if not self._token or time.monotonic() - self._token_age > TOKEN_RENEWAL_SECONDS:
            requested = time.monotonic()
            headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
            self._token = self._send("PUT", "api/token", headers)
            if not self._token:
                raise MetadataError("the session token is empty")
            self._token_age = requested
        return self._token

    def _send(self, method: str, path: str, headers: dict[str, str]) -> str:
        url = f"{self._endpoint}/latest/{path}"
        request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - http(s) by the setting's pattern
        try:
            with _OPENER.open(request, timeout=self._timeout) as answer:
                return str(answer.read().decode("utf-8", "replace").strip())
        except http.client.HTTPException as error:
            # A cut-off answer, which http.client does not count among the OS errors.
            raise ConnectionError(f"{url}: {error!r}") from error
