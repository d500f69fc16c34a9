from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Who speaks, spelled as chat templates spell it."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class ChatMessage:
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said, plain text. An assistant's earlier reasoning is not part of it.
    """

    role: Role
    content: str
