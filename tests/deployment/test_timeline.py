from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from deployment.stack_event import StackEvent
from deployment.timeline import COLOURS, Timeline
from tests.deployment.fakes import event

SVG = "{http://www.w3.org/2000/svg}"


def draw(*events: dict[str, Any]) -> ET.Element:
    return ET.fromstring(
        Timeline("demo <1>", [StackEvent.from_api(item) for item in events]).to_svg()
    )


def bars(picture: ET.Element) -> dict[str, tuple[str, float, float]]:
    """Colour, start and width of each bar by the first word of its tooltip."""
    found = {}
    for rect in picture.iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None and title.text:
            name = title.text.split(" ", 1)[0]
            found[name] = (
                rect.get("fill", ""),
                float(rect.get("x", 0)),
                float(rect.get("width", 0)),
            )
    return found


def test_each_resource_is_a_bar_as_long_as_it_took() -> None:
    found = bars(
        draw(
            event("demo", "UPDATE_IN_PROGRESS", stack=True, second=0),
            event("Quick", "CREATE_IN_PROGRESS", second=10),
            event("Quick", "CREATE_IN_PROGRESS", second=11),
            event("Quick", "CREATE_COMPLETE", second=20),
            event("Broken", "CREATE_IN_PROGRESS", second=20),
            event("Broken", "CREATE_FAILED", second=60, reason="why & how"),
            event("Quick2", "DELETE_IN_PROGRESS", second=60),
            event("Quick2", "DELETE_COMPLETE", second=80),
            event("Open", "CREATE_IN_PROGRESS", second=50),
            event("demo", "UPDATE_ROLLBACK_COMPLETE", stack=True, second=100),
        )
    )
    assert found["Quick"][0] == COLOURS["done"]
    assert found["Broken"][0] == COLOURS["failed"]
    assert found["Quick2"][0] == COLOURS["undone"]
    assert found["Open"][0] == COLOURS["open"]
    assert found["Broken"][2] == 4 * found["Quick"][2]
    assert found["demo"][2] == 10 * found["Quick"][2]
    assert found["Open"][1] + found["Open"][2] == found["demo"][1] + found["demo"][2]
    assert found["Broken"][1] == found["Quick"][1] + found["Quick"][2]


def test_an_operation_without_events_is_still_a_picture() -> None:
    assert bars(draw()) == {}


def test_text_is_escaped_and_names_are_readable() -> None:
    picture = draw(event("demo", "CREATE_COMPLETE", stack=True), event("L" * 60, "CREATE_COMPLETE"))
    texts = [item.text or "" for item in picture.iter(f"{SVG}text")]
    assert "demo <1>" in texts
    assert "L" * 41 + "…" in texts
