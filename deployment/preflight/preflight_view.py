"""The results of preflight as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from deployment.preflight.check_result import CheckResult, CheckStatus

_MARKS = {
    CheckStatus.PASSED: ("ok     ", "green"),
    CheckStatus.WARNING: ("warning", "yellow"),
    CheckStatus.FAILED: ("failed ", "bold red"),
    CheckStatus.SKIPPED: ("-      ", "dim"),
}


def preflight_view(results: Sequence[CheckResult]) -> RenderableType:
    """Returns a line a check, its remedy below it, and the counts."""
    width = max((len(result.name) for result in results), default=0)
    lines = []
    for result in results:
        mark, style = _MARKS[result.status]
        lines.append(Text.assemble((mark, style), f"  {result.name:<{width}}  {result.message}"))
        if result.remedy:
            lines.append(Text(f"         {'':<{width}}  -> {result.remedy}", style))
    failed = sum(result.blocks for result in results)
    warnings = sum(result.is_warning for result in results)
    summary = f"\n{len(results)} checks: {failed} failed, {warnings} warnings"
    return Group(*lines, Text(summary, "bold"))
