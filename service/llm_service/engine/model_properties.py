from transformers import PreTrainedModel, PreTrainedTokenizerBase


def vocabulary_size(model: PreTrainedModel) -> int:
    """Number of token ids that a model knows."""
    return int(model.config.get_text_config().vocab_size)


def trained_context_length(model: PreTrainedModel) -> int | None:
    """The most tokens that a model was trained for; None if its configuration does not tell."""
    length = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if length is None else int(length)


def end_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end a model's turn.

    The generation configuration names them all (Llama 3 and Gemma have several); the tokenizer
    knows one.
    """
    found: set[int] = set()
    for source in (model.generation_config, model.config.get_text_config(), tokenizer):
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            found.update([ids] if isinstance(ids, int) else ids)
    return frozenset(found)
