from __future__ import annotations

import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from deployment.commands.generate import DEFAULT_FOLDER
from deployment.errors import UsageError
from deployment.exit_code import ExitCode


class LintFormat(str, Enum):
    """How findings are printed on standard output."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


Templates = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[TEMPLATE]...",
        help="CloudFormation files, JSON or YAML; without any, what generate.py wrote to dist/.",
    ),
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", help="Region to validate for; may be repeated."),
]
Output = Annotated[LintFormat, typer.Option("--output", help="Form of the findings.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config-file",
        exists=True,
        dir_okay=False,
        help="A .cfnlintrc to honour; none is read otherwise.",
    ),
]


def lint(
    templates: Templates = None,
    region: Regions = None,
    output: Output = LintFormat.TEXT,
    config_file: ConfigFile = None,
) -> None:
    """Checks templates with cfn-lint and with this project's own rules.

    Exit status 0 without findings, 1 with some.
    """
    # Imported here, because cfn-lint takes a second to load.
    from deployment.lint_finding import LintFinding  # noqa: PLC0415
    from deployment.linter import DEFAULT_REGIONS, Linter  # noqa: PLC0415

    paths = templates or sorted(DEFAULT_FOLDER.glob("*.template.json"))
    if not paths:
        raise UsageError(
            f"no template in {DEFAULT_FOLDER}/", remedy="Run generate.py first, or name files."
        )
    linter = Linter(region or DEFAULT_REGIONS, config_file)
    matches = linter.lint(paths)
    findings = [LintFinding.from_match(match) for match in matches]
    if output in (LintFormat.SARIF, LintFormat.JUNIT):
        typer.echo(linter.report(matches, output.value))
    elif output is LintFormat.JSON:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            typer.echo(str(finding))
    typer.echo(f"{len(paths)} templates, {len(findings)} findings", err=True)
    if findings:
        raise typer.Exit(ExitCode.DIFFERENCES)
