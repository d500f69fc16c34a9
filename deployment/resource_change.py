from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment.property_change import PropertyChange

# Types that say who may do what; a reviewer reads their changes first.
_PERMISSION_PREFIXES = ("AWS::IAM::", "AWS::EC2::SecurityGroup", "AWS::KMS::Key")
_PERMISSION_SUFFIXES = ("Policy", "Permission", "PermissionSet")
# They end in Policy and permit nothing.
_NOT_PERMISSIONS = ("AWS::AutoScaling::ScalingPolicy", "AWS::ApplicationAutoScaling::ScalingPolicy")


@dataclass(frozen=True)
class ResourceChange:
    """What a change set does to one resource.

    Attributes:
        action: Add, Modify, Remove, Import or Dynamic (not known before nested stacks run).
        logical_id: Name in the template.
        type: Resource type, for example AWS::EC2::VPC.
        physical_id: Id in AWS; empty for a new resource.
        replacement: True, Conditional or False, as CloudFormation spells it.
        policy_action: What happens to the old resource: Delete, Retain, Snapshot and so on.
        properties: The properties concerned; empty where AWS does not say.
    """

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = "False"
    policy_action: str = ""
    properties: tuple[PropertyChange, ...] = ()

    @classmethod
    def from_change(cls, change: Mapping[str, Any]) -> ResourceChange:
        """Reads the ResourceChange of one entry of DescribeChangeSet's Changes."""
        by_path: dict[str, PropertyChange] = {}
        for detail in change.get("Details", ()):
            found = PropertyChange.from_detail(detail)
            known = by_path.get(found.path)
            by_path[found.path] = known.merged_with(found) if known else found
        return cls(
            action=change["Action"],
            logical_id=change["LogicalResourceId"],
            type=change["ResourceType"],
            physical_id=change.get("PhysicalResourceId", ""),
            replacement=change.get("Replacement", "False"),
            policy_action=change.get("PolicyAction", ""),
            properties=tuple(by_path[path] for path in sorted(by_path)),
        )

    @property
    def replaces(self) -> bool:
        """Whether the resource is, or may be, made anew and the old one removed."""
        return self.action == "Modify" and self.replacement in {"True", "Conditional"}

    @property
    def is_permission(self) -> bool:
        """Whether the resource decides who may do what."""
        if self.type in _NOT_PERMISSIONS:
            return False
        return self.type.startswith(_PERMISSION_PREFIXES) or self.type.endswith(
            _PERMISSION_SUFFIXES
        )

    @property
    def is_real(self) -> bool:
        """Whether anything is known to change; hidden and unprintable values are not."""
        if self.action != "Modify" or not self.properties:
            return True
        return any(change.is_real for change in self.properties)
