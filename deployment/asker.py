from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from deployment.endpoints import PORT, Endpoints
from deployment.errors import FindingsError, UsageError
from deployment.output import Output

SERVICE_FOLDER = Path(__file__).parents[1] / "service"


class Asker:
    """Asks the model one question.

    Args:
        endpoints: Servers to ask.
        output: Where the answer goes.
        timeout: Longest wait for a server that serves, in seconds.
    """

    def __init__(self, endpoints: Endpoints, output: Output, *, timeout: float) -> None:
        self._endpoints = endpoints
        self._output = output
        self._timeout = timeout

    def ask(
        self,
        question: str,
        *,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> None:
        """Prints the answer as it comes.

        Args:
            question: The user's message.
            system: Instructions to the model.
            max_tokens: The most tokens to generate; None takes the server's limit.
            temperature: 0 to 2; None takes the model's default.

        Raises:
            FindingsError: No server can be reached, or the answer failed.
        """
        client_module, messages_module, error_type, credentials_type = _client_modules()
        messages = [messages_module.Message(role="ROLE_USER", content=question)]
        if system:
            messages.insert(0, messages_module.Message(role="ROLE_SYSTEM", content=system))
        given = {"max_tokens": max_tokens, "temperature": temperature}
        sampling = messages_module.SamplingParams(
            **{key: value for key, value in given.items() if value is not None}
        )
        try:
            credentials = credentials_type.from_environment()
            with client_module.LlmClient(self._endpoints.target, credentials) as client:
                client.wait_until_serving(self._timeout)
                self._show(client.chat_stream(messages, sampling))
        except error_type as error:
            raise FindingsError(
                str(error), where=", ".join(self._endpoints.addresses), remedy=self._remedy()
            ) from error

    def _show(self, deltas: Any) -> None:
        answer: list[str] = []
        last: Any = None
        for delta in deltas:
            last = delta
            if delta.reasoning and not self._output.as_json:
                self._output.err.print(delta.reasoning, end="", style="dim", markup=False)
            if delta.content:
                answer.append(delta.content)
                if not self._output.as_json:
                    self._output.write(delta.content)
        if self._output.as_json:
            self._output.result(
                {
                    "answer": "".join(answer),
                    "finish_reason": last.finish_reason if last else "",
                    "prompt_tokens": last.prompt_tokens if last else 0,
                    "completion_tokens": last.completion_tokens if last else 0,
                    "servers": list(self._endpoints.addresses),
                }
            )
        else:
            self._output.write("\n")

    def _remedy(self) -> str:
        if not self._endpoints.instances:
            return "check the address, and that the server runs"
        return (
            "run it inside the VPC, or through Session Manager: aws ssm start-session --target "
            f"{self._endpoints.instances[0]} --document-name AWS-StartPortForwardingSession "
            f"--parameters portNumber={PORT},localPortNumber={PORT}; then ask with "
            f"--address localhost:{PORT}"
        )


def _client_modules() -> tuple[Any, Any, type[Exception], Any]:
    """The client, its messages, error and credentials; they live in service/, perhaps not built."""
    if str(SERVICE_FOLDER) not in sys.path:
        sys.path.insert(0, str(SERVICE_FOLDER))
    try:
        client = importlib.import_module("llm_service.client.llm_client")
        messages = importlib.import_module("llm.v1.llm_pb2")
        errors = importlib.import_module("llm_service.client.client_error")
        credentials = importlib.import_module("llm_service.client.client_credentials")
    except ImportError as error:
        raise UsageError(
            f"the client cannot be loaded: {error}",
            where=str(SERVICE_FOLDER.name),
            remedy="build it: make protos",
        ) from error
    return client, messages, errors.ClientError, credentials.ClientCredentials
