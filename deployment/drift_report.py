from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deployment.ascii_mask import same_after_mask


@dataclass(frozen=True)
class PropertyDrift:
    """A property that differs from the template.

    Attributes:
        path: Where in the resource.
        expected: Value by the template.
        actual: Value in AWS.
    """

    path: str
    expected: str
    actual: str


@dataclass(frozen=True)
class ResourceDrift:
    """A resource that differs from the template.

    Attributes:
        logical_id: Name in the template.
        type: Resource type.
        physical_id: Id in AWS.
        status: MODIFIED or DELETED.
        properties: What differs.
    """

    logical_id: str
    type: str
    physical_id: str
    status: str
    properties: tuple[PropertyDrift, ...] = ()

    @classmethod
    def from_api(cls, drift: Mapping[str, Any]) -> ResourceDrift:
        """Reads one entry of DescribeStackResourceDrifts.

        A value that only seems to differ, because CloudFormation cannot give a character back, is
        left out.
        """
        return cls(
            logical_id=drift["LogicalResourceId"],
            type=drift["ResourceType"],
            physical_id=drift.get("PhysicalResourceId", ""),
            status=drift["StackResourceDriftStatus"],
            properties=tuple(
                PropertyDrift(entry["PropertyPath"], entry["ExpectedValue"], entry["ActualValue"])
                for entry in drift.get("PropertyDifferences", ())
                if not same_after_mask(entry["ExpectedValue"], entry["ActualValue"])
            ),
        )

    @property
    def is_real(self) -> bool:
        """Whether anything really differs."""
        return self.status == "DELETED" or bool(self.properties)


@dataclass(frozen=True)
class DriftReport:
    """What was changed in a stack by other hands than CloudFormation's.

    Attributes:
        stack: The stack.
        resources: Resources that differ.
        unchecked: Names of resources whose type CloudFormation cannot compare.
    """

    stack: str
    resources: tuple[ResourceDrift, ...]
    unchecked: tuple[str, ...]

    @property
    def drifted(self) -> bool:
        """Whether anything differs."""
        return bool(self.resources)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data for `--output json`."""
        return {"drifted": self.drifted, **asdict(self)}
