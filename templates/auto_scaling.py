from __future__ import annotations

from typing import Any

from troposphere import If, Ref, Sub, Template, autoscaling, policies

from templates.capacity_mapping import startup_seconds
from templates.capacity_parameters import CapacityParameters
from templates.infra_conditions import HAS_ALTERNATIVE_TYPE, when
from templates.launch_template import FleetLaunchTemplate
from templates.naming import AUTO_SCALING_GROUP, LIFECYCLE_HOOK_NAME, auto_scaling_group_name

# What would act against a roll-out while it runs.
_SUSPENDED = [
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "ReplaceUnhealthy",
    "ScheduledActions",
]


class Fleet:
    """The Auto Scaling group: spot instances of several types that hold a CPU target.

    No DesiredCapacity: it would set the scaling back at every deployment.
    """

    def __init__(
        self,
        template: Template,
        launch_template: FleetLaunchTemplate,
        subnet_ids: Any,
        routes: dict[str, list[Ref]],
        cleanup: str,
    ) -> None:
        template.add_resource(
            autoscaling.AutoScalingGroup(
                AUTO_SCALING_GROUP,
                AutoScalingGroupName=auto_scaling_group_name(),
                MinSize=CapacityParameters.min_size.ref(),
                MaxSize=CapacityParameters.max_size.ref(),
                VPCZoneIdentifier=subnet_ids,
                MixedInstancesPolicy=_instances(launch_template),
                CapacityRebalance=True,
                # The sweep replaces what runs longer than this without being registered.
                HealthCheckGracePeriod=startup_seconds(),
                DefaultInstanceWarmup=120,
                LifecycleHookSpecificationList=[_leaving_hook()],
                MetricsCollection=[autoscaling.MetricsCollection(Granularity="1Minute")],
                Tags=[autoscaling.Tag("Name", Sub("${AWS::StackName}-server"), True)],
                CreationPolicy=_creation_policy(),
                UpdatePolicy=_update_policy(),
                DependsOn=cleanup,
                # DependsOn takes no condition; a reference in the metadata makes a dependency too.
                Metadata={"Routes": [If(name, found, "") for name, found in routes.items()]},
            )
        )
        template.add_resource(_cpu_tracking())


def _instances(launch_template: FleetLaunchTemplate) -> autoscaling.MixedInstancesPolicy:
    override = autoscaling.LaunchTemplateOverrides
    overrides = [
        override(InstanceType=CapacityParameters.instance_type.ref()),
        when(
            HAS_ALTERNATIVE_TYPE, override(InstanceType=CapacityParameters.alternative_type.ref())
        ),
    ]
    return autoscaling.MixedInstancesPolicy(
        InstancesDistribution=autoscaling.InstancesDistribution(
            OnDemandBaseCapacity=CapacityParameters.on_demand_base.ref(),
            OnDemandPercentageAboveBaseCapacity=CapacityParameters.on_demand_share.ref(),
            OnDemandAllocationStrategy="prioritized",
            SpotAllocationStrategy="price-capacity-optimized",
        ),
        LaunchTemplate=autoscaling.LaunchTemplate(
            LaunchTemplateSpecification=autoscaling.LaunchTemplateSpecification(
                LaunchTemplateId=launch_template.id, Version=launch_template.version
            ),
            Overrides=overrides,
        ),
    )


def _leaving_hook() -> autoscaling.LifecycleHookSpecification:
    # Inline: as a resource of its own it would come after the first instances and go before the
    # last ones. The node agent sends heartbeats while answers run on.
    return autoscaling.LifecycleHookSpecification(
        LifecycleHookName=LIFECYCLE_HOOK_NAME,
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        DefaultResult="CONTINUE",
        HeartbeatTimeout=120,
    )


def _startup_time() -> Sub:
    return Sub("PT${StartupMinutes}M")


def _creation_policy() -> policies.CreationPolicy:
    return policies.CreationPolicy(
        ResourceSignal=policies.ResourceSignal(
            Count=CapacityParameters.min_size.ref(), Timeout=_startup_time()
        )
    )


def _update_policy() -> policies.UpdatePolicy:
    return policies.UpdatePolicy(
        AutoScalingRollingUpdate=policies.AutoScalingRollingUpdate(
            MinInstancesInService=CapacityParameters.min_size.ref(),
            MaxBatchSize=1,
            MinSuccessfulInstancesPercent=100,
            WaitOnResourceSignals=True,
            PauseTime=_startup_time(),
            SuspendProcesses=_SUSPENDED,
        )
    )


def _cpu_tracking() -> autoscaling.ScalingPolicy:
    return autoscaling.ScalingPolicy(
        "CpuTracking",
        AutoScalingGroupName=Ref(AUTO_SCALING_GROUP),
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=autoscaling.TargetTrackingConfiguration(
            PredefinedMetricSpecification=autoscaling.PredefinedMetricSpecification(
                PredefinedMetricType="ASGAverageCPUUtilization"
            ),
            TargetValue=CapacityParameters.cpu_target.ref(),
        ),
    )
