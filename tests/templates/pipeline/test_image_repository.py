"""The ECR repository, and that its lifecycle policy never expires what is deployed."""

from __future__ import annotations

import fnmatch
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from tests.templates.pipeline.lifecycle import StoredImage, expired
from tests.templates.pipeline.rendering import Rendering

Render = Callable[..., Rendering]


@functools.cache
def policy(kept: int = 2) -> dict[str, Any]:
    template = json.loads(LlmServiceCicdPipelineStack().to_json())
    rendering = Rendering(template, ImagesKept=str(kept))
    text = rendering.properties("ImageRepository")["LifecyclePolicy"]["LifecyclePolicyText"]
    return dict(json.loads(text))


def test_it_is_kept_scanned_and_encrypted(render: Render) -> None:
    repository = render().resources["ImageRepository"]
    assert repository["DeletionPolicy"] == "Retain"
    assert repository["UpdateReplacePolicy"] == "Retain"
    properties = repository["Properties"]
    assert properties["RepositoryName"] == "llm-service"
    assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert properties["EncryptionConfiguration"] == {"EncryptionType": "AES256"}


def test_commit_tags_are_immutable_and_only_moving_tags_may_move(render: Render) -> None:
    properties = render().properties("ImageRepository")
    assert properties["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    filters = properties["ImageTagMutabilityExclusionFilters"]
    assert len(filters) <= 5
    patterns = [entry["ImageTagMutabilityExclusionFilterValue"] for entry in filters]

    def may_move(tag: str) -> bool:
        return any(fnmatch.fnmatchcase(tag, pattern) for pattern in patterns)

    assert all(
        map(may_move, ["latest", "latest-cuda", "deployed-prod-current", "deployed-dev-next-cuda"])
    )
    assert not any(map(may_move, ["0123456789ab", "0123456789ab-cuda", "v1", "latest2"]))


def test_an_existing_repository_is_left_alone(render: Render) -> None:
    rendering = render(CreateEcrRepository="false", EcrRepositoryName="team/llm")
    assert "ImageRepository" not in rendering.resources
    assert "<ImageRepository" not in str(rendering.resources)
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/llm"
    assert uri in str(rendering.properties("BuildProject"))


@pytest.mark.parametrize("kept", [2, 1000])
def test_the_policy_is_one_that_ecr_accepts(kept: int) -> None:
    rules = policy(kept)["rules"]
    priorities = [rule["rulePriority"] for rule in rules]
    assert priorities == sorted(set(priorities))
    assert [r["selection"]["tagStatus"] for r in rules].index("any") == len(rules) - 1
    for rule in rules:
        assert rule["action"] == {"type": "expire"}
        assert isinstance(rule["selection"]["countNumber"], int)
        assert ("tagPatternList" in rule["selection"]) == (
            rule["selection"]["tagStatus"] == "tagged"
        )
    assert rules[-1]["selection"]["countNumber"] == kept


def test_old_images_do_expire() -> None:
    images = [StoredImage(f"image{n}", n, {f"{n:012x}"}) for n in range(10)]
    assert expired(policy(3), images, now=10) == {f"image{n}" for n in range(7)}


def test_a_deployed_image_outlives_any_number_of_builds() -> None:
    deployed = StoredImage("deployed", 0, {"000000000000", "deployed-prod-current"})
    others = [StoredImage(f"image{n}", n, {f"{n:012x}"}) for n in range(1, 500)]
    assert "deployed" not in expired(policy(2), [deployed, *others], now=500)


# What happens in a repository: builds, and deployments of an image that was built, in one of two
# environments; a deployment moves the tags as the pipeline's steps do.
EVENTS = st.lists(
    st.one_of(
        st.just(("build", 0, "")),
        st.tuples(
            st.sampled_from(["shield", "promote", "fail"]),
            st.integers(0, 30),
            st.sampled_from(["dev", "prod"]),
        ),
    ),
    max_size=60,
)


class Repository:
    """A repository in which tags move; an expired image is gone for good."""

    def __init__(self) -> None:
        self.images: list[StoredImage] = []
        self.time = 0.0

    def build(self) -> None:
        commit = f"{self.time:012.0f}"
        image = StoredImage(commit, self.time, {commit})
        self.images.append(image)
        self.move("latest", image)

    def move(self, tag: str, image: StoredImage) -> None:
        for other in self.images:
            other.tags.discard(tag)
        image.tags.add(tag)

    def tagged(self, tag: str) -> StoredImage | None:
        return next((image for image in self.images if tag in image.tags), None)

    def expire(self) -> None:
        gone = expired(policy(2), self.images, self.time)
        self.images = [image for image in self.images if image.name not in gone]


@given(EVENTS)
@settings(deadline=None)
def test_no_history_loses_what_runs_or_what_it_would_go_back_to(
    events: list[tuple[str, int, str]],
) -> None:
    repository = Repository()
    running: dict[str, StoredImage] = {}
    before: dict[str, StoredImage] = {}
    for kind, number, environment in events:
        repository.time += 1
        if kind == "build":
            repository.build()
        elif repository.images:
            candidate = repository.tagged(f"deployed-{environment}-next")
            if kind == "shield":
                chosen = repository.images[number % len(repository.images)]
                repository.move(f"deployed-{environment}-next", chosen)
            elif kind == "promote" and candidate:
                current = repository.tagged(f"deployed-{environment}-current")
                if current and current is not candidate:
                    repository.move(f"deployed-{environment}-previous", current)
                    before[environment] = current
                repository.move(f"deployed-{environment}-current", candidate)
                running[environment] = candidate
            # A failed deployment goes back to what ran, and moves nothing.
        repository.expire()
        names = {image.name for image in repository.images}
        assert {image.name for image in running.values()} <= names
        assert {image.name for image in before.values()} <= names


def test_an_unfinished_push_goes_after_a_week() -> None:
    images = [StoredImage("old", 0), StoredImage("young", 5)]
    assert expired(policy(1000), images, now=8) == {"old"}
