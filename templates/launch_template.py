from __future__ import annotations

from typing import Any

from troposphere import Base64, GetAtt, If, Ref, Sub, Template, ec2, iam

from templates.assets import shell_asset
from templates.capacity_mapping import startup_seconds
from templates.capacity_parameters import CapacityParameters
from templates.infra_conditions import (
    HAS_AMI_ID,
    HAS_AMI_PARAMETER,
    IS_BURSTABLE,
    IS_DIGEST,
    IS_GPU,
    when,
)
from templates.naming import (
    AUTO_SCALING_GROUP,
    DISCOVERY_SERVICE,
    LIFECYCLE_HOOK_NAME,
    METRICS_NAMESPACE,
    SERVER_PORT,
    endpoint_name,
)
from templates.policies import instance_statements, role

AMAZON_LINUX_2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
# Amazon Linux 2023 with Docker, the NVIDIA driver and its container toolkit.
GPU_IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"


class FleetLaunchTemplate:
    """How one instance of the fleet is made: machine image, role, disk and user data.

    Attributes:
        id: Id of the launch template.
        version: Number of its newest version. The group takes it by number, because $Latest
            would hide a change from CloudFormation, and no instance would be replaced.
    """

    def __init__(self, template: Template, fleet_group_id: Any) -> None:
        template.add_resource(role("InstanceRole", "ec2.amazonaws.com", instance_statements()))
        template.add_resource(iam.InstanceProfile("InstanceProfile", Roles=[Ref("InstanceRole")]))
        template.add_resource(
            ec2.LaunchTemplate("LaunchTemplate", LaunchTemplateData=_data(fleet_group_id))
        )
        self.id = Ref("LaunchTemplate")
        self.version = GetAtt("LaunchTemplate", "LatestVersionNumber")


def _data(fleet_group_id: Any) -> ec2.LaunchTemplateData:
    return ec2.LaunchTemplateData(
        ImageId=_machine_image(),
        IamInstanceProfile=ec2.IamInstanceProfile(Arn=GetAtt("InstanceProfile", "Arn")),
        SecurityGroupIds=[fleet_group_id],
        # Two hops: a container in bridge mode is one further away than its host.
        MetadataOptions=ec2.MetadataOptions(HttpTokens="required", HttpPutResponseHopLimit=2),
        # CPU tracking at one minute.
        Monitoring=ec2.Monitoring(Enabled=True),
        # Plain data: troposphere's class spells the key CPUCredits, as only instances do.
        CreditSpecification=when(
            IS_BURSTABLE, {"CpuCredits": CapacityParameters.cpu_credits.ref()}
        ),
        BlockDeviceMappings=[
            ec2.LaunchTemplateBlockDeviceMapping(
                DeviceName="/dev/xvda",
                Ebs=ec2.EBSBlockDevice(
                    VolumeType="gp3",
                    VolumeSize=CapacityParameters.volume_size.ref(),
                    Encrypted=True,
                    DeleteOnTermination=True,
                ),
            )
        ],
        UserData=Base64(_user_data()),
    )


def _machine_image() -> If:
    # The group takes a newer image along with the next change, and none in between: every
    # instance of one version of the launch template is the same.
    parameter = If(
        HAS_AMI_PARAMETER,
        CapacityParameters.ami_parameter.ref(),
        If(IS_GPU, GPU_IMAGE, AMAZON_LINUX_2023),
    )
    return If(
        HAS_AMI_ID,
        CapacityParameters.ami_id.ref(),
        Sub("{{resolve:ssm:${Parameter}}}", Parameter=parameter),
    )


def _user_data() -> Sub:
    return Sub(
        shell_asset("user_data.sh"),
        # CUDA builds carry the same tag with a suffix; a digest already names one build.
        ImageReference=If(
            IS_DIGEST,
            Sub("@${ImageTag}"),
            If(IS_GPU, Sub(":${ImageTag}-cuda"), Sub(":${ImageTag}")),
        ),
        Gpus=If(IS_GPU, "--gpus all", ""),
        ServiceId=Ref(DISCOVERY_SERVICE),
        LogGroupName=Ref("LogGroup"),
        SignalLogicalId=AUTO_SCALING_GROUP,
        HookName=LIFECYCLE_HOOK_NAME,
        MetricsNamespace=METRICS_NAMESPACE,
        Port=str(SERVER_PORT),
        EndpointName=endpoint_name(),
        StartupSeconds=startup_seconds(),
    )
