from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws import Aws
from deployment.aws_advice import error_code

LOG_GROUP = "AWS::Logs::LogGroup"


@dataclass(frozen=True)
class LogLine:
    """One event of CloudWatch Logs.

    Attributes:
        time: When it was written.
        group: Log group.
        stream: Log stream, which names the instance.
        text: The message, without its line end.
    """

    time: datetime
    group: str
    stream: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Returns the line as plain data for `--output json`."""
        return {
            "time": self.time.isoformat(),
            "group": self.group,
            "stream": self.stream,
            "text": self.text,
        }


class StackLogs:
    """The log groups that a stack owns.

    Args:
        aws: Account and region.
        stack: Name or ARN of the stack.
    """

    def __init__(self, aws: Aws, stack: str) -> None:
        self._aws = aws
        self._stack = stack
        self._seen: set[str] = set()

    def groups(self) -> list[str]:
        """Returns the names of the log groups, sorted."""
        pages = self._aws.client("cloudformation").get_paginator("list_stack_resources")
        return sorted(
            resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=self._stack)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == LOG_GROUP and resource.get("PhysicalResourceId")
        )

    def read(
        self, group: str, since: datetime, *, pattern: str = "", stream_prefix: str = ""
    ) -> Iterator[LogLine]:
        """Gives the lines of a group that were not given before, oldest first.

        Args:
            group: Log group.
            since: Earliest time.
            pattern: Filter pattern of CloudWatch Logs; empty takes every line.
            stream_prefix: Streams that begin so; empty takes all.
        """
        arguments: dict[str, Any] = {
            "logGroupName": group,
            "startTime": int(since.timestamp() * 1000),
        }
        if pattern:
            arguments["filterPattern"] = pattern
        if stream_prefix:
            arguments["logStreamNamePrefix"] = stream_prefix
        pages = self._aws.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(**arguments):
            for event in page["events"]:
                if event["eventId"] in self._seen:
                    continue
                self._seen.add(event["eventId"])
                yield LogLine(
                    time=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
                    group=group,
                    stream=event["logStreamName"],
                    text=event["message"].rstrip("\n"),
                )

    def last_lines(self, since: datetime, count: int) -> list[str]:
        """Returns the last lines of all groups together, for the report of a failure.

        A log that cannot be read is told in its place: the report itself must not fail.
        """
        lines: list[LogLine] = []
        try:
            for group in self.groups():
                lines.extend(self.read(group, since))
        except ClientError as error:
            return [f"(the stack's logs cannot be read: {error_code(error)})"]
        lines.sort(key=lambda line: line.time)
        return [f"{line.time:%H:%M:%S} {line.stream}: {line.text}" for line in lines[-count:]]
