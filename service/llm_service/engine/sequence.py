from collections.abc import Sequence as SequenceOf


class Sequence:
    """The tokens of one request and their place in the cache.

    Attributes:
        request_id: The request's id.
        token_ids: Prompt and answer so far.
        num_prompt_tokens: Number of tokens of the prompt.
        num_cached_tokens: Number of prompt tokens found in the cache at the first admission; None
            before it.
        num_computed_tokens: Number of tokens whose keys and values are in the cache.
        block_table: Ids of its cache blocks, in order.
        block_digests: Digests of its full and computed blocks, in order.
        model_state: What a model runner keeps for it instead of blocks; dropped with them.
    """

    def __init__(self, request_id: str, prompt_token_ids: SequenceOf[int]) -> None:
        self.request_id = request_id
        self.token_ids = list(prompt_token_ids)
        self.num_prompt_tokens = len(self.token_ids)
        self.num_cached_tokens: int | None = None
        self.num_computed_tokens = 0
        self.block_table: list[int] = []
        self.block_digests: list[bytes] = []
        self.model_state: object | None = None

    @property
    def num_output_tokens(self) -> int:
        """Number of tokens of the answer so far."""
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def num_uncomputed_tokens(self) -> int:
        """Number of tokens that the model has not read yet."""
        return len(self.token_ids) - self.num_computed_tokens
