from __future__ import annotations

import base64
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import boto3

from tests.ecr.aws_front import AwsFront
from tests.ecr.data_plane import DataPlane
from tests.ecr.image_store import ImageStore
from tests.ecr.registry_process import RegistryProcess

REGION = "eu-west-1"
REPOSITORY = "llm-service"


class Account:
    """An AWS account on this machine, as far as a build can tell.

    moto answers for AWS, a real registry keeps the images, and both are reached only through what
    the aws command and Docker use anyway: an endpoint, a login and a host name.

    Args:
        folder: For the registry's storage and Docker's login.
        moving_tags: Patterns of tags that may move; the stack's template says which.
    """

    def __init__(self, folder: Path, moving_tags: tuple[str, ...]) -> None:
        self._folder = folder
        self._registry = RegistryProcess(folder)
        self.store = ImageStore(self._registry.port, REPOSITORY, moving_tags)
        self.aws = AwsFront(self.store)
        self._forget_state()
        ecr = self.client("ecr")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().removeprefix("AWS:")
        self.data_plane = DataPlane(self._registry.port, self.store, password)

    @property
    def repository_uri(self) -> str:
        """The repository's address without a tag."""
        return f"{self.data_plane.host}/{REPOSITORY}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which commands reach this account instead of the real one."""
        (self._folder / "docker").mkdir(exist_ok=True)
        return {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "DOCKER_CONFIG": str(self._folder / "docker"),
        }

    def client(self, service: str) -> Any:
        """Returns a boto3 client of this account."""
        return boto3.client(service, endpoint_url=self.aws.url, **self._credentials())

    def forget_local_images(self) -> None:
        """Removes the images from the Docker engine: another build machine would have none."""
        if shutil.which("docker") is None:
            return
        listed = subprocess.run(
            ["docker", "image", "ls", "--quiet", "--no-trunc", self.repository_uri],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if listed:
            subprocess.run(
                ["docker", "image", "rm", "--force", *set(listed)], capture_output=True, check=True
            )

    def close(self) -> None:
        """Ends the servers and removes what they left in the Docker engine."""
        self.forget_local_images()
        self._forget_state()
        self.data_plane.stop()
        self.aws.stop()
        self._registry.stop()

    def _forget_state(self) -> None:
        # moto keeps its state in this process, for every server alike.
        request = urllib.request.Request(f"{self.aws.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    @staticmethod
    def _credentials() -> dict[str, str]:
        return {
            "aws_access_key_id": "testing",
            "aws_secret_access_key": "testing",
            "region_name": REGION,
        }
