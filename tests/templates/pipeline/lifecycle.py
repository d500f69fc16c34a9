from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import Any


@dataclass
class StoredImage:
    """An image in a repository: when it was pushed, in days, and its tags."""

    name: str
    pushed: float
    tags: set[str] = field(default_factory=set)


def expired(policy: dict[str, Any], images: list[StoredImage], now: float) -> set[str]:
    """Returns the names of the images that an ECR lifecycle policy expires.

    After ECR's documentation of how it evaluates: rules are applied by priority, lowest first. A
    rule's count takes in images that an earlier rule marked. An image that matches the tags of an
    earlier rule is not expired by a later one. Several patterns must all be met by the image.

    Args:
        policy: The policy.
        images: The repository's images.
        now: Time in days.
    """
    marked: set[str] = set()
    shielded: set[str] = set()
    for rule in sorted(policy["rules"], key=lambda rule: int(rule["rulePriority"])):
        selection = rule["selection"]
        chosen = [image for image in images if _matches(selection, image)]
        for image in _surplus(selection, chosen, now):
            if image.name not in shielded:
                marked.add(image.name)
        if selection["tagStatus"] == "tagged":
            shielded |= {image.name for image in chosen}
    return marked


def _matches(selection: dict[str, Any], image: StoredImage) -> bool:
    status = selection["tagStatus"]
    if status == "any":
        return True
    if status == "untagged":
        return not image.tags
    return all(
        any(fnmatch.fnmatchcase(tag, pattern) for tag in image.tags)
        for pattern in selection["tagPatternList"]
    )


def _surplus(selection: dict[str, Any], chosen: list[StoredImage], now: float) -> list[StoredImage]:
    if selection["countType"] == "sinceImagePushed":
        assert selection["countUnit"] == "days"
        return [image for image in chosen if now - image.pushed > selection["countNumber"]]
    newest_first = sorted(chosen, key=lambda image: image.pushed, reverse=True)
    return newest_first[selection["countNumber"] :]
