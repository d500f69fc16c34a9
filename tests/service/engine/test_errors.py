from llm_service.engine.errors import PromptTooLongError, QueueFullError


def test_a_prompt_that_fits_is_told_how_many_tokens_are_left() -> None:
    error = PromptTooLongError(prompt_tokens=90, max_tokens=20, context_length=100)
    assert str(error) == (
        "prompt of 90 tokens and max_tokens of 20 exceed the context of 100 tokens: "
        "lower max_tokens to 10 or less"
    )


def test_a_prompt_that_does_not_fit_is_told_to_shorten() -> None:
    error = PromptTooLongError(prompt_tokens=100, max_tokens=20, context_length=100)
    assert str(error).endswith("shorten the prompt below 100 tokens")


def test_a_full_queue_says_when_to_retry() -> None:
    assert str(QueueFullError(3, 1.26)) == "the queue is full with 3 requests: retry in 1.3 s"
