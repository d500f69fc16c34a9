from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.model_configuration import find_model_size
from deployment.preflight.check_result import CheckResult
from deployment.preflight.instance_types import asked_types
from deployment.preflight.preflight_context import PreflightContext
from templates.instance_type import INSTANCE_TYPES, InstanceType
from templates.model_size import ModelSize

NAME = "model"
_GIB = 1024**3


def check_model_fit(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that the model fits on every instance type that the stack may start."""
    model_name, types = context.parameter("ModelName"), asked_types(context)
    if not model_name or not types:
        yield CheckResult.skipped(NAME, "the stack serves no model")
        return
    try:
        model = find_model_size(model_name)
    except (ValueError, OSError) as error:
        yield CheckResult.warning(NAME, f"not checked: {error}", "give the model's own folder")
        return
    if model is None:
        yield CheckResult.warning(
            NAME,
            f"{model_name}: its size is not known here",
            f"download its configuration (hf download {model_name} config.json) and check again",
        )
        return
    for kind in _describe(context, types):
        yield _result(model, kind)


def _result(model: ModelSize, kind: InstanceType) -> CheckResult:
    need = f"{model.name} takes {model.model_bytes / _GIB:.1f} GiB beside the runtime"
    if model.fits(kind):
        return CheckResult.passed(NAME, f"{need} and fits on {kind.name}")
    smallest = model.smallest_type(gpu=kind.has_gpu)
    remedy = (
        f"take {smallest.name} or a larger type"
        if smallest
        else "take a smaller model, or a type with more memory than any known here"
    )
    where = f"{kind.model_memory_gib:g} GiB{' of GPU memory' if kind.has_gpu else ''}"
    return CheckResult.failed(NAME, f"{need}; {kind.name} has {where}", remedy)


def _describe(context: PreflightContext, types: list[str]) -> list[InstanceType]:
    """Returns the types' memory, from the table or else as EC2 tells."""
    known = {kind.name: kind for kind in INSTANCE_TYPES}
    others = [name for name in types if name not in known]
    if others:
        try:
            answer = context.aws.client("ec2").describe_instance_types(InstanceTypes=others)
        except ClientError as error:
            # The check of instance types says that one is unknown.
            if error_code(error) != "InvalidInstanceType":
                raise
            answer = {"InstanceTypes": []}
        known |= {entry["InstanceType"]: _from_ec2(entry) for entry in answer["InstanceTypes"]}
    return [known[name] for name in types if name in known]


def _from_ec2(entry: dict[str, Any]) -> InstanceType:
    gpus = entry.get("GpuInfo", {}).get("Gpus", [])
    gpu_mib = gpus[0]["MemoryInfo"]["SizeInMiB"] if gpus else 0
    return InstanceType(
        entry["InstanceType"], entry["MemoryInfo"]["SizeInMiB"] / 1024, gpu_mib / 1024
    )
