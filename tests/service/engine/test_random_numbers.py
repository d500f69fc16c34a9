from llm_service.engine.random_numbers import uniform


def test_the_same_arguments_give_the_same_number() -> None:
    # Kept for ever: a seed has to give the same answer after an upgrade too.
    assert uniform(0, 0) == 0.011546754286331562
    assert uniform(0, 1) == 0.5023796042735054
    assert uniform(2**64 - 1, 5) == 0.46292535650502586


def test_numbers_are_spread_evenly_over_positions_and_seeds() -> None:
    for numbers in (
        [uniform(11, position) for position in range(4000)],
        [uniform(seed, 11) for seed in range(4000)],
    ):
        assert all(0 <= number < 1 for number in numbers)
        counts = [0] * 8
        for number in numbers:
            counts[int(number * 8)] += 1
        # Six standard deviations of 500 expected.
        assert all(abs(count - 500) < 126 for count in counts)
