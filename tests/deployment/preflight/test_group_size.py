"""Is there room for a roll-out?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployment.aws import Aws
from deployment.deploy_settings import DeploySettings
from deployment.preflight.check_result import CheckResult, CheckStatus
from deployment.preflight.group_size import check_group_size
from deployment.preflight.preflight_context import PreflightContext
from deployment.template_source import TemplateSource
from tests.deployment.fakes import REGION


def check(resources: dict[str, Any]) -> CheckResult:
    source = TemplateSource("demo.json", json.dumps({"Resources": resources}))
    settings = DeploySettings(stack_name="demo", template=source)
    (result,) = check_group_size(PreflightContext(Aws(region=REGION), settings))
    return result


@pytest.mark.parametrize(
    ("least", "most", "status"),
    [
        (1, 4, CheckStatus.PASSED),
        ("9", "10", CheckStatus.PASSED),
        ("4", "4", CheckStatus.FAILED),
        ("10", "9", CheckStatus.FAILED),
    ],
)
def test_a_group_needs_room(mocked: Aws, least: object, most: object, status: CheckStatus) -> None:
    properties = {"MinSize": least, "MaxSize": most}
    group = {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": properties}
    result = check({"Group": group})
    assert result.status is status
    assert ("MaxSize" in result.remedy) is result.blocks


def test_a_stack_without_a_group_is_skipped(mocked: Aws) -> None:
    assert check({"Topic": {"Type": "AWS::SNS::Topic"}}).status is CheckStatus.SKIPPED
