from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.comparison import Comparison
from benchmarks.measurement import Measurement

_PANELS: tuple[tuple[str, Callable[[Measurement], float]], ...] = (
    ("tokens/s (more is better)", lambda found: found.tokens_per_second),
    ("time to first token, ms, median", lambda found: 1000 * found.first_token_median),
    ("time between tokens, ms, 99th percentile", lambda found: 1000 * found.gap_p99),
)


def draw_speeds(comparison: Comparison, path: Path) -> None:
    """Draws the medians as bars, one panel a figure and one group of bars a workload.

    Args:
        comparison: What was measured.
        path: The SVG file to write.
    """
    # Text stays text, and the same figures give the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench"}):
        figure = Figure(figsize=(10, 3.2 * len(_PANELS)), layout="constrained")
        panels = figure.subplots(len(_PANELS), 1)
        for axes, (title, value) in zip(panels, _PANELS, strict=True):
            _draw_panel(axes, comparison, title, value)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.savefig(path, metadata={"Date": None})


def _draw_panel(
    axes: Any, comparison: Comparison, title: str, value: Callable[[Measurement], float]
) -> None:
    width = 0.8 / len(comparison.systems)
    groups = range(len(comparison.workloads))
    for number, system in enumerate(comparison.systems):
        heights = [value(comparison.median(system, name)) for name in comparison.workloads]
        places = [group - 0.4 + (number + 0.5) * width for group in groups]
        bars = axes.bar(places, heights, width, label=system)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xticks(list(groups), comparison.workloads)
    axes.spines[["top", "right"]].set_visible(False)
