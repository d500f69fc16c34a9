from __future__ import annotations

from pathlib import Path

from troposphere import Output

from deployment.parameter_page import parameter_page
from templates.parameter import Parameter
from templates.stack import Stack
from templates.stacks import ALL_STACKS


class Small(Stack):
    name = "Small"
    description = "A stack for the test."

    def build(self) -> None:
        self.add_parameters(
            [
                Parameter(name="Needed", group="One", label="?", description="Must be given."),
                Parameter(
                    name="Choice",
                    group="Two",
                    label="?",
                    description="Choose.",
                    default="",
                    allowed_values=("", "a|b"),
                ),
                Parameter(
                    name="Count",
                    group="One",
                    label="?",
                    description="How many.",
                    type="Number",
                    default=0,
                    min_value=0,
                ),
            ]
        )
        self.template.add_output(Output("Result", Value="x", Description="What came of it."))


def test_parameters_stand_by_group_with_default_and_limits() -> None:
    page = parameter_page([Small()])
    lines = page.splitlines()
    assert lines.index("### One") < lines.index("### Two") < lines.index("### Outputs")
    assert page.count("### One") == 1
    assert "| `Needed` | required | ? Must be given. |" in lines
    assert "| `Count` | `0` | ? How many. From 0 to any. |" in lines
    assert "| `Choice` | empty | ? Choose. One of empty, `a\\|b`. |" in lines
    assert "| `Result` | What came of it. |" in lines


def test_every_parameter_and_output_of_our_stacks_is_on_the_page() -> None:
    stacks = [stack() for stack in ALL_STACKS]
    page = parameter_page(stacks)
    for stack in stacks:
        assert f"## {stack.name}" in page
        for name in (
            *(item.name for item in stack.parameters),
            *stack.to_dict().get("Outputs", {}),
        ):
            assert f"| `{name}` |" in page


def test_the_golden_page_is_what_the_source_makes() -> None:
    golden = Path(__file__).parents[1] / "golden" / "parameters.md"
    page = parameter_page([stack() for stack in ALL_STACKS])
    assert golden.read_text(encoding="utf-8") == page, "run make golden and look at the difference"
