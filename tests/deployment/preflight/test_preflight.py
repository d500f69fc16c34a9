from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from deployment.aws import Aws
from deployment.deploy_settings import DeploySettings
from deployment.preflight.check_result import CheckResult, CheckStatus
from deployment.preflight.preflight import Preflight
from deployment.template_source import TemplateSource
from tests.deployment.fakes import REGION, ScriptedAws, client_error


class Quotas:
    """Service Quotas, which moto does not have: every quota is the same number."""

    def __init__(self, value: float) -> None:
        self._value = value

    def get_service_quota(self, **_: str) -> dict[str, Any]:
        return {"Quota": {"Value": self._value}}


@pytest.fixture
def account(mocked: Aws) -> Aws:
    return Aws(region=REGION, clients={"service-quotas": Quotas(100)})


def check(
    aws: Aws, resources: dict[str, Any], *, fix: bool = False, name: str = "demo", **others: Any
) -> dict[str, CheckResult]:
    template = {"Resources": resources, "Parameters": others.pop("declared", {})}
    source = TemplateSource("demo.json", json.dumps(template))
    settings = DeploySettings(stack_name=name, template=source, **others)
    return {result.name: result for result in Preflight(aws).run(settings, fix=fix)}


def group(**instances: Any) -> dict[str, Any]:
    """A group of spot instances of a type."""
    types = [{"InstanceType": name} for name in instances.get("types", ["t3.micro"])]
    return {
        "Group": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "Properties": {
                "MinSize": instances.get("least", "1"),
                "MaxSize": instances.get("most", "4"),
                "MixedInstancesPolicy": {
                    "LaunchTemplate": {"Overrides": types},
                    "InstancesDistribution": {
                        "OnDemandPercentageAboveBaseCapacity": instances.get("on_demand", 0)
                    },
                },
            },
        }
    }


def test_a_template_without_anything_special_passes(account: Aws) -> None:
    results = check(account, {"Topic": {"Type": "AWS::SNS::Topic"}})
    assert not any(result.blocks or result.is_warning for result in results.values())
    assert results["region"].message == REGION
    assert results["stack"].message == "does not exist yet"
    assert results["private zone"].status is CheckStatus.SKIPPED


def test_without_credentials_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    results = check(Aws(region=REGION), {"Topic": {"Type": "AWS::SNS::Topic"}})
    assert results["credentials"].blocks
    assert "aws configure" in results["credentials"].remedy
    assert "stack" not in results


def test_without_a_region_says_how_to_name_one() -> None:
    results = check(Aws(), {"Topic": {"Type": "AWS::SNS::Topic"}})
    assert results["region"].blocks
    assert "--region" in results["region"].remedy


def test_bad_names_and_tags_are_lines_of_their_own(account: Aws) -> None:
    results = check(
        account, {"Topic": {"Type": "AWS::SNS::Topic"}}, name="my_stack", tags={"aws:x": "y"}
    )
    assert results["stack name"].remedy == "use 'my-stack'"
    assert "belong to AWS" in results["tags"].message
    assert "secret" not in results


def test_the_spot_role_is_missed_and_made_on_request(account: Aws) -> None:
    name = "spot service-linked role"
    missing = check(account, group())[name]
    assert missing.blocks
    assert "create-service-linked-role" in missing.remedy
    assert check(account, group(), fix=True)[name].message == "AWSServiceRoleForEC2Spot is made now"
    iam = account.client("iam")
    (made,) = iam.list_roles(PathPrefix="/aws-service-role/spot.amazonaws.com/")["Roles"]
    assert "spot.amazonaws.com" in str(made["AssumeRolePolicyDocument"])


def test_the_spot_role_is_found(account: Aws) -> None:
    name = "spot service-linked role"
    account.client("iam").create_role(
        RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument="{}"
    )
    assert check(account, group())[name].status is CheckStatus.PASSED
    assert check(account, group(on_demand=100))[name].status is CheckStatus.SKIPPED


def secret_reference(secret: str, key: str) -> dict[str, Any]:
    text = f"{{{{resolve:secretsmanager:{secret}:SecretString:{key}}}}}"
    return {"Hook": {"Type": "AWS::CodePipeline::Webhook", "Properties": {"Token": text}}}


def test_a_secret_is_there_with_its_key_or_is_missed(account: Aws) -> None:
    needs = secret_reference("deepseek-llm-service-pat", "github-token")
    name = "secret deepseek-llm-service-pat"
    missing = check(account, needs)[name]
    assert missing.blocks
    assert "create-secret --name deepseek-llm-service-pat" in missing.remedy
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="deepseek-llm-service-pat", SecretString='{"other": "x"}')
    assert check(account, needs)[name].message == "it has no key github-token"
    secrets.put_secret_value(
        SecretId="deepseek-llm-service-pat", SecretString='{"github-token": "very secret"}'
    )
    found = check(account, needs)[name]
    assert found.status is CheckStatus.PASSED
    assert "very secret" not in str(found)
    secrets.put_secret_value(SecretId="deepseek-llm-service-pat", SecretString="no JSON")
    assert check(account, needs)[name].blocks


def test_a_secret_named_by_arn_is_found(account: Aws) -> None:
    made = account.client("secretsmanager").create_secret(Name="tls", SecretString='{"k": "v"}')
    results = check(account, secret_reference(made["ARN"], "k"))
    assert results[f"secret {made['ARN']}"].message == "has key k"


REPOSITORY = {
    "EcrRepositoryName": {"Type": "String", "Default": "llm-service"},
    "ImageTag": {"Type": "String", "Default": "abc"},
}
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}


def test_the_repository_and_the_image_must_be_there(account: Aws) -> None:
    missing = check(account, TOPIC, declared=REPOSITORY)["image repository"]
    assert missing.blocks
    assert "aws ecr create-repository --repository-name llm-service" in missing.remedy
    made = check(account, TOPIC, declared=REPOSITORY, fix=True)["image repository"]
    assert made.is_warning
    results = check(account, TOPIC, declared=REPOSITORY)
    assert results["image repository"].status is CheckStatus.PASSED
    assert results["image"].message == "llm-service has no image 'abc'"
    assert results["image"].remedy == "push an image first"


def test_a_repository_to_be_made_must_not_be_there(account: Aws) -> None:
    makes = {
        "Repository": {
            "Type": "AWS::ECR::Repository",
            "Properties": {"RepositoryName": {"Ref": "EcrRepositoryName"}},
        }
    }
    assert check(account, makes, declared=REPOSITORY)["image repository"].message.startswith(
        "the stack"
    )
    account.client("ecr").create_repository(repositoryName="llm-service")
    taken = check(account, makes, declared=REPOSITORY)["image repository"]
    assert taken.blocks
    assert "exists already" in taken.message


def test_instance_types_are_looked_for_in_each_zone(account: Aws) -> None:
    zones = boto3.client("ec2", region_name=REGION).describe_availability_zones()
    first = zones["AvailabilityZones"][0]["ZoneName"]
    subnet = {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}},
    }
    results = check(account, {**group(), "Subnet": subnet})
    assert results["instance types"].message == f"t3.micro in {first}"
    unknown = check(account, group(types=["x9.huge"]))["instance types"]
    assert unknown.blocks
    assert "x9.huge is not offered" in unknown.message


def test_an_instance_type_that_one_zone_lacks_is_a_warning(scripted: ScriptedAws) -> None:
    from deployment.preflight.instance_types import check_instance_types
    from deployment.preflight.preflight_context import PreflightContext

    source = TemplateSource("x", json.dumps({"Resources": group()}))
    context = PreflightContext(scripted, DeploySettings(stack_name="demo", template=source))
    zones = [{"ZoneName": name} for name in ("eu-west-1a", "eu-west-1b")]
    scripted.answer("ec2", "describe_availability_zones", {"AvailabilityZones": zones})
    scripted.refuse("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    offers = [{"InstanceType": "t3.micro", "Location": "eu-west-1a"}]
    scripted.answer("ec2", "describe_instance_type_offerings", {"InstanceTypeOfferings": offers})
    (result,) = check_instance_types(context)
    assert result.is_warning
    assert result.message == "t3.micro is not offered in eu-west-1b"


def test_quotas_are_compared_with_what_is_used_and_wanted(mocked: Aws) -> None:
    needs = {
        "Vpc": {"Type": "AWS::EC2::VPC"},
        "Address1": {"Type": "AWS::EC2::EIP"},
        "Address2": {"Type": "AWS::EC2::EIP"},
    }
    tight = Aws(region=REGION, clients={"service-quotas": Quotas(1)})
    results = check(tight, needs)
    # moto's account comes with a default VPC.
    assert results["quota VPCs"].message == "1 used + 1 new of 1"
    assert results["quota VPCs"].blocks
    assert results["quota Elastic IP addresses"].message == "0 used + 2 new of 1"
    roomy = Aws(region=REGION, clients={"service-quotas": Quotas(5)})
    assert not any(result.blocks for result in check(roomy, needs).values())


SPOT_VCPUS = "quota spot vCPUs, standard instances"


@pytest.mark.parametrize(
    ("quota", "asked", "status", "name"),
    [
        (8, group(), CheckStatus.PASSED, SPOT_VCPUS),
        (7, group(), CheckStatus.WARNING, SPOT_VCPUS),
        (1, group(), CheckStatus.FAILED, SPOT_VCPUS),
        (8, group(on_demand=100), CheckStatus.PASSED, "quota on-demand vCPUs, standard instances"),
        (
            0,
            group(types=["g5.xlarge"], on_demand=100),
            CheckStatus.FAILED,
            "quota on-demand vCPUs, G and VT instances",
        ),
    ],
)
def test_vcpu_quotas_must_hold_the_smallest_group(
    mocked: Aws, quota: float, asked: dict[str, Any], status: CheckStatus, name: str
) -> None:
    aws = Aws(region=REGION, clients={"service-quotas": Quotas(quota)})
    assert check(aws, asked)[name].status is status


def namespace(vpc: Any) -> dict[str, Any]:
    return {
        "Namespace": {
            "Type": "AWS::ServiceDiscovery::PrivateDnsNamespace",
            "Properties": {"Name": "llm-service", "Vpc": vpc},
        }
    }


def test_a_private_zone_of_the_same_name_is_found(account: Aws) -> None:
    vpc = account.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert check(account, namespace(vpc))["private zone"].message == f"llm-service: free in {vpc}"
    account.client("route53").create_hosted_zone(
        Name="llm-service.",
        CallerReference="1",
        VPC={"VPCRegion": REGION, "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True, "Comment": ""},
    )
    taken = check(account, namespace(vpc))["private zone"]
    assert taken.blocks
    assert taken.message == f"{vpc} has a private zone llm-service already"
    new_vpc = {"Vpc": {"Type": "AWS::EC2::VPC"}, **namespace({"Ref": "Vpc"})}
    assert check(account, new_vpc)["private zone"].message == "llm-service: the VPC is new"


@pytest.mark.parametrize(("length", "blocks"), [(16_384, False), (16_385, True)])
def test_user_data_has_a_limit_after_substitution(account: Aws, length: int, blocks: bool) -> None:
    text = {"Fn::Base64": {"Fn::Sub": "${AWS::Region}" + "x" * (length - len(REGION))}}
    data = {"LaunchTemplateData": {"UserData": text}}
    template = {"Template": {"Type": "AWS::EC2::LaunchTemplate", "Properties": data}}
    result = check(account, template)["user data size"]
    assert f"{length:,} of 16,384" in result.message
    assert result.blocks is blocks


def test_a_large_template_goes_through_the_bucket(account: Aws) -> None:
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Metadata": {"x": "y" * 51_201}}}
    assert "goes through the bucket" in check(account, topic)["template size"].message


def test_what_may_not_be_looked_at_is_a_warning(
    account: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Iam:
        def get_role(self, **_: str) -> None:
            message = "User x is not authorized to perform: iam:GetRole on resource y"
            raise client_error("AccessDenied", message, 403, "GetRole")

    aws = Aws(region=REGION, clients={"service-quotas": Quotas(100), "iam": Iam()})
    result = check(aws, group())["spot service-linked role"]
    assert result.is_warning
    assert "iam:GetRole" in result.remedy


def test_a_deployed_stacks_own_resources_do_not_count_against_it(mocked: Aws) -> None:
    needs = {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}
    mocked.client("cloudformation").create_stack(
        StackName="demo", TemplateBody=json.dumps({"Resources": needs})
    )
    tight = Aws(region=REGION, clients={"service-quotas": Quotas(2)})
    results = check(tight, needs)
    assert "quota VPCs" not in results
    assert results["stack"].message == "CREATE_COMPLETE"
