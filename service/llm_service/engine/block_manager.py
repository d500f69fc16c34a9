import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence as SequenceOf

from llm_service.engine.block import Block
from llm_service.engine.sequence import Sequence


class BlockManager:
    """Hands out the blocks of the key-value cache and shares equal prefixes.

    A block is shared by digest: full blocks of the same tokens after the same tokens are one
    block, counted by reference. A block that nobody uses keeps its content until its place is
    needed; the one unused for longest goes first.

    Attributes:
        block_size: Number of tokens of a block.
        num_blocks: Number of blocks in all.
    """

    def __init__(self, num_blocks: int, block_size: int, *, shares_prefixes: bool = True) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._shares_prefixes = shares_prefixes
        self._blocks = [Block(block_id) for block_id in range(num_blocks)]
        self._cached: dict[bytes, Block] = {}
        # Ordered by the time of release: the first one is the next to be reused.
        self._free: OrderedDict[int, Block] = OrderedDict(enumerate(self._blocks))

    @property
    def usage(self) -> float:
        """Share of the blocks that sequences hold, 0 to 1."""
        return (self.num_blocks - len(self._free)) / self.num_blocks

    @property
    def num_tokens(self) -> int:
        """Number of tokens that all blocks hold together."""
        return self.num_blocks * self.block_size

    def num_cached_tokens(self, sequence: Sequence) -> int:
        """Number of a sequence's tokens that `allocate` would find in the cache now."""
        return len(self._find_cached_prefix(sequence.token_ids)) * self.block_size

    def allocate(self, sequence: Sequence) -> bool:
        """Gives a sequence blocks for all its tokens and finds what is cached of them.

        Sets `num_computed_tokens` to the cached tokens. At least the last token is never taken
        from the cache, because its logits are needed.

        Args:
            sequence: A sequence without blocks.

        Returns:
            False, with nothing changed, if too few blocks are free.
        """
        shared = self._find_cached_prefix(sequence.token_ids)
        num_needed = self._num_blocks_for(len(sequence.token_ids)) - len(shared)
        num_free_shared = sum(block.reference_count == 0 for block in shared)
        if num_needed > len(self._free) - num_free_shared:
            return False
        for block in shared:
            if block.reference_count == 0:
                del self._free[block.block_id]
            block.reference_count += 1
        sequence.block_table = [block.block_id for block in shared]
        sequence.num_computed_tokens = len(shared) * self.block_size
        sequence.block_digests = [block.digest for block in shared if block.digest is not None]
        for _ in range(num_needed):
            sequence.block_table.append(self._take_oldest_free().block_id)
        return True

    def grow(self, sequence: Sequence) -> bool:
        """Makes sure that the sequence's blocks hold all its tokens.

        Returns:
            False, with nothing changed, if a further block is needed and none is free.
        """
        num_missing = self._num_blocks_for(len(sequence.token_ids)) - len(sequence.block_table)
        if num_missing > len(self._free):
            return False
        for _ in range(num_missing):
            sequence.block_table.append(self._take_oldest_free().block_id)
        return True

    def release(self, sequence: Sequence) -> None:
        """Takes a sequence's blocks back. Their content stays cached until it is overwritten."""
        # From the end, so that the beginning, which others more likely share, is reused last.
        for block_id in reversed(sequence.block_table):
            block = self._blocks[block_id]
            block.reference_count -= 1
            if block.reference_count == 0:
                self._free[block_id] = block
                if block.digest is None:
                    self._free.move_to_end(block_id, last=False)
        sequence.block_table = []
        sequence.block_digests = []
        sequence.num_computed_tokens = 0
        sequence.model_state = None

    def discard(self, sequence: Sequence) -> list[int]:
        """Takes back the blocks of a sequence that may hold invalid numbers, and forgets them.

        Returns:
            Ids of those that no other sequence uses.
        """
        unused = [
            block_id for block_id in sequence.block_table if self._blocks[block_id].is_exclusive
        ]
        for block_id in unused:
            self._forget(self._blocks[block_id])
        self.release(sequence)
        return unused

    def share_computed(self, sequence: Sequence) -> None:
        """Makes the sequence's full, computed blocks known, so that others can share them."""
        if not self._shares_prefixes:
            return
        num_full = sequence.num_computed_tokens // self.block_size
        for index in range(len(sequence.block_digests), num_full):
            parent = sequence.block_digests[-1] if sequence.block_digests else b""
            start = index * self.block_size
            digest = _digest(parent, sequence.token_ids[start : start + self.block_size])
            sequence.block_digests.append(digest)
            block = self._blocks[sequence.block_table[index]]
            # Two sequences may compute the same block at the same time: the first one stays known.
            if digest not in self._cached:
                block.digest = digest
                self._cached[digest] = block

    def _find_cached_prefix(self, token_ids: SequenceOf[int]) -> list[Block]:
        found: list[Block] = []
        if not self._shares_prefixes:
            return found
        digest = b""
        for start in range(0, len(token_ids) - self.block_size, self.block_size):
            digest = _digest(digest, token_ids[start : start + self.block_size])
            block = self._cached.get(digest)
            if block is None:
                break
            found.append(block)
        return found

    def _take_oldest_free(self) -> Block:
        _, block = self._free.popitem(last=False)
        self._forget(block)
        block.reference_count = 1
        return block

    def _forget(self, block: Block) -> None:
        if block.digest is not None:
            del self._cached[block.digest]
            block.digest = None

    def _num_blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)


def _digest(parent: bytes, token_ids: SequenceOf[int]) -> bytes:
    # A cryptographic digest, because a collision would show one caller's text to another.
    return hashlib.sha256(parent + array("q", token_ids).tobytes()).digest()
