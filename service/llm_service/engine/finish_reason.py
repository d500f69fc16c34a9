from enum import Enum


class FinishReason(Enum):
    """Why a generation ended.

    STOP and LENGTH are the answers' own ends; after the others the answer is incomplete.
    """

    STOP = "stop"
    """The model ended its turn, or a stop string or stop token was met."""

    LENGTH = "length"
    """max_tokens was reached."""

    CANCELLED = "cancelled"
    """`Engine.cancel` was called for it, or the engine was stopped before it ended."""

    DEADLINE = "deadline"
    """Its deadline passed, or could no longer be met, while it waited or ran."""

    ERROR = "error"
    """This request alone failed; `GenerationOutput.error` says why."""
