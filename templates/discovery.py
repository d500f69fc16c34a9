from __future__ import annotations

from typing import Any

from awacs import autoscaling, servicediscovery
from troposphere import (
    GetAtt,
    Ref,
    Sub,
    Template,
    awslambda,
    cloudformation,
    events,
    logs,
)
from troposphere import servicediscovery as cloud_map

from templates.assets import packed_python_asset
from templates.naming import DISCOVERY_SERVICE, auto_scaling_group_name
from templates.network_parameters import NetworkParameters
from templates.operations_parameters import OperationsParameters
from templates.policies import (
    allow,
    auto_scaling_group_arn,
    discovery_statements,
    log_group_statement,
    role,
)
from templates.suppressions import skip_checks

_FUNCTION_SECONDS = 300


class Discovery:
    """Cloud Map: the private DNS namespace, the service, and what takes the dead out of it.

    Instances register themselves by their node agent. The function here deregisters those that
    ended without a word, sweeps on a schedule, and empties the service when the stack is deleted.

    Attributes:
        cleanup: Logical name of the custom resource that the group must depend on: deletion then
            ends the group first, empties the service second and deletes it third.
    """

    cleanup = "DeregisterAll"

    def __init__(self, template: Template, vpc_id: Any) -> None:
        self._template = template
        self._add_namespace(vpc_id)
        self._add_function()
        self._add_rules()
        self._add_cleanup()

    def _add(self, resource: Any) -> None:
        self._template.add_resource(resource)

    def _add_namespace(self, vpc_id: Any) -> None:
        # The SOA's TTL is how long resolvers hold that a name does not exist.
        soa = cloud_map.SOA(TTL=NetworkParameters.record_ttl_seconds.ref())
        self._add(
            cloud_map.PrivateDnsNamespace(
                "Namespace",
                Name=NetworkParameters.namespace_name.ref(),
                Vpc=vpc_id,
                Properties=cloud_map.Properties(
                    DnsProperties=cloud_map.PublicDnsPropertiesMutable(SOA=soa)
                ),
            )
        )
        self._add(
            cloud_map.Service(
                DISCOVERY_SERVICE,
                Name="llm",
                DnsConfig=cloud_map.DnsConfig(
                    NamespaceId=Ref("Namespace"),
                    RoutingPolicy="MULTIVALUE",
                    DnsRecords=[
                        cloud_map.DnsRecord(
                            Type="A", TTL=NetworkParameters.record_ttl_seconds.ref()
                        )
                    ],
                ),
                # Route 53's own checks cannot reach into a VPC.
                HealthCheckCustomConfig=cloud_map.HealthCheckCustomConfig(FailureThreshold=1),
            )
        )

    def _add_function(self) -> None:
        self._add(
            logs.LogGroup(
                "DeregisterLogGroup",
                RetentionInDays=OperationsParameters.log_retention_days.ref(),
                Metadata=_LOG_GROUP_METADATA,
            )
        )
        self._add(role("DeregisterRole", "lambda.amazonaws.com", _function_statements()))
        self._add(
            awslambda.Function(
                "DeregisterFunction",
                Runtime="python3.13",
                Handler="index.handler",
                Code=awslambda.Code(ZipFile=packed_python_asset()),
                Role=GetAtt("DeregisterRole", "Arn"),
                MemorySize=256,
                Timeout=_FUNCTION_SECONDS,
                Environment=awslambda.Environment(
                    Variables={
                        "SERVICE_ID": Ref(DISCOVERY_SERVICE),
                        "AUTO_SCALING_GROUP": auto_scaling_group_name(),
                    }
                ),
                LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("DeregisterLogGroup")),
                Metadata=_FUNCTION_METADATA,
            )
        )

    def _add_rules(self) -> None:
        # Of any instance in the account: events name no group, and minutes pass before the group
        # notices what ended by itself. An instance that is not registered costs one call.
        self._add_rule(
            "InstanceEndRule",
            EventPattern={
                "source": ["aws.ec2"],
                "detail-type": ["EC2 Instance State-change Notification"],
                "detail": {"state": ["shutting-down", "terminated"]},
            },
        )
        self._add_rule("SweepRule", ScheduleExpression="rate(5 minutes)")
        self._add(
            awslambda.Permission(
                "RulesPermission",
                FunctionName=Ref("DeregisterFunction"),
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=Sub(
                    "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}"
                    ":rule/${AWS::StackName}-*"
                ),
            )
        )

    def _add_rule(self, name: str, **trigger: Any) -> None:
        target = events.Target(Id="deregister", Arn=GetAtt("DeregisterFunction", "Arn"))
        self._add(events.Rule(name, Targets=[target], **trigger))

    def _add_cleanup(self) -> None:
        self._add(
            cloudformation.CustomResource(
                self.cleanup,
                ServiceToken=GetAtt("DeregisterFunction", "Arn"),
                ServiceTimeout=_FUNCTION_SECONDS + 60,
                ServiceId=Ref(DISCOVERY_SERVICE),
            )
        )


def _function_statements() -> list[Any]:
    return [
        log_group_statement("DeregisterLogGroup"),
        *discovery_statements(
            [
                servicediscovery.DeregisterInstance,
                servicediscovery.GetInstance,
                servicediscovery.ListInstances,
            ]
        ),
        allow([autoscaling.DescribeAutoScalingGroups], "*"),
        allow([autoscaling.SetInstanceHealth], auto_scaling_group_arn()),
    ]


_LOG_GROUP_METADATA = skip_checks(CKV_AWS_158="Holds instance ids only.")
_FUNCTION_METADATA = skip_checks(
    CKV_AWS_115="Small accounts cannot reserve any.",
    CKV_AWS_116="The sweep repeats what failed.",
    CKV_AWS_117="Calls AWS only.",
    CKV_AWS_173="Names, no secrets.",
)
