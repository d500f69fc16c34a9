from __future__ import annotations

import glob
import multiprocessing
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployment.errors import UsageError
from deployment.lint_finding import LintFinding

# Elsewhere a fork is not safe, or not there.
_CAN_FORK = sys.platform == "linux"
DEFAULT_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")


class Linter:
    """cfn-lint in this process, with our own rules, the same result on every machine.

    cfn-lint is imported when a linter is made, because loading its schemas takes a second, and the
    rules are loaded once however many templates follow.

    Args:
        regions: Regions to validate for; each must be one that cfn-lint knows.
        config_file: A .cfnlintrc to honour. Without one none is read: neither the user's nor that
            of the folder, so that results do not differ by machine.
    """

    def __init__(
        self, regions: Sequence[str] = DEFAULT_REGIONS, config_file: Path | None = None
    ) -> None:
        from cfnlint.config import ConfigMixIn  # noqa: PLC0415 - slow, see above
        from cfnlint.helpers import REGIONS  # noqa: PLC0415 - slow, see above
        from cfnlint.runner.cli import Runner  # noqa: PLC0415 - slow, see above

        from deployment.rules.catalog import OWN_RULES  # noqa: PLC0415 - imports cfn-lint

        unknown = sorted(set(regions) - set(REGIONS))
        if unknown:
            raise UsageError(
                f"unknown region {', '.join(unknown)}",
                where="--region",
                remedy="Use regions such as us-east-1 or eu-west-1.",
            )
        self._regions = list(regions)
        self._config_file = os.devnull if config_file is None else str(config_file)
        self._config_class = ConfigMixIn
        self._runner = Runner(self._config([]))
        for rule in OWN_RULES:
            self._runner.rules.register(rule())

    def lint(self, templates: Sequence[Path]) -> list[Any]:
        """Returns cfn-lint's matches for all templates, by file, line and rule.

        Raises:
            UsageError: A template does not exist.
        """
        self._load(templates)
        return self._matches(templates)

    def findings(self, templates: Sequence[Path]) -> list[LintFinding]:
        """Returns what is wrong in the templates, by file, line and rule.

        Where this process may be forked, several templates are linted at once, on as many
        processors as there are.

        Raises:
            UsageError: A template does not exist.
        """
        self._load(templates)
        processors = min(len(templates), len(os.sched_getaffinity(0)) if _CAN_FORK else 1)
        # A fork copies only the thread that forks: whatever lock another one holds stays shut.
        if processors < 2 or threading.active_count() > 1:
            return [LintFinding.from_match(match) for match in self._matches(templates)]
        _Child.linter = self
        with multiprocessing.get_context("fork").Pool(processors) as pool:
            found = pool.map(_Child.lint, templates, chunksize=1)
        return sorted(
            (finding for findings in found for finding in findings),
            key=lambda finding: (finding.file, finding.line, finding.rule),
        )

    def _load(self, templates: Sequence[Path]) -> None:
        """Loads rules and schemas once, however many templates follow."""
        from cfnlint.runner.cli import Runner  # noqa: PLC0415 - slow, see above

        from deployment.rules.catalog import OWN_RULES  # noqa: PLC0415 - imports cfn-lint

        for template in templates:
            if not template.is_file():
                raise UsageError(
                    f"no template {template}",
                    remedy="Run generate.py first, or name existing files.",
                )
        self.config = self._configuration(templates)
        self._runner = Runner(self.config)
        for rule in OWN_RULES:
            self._runner.rules.register(rule())
        self.rules = self._runner.rules

    def _configuration(self, templates: Sequence[Path]) -> Any:
        return self._config_class(
            ["--config-file", self._config_file],
            templates=[glob.escape(str(template)) for template in templates],
            regions=self._regions,
        )

    def _matches(self, templates: Sequence[Path]) -> list[Any]:
        self._runner.config = self._configuration(templates)
        # Matches with a parent explain it again in detail.
        matches = [match for match in self._runner.run() if match.parent_id is None]
        return sorted(matches, key=lambda match: (match.filename, match.linenumber, match.rule.id))

    def report(self, matches: list[Any], form: str) -> str:
        """Returns matches as a SARIF or JUnit document.

        Args:
            matches: What `lint` returned.
            form: `sarif` or `junit`.
        """
        from cfnlint.formatters import JUnitFormatter, SARIFFormatter  # noqa: PLC0415 - slow

        formatter = {"sarif": SARIFFormatter, "junit": JUnitFormatter}[form]()
        return str(formatter.print_matches(matches, self._runner.rules, config=self._runner.config))

    def _config(self, templates: Sequence[Path]) -> Any:
        return self._config_class(
            ["--config-file", self._config_file],
            templates=[glob.escape(str(template)) for template in templates],
            regions=self._regions,
        )


class _Child:
    """What a forked process finds: the linter, loaded before the fork and too large to send."""

    linter: Linter

    @classmethod
    def lint(cls, template: Path) -> list[LintFinding]:
        return [LintFinding.from_match(match) for match in cls.linter._matches([template])]
