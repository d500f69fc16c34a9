from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResourceKind:
    """A group of resource types that a reader thinks of together.

    Attributes:
        title: Heading of the group's box.
        colour: Colour of its cards' edge.
        prefixes: Beginnings of the types that belong to it.
    """

    title: str
    colour: str
    prefixes: tuple[str, ...]


NETWORK = ResourceKind(
    "Network",
    "#2f6fab",
    (
        "AWS::EC2::VPC",
        "AWS::EC2::Subnet",
        "AWS::EC2::Route",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::EIP",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::NetworkAcl",
        "AWS::EC2::FlowLog",
    ),
)

KINDS = (
    NETWORK,
    ResourceKind(
        "Delivery", "#8e5ea2", ("AWS::CodePipeline::", "AWS::CodeBuild::", "AWS::CodeStar")
    ),
    ResourceKind("Compute", "#d9822b", ("AWS::AutoScaling::", "AWS::EC2::", "AWS::ECS::")),
    ResourceKind("Functions", "#c2571a", ("AWS::Lambda::", "AWS::CloudFormation::", "Custom::")),
    ResourceKind("Discovery", "#1f8a70", ("AWS::ServiceDiscovery::", "AWS::Route53::")),
    ResourceKind(
        "Storage", "#3b8132", ("AWS::S3::", "AWS::ECR::", "AWS::DynamoDB::", "AWS::EFS::")
    ),
    ResourceKind(
        "Watching", "#b0306a", ("AWS::CloudWatch::", "AWS::Logs::", "AWS::SNS::", "AWS::Events::")
    ),
    ResourceKind("Permissions", "#b03a2e", ("AWS::IAM::", "AWS::KMS::", "AWS::SecretsManager::")),
)
OTHER = ResourceKind("Other", "#5d6672", ())


def kind_of(type_name: str) -> ResourceKind:
    """Returns the group that a resource type belongs to."""
    return next((kind for kind in KINDS if type_name.startswith(kind.prefixes)), OTHER)
