from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from deployment.stack_event import StackEvent

ROW = 22
TOP = 64
LABEL_WIDTH = 330
CHART_WIDTH = 800
RIGHT = 90
FONT = "font-family='Helvetica,Arial,sans-serif'"
COLOURS = {"done": "#2e7d4f", "failed": "#c0392b", "undone": "#c98a1b", "open": "#8a8f98"}
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class _Bar:
    logical_id: str
    type: str
    start: float
    end: float
    kind: str
    reason: str


class Timeline:
    """A deployment as a picture: one bar a resource, from its first event to its last.

    Args:
        title: Stack and operation.
        events: Events of one operation, oldest first.
    """

    def __init__(self, title: str, events: Sequence[StackEvent]) -> None:
        self._title = title
        self._origin = events[0].time if events else None
        self._bars = _bars(events)
        self._seconds = max([bar.end for bar in self._bars], default=0.0) or 1.0

    def to_svg(self) -> str:
        """Returns the picture as an SVG document."""
        height = TOP + ROW * len(self._bars) + 56
        width = LABEL_WIDTH + CHART_WIDTH + RIGHT
        parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
            f"width='{width}' height='{height}' role='img'>",
            f"<title>{escape(self._title)}</title>",
            f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
            _text(16, 28, self._title, size=17, weight="bold"),
            *self._axis(height),
            *(part for row, bar in enumerate(self._bars) for part in self._row(row, bar)),
            *_legend(height),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _x(self, seconds: float) -> float:
        return LABEL_WIDTH + CHART_WIDTH * seconds / self._seconds

    def _axis(self, height: int) -> list[str]:
        step = next((tick for tick in _TICKS if self._seconds / tick <= 10), _TICKS[-1])
        parts = []
        for tick in range(0, int(self._seconds) + 1, step):
            x = self._x(tick)
            parts.append(
                f"<line x1='{x:.1f}' y1='{TOP - 8}' x2='{x:.1f}' y2='{height - 48}' "
                "stroke='#e3e6ea'/>"
            )
            parts.append(_text(x, TOP - 14, _duration(tick), size=11, anchor="middle"))
        return parts

    def _row(self, row: int, bar: _Bar) -> list[str]:
        y = TOP + ROW * row
        width = max(self._x(bar.end) - self._x(bar.start), 2.0)
        tip = f"{bar.logical_id} ({bar.type}): {_duration(bar.end - bar.start)} {bar.reason}"
        label = bar.logical_id if len(bar.logical_id) <= 42 else f"{bar.logical_id[:41]}…"
        return [
            f"<rect x='0' y='{y}' width='{LABEL_WIDTH + CHART_WIDTH + RIGHT}' height='{ROW}' "
            f"fill='{'#f7f8fa' if row % 2 else '#ffffff'}' fill-opacity='0.6'/>",
            _text(LABEL_WIDTH - 12, y + 15, label, anchor="end"),
            f"<rect x='{self._x(bar.start):.1f}' y='{y + 4}' width='{width:.1f}' "
            f"height='{ROW - 8}' rx='3' fill='{COLOURS[bar.kind]}'>"
            f"<title>{escape(tip.strip())}</title></rect>",
            _text(self._x(bar.start) + width + 6, y + 15, _duration(bar.end - bar.start), size=11),
        ]


def _bars(events: Sequence[StackEvent]) -> list[_Bar]:
    """One bar a resource and direction: an undone resource shows its roll-back apart."""
    if not events:
        return []
    origin, last = events[0].time, events[-1].time
    open_since: dict[str, StackEvent] = {}
    bars: list[_Bar] = []
    for event in events:
        if not event.is_over:
            # A second IN_PROGRESS event of one resource only adds its physical id.
            open_since.setdefault(event.logical_id, event)
            continue
        start = open_since.pop(event.logical_id, event)
        bars.append(_bar(event, start.time, event.time, origin))
    bars.extend(_bar(start, start.time, last, origin, kind="open") for start in open_since.values())
    return sorted(bars, key=lambda bar: (bar.start, bar.end))


def _bar(
    event: StackEvent, start: datetime, end: datetime, origin: datetime, kind: str = ""
) -> _Bar:
    return _Bar(
        logical_id=event.logical_id,
        type=event.type,
        start=(start - origin).total_seconds(),
        end=(end - origin).total_seconds(),
        kind=kind or _kind(event),
        reason=event.reason,
    )


def _kind(event: StackEvent) -> str:
    if event.status.endswith("_FAILED"):
        return "failed"
    if event.is_undo or event.status.startswith("DELETE"):
        return "undone"
    return "done"


def _legend(height: int) -> list[str]:
    names = {
        "done": "created or updated",
        "failed": "failed",
        "undone": "deleted or rolled back",
        "open": "not finished",
    }
    parts = []
    for index, (kind, name) in enumerate(names.items()):
        x = LABEL_WIDTH + 180 * index
        parts.append(
            f"<rect x='{x}' y='{height - 30}' width='12' height='12' fill='{COLOURS[kind]}'/>"
        )
        parts.append(_text(x + 18, height - 20, name, size=11))
    return parts


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' "
        f"font-weight='{weight}' fill='#24292f' {FONT}>{escape(text)}</text>"
    )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
