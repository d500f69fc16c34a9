from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from deployment.parameter_change import ParameterChange
from deployment.resource_change import ResourceChange
from deployment.template_changes import SectionChange


@dataclass(frozen=True)
class Difference:
    """Everything that deploying would change in a stack.

    Attributes:
        stack_name: The stack.
        is_new: Whether the stack does not exist yet.
        resources: Changes to resources, in the change set's order.
        sections: Changes to the template's other sections.
        parameters: Changes to parameter values.
        tags: Tag keys that change, with the value now and to come.
    """

    stack_name: str
    is_new: bool
    resources: tuple[ResourceChange, ...] = ()
    sections: tuple[SectionChange, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    tags: tuple[ParameterChange, ...] = ()

    @property
    def real_resources(self) -> tuple[ResourceChange, ...]:
        """Resources that are known to change."""
        return tuple(change for change in self.resources if change.is_real)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of what cannot be compared: NoEcho parameters and resources they alone reach."""
        parameters = [change.key for change in self.parameters if change.is_hidden]
        resources = [
            change.logical_id
            for change in self.resources
            if not change.is_real and any(item.is_hidden for item in change.properties)
        ]
        return tuple(parameters + resources)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to change."""
        visible = [change for change in self.parameters if not change.is_hidden]
        return not (self.real_resources or self.sections or visible or self.tags)

    def counts(self) -> dict[str, int]:
        """Returns the number of resources by what happens to them."""
        counts = {"add": 0, "modify": 0, "replace": 0, "remove": 0}
        for change in self.real_resources:
            if change.replaces:
                counts["replace"] += 1
            else:
                counts[_COUNTED.get(change.action, "modify")] += 1
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Returns the difference as plain data for `--output json`."""
        return {
            "stack": self.stack_name,
            "new": self.is_new,
            "different": not self.is_empty,
            "counts": self.counts(),
            "resources": [
                {**asdict(change), "real": change.is_real, "permission": change.is_permission}
                for change in self.resources
            ],
            "sections": [{**asdict(change), "action": change.action} for change in self.sections],
            "parameters": [asdict(change) for change in self.parameters],
            "tags": [asdict(change) for change in self.tags],
            "not_comparable": list(self.hidden),
        }


_COUNTED = {"Add": "add", "Import": "add", "Remove": "remove"}
