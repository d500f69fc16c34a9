from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployment.template_source import TemplateSource


@dataclass(frozen=True, kw_only=True)
class ChangeSetRequest:
    """What a change set is made of.

    Attributes:
        stack_name: Stack to create or update.
        is_new: Whether the stack is created (or exists in review only).
        template: Template text; None takes the deployed template again.
        template_url: Address of the same template in a bucket, for one too large to send inline.
        parameters: Entries as the API takes them.
        capabilities: Capabilities acknowledged.
        tags: All tags of the stack; None leaves those that it has.
        role_arn: Role that CloudFormation acts with; None takes the caller's, or the stack's.
        on_failure: ROLLBACK, DO_NOTHING or DELETE when a creation fails.
    """

    stack_name: str
    is_new: bool
    template: TemplateSource | None
    template_url: str | None = None
    parameters: tuple[dict[str, Any], ...] = ()
    capabilities: tuple[str, ...] = ()
    tags: dict[str, str] | None = None
    role_arn: str | None = None
    on_failure: str = "ROLLBACK"

    def to_api(self) -> dict[str, Any]:
        """Returns the arguments of CreateChangeSet, less the change set's own name."""
        arguments: dict[str, Any] = {
            "StackName": self.stack_name,
            "ChangeSetType": "CREATE" if self.is_new else "UPDATE",
            "Parameters": list(self.parameters),
            "Capabilities": list(self.capabilities),
            **self.template_arguments(),
        }
        if self.tags is not None:
            arguments["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        if self.role_arn:
            arguments["RoleARN"] = self.role_arn
        # CloudFormation takes the option for both kinds, except that it never deletes on update.
        if self.is_new or self.on_failure != "DELETE":
            arguments["OnStackFailure"] = self.on_failure
        return arguments

    def template_arguments(self) -> dict[str, Any]:
        """Returns the arguments that name the template."""
        if self.template_url:
            return {"TemplateURL": self.template_url}
        if self.template is None:
            return {"UsePreviousTemplate": True}
        return {"TemplateBody": self.template.text}
