"""Runs the node agent: `python -m llm_service.node.main`.

Exit codes: 0 after SIGTERM, 1 when the instance metadata or anything unforeseen stops it, 2 when a
setting is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from pydantic import ValidationError

from llm_service.node.backoff import Backoff
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.json_log_formatter import JsonLogFormatter
from llm_service.node.metadata_error import MetadataError
from llm_service.node.node_agent import NodeAgent
from llm_service.node.settings import Settings

logger = logging.getLogger(__name__)

# The network of a container can come up after its process.
IDENTITY_SECONDS = 60.0


def main() -> int:
    """Runs the agent and returns its exit code."""
    try:
        settings = Settings()  # type: ignore[call-arg]  # the values come from the environment
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}, got {problem['input']!r}", file=sys.stderr)
        print("Set these environment variables; docs/discovery.md lists them.", file=sys.stderr)
        return 2
    _log_to_stdout(settings.log_level)
    metadata = InstanceMetadata(settings.metadata_endpoint)
    try:
        identity = _identity(metadata)
        logger.info("started", extra=vars(identity) | {"server": settings.server_address})
        asyncio.run(_run(settings, identity, metadata))
    except (MetadataError, OSError) as error:
        logger.critical("instance metadata failed", extra={"reason": str(error)})
        return 1
    except Exception:
        logger.critical("the agent failed", exc_info=True)
        return 1
    return 0


async def _run(settings: Settings, identity: InstanceIdentity, metadata: InstanceMetadata) -> None:
    await NodeAgent(settings, identity, metadata).run()


def _identity(metadata: InstanceMetadata) -> InstanceIdentity:
    """Asks who this instance is until the metadata service answers; a wrong answer is final."""
    deadline = time.monotonic() + IDENTITY_SECONDS
    backoff = Backoff(base=0.5, cap=5)
    while True:
        try:
            return metadata.identity()
        except OSError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("no answer of the metadata service", extra={"reason": str(error)})
            time.sleep(backoff.next())


def _log_to_stdout(level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(level=level, handlers=[handler])
    # At INFO botocore tells about every credential it finds.
    logging.getLogger("botocore").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
