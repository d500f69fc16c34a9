from dataclasses import dataclass


@dataclass(frozen=True)
class EngineStats:
    """What the engine does at one moment.

    Attributes:
        waiting: Number of requests in the queue.
        waiting_tokens: Number of prompt tokens of those.
        running: Number of requests in the batch.
        cache_usage: Share of the cache's blocks that running requests hold, 0 to 1.
        cache_capacity_tokens: Number of tokens that the cache can hold.
        step_count: Number of steps since the start.
        last_step_seconds: Duration of the last step; 0 before the first one.
        current_step_seconds: Time since the running step began; 0 between steps.
        prompt_tokens: Number of prompt tokens of all requests that ended since the start.
        cached_tokens: Those of prompt_tokens that were found in the cache.
        completion_tokens: Number of tokens generated since the start.
        preemptions: Number of times that a request gave its cache up to an older one.
    """

    waiting: int
    waiting_tokens: int
    running: int
    cache_usage: float
    cache_capacity_tokens: int
    step_count: int
    last_step_seconds: float
    current_step_seconds: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    preemptions: int
