from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from deployment.aws import Aws
from deployment.aws_advice import error_code
from deployment.errors import UsageError

SHOWN = 10


@dataclass(frozen=True)
class Image:
    """An image in ECR.

    Attributes:
        tags: Its tags.
        digest: sha256:... of its manifest.
        pushed: When it was pushed.
        size: Compressed size in bytes.
    """

    tags: tuple[str, ...]
    digest: str
    pushed: datetime
    size: int


class ImageCatalog:
    """The images of one ECR repository.

    Args:
        aws: Account and region.
        repository: Repository name.
    """

    def __init__(self, aws: Aws, repository: str) -> None:
        self._ecr = aws.client("ecr")
        self.repository = repository

    def find(self, reference: str) -> Image | None:
        """Returns the image of a tag or digest, or None where there is none."""
        key = "imageDigest" if reference.startswith("sha256:") else "imageTag"
        try:
            answer = self._ecr.describe_images(
                repositoryName=self.repository, imageIds=[{key: reference}]
            )
        except ClientError as error:
            if error_code(error) in {"ImageNotFoundException", "RepositoryNotFoundException"}:
                return None
            raise
        return _image(answer["imageDetails"][0])

    def newest(self, count: int = SHOWN) -> list[Image]:
        """Returns the images pushed last, the newest first."""
        pages = self._ecr.get_paginator("describe_images")
        try:
            images = [
                _image(detail)
                for page in pages.paginate(
                    repositoryName=self.repository, filter={"tagStatus": "TAGGED"}
                )
                for detail in page["imageDetails"]
            ]
        except ClientError as error:
            if error_code(error) == "RepositoryNotFoundException":
                return []
            raise
        return sorted(images, key=lambda image: image.pushed, reverse=True)[:count]

    def require(self, reference: str, *, where: str) -> Image:
        """Returns the image of a tag or digest.

        Raises:
            UsageError: There is none; the message lists the newest ones.
        """
        image = self.find(reference)
        if image:
            return image
        newest = self.newest()
        raise UsageError(
            f"repository {self.repository} has no image {reference!r}",
            where=where,
            remedy="choose one of those listed" if newest else "push an image first",
            detail=tuple(
                f"{', '.join(item.tags)}  pushed {item.pushed:%Y-%m-%d %H:%M}" for item in newest
            ),
        )


def _image(detail: dict[str, object]) -> Image:
    tags, pushed, size = (
        detail.get("imageTags"),
        detail["imagePushedAt"],
        detail.get("imageSizeInBytes"),
    )
    assert isinstance(pushed, datetime)
    return Image(
        tags=tuple(sorted(map(str, tags))) if isinstance(tags, list) else (),
        digest=str(detail["imageDigest"]),
        pushed=pushed,
        size=size if isinstance(size, int) else 0,
    )
