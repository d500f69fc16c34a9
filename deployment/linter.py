from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployment.errors import UsageError
from deployment.lint_finding import LintFinding

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
        for template in templates:
            if not template.is_file():
                raise UsageError(
                    f"no template {template}",
                    remedy="Run generate.py first, or name existing files.",
                )
        self._runner.config = self._config(templates)
        # Matches with a parent explain it again in detail.
        matches = [match for match in self._runner.run() if match.parent_id is None]
        return sorted(matches, key=lambda match: (match.filename, match.linenumber, match.rule.id))

    def findings(self, templates: Sequence[Path]) -> list[LintFinding]:
        """Returns what is wrong in the templates, by file, line and rule."""
        return [LintFinding.from_match(match) for match in self.lint(templates)]

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
