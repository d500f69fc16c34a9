from __future__ import annotations

from typing import Any

from troposphere import Output, Ref, Sub, Template

from templates.naming import (
    AUTO_SCALING_GROUP,
    DISCOVERY_SERVICE,
    SERVER_PORT,
    endpoint_name,
)
from templates.network import Network


def add_outputs(template: Template, network: Network) -> None:
    """Adds what a person or program needs next, once the stack is up."""
    # The names say what the values are; descriptions are among what the template has no bytes for.
    values: dict[str, Any] = {
        "EndpointName": endpoint_name(),
        "Namespace": Ref("NamespaceName"),
        "ServiceId": Ref(DISCOVERY_SERVICE),
        "AutoScalingGroupName": Ref(AUTO_SCALING_GROUP),
        "ClientSecurityGroupId": network.client_group_id,
        "VpcId": network.vpc_id,
        "SubnetIds": network.subnet_list,
        "LogGroupName": Ref("LogGroup"),
        "DashboardUrl": Sub(
            "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home"
            "?region=${AWS::Region}#dashboards:name=${AWS::StackName}"
        ),
        # For a client in the VPC that is a member of the client security group.
        "TryCommand": Sub(
            "python -m llm_service.client --address"
            f" dns:///llm.${{NamespaceName}}:{SERVER_PORT} 'Say hello.'"
        ),
    }
    for name, value in values.items():
        template.add_output(Output(name, Value=value))
