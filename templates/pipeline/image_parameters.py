from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Image"
_URL = r"^(https://[\w.-]+(/[\w./+-]*)?)?$"


class ImageParameters(ParameterGroup):
    """Which images are built, from what, and where they are kept."""

    heading = _HEADING

    create_repository = Parameter(
        name="CreateEcrRepository",
        group=_HEADING,
        label="Make the ECR repository",
        description="true makes it with this stack and keeps it when the stack goes; false takes"
        " one that exists, made by hand or by another environment's pipeline.",
        default="true",
        allowed_values=("true", "false"),
    )
    repository_name = Parameter(
        name="EcrRepositoryName",
        group=_HEADING,
        label="ECR repository",
        description="Repository in this account and region that holds the images.",
        default="llm-service",
        allowed_pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        constraint="A repository's name, not its address: llm-service.",
        max_length=256,
    )
    images_kept = Parameter(
        name="ImagesKept",
        group=_HEADING,
        label="Images to keep",
        description="Newest images that stay for a roll-back. What is deployed stays in any case.",
        type="Number",
        default=30,
        min_value=2,
        max_value=1000,
    )
    variants = Parameter(
        name="ImageVariants",
        group=_HEADING,
        label="Images to build",
        description="cuda images carry the suffix -cuda behind their tag and run on GPU types.",
        default="cpu",
        allowed_values=("cpu", "cuda", "cpu-and-cuda"),
    )
    torch_version = Parameter(
        name="TorchVersion",
        group=_HEADING,
        label="PyTorch version",
        description="Version of torch in the images, without the part that names its build.",
        default="2.13.0",
        allowed_pattern=r"^\d+\.\d+\.\d+$",
        constraint="Three numbers such as 2.13.0.",
    )
    torch_index_url = Parameter(
        name="TorchIndexUrl",
        group=_HEADING,
        label="Package index with PyTorch's CPU build",
        description="Required for the cpu image. PyTorch's installation page shows it behind"
        " --index-url when Compute Platform is CPU.",
        default="",
        allowed_pattern=_URL,
        constraint="Empty, or an https address without user name, password or query.",
    )
    cuda_torch_index_url = Parameter(
        name="CudaTorchIndexUrl",
        group=_HEADING,
        label="Package index with PyTorch's CUDA build",
        description="For the cuda image; empty takes pip's default index, whose build for Linux"
        " carries CUDA.",
        default="",
        allowed_pattern=_URL,
        constraint="Empty, or an https address without user name, password or query.",
    )
    python_version = Parameter(
        name="PythonVersion",
        group=_HEADING,
        label="Python in the images",
        description="3.10 is past its end of support and stays for those who must.",
        default="3.11",
        allowed_values=("3.10", "3.11"),
    )
