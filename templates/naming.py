from __future__ import annotations

from troposphere import Sub, Tags

SERVER_PORT = 50051

# Logical names that more than one part, or a program on an instance, has to know.
AUTO_SCALING_GROUP = "AutoScalingGroup"
DISCOVERY_SERVICE = "DiscoveryService"
LIFECYCLE_HOOK_NAME = "drain-before-termination"
METRICS_NAMESPACE = "LlmService"


def auto_scaling_group_name() -> Sub:
    """Returns the group's name.

    It is spelt out, not taken by Ref: what deregisters the group's instances names the group too,
    and the group depends on that.
    """
    return Sub("${AWS::StackName}-fleet")


def stack_name_tag(suffix: str) -> Tags:
    """Returns the Name tag that the EC2 console shows: the stack's name and what the thing is."""
    return Tags(Name=Sub("${AWS::StackName}-" + suffix))


def endpoint_name() -> Sub:
    """Returns the name under which clients in the VPC find the service."""
    return Sub("llm.${NamespaceName}")
