from __future__ import annotations

import argparse
import os
import sys
import time

from llm.v1 import llm_pb2
from llm_service.client.client_credentials import ClientCredentials
from llm_service.client.client_error import ClientError
from llm_service.client.llm_client import LlmClient
from llm_service.client.terminal import Terminal

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main() -> int:
    """Asks the server one question and prints the answer as it comes.

    Without a question it only waits until the server has loaded its model.

    Returns:
        The exit code: 0 after an answer, 1 when the server refused or failed, 130 after Ctrl-C.
    """
    arguments = _parse()
    terminal = Terminal()
    try:
        credentials = ClientCredentials.from_environment()
        with LlmClient(arguments.address, credentials) as client:
            client.wait_until_serving(
                arguments.wait, None if arguments.quiet else terminal.show_wait
            )
            terminal.end_wait()
            if arguments.question:
                _ask(client, arguments, terminal)
    except ClientError as error:
        terminal.end_wait()
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


def _ask(client: LlmClient, arguments: argparse.Namespace, terminal: Terminal) -> None:
    start = time.monotonic()
    first: float | None = None
    for delta in client.chat_stream(
        _messages(arguments), _sampling(arguments), timeout=arguments.timeout
    ):
        if first is None:
            first = time.monotonic()
        terminal.show(delta)
        if delta.finish_reason:
            terminal.show_figures(delta, start=start, first=first, end=time.monotonic())


def _messages(arguments: argparse.Namespace) -> list[llm_pb2.Message]:
    messages = []
    if arguments.system:
        messages.append(llm_pb2.Message(role=llm_pb2.ROLE_SYSTEM, content=arguments.system))
    messages.append(llm_pb2.Message(role=llm_pb2.ROLE_USER, content=arguments.question))
    return messages


def _sampling(arguments: argparse.Namespace) -> llm_pb2.SamplingParams:
    names = ("temperature", "top_p", "seed", "max_tokens")
    given = {name: getattr(arguments, name) for name in names}
    return llm_pb2.SamplingParams(**{k: v for k, v in given.items() if v is not None})


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m llm_service.client",
        description="Asks a model server one question and prints the answer as it comes.",
        epilog="LLM_TOKEN_FILE names a file with a bearer token; LLM_TLS_CA_FILE one with the "
        "certificates that the server's must be signed by, which switches TLS on; LLM_TLS_NAME "
        "the name in that certificate where it is not the address.",
    )
    parser.add_argument(
        "question", nargs="?", help="what to ask; without one, only waits until the server serves"
    )
    parser.add_argument("--system", help="instructions to the model")
    parser.add_argument(
        "--address",
        default=os.environ.get("LLM_ADDRESS", "localhost:50051"),
        help="host:port of the server (LLM_ADDRESS; default localhost:50051)",
    )
    parser.add_argument("--temperature", type=float, help="0 to 2; 0 is the likeliest answer")
    parser.add_argument("--top-p", type=float, help="above 0, at most 1")
    parser.add_argument("--seed", type=int, help="the same seed gives the same answer")
    parser.add_argument("--max-tokens", type=int, help="the most tokens to generate")
    parser.add_argument("--quiet", action="store_true", help="do not show what is waited for")
    parser.add_argument("--wait", type=float, default=600, help="longest wait for the model, in s")
    parser.add_argument("--timeout", type=float, help="longest time for the answer, in s")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
