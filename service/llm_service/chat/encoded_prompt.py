from dataclasses import dataclass


@dataclass(frozen=True)
class EncodedPrompt:
    """A prompt as the engine takes it.

    Attributes:
        token_ids: The tokens, a beginning-of-sequence token included where the model has one.
        starts_in_reasoning: Whether the prompt ends inside an opened reasoning block, so that the
            answer begins with reasoning.
    """

    token_ids: tuple[int, ...]
    starts_in_reasoning: bool = False
