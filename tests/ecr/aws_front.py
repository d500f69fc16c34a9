from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.ecr.image_store import ImageStore, Manifest, TagIsImmutableError

_ECR = "AmazonEC2ContainerRegistry_V20150921."


class _ApiError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwsFront:
    """AWS for the aws command: moto, except that calls about images are answered from the registry.

    moto keeps images of its own, which no docker push reaches. So the calls that look images up or
    tag them are answered here; logging in, repositories and every other service are moto's.

    Args:
        store: The repository that the registry keeps.

    Attributes:
        url: For AWS_ENDPOINT_URL.
        calls: Names of the ECR operations asked for, in order.
    """

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self.calls: list[str] = []
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
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        operation = target.removeprefix(_ECR) if target.startswith(_ECR) else ""
        if operation:
            self.calls.append(operation)
        answer = {
            "BatchGetImage": self._batch_get_image,
            "DescribeImages": self._describe_images,
            "PutImage": self._put_image,
        }.get(operation)
        if answer is None:
            result: Iterable[bytes] = self._moto(environ, start)
            return result
        request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        try:
            self._check_repository(request)
            status, body = "200 OK", answer(request)
        except _ApiError as error:
            status, body = "400 Bad Request", {"__type": error.code, "message": str(error)}
        start(status, [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps(body).encode()]

    def _check_repository(self, request: dict[str, Any]) -> None:
        if request["repositoryName"] != self._store.name:
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
