from __future__ import annotations

import json
from typing import Any

from awacs import ecr as ecr_actions
from troposphere import Sub, Template, ecr

from templates.pipeline.conditions import CREATE_REPOSITORY
from templates.pipeline.findings import accepted
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.image_tags import DEPLOYED_PREFIX, LATEST, MOVING_TAGS
from templates.pipeline.statements import allow, arn

# More than ECR lets one image or one environment need: no image ever is the surplus one.
_NEVER = 1000


class ImageRepository:
    """The ECR repository: made and kept by this stack, or one that exists already."""

    def __init__(self, template: Template) -> None:
        template.add_resource(
            ecr.Repository(
                "ImageRepository",
                Condition=CREATE_REPOSITORY,
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
                RepositoryName=ImageParameters.repository_name.ref(),
                EncryptionConfiguration=ecr.EncryptionConfiguration(EncryptionType="AES256"),
                ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
                ImageTagMutability="IMMUTABLE_WITH_EXCLUSION",
                ImageTagMutabilityExclusionFilters=[
                    ecr.ImageTagMutabilityExclusionFilter(
                        ImageTagMutabilityExclusionFilterType="WILDCARD",
                        ImageTagMutabilityExclusionFilterValue=tag,
                    )
                    for tag in MOVING_TAGS
                ],
                LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=_lifecycle_policy()),
                Metadata=accepted(
                    CKV_AWS_136="AES256 needs no key policy that every puller would have to pass.",
                    CKV_AWS_51="Commit tags are immutable; only latest and deployed-* may move.",
                ),
            )
        )

    @property
    def uri(self) -> Sub:
        """The repository's address without a tag."""
        return Sub(
            "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${EcrRepositoryName}"
        )

    @property
    def arn(self) -> Sub:
        """The repository's ARN, whoever made it."""
        return arn("ecr", "repository/${EcrRepositoryName}")

    def login_statement(self) -> Any:
        """Returns the right to log in; the call names no repository."""
        return allow("EcrLogin", [ecr_actions.GetAuthorizationToken], "*")

    def push_statement(self) -> Any:
        """Returns the rights to look up, pull and push images of this repository."""
        return allow(
            "PushImages",
            [
                ecr_actions.BatchCheckLayerAvailability,
                ecr_actions.BatchGetImage,
                ecr_actions.CompleteLayerUpload,
                ecr_actions.GetDownloadUrlForLayer,
                ecr_actions.InitiateLayerUpload,
                ecr_actions.PutImage,
                ecr_actions.UploadLayerPart,
            ],
            self.arn,
        )

    def tag_statement(self) -> Any:
        """Returns the rights to look up images and to move tags, which moves no layer."""
        return allow(
            "MoveTags",
            [ecr_actions.BatchGetImage, ecr_actions.DescribeImages, ecr_actions.PutImage],
            self.arn,
        )


def _lifecycle_policy() -> Sub:
    # ECR never lets a rule expire an image that matches the tags of a rule before it. So the first
    # two rules expire nothing themselves and shield what they match from those that follow.
    rules = [
        _rule("Runs, ran last or runs next", _NEVER, [f"{DEPLOYED_PREFIX}*"]),
        _rule("Newest build", _NEVER, [f"{LATEST}*"]),
        {
            "description": "Unfinished pushes",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7,
            },
        },
        {
            "description": "Beyond the newest",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": "KEPT",
            },
        },
    ]
    policy = {
        "rules": [
            {"rulePriority": priority, **rule, "action": {"type": "expire"}}
            for priority, rule in enumerate(rules, start=1)
        ]
    }
    return Sub(json.dumps(policy, separators=(",", ":")).replace('"KEPT"', "${ImagesKept}"))


def _rule(description: str, count: int, patterns: list[str]) -> dict[str, Any]:
    return {
        "description": description,
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": patterns,
            "countType": "imageCountMoreThan",
            "countNumber": count,
        },
    }
