from __future__ import annotations

import random
from dataclasses import dataclass

_WHO = ("The harbour master", "A retired engineer", "Her younger brother", "The night nurse")
_DOES = ("writes down", "counts", "repairs", "describes", "forgets", "paints")
_WHAT = ("every boat", "the old clocks", "seven letters", "a map of the coast", "the broken radio")
_WHEN = ("before sunrise", "on the last day of March", "while it rains", "after the second bell")


@dataclass(frozen=True)
class Prompt:
    """One request.

    Attributes:
        text: What is sent.
        output_tokens: How many tokens shall come back, no more and no fewer.
    """

    text: str
    output_tokens: int


@dataclass(frozen=True)
class Workload:
    """Requests that a number of clients work through, each client one at a time.

    Attributes:
        name: What tables call it.
        clients: Number of requests under way at once.
        prompts: All requests, in the order in which they start.
    """

    name: str
    clients: int
    prompts: tuple[Prompt, ...]

    @classmethod
    def same(
        cls, clients: int, requests: int, words: int = 90, output_tokens: int = 64, seed: int = 0
    ) -> Workload:
        """Makes requests that are all of one length."""
        texts = random.Random(1000 * seed + clients)
        prompts = tuple(Prompt(_text(texts, words), output_tokens) for _ in range(requests))
        return cls(f"{clients} same length" if clients > 1 else "1 client", clients, prompts)

    @classmethod
    def mixed(cls, clients: int, requests: int, seed: int = 0) -> Workload:
        """Makes requests with prompts of 10 to 380 words and answers of 16 to 128 tokens."""
        lengths = random.Random(1000 * seed + 500 + clients)
        prompts = tuple(
            Prompt(_text(lengths, lengths.randint(10, 380)), lengths.randint(16, 128))
            for _ in range(requests)
        )
        return cls(f"{clients} mixed", clients, prompts)


def _text(source: random.Random, words: int) -> str:
    """Sentences that differ from the first word on, so that no server gains by a shared prefix."""
    text = f"Story {source.randint(1000, 9999)}."
    while text.count(" ") < words:
        parts = (source.choice(choices) for choices in (_WHO, _DOES, _WHAT, _WHEN))
        text = f"{text} {' '.join(parts)}."
    return text
