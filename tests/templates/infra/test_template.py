"""What holds for the infrastructure stack's template as a whole."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from deployment.rules.template_size import INLINE_BYTES
from llm_service.client import __main__ as client_program
from templates.infra import LlmServiceInfraStack
from templates.stack import SECTION_ORDER

GOLDEN = Path(__file__).parents[2] / "golden"


def test_the_golden_copy_is_what_the_source_makes() -> None:
    made = LlmServiceInfraStack()
    assert (GOLDEN / made.file_name).read_text(encoding="ascii") == made.to_json(), (
        "run make golden and look at the difference"
    )


def test_it_fits_into_a_request() -> None:
    assert len(LlmServiceInfraStack().to_json().encode()) <= INLINE_BYTES


def test_its_sections_are_in_reading_order(template: Any) -> None:
    assert list(template) == [section for section in SECTION_ORDER if section in template]


def test_a_line_for_each_resource() -> None:
    lines = LlmServiceInfraStack().to_json().splitlines()
    assert sum(line.startswith('"LaunchTemplate":{') for line in lines) == 1
    assert json.loads(
        "{" + next(line for line in lines if line.startswith('"Vpc":')).rstrip(",") + "}"
    )


def test_findings_are_passed_over_with_a_reason_only(template: Any) -> None:
    for name, resource in template["Resources"].items():
        metadata = resource.get("Metadata", {})
        assert "cfn-lint" not in metadata, name
        for skip in metadata.get("checkov", {}).get("skip", []):
            assert skip["id"].startswith("CKV"), name
            assert len(skip["comment"]) > 10, name


def test_outputs_say_what_a_person_needs_next(template: Any) -> None:
    assert {
        "EndpointName",
        "Namespace",
        "AutoScalingGroupName",
        "LogGroupName",
        "DashboardUrl",
        "TryCommand",
        "ClientSecurityGroupId",
    } <= set(template["Outputs"])


def test_the_command_to_try_is_one_that_the_client_takes(
    template: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = template["Outputs"]["TryCommand"]["Value"]["Fn::Sub"]
    words = shlex.split(text.replace("${NamespaceName}", "llm-service"))
    assert words[:3] == ["python", "-m", "llm_service.client"]
    monkeypatch.setattr("sys.argv", words[2:])
    arguments = client_program._parse()
    assert arguments.address == "dns:///llm.llm-service:50051"
    assert arguments.question
