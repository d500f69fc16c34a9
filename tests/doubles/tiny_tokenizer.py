from __future__ import annotations

from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

# Turns as in DeepSeek's format, with plainer names. Assistants' earlier turns end with <eos>.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content }}"
    "{% elif m.role == 'user' %}<|user|>{{ m.content }}"
    "{% else %}<|assistant|>{{ m.content }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
THINKING_CHAT_TEMPLATE = CHAT_TEMPLATE.replace(
    "<|assistant|>{% endif %}", "<|assistant|><think>\n{% endif %}"
)


def make_tiny_tokenizer(
    words: Sequence[str] = (), chat_template: str | None = CHAT_TEMPLATE
) -> PreTrainedTokenizerFast:
    """Makes a tokenizer with a token for each byte, the tokens of a chat format, and some words.

    As in DeepSeek's tokenizers, the turns' and reasoning tags are not flagged as special.

    Args:
        words: More tokens, each for a text of its own.
        chat_template: Jinja template; None leaves the model without one.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<bos>", "<eos>"])
    backend.add_tokens(
        [
            AddedToken(text, normalized=False)
            for text in ("<|user|>", "<|assistant|>", "<think>", "</think>", *words)
        ]
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", backend.token_to_id("<bos>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        chat_template=chat_template,
    )
