from __future__ import annotations

import io
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.ecr.image_store import ImageStore, Manifest, TagIsImmutableError

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")


class _ApiError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwsFront:
    """AWS for the aws command: moto, except for images and builds.

    moto keeps images of its own, which no docker push reaches, and builds that always succeed. So
    images are looked up and tagged in the registry, and builds end as the test says. Logging in,
    repositories, stacks and everything else are moto's.

    Args:
        store: The repository that the registry keeps.

    Attributes:
        url: For AWS_ENDPOINT_URL.
        calls: Operations asked for, in order, as IAM names them: ecr:PutImage.
        bodies: The same with each request's body.
        build_statuses: What BatchGetBuilds says of a build, one answer after the other; the last
            one stays.
    """

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self.calls: list[str] = []
        self.bodies: list[tuple[str, str]] = []
        self.build_statuses: list[str] = ["SUCCEEDED"]
        self.started_builds: list[dict[str, Any]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._thread.join(timeout=10)

    def _serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = _call(environ, body)
        self.calls.append(call)
        self.bodies.append((call, body.decode(errors="replace")))
        answer = {
            "ecr:BatchGetImage": self._batch_get_image,
            "ecr:DescribeImages": self._describe_images,
            "ecr:PutImage": self._put_image,
            "codebuild:StartBuild": self._start_build,
            "codebuild:BatchGetBuilds": self._batch_get_builds,
        }.get(call)
        if answer is None:
            result: Iterable[bytes] = self._moto(environ, start)
            return result
        request = json.loads(body)
        try:
            self._check_repository(request)
            status, found = "200 OK", answer(request)
        except _ApiError as error:
            status, found = "400 Bad Request", {"__type": error.code, "message": str(error)}
        start(status, [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps(found).encode()]

    def _start_build(self, request: dict[str, Any]) -> dict[str, Any]:
        self.started_builds.append(request)
        return {"build": {"id": f"{request['projectName']}:1", "buildStatus": "IN_PROGRESS"}}

    def _batch_get_builds(self, request: dict[str, Any]) -> dict[str, Any]:
        status = self.build_statuses[0]
        if len(self.build_statuses) > 1:
            self.build_statuses.pop(0)
        return {"builds": [{"id": request["ids"][0], "buildStatus": status}]}

    def _check_repository(self, request: dict[str, Any]) -> None:
        if request.get("repositoryName", self._store.name) != self._store.name:
            raise _ApiError(
                "RepositoryNotFoundException",
                f"The repository with name '{request['repositoryName']}' does not exist in the"
                " registry",
            )

    def _batch_get_image(self, request: dict[str, Any]) -> dict[str, Any]:
        images, failures = [], []
        for image_id in request["imageIds"]:
            manifest = self._store.find(_reference(image_id))
            if manifest is None:
                failures.append(
                    {
                        "imageId": image_id,
                        "failureCode": "ImageNotFound",
                        "failureReason": "Requested image not found",
                    }
                )
                continue
            images.append(self._image({**image_id, "imageDigest": manifest.digest}, manifest))
        return {"images": images, "failures": failures}

    def _describe_images(self, request: dict[str, Any]) -> dict[str, Any]:
        details = []
        for image_id in request["imageIds"]:
            manifest = self._store.find(_reference(image_id))
            if manifest is None:
                raise _ApiError("ImageNotFoundException", f"The image {image_id} does not exist")
            tags = sorted(
                t for t, digest in self._store.tags().items() if digest == manifest.digest
            )
            details.append(
                {
                    "repositoryName": self._store.name,
                    "imageDigest": manifest.digest,
                    "imageTags": tags,
                }
            )
        return {"imageDetails": details}

    def _put_image(self, request: dict[str, Any]) -> dict[str, Any]:
        manifest = Manifest(request["imageManifest"].encode(), request["imageManifestMediaType"])
        tag = request["imageTag"]
        if request.get("imageDigest", manifest.digest) != manifest.digest:
            raise _ApiError("ImageDigestDoesNotMatchException", "The digest is another one")
        there = self._store.find(tag)
        if there and there.digest == manifest.digest:
            raise _ApiError(
                "ImageAlreadyExistsException",
                f"Image with digest '{manifest.digest}' and tag '{tag}' already exists",
            )
        try:
            self._store.put(tag, manifest)
        except TagIsImmutableError as error:
            raise _ApiError("ImageTagAlreadyExistsException", str(error)) from error
        return {"image": self._image({"imageTag": tag, "imageDigest": manifest.digest}, manifest)}

    def _image(self, image_id: dict[str, str], manifest: Manifest) -> dict[str, Any]:
        return {
            "registryId": "123456789012",
            "repositoryName": self._store.name,
            "imageId": image_id,
            "imageManifest": manifest.body.decode(),
            "imageManifestMediaType": manifest.media_type,
        }


def _reference(image_id: dict[str, str]) -> str:
    return image_id.get("imageDigest") or image_id["imageTag"]


def _call(environ: dict[str, Any], body: bytes) -> str:
    """Returns service:Operation of a request in the JSON or the query protocol."""
    signed = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = signed[1] if signed else "unsigned"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    form = urllib.parse.parse_qs(body.decode(errors="replace")) if not target else {}
    return f"{service}:{target or form.get('Action', ['?'])[0]}"
