from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment.errors import UsageError
from deployment.property_change import NO_ECHO
from deployment.stack_state import StackState
from deployment.template_summary import TemplateParameter, TemplateSummary


@dataclass(frozen=True)
class ParameterPlan:
    """The parameter values of a change set.

    Attributes:
        entries: Entries as the API takes them.
        notes: Sentences about values that a reader may not expect.
    """

    entries: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def make(
        cls, summary: TemplateSummary, given: Mapping[str, str], state: StackState | None
    ) -> ParameterPlan:
        """Decides each parameter: the value given, or the one in use, or the default.

        Args:
            summary: The template's parameters.
            given: Values that the caller names.
            state: The deployed stack; None for a new one.

        Raises:
            UsageError: A value for a parameter that the template lacks, a value that it does not
                allow, or none for one that it requires.
        """
        _check_known(summary, given)
        entries: list[dict[str, Any]] = []
        notes: list[str] = []
        missing: list[TemplateParameter] = []
        in_use = state.parameters if state else {}
        for key, parameter in summary.parameters.items():
            if key in given:
                _check_allowed(parameter, given[key])
                entries.append({"ParameterKey": key, "ParameterValue": given[key]})
            elif key in in_use:
                # Only for a key that the stack has: CloudFormation refuses it for any other.
                entries.append({"ParameterKey": key, "UsePreviousValue": True})
                notes.extend(_kept(parameter, in_use[key]))
            elif parameter.default is None:
                missing.append(parameter)
        if missing:
            raise _missing(missing)
        return cls(tuple(entries), tuple(notes))


def _check_known(summary: TemplateSummary, given: Mapping[str, str]) -> None:
    for key in given:
        if key in summary.parameters:
            continue
        close = difflib.get_close_matches(key, summary.parameters, n=1, cutoff=0.5)
        known = f"did you mean {close[0]}?" if close else "known: " + ", ".join(summary.parameters)
        raise UsageError(
            f"the template has no parameter {key!r}", where="--parameter", remedy=known
        )


def _check_allowed(parameter: TemplateParameter, value: str) -> None:
    if parameter.allowed_values and value not in parameter.allowed_values:
        raise UsageError(
            f"{parameter.key} cannot be {value!r}",
            where="--parameter",
            remedy="use one of: " + ", ".join(map(repr, parameter.allowed_values)),
        )


def _kept(parameter: TemplateParameter, value: str) -> list[str]:
    if parameter.default is None or value in {parameter.default, NO_ECHO}:
        return []
    return [
        f"{parameter.key} stays {value!r}; the template's default is {parameter.default!r} "
        f"(--parameter {parameter.key}=... changes it)"
    ]


def _missing(parameters: list[TemplateParameter]) -> UsageError:
    return UsageError(
        "no value for " + ", ".join(parameter.key for parameter in parameters),
        where="--parameter",
        remedy="give " + " ".join(f"--parameter {item.key}=..." for item in parameters),
        detail=tuple(f"{item.key}: {item.description}" for item in parameters if item.description),
    )
