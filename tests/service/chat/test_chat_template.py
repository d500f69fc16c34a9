from __future__ import annotations

from pathlib import Path

import pytest

from llm_service.chat.chat_message import ChatMessage, Role
from llm_service.chat.chat_template import ChatTemplate
from llm_service.chat.errors import ChatTemplateError
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer

HI = [ChatMessage(Role.USER, "Hi")]


def test_auto_takes_the_models_own() -> None:
    template = ChatTemplate(make_tiny_tokenizer(), "auto")
    assert template.render(HI) == "<bos><|user|>Hi<|assistant|>"
    assert (template.name, template.stop) == ("model", ())


def test_the_default_of_several_own_ones_is_taken() -> None:
    tokenizer = make_tiny_tokenizer()
    tokenizer.chat_template = {"default": "plain", "tool_use": "tools"}
    assert ChatTemplate(tokenizer, "model").render(HI) == "plain"


def test_auto_falls_back_to_dialogue_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    template = ChatTemplate(make_tiny_tokenizer(chat_template=None), "auto")
    assert template.name == "dialogue"
    assert "CHAT_TEMPLATE=model" in caplog.text


def test_dialogue_is_plain_lines() -> None:
    template = ChatTemplate(make_tiny_tokenizer(), "dialogue")
    conversation = [
        ChatMessage(Role.SYSTEM, "Be brief.\n"),
        ChatMessage(Role.USER, " Hi "),
        ChatMessage(Role.ASSISTANT, "Hello!"),
        ChatMessage(Role.USER, "Why?"),
    ]
    assert template.render(conversation) == (
        "<bos>Be brief.\n\nUser: Hi\nAssistant: Hello!\nUser: Why?\nAssistant:"
    )
    assert "\nUser:" in template.stop


def test_dialogue_without_instructions_brings_its_own() -> None:
    text = ChatTemplate(make_tiny_tokenizer(), "dialogue").render(HI)
    assert text.startswith("<bos>A conversation between")
    assert text.endswith("\n\nUser: Hi\nAssistant:")


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("{{ messages[0].content }} — {{ add_generation_prompt }}", encoding="utf-8")
    template = ChatTemplate(make_tiny_tokenizer(), str(file))
    assert template.render(HI) == "Hi — True"
    assert template.name == str(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChatTemplateError, match=r"CHAT_TEMPLATE=.*gone\.jinja"):
        ChatTemplate(make_tiny_tokenizer(), str(tmp_path / "gone.jinja"))


def test_model_refuses_where_there_is_none() -> None:
    template = ChatTemplate(make_tiny_tokenizer(chat_template=None), "model")
    assert (template.name, template.text) == ("none", "")
    with pytest.raises(ChatTemplateError, match="CHAT_TEMPLATE=dialogue"):
        template.render(HI)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.getcwd() }}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{{ messages.append(1) }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(attack: str) -> None:
    template = ChatTemplate(make_tiny_tokenizer(chat_template=attack), "model")
    with pytest.raises(ChatTemplateError):
        template.render(HI)
