from llm_service.engine.block_manager import BlockManager
from llm_service.engine.scheduler import Scheduler
from llm_service.engine.sequence import Sequence


def make_scheduler(num_blocks: int = 100, max_batch_size: int = 4) -> Scheduler:
    return Scheduler(BlockManager(num_blocks, 4), max_batch_size=max_batch_size)


def add(scheduler: Scheduler, name: str, length: int) -> Sequence:
    # Tokens of its own, so that nothing is shared.
    sequence = Sequence(name, [ord(name)] * length)
    scheduler.add(sequence)
    return sequence


def step(scheduler: Scheduler, prompt_budget: int | None = 10) -> list[tuple[str, int]]:
    """Does a step as the engine does; returns what was read of whom."""
    chunks = scheduler.schedule(prompt_budget)
    for chunk in chunks:
        ends = chunk.is_last
        scheduler.complete(chunk)
        if ends:
            chunk.sequence.token_ids.append(0)
    return [(chunk.sequence.request_id, chunk.num_tokens) for chunk in chunks]


def test_a_long_prompt_is_read_in_chunks_and_never_stalls_answers() -> None:
    scheduler = make_scheduler()
    add(scheduler, "a", 3)
    assert step(scheduler) == [("a", 3)]
    add(scheduler, "b", 25)
    assert step(scheduler) == [("a", 1), ("b", 10)]
    assert step(scheduler) == [("a", 1), ("b", 10)]
    assert step(scheduler) == [("a", 1), ("b", 5)]
    assert step(scheduler) == [("a", 1), ("b", 1)]


def test_short_prompts_share_a_step() -> None:
    scheduler = make_scheduler()
    for name in "abc":
        add(scheduler, name, 4)
    assert step(scheduler) == [("a", 4), ("b", 4), ("c", 2)]
    assert step(scheduler) == [("a", 1), ("b", 1), ("c", 2)]


def test_first_come_first_served_up_to_the_batch_size() -> None:
    scheduler = make_scheduler(max_batch_size=2)
    sequences = [add(scheduler, name, 2) for name in "abc"]
    assert step(scheduler) == [("a", 2), ("b", 2)]
    scheduler.remove(sequences[0])
    assert step(scheduler) == [("b", 1), ("c", 2)]


def test_a_prompt_waits_until_the_cache_has_room_and_nobody_overtakes_it() -> None:
    scheduler = make_scheduler(num_blocks=4)
    first = add(scheduler, "a", 9)
    add(scheduler, "b", 8)
    add(scheduler, "c", 1)
    assert step(scheduler) == [("a", 9)]
    assert [sequence.request_id for sequence in scheduler.waiting] == ["b", "c"]
    scheduler.remove(first)
    assert step(scheduler) == [("b", 8), ("c", 1)]


def test_the_youngest_gives_its_cache_up_and_comes_back_first() -> None:
    scheduler = make_scheduler(num_blocks=4)
    first = add(scheduler, "a", 8)
    second = add(scheduler, "b", 8)
    add(scheduler, "c", 1)
    assert step(scheduler) == [("a", 8), ("b", 2)]
    # The answer of "a" wants a third block of tokens.
    assert step(scheduler) == [("a", 1)]
    assert scheduler.num_preemptions == 1
    assert second.num_computed_tokens == 0
    assert [sequence.request_id for sequence in scheduler.waiting] == ["b", "c"]
    scheduler.remove(first)
    assert step(scheduler) == [("b", 8), ("c", 1)]


def test_a_sequence_that_is_itself_the_youngest_waits() -> None:
    scheduler = make_scheduler(num_blocks=4)
    add(scheduler, "a", 9)
    add(scheduler, "b", 4)
    assert step(scheduler) == [("a", 9), ("b", 1)]
    assert step(scheduler) == [("a", 1), ("b", 3)]
    # The answer of "b" wants a block, and only "a" is older.
    assert step(scheduler) == [("a", 1)]
    assert [sequence.request_id for sequence in scheduler.waiting] == ["b"]


def test_prompts_are_read_whole_without_a_chunk_size() -> None:
    scheduler = make_scheduler()
    add(scheduler, "a", 50)
    add(scheduler, "b", 30)
    assert step(scheduler, prompt_budget=None) == [("a", 50), ("b", 30)]


def test_waiting_and_running_sequences_can_be_taken_out() -> None:
    scheduler = make_scheduler(max_batch_size=1)
    running, waiting = add(scheduler, "a", 2), add(scheduler, "b", 2)
    step(scheduler)
    scheduler.remove(waiting)
    scheduler.remove(running)
    assert not scheduler.has_work
    assert step(scheduler) == []


def test_tells_whether_answers_wait_for_the_step() -> None:
    scheduler = make_scheduler()
    add(scheduler, "a", 15)
    assert not scheduler.has_answers
    step(scheduler)
    assert not scheduler.has_answers
    step(scheduler)
    assert scheduler.has_answers


def test_counts_only_what_is_not_in_the_cache_as_to_be_read() -> None:
    scheduler = make_scheduler()
    add(scheduler, "a", 10)
    step(scheduler)
    assert scheduler.num_tokens_to_read(Sequence("again", [ord("a")] * 10)) == 2
    assert scheduler.num_tokens_to_read(Sequence("other", [ord("b")] * 10)) == 10
