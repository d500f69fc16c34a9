from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from llm_service.chat.chat_message import ChatMessage
from llm_service.chat.errors import ChatTemplateError

log = logging.getLogger(__name__)

_DIALOGUE_FILE = Path(__file__).with_name("dialogue.jinja")
# With and without an empty line before: nothing of the line's end shall stay in the answer.
_DIALOGUE_STOP = ("\nUser:", "\nAssistant:", "\n\nUser:", "\n\nAssistant:")


class ChatTemplate:
    """Turns a conversation into the text that the model was trained on.

    Rendering is transformers' own: Jinja in its immutable sandbox, so that a template that comes
    with a model can neither reach Python nor loop without end.

    Attributes:
        name: `model`, `dialogue`, or the path of a file; `none` where there is no template.
        text: The template itself; empty where there is none.
        stop: Strings that end an answer, beside the request's own and the model's tokens.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, choice: str) -> None:
        """Chooses the template.

        Args:
            tokenizer: The model's tokenizer; it carries the model's own template.
            choice: The setting CHAT_TEMPLATE: `auto`, `model`, `dialogue`, or a file.

        Raises:
            ChatTemplateError: The file cannot be read.
        """
        self._tokenizer = tokenizer
        self.stop: tuple[str, ...] = ()
        own = _own_template(tokenizer)
        if choice in ("auto", "model") and own:
            self.name, self.text = "model", own
        elif choice == "model":
            self.name, self.text = "none", ""
        elif choice in ("auto", "dialogue"):
            if choice == "auto":
                log.warning(
                    "the model brings no chat template: Chat uses plain lines of dialogue. "
                    "CHAT_TEMPLATE=model refuses Chat instead; a file ending in .jinja sets one."
                )
            self.name, self.text = "dialogue", _DIALOGUE_FILE.read_text(encoding="utf-8")
            self.stop = _DIALOGUE_STOP
        else:
            self.name, self.text = choice, _read(choice)

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """Renders a conversation up to where the model's answer begins.

        Args:
            messages: The conversation, oldest first, at least one.

        Raises:
            ChatTemplateError: There is no template, or it refuses the conversation.
        """
        if not self.text:
            raise ChatTemplateError(
                "the model has no chat template: use Generate, or start the server with "
                "CHAT_TEMPLATE=dialogue"
            )
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    [{"role": m.role.value, "content": m.content} for m in messages],
                    chat_template=self.text,
                    add_generation_prompt=True,
                    tokenize=False,
                )
            )
        except (TemplateError, OverflowError) as error:  # the latter is the sandbox's own
            raise ChatTemplateError(f"the model's chat template refuses this: {error}") from error


def _own_template(tokenizer: PreTrainedTokenizerBase) -> str:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return template or ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChatTemplateError(f"CHAT_TEMPLATE={path} cannot be read: {error}") from error
