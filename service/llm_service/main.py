from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llm_service.api.server import PortInUseError, Server
from llm_service.chat.errors import ChatTemplateError
from llm_service.config import Settings, SettingsError
from llm_service.daemon_thread import run_in_daemon_thread
from llm_service.log_setup import set_up_logging
from llm_service.models.errors import ModelLoadError

if TYPE_CHECKING:
    from llm_service.model_runtime import ModelRuntime

log = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_WRONG_SETTINGS = 2


def main() -> int:
    """Serves until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after an orderly end, 1 when the model, the port or the engine failed, 2
        when a setting is wrong.
    """
    if len(sys.argv) > 1:
        print(
            f"Serves one model over gRPC. Settings are environment variables:\n\n{Settings.help()}"
        )
        return 0 if sys.argv[1] in ("-h", "--help") else EXIT_WRONG_SETTINGS
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_WRONG_SETTINGS
    set_up_logging(settings.log_level, settings.log_format)
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # a library's progress bars would fill a log
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stop = _stop_signal()
    server = Server(settings)
    try:
        await server.start()
    except PortInUseError as error:
        log.error("%s", error)  # noqa: TRY400 -- the text says what to do; a trace says nothing
        return EXIT_FAILED
    loading = run_in_daemon_thread("load-model", lambda: _load(settings))
    stopping = asyncio.create_task(stop.wait())
    first: set[asyncio.Future[Any]] = {loading, stopping}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    exit_code = await _serve(server, loading.result, stop, settings) if loading.done() else 0
    await server.stop()
    log.info("stopped")
    return exit_code


async def _serve(
    server: Server, loaded: Callable[[], ModelRuntime], stop: asyncio.Event, settings: Settings
) -> int:
    """Answers until the stop signal, then drains; or until the engine fails."""
    try:
        server.serve(loaded())
    except (ChatTemplateError, ModelLoadError) as error:
        log.error("%s", error)  # noqa: TRY400 -- as above
        return EXIT_FAILED
    except Exception:
        log.exception("MODEL_NAME=%s cannot be served", settings.model_name)
        return EXIT_FAILED
    failing = asyncio.create_task(server.wait_for_failure())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({failing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if failing.done():
        # A failed engine never answers again, but a new process does: the supervisor starts one.
        log.critical("the engine failed: ending, so that the server is started anew")
        return EXIT_FAILED
    await _drain(server, stop)
    return EXIT_FAILED if failing.done() else 0


async def _drain(server: Server, stop: asyncio.Event) -> None:
    """Drains; a second signal cuts that short."""
    stop.clear()
    draining = asyncio.create_task(server.drain())
    impatient = asyncio.create_task(stop.wait())
    await asyncio.wait({draining, impatient}, return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _load(settings: Settings) -> ModelRuntime:
    # Imported here because it takes seconds, in which the port shall be open already.
    from llm_service.model_runtime import ModelRuntime  # noqa: PLC0415 -- see above

    return ModelRuntime.start(settings)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Not sys.exit: a thread that still loads the model would be torn down in the middle of torch.
    os._exit(code)
