"""Doubles for the deployment tests: time that never waits, words that can be read, scripted AWS."""

from __future__ import annotations

import functools
import io
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.output import Output

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STACK_ID = (
    f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/demo/00000000-0000-0000-0000-000000000000"
)
CHANGE_SET_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/generate/1"
START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock(Clock):
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.naps)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)


class Words(Output):
    """An Output whose words can be read."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._stdout, self._stderr = io.StringIO(), io.StringIO()
        super().__init__(as_json=as_json, stdout=self._stdout, stderr=self._stderr)

    @property
    def results(self) -> str:
        return self._stdout.getvalue()

    @property
    def notes(self) -> str:
        return self._stderr.getvalue()


class ScriptedAws(Aws):
    """AWS that answers with prepared answers, in their order, checked against botocore's models.

    A call that the script does not expect, or with other arguments, fails the test.
    """

    def __init__(self) -> None:
        super().__init__(region=REGION)
        self._stubs: dict[str, Stubber] = {}

    def client(self, service: str, *, region: str | None = None) -> Any:
        return self._stub(service).client

    @property
    def account(self) -> str:
        return ACCOUNT

    @property
    def caller(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:user/tester"

    def answer(
        self, service: str, operation: str, response: dict[str, Any], **expected: Any
    ) -> None:
        """Expects a call next; with `expected`, only with these arguments."""
        self._stub(service).add_response(operation, response, expected or None)

    def refuse(
        self, service: str, operation: str, code: str, message: str = "", status: int = 400
    ) -> None:
        """Expects a call next and refuses it."""
        self._stub(service).add_client_error(operation, code, message, status)

    def assert_done(self) -> None:
        """Fails when prepared answers are left over."""
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()

    def _stub(self, service: str) -> Stubber:
        if service not in self._stubs:
            client = _session().client(service, region_name=REGION)
            self._stubs[service] = Stubber(client)
            self._stubs[service].client = client
            self._stubs[service].activate()
        return self._stubs[service]


@functools.cache
def _session() -> boto3.Session:
    """One session for all tests: reading botocore's models takes most of a test's time."""
    return boto3.Session(aws_access_key_id="a", aws_secret_access_key="b")


_numbers = itertools.count()


def event(
    logical_id: str,
    status: str,
    *,
    second: float = 0,
    reason: str = "",
    stack: bool = False,
    event_id: str = "",
    type_name: str = "AWS::SNS::Topic",
) -> dict[str, Any]:
    """Returns an entry of DescribeStackEvents."""
    return {
        "EventId": event_id or f"event-{next(_numbers)}",
        "StackId": STACK_ID,
        "StackName": "demo",
        "Timestamp": START + timedelta(seconds=second),
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": STACK_ID if stack else f"id-of-{logical_id}",
        "ResourceType": "AWS::CloudFormation::Stack" if stack else type_name,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def stack(status: str, **others: Any) -> dict[str, Any]:
    """Returns the answer of DescribeStacks."""
    return {
        "Stacks": [
            {
                "StackName": "demo",
                "StackId": STACK_ID,
                "StackStatus": status,
                "CreationTime": START,
                **others,
            }
        ]
    }


def client_error(
    code: str, message: str = "", status: int = 400, operation: str = "Call"
) -> ClientError:
    """Returns an error as boto3 raises it."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
    )


__all__ = [
    "ACCOUNT",
    "ANY",
    "CHANGE_SET_ID",
    "REGION",
    "STACK_ID",
    "START",
    "FakeClock",
    "ScriptedAws",
    "Words",
    "client_error",
    "event",
    "stack",
]
