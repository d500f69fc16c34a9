"""Facts of the fleet: launch template, group, roll-out."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_new_tag_makes_a_new_version_of_the_launch_template(template: Any, deploy: Any) -> None:
    specification = template["Resources"]["AutoScalingGroup"]["Properties"]["MixedInstancesPolicy"][
        "LaunchTemplate"
    ]["LaunchTemplateSpecification"]
    assert specification["Version"] == {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]}
    old, new = deploy(ImageTag="1a2b3c4"), deploy(ImageTag="5d6e7f8")
    assert old.launch_template != new.launch_template
    assert "llm-service:5d6e7f8" in new.user_data


def test_a_roll_out_waits_for_the_model_and_keeps_the_old_serving(template: Any) -> None:
    group = template["Resources"]["AutoScalingGroup"]
    update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert update["WaitOnResourceSignals"] is True
    assert update["MinInstancesInService"] == {"Ref": "MinSize"}
    assert update["MinSuccessfulInstancesPercent"] == 100
    assert update["PauseTime"] == {"Fn::Sub": "PT${StartupMinutes}M"}
    minutes = template["Parameters"]["StartupMinutes"]["AllowedValues"]
    # CloudFormation waits an hour at most.
    assert max(map(int, minutes)) <= 60
    # These would end or start instances in the middle of it; Launch and Terminate do the work.
    assert {"ReplaceUnhealthy", "AlarmNotification", "HealthCheck"} <= set(
        update["SuspendProcesses"]
    )
    assert not {"Launch", "Terminate"} & set(update["SuspendProcesses"])
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": "MinSize"}


def test_the_group_keeps_its_size_over_deployments(deploy: Any) -> None:
    assert "DesiredCapacity" not in deploy().properties("AutoScalingGroup")


def test_spot_by_several_types(deploy: Any) -> None:
    deployed = deploy()
    group = deployed.properties("AutoScalingGroup")
    policy = group["MixedInstancesPolicy"]
    assert policy["InstancesDistribution"] == {
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 0,
        "OnDemandAllocationStrategy": "prioritized",
        "SpotAllocationStrategy": "price-capacity-optimized",
    }
    assert [one["InstanceType"] for one in policy["LaunchTemplate"]["Overrides"]] == [
        "t3.micro",
        "t3a.micro",
    ]
    assert group["CapacityRebalance"] is True
    # Both together fail at create.
    assert "InstanceMarketOptions" not in deployed.launch_template
    assert "InstanceType" not in deployed.launch_template


def test_one_type_is_enough(deploy: Any) -> None:
    policy = deploy(AlternativeType="").properties("AutoScalingGroup")["MixedInstancesPolicy"]
    assert policy["LaunchTemplate"]["Overrides"] == [{"InstanceType": "t3.micro"}]


@pytest.mark.parametrize(
    ("first", "alternative", "expected"),
    [
        ("g5.xlarge", "t3a.micro", ["g5.xlarge"]),
        ("p5.48xlarge", "g6e.xlarge", ["p5.48xlarge", "g6e.xlarge"]),
        ("m6i.large", "g5.xlarge", ["m6i.large"]),
        ("m6i.large", "m7i.large", ["m6i.large", "m7i.large"]),
    ],
)
def test_cpu_and_gpu_types_never_share_an_image(
    deploy: Any, first: str, alternative: str, expected: list[str]
) -> None:
    group = deploy(InstanceType=first, AlternativeType=alternative).properties("AutoScalingGroup")
    overrides = group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
    assert [one["InstanceType"] for one in overrides] == expected


def test_cpu_is_tracked_at_70_percent_by_the_minute(deploy: Any) -> None:
    deployed = deploy()
    tracking = deployed.properties("CpuTracking")["TargetTrackingConfiguration"]
    assert tracking["TargetValue"] == 70
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "ASGAverageCPUUtilization"
    }
    assert deployed.launch_template["Monitoring"] == {"Enabled": True}


def test_the_hook_is_part_of_the_group(template: Any, deploy: Any) -> None:
    (hook,) = deploy().properties("AutoScalingGroup")["LifecycleHookSpecificationList"]
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert hook["DefaultResult"] == "CONTINUE"
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    assert "AWS::AutoScaling::LifecycleHook" not in kinds
    assert f"hook='{hook['LifecycleHookName']}'" in deploy().user_data


def test_grace_lasts_as_long_as_a_start_may(deploy: Any) -> None:
    for minutes in ("5", "60"):
        group = deploy(StartupMinutes=minutes).properties("AutoScalingGroup")
        assert group["HealthCheckGracePeriod"] == int(minutes) * 60


def test_an_instance_is_hardened(deploy: Any) -> None:
    data = deploy().launch_template
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
    (disk,) = data["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True
    assert disk["Ebs"]["VolumeType"] == "gp3"
    assert disk["Ebs"]["VolumeSize"] == 30
    assert "KeyName" not in data
    assert "NetworkInterfaces" not in data


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("t3.micro", "standard"), ("t3a.large", "standard"), ("m6i.large", None), ("g5.xlarge", None)],
)
def test_credits_only_where_there_are_some(deploy: Any, kind: str, expected: str | None) -> None:
    data = deploy(InstanceType=kind).launch_template
    # EC2 refuses the setting for any other type.
    assert data.get("CreditSpecification", {}).get("CpuCredits") == expected


AL2023 = "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}}"
AL2 = "/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2"
GPU = "{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id}}"


@pytest.mark.parametrize(
    ("parameters", "image"),
    [
        ({}, AL2023),
        ({"AmiParameter": AL2}, f"{{{{resolve:ssm:{AL2}}}}}"),
        ({"InstanceType": "g5.xlarge"}, GPU),
        ({"InstanceType": "p4d.24xlarge"}, GPU),
        ({"InstanceType": "g5.xlarge", "AmiParameter": "/own/gpu"}, "{{resolve:ssm:/own/gpu}}"),
        ({"InstanceType": "g5.xlarge", "AmiId": "ami-12345678"}, "ami-12345678"),
    ],
)
def test_the_machine_image(deploy: Any, parameters: dict[str, str], image: str) -> None:
    assert deploy(**parameters).launch_template["ImageId"] == image


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("kind", "tag", "reference", "gpus"),
    [
        ("t3.micro", "1a2b3c4", "llm-service:1a2b3c4", ""),
        ("g4dn.xlarge", "1a2b3c4", "llm-service:1a2b3c4-cuda", "--gpus all"),
        ("t3.micro", DIGEST, f"llm-service@{DIGEST}", ""),
        ("g6e.xlarge", DIGEST, f"llm-service@{DIGEST}", "--gpus all"),
    ],
)
def test_gpu_types_get_the_cuda_image(
    deploy: Any, kind: str, tag: str, reference: str, gpus: str
) -> None:
    script = deploy(InstanceType=kind, ImageTag=tag).user_data
    assert f"repository='{reference}'" in script
    assert f"gpu_flags='{gpus}'" in script


def test_a_permissions_boundary_is_on_every_role(deploy: Any) -> None:
    arn = "arn:aws:iam::123456789012:policy/boundary"
    for deployed, expected in ((deploy(PermissionsBoundaryArn=arn), arn), (deploy(), None)):
        roles = deployed.of_type("AWS::IAM::Role")
        assert {role.get("PermissionsBoundary") for role in roles.values()} == {expected}
