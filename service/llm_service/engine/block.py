from dataclasses import dataclass


@dataclass
class Block:
    """One block of the key-value cache: a fixed number of consecutive tokens of a sequence.

    Attributes:
        block_id: Its index in the cache's tensors.
        reference_count: Number of sequences that use it.
        digest: Digest of its tokens and of all tokens before them; None while it is not full.
    """

    block_id: int
    reference_count: int = 0
    digest: bytes | None = None

    @property
    def is_exclusive(self) -> bool:
        """Whether a single sequence uses it."""
        return self.reference_count == 1
