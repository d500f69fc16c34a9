"""docs/models.md says what the generator's tables say."""

from __future__ import annotations

from pathlib import Path

from templates.model_size import MODEL_SIZES

PAGE = Path(__file__).parents[3] / "docs/models.md"


def test_the_table_is_the_generators() -> None:
    table = PAGE.read_text().split("The smallest types", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "/" in line]
    expected = []
    for model in MODEL_SIZES:
        kinds = [model.smallest_type(), model.smallest_type(gpu=True)]
        names = " | ".join(kind.name if kind else "-" for kind in kinds)
        expected.append(f"| {model.name} | {model.model_bytes / 2**30:.1f} | {names} |")
    assert rows == expected
