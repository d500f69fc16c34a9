from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llm_service.engine.block_manager import BlockManager
from llm_service.engine.sequence import Sequence

SIZE = 4


def make_computed(blocks: BlockManager, tokens: list[int]) -> Sequence:
    sequence = Sequence("any", tokens)
    assert blocks.allocate(sequence)
    sequence.num_computed_tokens = len(tokens)
    blocks.share_computed(sequence)
    return sequence


def test_equal_prefixes_share_their_full_blocks() -> None:
    blocks = BlockManager(8, SIZE)
    first = make_computed(blocks, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    second = Sequence("second", [1, 2, 3, 4, 5, 6, 7, 8, 10, 11])
    assert blocks.allocate(second)
    assert second.block_table[:2] == first.block_table[:2]
    assert second.block_table[2] != first.block_table[2]
    assert second.num_computed_tokens == 8
    assert blocks.usage == 4 / 8


def test_a_block_is_not_shared_after_different_tokens() -> None:
    blocks = BlockManager(8, SIZE)
    make_computed(blocks, [1, 1, 1, 1, 5, 6, 7, 8, 9])
    other = Sequence("other", [2, 2, 2, 2, 5, 6, 7, 8, 9])
    blocks.allocate(other)
    assert other.num_computed_tokens == 0


def test_the_last_token_is_never_taken_from_the_cache() -> None:
    blocks = BlockManager(8, SIZE)
    make_computed(blocks, [1, 2, 3, 4, 5, 6, 7, 8])
    same = Sequence("same", [1, 2, 3, 4, 5, 6, 7, 8])
    blocks.allocate(same)
    assert same.num_computed_tokens == 4


def test_released_blocks_stay_known_until_they_are_needed() -> None:
    blocks = BlockManager(3, SIZE)
    tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    blocks.release(make_computed(blocks, tokens))
    assert blocks.usage == 0
    again = Sequence("again", tokens)
    blocks.allocate(again)
    assert again.num_computed_tokens == 8
    blocks.release(again)
    # Two of three blocks are overwritten: the beginning, which more prompts share, goes last.
    blocks.release(make_computed(blocks, [9, 9, 9, 9, 9]))
    once_more = Sequence("once more", tokens)
    blocks.allocate(once_more)
    assert once_more.num_computed_tokens == 4


def test_too_few_free_blocks_change_nothing() -> None:
    blocks = BlockManager(3, SIZE)
    held = make_computed(blocks, [1, 2, 3, 4, 5])
    large = Sequence("large", [1, 2, 3, 4, 6, 6, 6, 6, 6, 6, 6, 6, 6])
    assert not blocks.allocate(large)
    assert large.block_table == []
    blocks.release(held)
    assert blocks.usage == 0


def test_grows_only_when_a_block_is_full() -> None:
    blocks = BlockManager(2, SIZE)
    sequence = make_computed(blocks, [1, 2, 3])
    sequence.token_ids.append(4)
    assert blocks.grow(sequence)
    assert len(sequence.block_table) == 1
    sequence.token_ids.append(5)
    assert blocks.grow(sequence)
    assert len(sequence.block_table) == 2
    sequence.token_ids += [6, 7, 8, 9]
    assert not blocks.grow(sequence)
    assert len(sequence.block_table) == 2


def test_discarded_blocks_are_forgotten_unless_others_use_them() -> None:
    blocks = BlockManager(8, SIZE)
    tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    bad = make_computed(blocks, tokens)
    shared, own, unfinished = bad.block_table
    other = Sequence("other", [1, 2, 3, 4, 9])
    blocks.allocate(other)
    assert blocks.discard(bad) == [own, unfinished]
    assert other.block_table[0] == shared
    again = Sequence("again", tokens)
    blocks.allocate(again)
    assert again.num_computed_tokens == 4


def test_nothing_is_shared_where_it_cannot_be() -> None:
    blocks = BlockManager(8, SIZE, shares_prefixes=False)
    tokens = [1, 2, 3, 4, 5]
    make_computed(blocks, tokens)
    again = Sequence("again", tokens)
    blocks.allocate(again)
    assert again.num_computed_tokens == 0


class BlockManagerMachine(RuleBasedStateMachine):
    """Any order of calls keeps each block's content true to the tokens of all that use it."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = BlockManager(6, SIZE)
        self.held: list[Sequence] = []
        # What the cache's tensors would hold: the tokens up to the end of each block.
        self.content: dict[int, list[int]] = {}

    @rule(tokens=st.lists(st.integers(0, 1), min_size=1, max_size=14))
    def allocate(self, tokens: list[int]) -> None:
        sequence = Sequence("any", tokens)
        if self.blocks.allocate(sequence):
            assert sequence.num_computed_tokens < len(tokens)
            cached = sequence.num_computed_tokens // SIZE
            for index, block in enumerate(sequence.block_table[:cached]):
                assert self.content[block] == tokens[: (index + 1) * SIZE]
            self.held.append(sequence)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), token=st.integers(0, 1))
    def compute_and_append(self, data: st.DataObject, token: int) -> None:
        sequence = data.draw(st.sampled_from(self.held))
        for index in range(sequence.num_computed_tokens // SIZE, len(sequence.block_table)):
            self.content[sequence.block_table[index]] = sequence.token_ids[: (index + 1) * SIZE]
        sequence.num_computed_tokens = len(sequence.token_ids)
        self.blocks.share_computed(sequence)
        sequence.token_ids.append(token)
        if not self.blocks.grow(sequence):
            sequence.token_ids.pop()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), discard=st.booleans())
    def give_back(self, data: st.DataObject, discard: bool) -> None:
        index = data.draw(st.integers(0, len(self.held) - 1))
        sequence = self.held.pop(index)
        if discard:
            for block in self.blocks.discard(sequence):
                self.content.pop(block, None)
        else:
            self.blocks.release(sequence)

    @invariant()
    def every_block_is_held_or_free(self) -> None:
        held = {block for sequence in self.held for block in sequence.block_table}
        assert self.blocks.usage == len(held) / 6


TestBlockManagerMachine = BlockManagerMachine.TestCase
TestBlockManagerMachine.settings = settings(max_examples=50, deadline=None)
