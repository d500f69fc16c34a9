from __future__ import annotations

import gc
import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployment.commands.generate import DEFAULT_FOLDER
from deployment.errors import UsageError
from deployment.exit_code import ExitCode

if TYPE_CHECKING:
    from deployment.lint_report import LintReport


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


NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Lint anew even when nothing changed since last time.")
]


def lint(
    templates: Templates = None,
    *,
    region: Regions = None,
    output: Output = LintFormat.TEXT,
    config_file: ConfigFile = None,
    no_cache: NoCache = False,
) -> None:
    """Checks templates with cfn-lint and with this project's own rules.

    Exit status 0 without findings, 1 with some.
    """
    # Imported here, so that --help need not wait for it.
    from deployment.lint_cache import LintCache  # noqa: PLC0415
    from deployment.linter import DEFAULT_REGIONS  # noqa: PLC0415

    paths = templates or sorted(DEFAULT_FOLDER.glob("*.template.json"))
    if not paths:
        raise UsageError(
            f"no template in {DEFAULT_FOLDER}/", remedy="run generate.py first, or name files"
        )
    regions = region or list(DEFAULT_REGIONS)
    cache = LintCache.of_user()
    key = None if no_cache else cache.key(paths, regions, config_file, output.value)
    report = cache.load(key) if key else None
    if report is None:
        report = _lint(paths, regions, config_file, output)
        if key:
            cache.store(key, report)
    _print(report, output)
    typer.echo(f"{len(paths)} templates, {len(report.findings)} findings", err=True)
    if report.findings:
        raise typer.Exit(ExitCode.DIFFERENCES)


def _lint(
    paths: list[Path], regions: list[str], config_file: Path | None, output: LintFormat
) -> LintReport:
    # Imported here, because cfn-lint takes a second to load.
    from deployment.lint_finding import LintFinding  # noqa: PLC0415
    from deployment.lint_report import LintReport  # noqa: PLC0415
    from deployment.linter import Linter  # noqa: PLC0415

    # Collecting garbage takes a seventh of the time, and this process ends soon.
    gc.disable()
    try:
        linter = Linter(regions, config_file)
        if output not in {LintFormat.SARIF, LintFormat.JUNIT}:
            return LintReport(tuple(linter.findings(paths)))
        matches = linter.lint(paths)
        findings = tuple(LintFinding.from_match(match) for match in matches)
        return LintReport(findings, linter.report(matches, output.value))
    finally:
        gc.enable()


def _print(report: LintReport, output: LintFormat) -> None:
    if report.document:
        typer.echo(report.document)
    elif output is LintFormat.JSON:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in report.findings]}))
    else:
        for finding in report.findings:
            typer.echo(str(finding))
