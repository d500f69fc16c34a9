from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from llm.v1 import llm_pb2, llm_pb2_grpc
from tests.doubles.aws import NAMESPACE

# As long as a resolver keeps a record of the stack's TTL, here shortened like everything else.
RESOLVE_SECONDS = 1.0
ATTEMPT_SECONDS = 2.0
CALL_SECONDS = 20.0
PAUSE_SECONDS = 0.02
CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 500))


@dataclass
class Client:
    """A program in the VPC that calls the fleet without a pause, and notes how that goes.

    It resolves names by Cloud Map, goes round robin over what it gets, and tries the next instance
    when one does not answer: what a gRPC client with a retry policy does.

    Attributes:
        answered: Calls that were answered, by address.
        failures: Calls that no instance answered, with the reasons.
        retries: Attempts that failed before a call was answered.
    """

    cloud_map: Any
    service_name: str
    port: int
    answered: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    retries: int = 0

    def __post_init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}
        self._addresses: list[str] = []
        self._resolved = 0.0
        self._turns = itertools.count()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def total(self) -> int:
        """Number of calls answered."""
        return sum(self.answered.values())

    def start(self) -> None:
        """Begins to call."""
        self._thread.start()

    def stop(self) -> None:
        """Ends calling."""
        self._is_stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def discover(self) -> list[str]:
        """Asks Cloud Map for the addresses that DNS would answer with."""
        answer = self.cloud_map.discover_instances(
            NamespaceName=NAMESPACE,
            ServiceName=self.service_name,
            HealthStatus="HEALTHY_OR_ELSE_ALL",
        )
        return sorted(one["Attributes"]["AWS_INSTANCE_IPV4"] for one in answer["Instances"])

    def stream(self, address: str, tokens: int, on_token: Callable[[], None]) -> int:
        """Streams an answer from one instance; returns the number of tokens that came."""
        request = llm_pb2.ChatStreamRequest(
            messages=[llm_pb2.Message(role=llm_pb2.ROLE_USER, content="count")],
            sampling=llm_pb2.SamplingParams(max_tokens=tokens),
        )
        count = 0
        for response in self._stub(address).ChatStream(request, timeout=CALL_SECONDS):
            if response.content_delta:
                count += 1
                on_token()
        return count

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            self._call()
            time.sleep(PAUSE_SECONDS)

    def _call(self) -> None:
        deadline = time.monotonic() + CALL_SECONDS
        reasons: list[str] = []
        while time.monotonic() < deadline:
            addresses = self._resolve()
            if not addresses:
                time.sleep(PAUSE_SECONDS)
                continue
            address = addresses[next(self._turns) % len(addresses)]
            try:
                answer = self._stub(address).Chat(
                    llm_pb2.ChatRequest(), timeout=ATTEMPT_SECONDS, wait_for_ready=False
                )
            except grpc.RpcError as error:
                reasons.append(f"{address}: {error.code().name}")
                continue
            self.retries += len(reasons)
            # The server that answered says who it is.
            if answer.message.content != f"{address}:{self.port}":
                self.failures.append(f"{address} is {answer.message.content}")
            self.answered[address] = self.answered.get(address, 0) + 1
            return
        self.failures.append(", ".join(reasons) or "no address")

    def _resolve(self) -> list[str]:
        if time.monotonic() - self._resolved > RESOLVE_SECONDS:
            self._addresses = self.discover()
            self._resolved = time.monotonic()
        return self._addresses

    def _stub(self, address: str) -> llm_pb2_grpc.LlmServiceStub:
        if address not in self._channels:
            self._channels[address] = grpc.insecure_channel(
                f"{address}:{self.port}", options=CHANNEL_OPTIONS
            )
        return llm_pb2_grpc.LlmServiceStub(self._channels[address])
