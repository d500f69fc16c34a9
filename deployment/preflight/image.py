from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.image_catalog import ImageCatalog
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext

NAME = "image repository"


def check_image(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks the ECR repository that the stack makes or pulls from, and the image in it."""
    made = context.evaluator.active_properties("AWS::ECR::Repository")
    if made:
        for properties in made.values():
            name = properties.get("RepositoryName")
            if isinstance(name, str):
                yield _to_be_made(context, name)
        return
    repository = context.parameter("EcrRepositoryName")
    if not repository:
        yield CheckResult.skipped(NAME, "the stack uses none")
        return
    if not _exists(context, repository):
        yield _missing(context, repository)
        return
    yield CheckResult.passed(NAME, repository)
    tag = context.parameter("ImageTag")
    if tag:
        yield _image(context, repository, tag)


def _exists(context: PreflightContext, repository: str) -> bool:
    try:
        context.aws.client("ecr").describe_repositories(repositoryNames=[repository])
    except ClientError as error:
        if error_code(error) == "RepositoryNotFoundException":
            return False
        raise
    return True


def _to_be_made(context: PreflightContext, repository: str) -> CheckResult:
    if context.is_deployed("AWS::ECR::Repository") or not _exists(context, repository):
        return CheckResult.passed(NAME, f"the stack makes {repository}")
    return CheckResult.failed(
        NAME,
        f"{repository} exists already, so the stack cannot make it",
        "set the stack's parameter for an existing repository, or choose another name",
    )


def _missing(context: PreflightContext, repository: str) -> CheckResult:
    if context.fix:
        context.aws.client("ecr").create_repository(
            repositoryName=repository, imageScanningConfiguration={"scanOnPush": True}
        )
        return CheckResult.warning(
            NAME, f"{repository} is made now and holds no image", "push an image before deploying"
        )
    return CheckResult.failed(
        NAME,
        f"{repository} does not exist in {context.aws.region}",
        f"aws ecr create-repository --repository-name {repository}, then push an image",
    )


def _image(context: PreflightContext, repository: str, tag: str) -> CheckResult:
    catalog = ImageCatalog(context.aws, repository)
    image = catalog.find(tag)
    if image:
        return CheckResult.passed(
            "image", f"{repository}:{tag}, pushed {image.pushed:%Y-%m-%d %H:%M}"
        )
    newest = catalog.newest()
    choice = f"use --parameter ImageTag={newest[0].tags[0]}" if newest else "push an image first"
    return CheckResult.failed("image", f"{repository} has no image {tag!r}", choice)
