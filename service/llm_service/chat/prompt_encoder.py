from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from llm_service.chat.chat_message import ChatMessage, Role
from llm_service.chat.chat_template import ChatTemplate
from llm_service.chat.encoded_prompt import EncodedPrompt
from llm_service.chat.reasoning_splitter import END_TAG, START_TAG

# A code point that Unicode sets apart for a program's own use and that no text may carry.
_BREAK = "\ufdd0"

# Control tokens that a tokenizer does not flag as special look like this: DeepSeek's <｜User｜>.
_CONTROL_SHAPE = re.compile(r"<[|｜].*[|｜]>")


class PromptEncoder:
    """Turns prompts and conversations into tokens. Safe to use from several threads.

    A control token (a turn's start or end, for example) that stands in a caller's text is encoded
    as the ordinary text that it is, so that nobody can forge a turn. To that end its first
    character is set apart from the rest by a mark before the template is rendered, and the text is
    encoded in pieces between the marks: a piece cannot hold the whole token.

    Attributes:
        has_reasoning: Whether the model knows the reasoning tags.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: ChatTemplate) -> None:
        """Reads what the tokenizer and the template treat as control tokens.

        Args:
            tokenizer: The model's tokenizer, one that the tokenizers library runs.
            template: The chat template in use.
        """
        self._template = template
        # Not transformers' wrapper, which sets truncation and padding anew at each call: that fails
        # while another thread encodes. Set once, the backend itself is safe to share.
        self._backend: Any = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self._bos_id: int | None = tokenizer.bos_token_id
        around_nothing = list(self._backend.encode("", add_special_tokens=True).ids)
        self._prefix = [i for i in around_nothing if i == self._bos_id]
        self._control_tokens = _control_token_pattern(tokenizer, template.text)
        # SentencePiece tokenizers put a space before a text's first word, also where the "text" is
        # a piece from the middle of one.
        self._adds_space = self._encode("x") != self._encode_after_newline("x")
        added = {token.content for token in tokenizer.added_tokens_decoder.values()}
        self.has_reasoning = END_TAG in template.text or {START_TAG, END_TAG} <= added

    def encode_chat(self, messages: Sequence[ChatMessage]) -> EncodedPrompt:
        """Renders a conversation with the chat template and encodes it.

        Args:
            messages: The conversation, oldest first, at least one.

        Raises:
            ChatTemplateError: There is no template, or it refuses the conversation.
        """
        text = self._template.render([self._protect(message) for message in messages])
        token_ids = self._encode_pieces(text)
        while len(token_ids) > 1 and token_ids[0] == token_ids[1] == self._bos_id:
            del token_ids[0]
        return EncodedPrompt(
            tuple(token_ids),
            starts_in_reasoning=self.has_reasoning and text.rstrip().endswith(START_TAG),
        )

    def encode_text(self, text: str) -> EncodedPrompt:
        """Encodes a plain prompt, after the beginning-of-sequence token if the model wants one."""
        token_ids = self._encode_pieces(self._break_control_tokens(text))
        return EncodedPrompt((*self._prefix, *token_ids))

    def _protect(self, message: ChatMessage) -> ChatMessage:
        content = message.content
        if self.has_reasoning and message.role is Role.ASSISTANT:
            # A caller may send an answer back with its reasoning in front, tags and all.
            content = content.rpartition(END_TAG)[2]
        return ChatMessage(message.role, self._break_control_tokens(content))

    def _break_control_tokens(self, text: str) -> str:
        return self._control_tokens.sub(
            lambda match: match[0][0] + _BREAK + match[0][1:], text.replace(_BREAK, "")
        )

    def _encode_pieces(self, text: str) -> list[int]:
        first, *rest = text.split(_BREAK)
        token_ids = self._encode(first)
        for piece in rest:
            token_ids += self._encode_middle(piece)
        return token_ids

    def _encode_middle(self, piece: str) -> list[int]:
        return self._encode_after_newline(piece) if self._adds_space else self._encode(piece)

    def _encode_after_newline(self, piece: str) -> list[int]:
        newline = self._encode("\n")
        token_ids = self._encode("\n" + piece)
        return token_ids[len(newline) :] if token_ids[: len(newline)] == newline else token_ids

    def _encode(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)


def _control_token_pattern(
    tokenizer: PreTrainedTokenizerBase, template_text: str
) -> re.Pattern[str]:
    """Matches every control token of the tokenizer, the longest first.

    Those are its special tokens, other added tokens that the template writes itself, the reasoning
    tags, and what has the shape of one. Added tokens such as runs of white space or HTML tags stay
    what they are: models use them for ordinary text.
    """
    control = [
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if len(token.content) > 1
        and not token.content.isspace()
        and (
            token.special
            or token.content in template_text
            or token.content in (START_TAG, END_TAG)
            or _CONTROL_SHAPE.fullmatch(token.content)
        )
    ]
    longest_first = sorted(control, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
