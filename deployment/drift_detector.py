from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.drift_report import DriftReport, ResourceDrift
from deployment.errors import AwsRefusedError
from deployment.patience import Patience

POLL_SECONDS = 3.0
MAX_WAIT_SECONDS = 1800.0
_UNCHECKED = {"NOT_CHECKED", "UNKNOWN", "UNSUPPORTED"}


class DriftDetector:
    """Compares the resources of a stack with its template.

    Args:
        aws: Account and region.
        clock: Time.
    """

    def __init__(self, aws: Aws, clock: Clock | None = None) -> None:
        self._cloudformation = aws.client("cloudformation")
        self._clock = clock or Clock()
        self._patience = Patience(
            self._clock, lambda _: None, "run the command again; nothing is changed by it"
        )

    def detect(self, stack: str) -> DriftReport:
        """Returns what differs.

        Args:
            stack: Name of the stack.

        Raises:
            AwsRefusedError: CloudFormation could not compare.
        """
        answer = self._cloudformation.detect_stack_drift(StackName=stack)
        partial = self._wait(stack, answer["StackDriftDetectionId"])
        drifts = list(self._drifts(stack))
        found = tuple(
            ResourceDrift.from_api(drift)
            for drift in drifts
            if drift["StackResourceDriftStatus"] in {"MODIFIED", "DELETED"}
        )
        unchecked = [
            drift["LogicalResourceId"]
            for drift in drifts
            if drift["StackResourceDriftStatus"] in _UNCHECKED
        ]
        return DriftReport(
            stack, tuple(drift for drift in found if drift.is_real), (*unchecked, *partial)
        )

    def _wait(self, stack: str, detection: str) -> tuple[str, ...]:
        """Waits, and returns what CloudFormation could not compare."""
        deadline = self._clock.monotonic() + MAX_WAIT_SECONDS
        while self._clock.monotonic() < deadline:
            answer = self._patience.ask(
                lambda: self._cloudformation.describe_stack_drift_detection_status(
                    StackDriftDetectionId=detection
                )
            )
            status = answer["DetectionStatus"]
            if status == "DETECTION_COMPLETE":
                return ()
            if status == "DETECTION_FAILED":
                reason = answer.get("DetectionStatusReason", "")
                # Most resources are compared even then; the reason names the others.
                if answer.get("StackDriftStatus") in {"DRIFTED", "IN_SYNC"}:
                    return (reason,)
                raise AwsRefusedError(
                    f"CloudFormation could not compare: {reason}",
                    where=stack,
                    remedy="allow this role to read the resources that the reason names",
                )
            self._clock.sleep(POLL_SECONDS)
        raise AwsRefusedError(
            f"no result after {MAX_WAIT_SECONDS / 60:.0f} minutes",
            where=stack,
            remedy="run the command again later",
        )

    def _drifts(self, stack: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._cloudformation.describe_stack_resource_drifts(StackName=stack, **token)
            yield from page["StackResourceDrifts"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}
