from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Instances and scaling"

# ARM families carry a g after the generation's digit (t4g, m7gd, im4gn), but for a1 and mac2. The
# others here have an accelerator that torch's CUDA build cannot use: AMD, Inferentia, Trainium,
# Gaudi, video and FPGA. What is left with a first letter g or p has NVIDIA GPUs. No model fits a
# nano size.
_OTHERS = r"a1\.|mac|g4ad|inf|trn|dl|vt|f\d|[a-z]+\d[a-z-]*g"
_X86_TYPE = rf"(?!{_OTHERS})[a-z][a-z0-9-]*\.(?!nano)[a-z0-9-]+"
_TYPE_SENTENCE = (
    "an x86_64 type such as t3.micro or g5.xlarge. ARM types (t4g, m7g) are refused: the image is"
    " x86_64."
)


class CapacityParameters(ParameterGroup):
    """What the fleet is made of, and how it grows and shrinks."""

    heading = _HEADING

    instance_type = Parameter(
        name="InstanceType",
        group=_HEADING,
        label="Instance type",
        description="GPU types get the GPU machine image and the CUDA image.",
        default="t3.micro",
        allowed_pattern=f"^{_X86_TYPE}$",
        constraint=f"Must be {_TYPE_SENTENCE}",
    )
    alternative_type = Parameter(
        name="AlternativeType",
        group=_HEADING,
        label="Alternative instance type",
        description="For more spot capacity; left out unless both or none have a GPU.",
        default="t3a.micro",
        allowed_pattern=f"^({_X86_TYPE})?$",
        constraint=f"Empty or {_TYPE_SENTENCE}",
    )
    cpu_credits = Parameter(
        name="CpuCredits",
        group=_HEADING,
        label="CPU credits of t types",
        description="unlimited is billed; standard slows down.",
        default="standard",
        allowed_values=("standard", "unlimited"),
    )
    min_size = Parameter(
        name="MinSize",
        group=_HEADING,
        label="Fewest instances",
        type="Number",
        default=1,
        min_value=1,
        max_value=100,
    )
    max_size = Parameter(
        name="MaxSize",
        group=_HEADING,
        label="Most instances",
        type="Number",
        default=4,
        min_value=2,
        max_value=200,
    )
    cpu_target = Parameter(
        name="CpuTarget",
        group=_HEADING,
        label="CPU target in %",
        type="Number",
        default=70,
        min_value=10,
        max_value=95,
    )
    on_demand_base = Parameter(
        name="OnDemandBase",
        group=_HEADING,
        label="Instances that are never spot",
        type="Number",
        default=0,
        min_value=0,
        max_value=100,
    )
    on_demand_share = Parameter(
        name="OnDemandShare",
        group=_HEADING,
        label="On-demand share above these in %",
        type="Number",
        default=0,
        min_value=0,
        max_value=100,
    )
    ami_id = Parameter(
        name="AmiId",
        group=_HEADING,
        label="Machine image, pinned",
        default="",
        allowed_pattern=r"^(ami-[0-9a-f]{8,17})?$",
        constraint="Empty, or an id such as ami-0123456789abcdef0.",
    )
    ami_parameter = Parameter(
        name="AmiParameter",
        group=_HEADING,
        label="Machine image's SSM parameter",
        description="Empty takes Amazon Linux 2023, and its GPU image on GPU types.",
        default="",
        allowed_pattern=r"^(/[\w./-]+)?$",
        constraint="Empty, or the path of an SSM parameter.",
    )
    volume_size = Parameter(
        name="VolumeSize",
        group=_HEADING,
        label="Root volume in GiB",
        description="System, two images, weights and swap; 60 for CUDA.",
        type="Number",
        default=30,
        min_value=16,
        max_value=16384,
    )
    startup_minutes = Parameter(
        name="StartupMinutes",
        group=_HEADING,
        label="Minutes until serving, or a roll-out fails",
        default="20",
        allowed_values=("5", "10", "15", "20", "30", "45", "60"),
    )
    drain_seconds = Parameter(
        name="DrainSeconds",
        group=_HEADING,
        label="Seconds to finish answers in",
        type="Number",
        default=90,
        min_value=15,
        max_value=900,
    )
