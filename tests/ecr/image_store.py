from __future__ import annotations

import fnmatch
import hashlib
import http.client
import json
import urllib.parse
from dataclasses import dataclass

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was pushed: its bytes decide its digest."""

    body: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The digest by which the image is known."""
        return "sha256:" + hashlib.sha256(self.body).hexdigest()


class TagIsImmutableError(Exception):
    """A tag that may not move names another push already."""


class ImageStore:
    """The images of one repository, with ECR's rule of immutable tags.

    The registry keeps them; this asks it each time, so that the data plane and the API can never
    tell different stories.

    Attributes:
        name: The repository's name.
        moving_tags: Patterns of the tags that may move (ECR's exclusion filters).
    """

    def __init__(self, registry_port: int, name: str, moving_tags: tuple[str, ...]) -> None:
        self._port = registry_port
        self.name = name
        self.moving_tags = moving_tags

    def find(self, reference: str) -> Manifest | None:
        """Returns the manifest under a tag or digest."""
        status, media_type, body = self._ask("GET", f"manifests/{reference}")
        return Manifest(body, media_type) if status == 200 else None

    def tags(self) -> dict[str, str]:
        """Returns the digest of every tag."""
        status, _, body = self._ask("GET", "tags/list")
        names = (json.loads(body).get("tags") or []) if status == 200 else []
        found = {name: self.find(name) for name in names}
        return {name: manifest.digest for name, manifest in found.items() if manifest}

    def check_push(self, tag: str) -> None:
        """Refuses a push under a tag that is there and may not move, even of the same image.

        Raises:
            TagIsImmutableError: The tag is there.
        """
        if any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.moving_tags):
            return
        if self.find(tag):
            raise TagIsImmutableError(
                f"The image tag '{tag}' already exists in the '{self.name}' repository and cannot"
                " be overwritten because the tag is immutable."
            )

    def put(self, tag: str, manifest: Manifest) -> None:
        """Gives a tag to a manifest whose layers are there.

        Raises:
            TagIsImmutableError: The tag is there and may not move.
        """
        self.check_push(tag)
        status, _, body = self._ask("PUT", f"manifests/{tag}", manifest)
        if status != 201:
            raise ValueError(f"the registry refused the manifest: {body.decode()}")

    def push_made_up_image(self, tag: str) -> str:
        """Pushes an image without layers, told from others by its tag; returns its digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": [tag]}})
        self._upload(config.encode())
        manifest = Manifest(
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": MANIFEST_TYPES[0],
                    "config": {
                        "mediaType": "application/vnd.docker.container.image.v1+json",
                        "size": len(config),
                        "digest": "sha256:" + hashlib.sha256(config.encode()).hexdigest(),
                    },
                    "layers": [],
                }
            ).encode(),
            MANIFEST_TYPES[0],
        )
        self.put(tag, manifest)
        return manifest.digest

    def _upload(self, blob: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(
            "POST", f"/v2/{self.name}/blobs/uploads/", headers={"Content-Length": "0"}
        )
        started = connection.getresponse()
        started.read()
        location = urllib.parse.urlsplit(started.headers["Location"])
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        target = f"{location.path}?{location.query}&digest={urllib.parse.quote(digest)}"
        connection.request("PUT", target, blob)
        done = connection.getresponse()
        done.read()
        assert done.status == 201, done.status

    def _ask(
        self, method: str, path: str, manifest: Manifest | None = None
    ) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Accept": ", ".join(MANIFEST_TYPES)}
        if manifest:
            headers["Content-Type"] = manifest.media_type
        connection.request(
            method, f"/v2/{self.name}/{path}", manifest.body if manifest else None, headers
        )
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
