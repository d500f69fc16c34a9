import gc
from pathlib import Path

import pytest
import torch
import transformers

from llm_service.fast_decoder.decoder_shape import DecoderShape
from llm_service.fast_decoder.errors import UnsupportedDecoderError
from llm_service.fast_decoder.fast_decoder import FastDecoder
from llm_service.fast_decoder.sequence_part import SequencePart
from llm_service.kernels.weight_kind import WeightKind
from tests.service.fast_decoder.decoder_models import CONFIGS, make_decoder_model
from tests.service.fast_decoder.paged_texts import PagedTexts
from tests.service.kernels.built_kernels import NAMES, built_kernels


@pytest.fixture(autouse=True)
def quiet_machine():
    # Small matrices are slower on several threads, and the suite shares the machine.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def text(length: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 301, (length,), generator=generator).tolist()


# Longer than a span of keys, so that the parts of a long attention are merged.
LONG, SHORT = text(300, seed=1), text(40, seed=2)


def own_logits(model: transformers.PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0].float()


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.bfloat16, 0.03)], ids=["fp32", "bf16"]
)
def test_logits_equal_those_of_transformers(name, family, dtype, tolerance):
    library = built_kernels(name)
    exact = make_decoder_model(family, dtype).float()
    model = make_decoder_model(family, dtype)
    # The model's own forward in float32 over the same weights: what bfloat16 is measured by, too.
    long, short = own_logits(exact, LONG), own_logits(exact, SHORT)
    texts = PagedTexts(FastDecoder(model, library), dtype, {"long": LONG, "short": SHORT})

    steps = [
        (texts.read(long=240)[0], long[239]),
        (texts.read(long=1, short=17)[0], long[240]),
        (texts.read(short=22, long=1)[1], long[241]),
        (texts.read(long=57)[0], long[298]),
    ]
    last = texts.read(long=1, short=1)
    steps += [(last[0], long[299]), (last[1], short[39])]

    errors = [relative_error(actual, expected) for actual, expected in steps]
    assert max(errors) <= tolerance, errors


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [None, WeightKind.INT8, WeightKind.INT4])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_logits_do_not_depend_on_company_chunks_or_threads(name, kind, threads):
    texts = {"a": LONG, "b": SHORT, "c": LONG[40:]}
    model = make_decoder_model("gemma3", torch.bfloat16)
    decoder = FastDecoder(model, built_kernels(name), kind)
    alone = PagedTexts(decoder, torch.bfloat16, texts)
    alone.read(a=290)
    expected = (alone.read(a=1), alone.read(a=1))

    torch.set_num_threads(threads)
    mixed = PagedTexts(decoder, torch.bfloat16, texts)
    mixed.read(c=30, a=7)
    mixed.read(a=250, b=1)
    mixed.read(b=38, a=33, c=20)

    assert torch.equal(mixed.read(b=1, a=1, c=200)[1], expected[0][0])
    assert torch.equal(mixed.read(a=1)[0], expected[1][0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "tolerance"), [(WeightKind.INT8, 0.05), (WeightKind.INT4, 0.5)])
def test_quantized_weights_stay_near(name, kind, tolerance):
    model = make_decoder_model("qwen2")
    expected = own_logits(model, LONG)[-1]
    texts = PagedTexts(FastDecoder(model, built_kernels(name), kind), torch.float32, {"long": LONG})

    error = relative_error(texts.read(long=300)[0], expected)

    assert 1e-4 < error <= tolerance


@pytest.mark.parametrize("family", ["llama", "gemma3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_move_out_and_back(family, dtype):
    model = make_decoder_model(family, dtype)
    expected = own_logits(model, SHORT)
    before = sum(parameter.numel() for parameter in model.parameters())

    decoder = FastDecoder(model, built_kernels(NAMES[-1]))

    left = sum(parameter.numel() for parameter in model.parameters())
    # What is left: norms, and an embedding that is not the output head too.
    assert left < before / (2 if family == "llama" else 20)
    decoder.restore(model)
    assert torch.equal(own_logits(model, SHORT), expected)


def test_the_weights_file_is_let_go_of(tmp_path):
    make_decoder_model("gemma3", torch.bfloat16).save_pretrained(tmp_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="auto")
    model(torch.tensor([SHORT]))
    assert str(tmp_path) in Path("/proc/self/maps").read_text()

    decoder = FastDecoder(model, built_kernels(NAMES[-1]))
    gc.collect()

    assert str(tmp_path) not in Path("/proc/self/maps").read_text()
    assert PagedTexts(decoder, torch.bfloat16, {"short": SHORT}).read(short=40).isfinite().all()


def test_a_sequence_with_invalid_numbers_spoils_no_other():
    model = make_decoder_model("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[13] = torch.nan
    texts = {"bad": [13, *SHORT], "good": SHORT}
    decoder = FastDecoder(model, built_kernels(NAMES[-1]))
    expected = PagedTexts(decoder, torch.float32, texts).read(good=20)

    logits = PagedTexts(decoder, torch.float32, texts).read(bad=20, good=20)

    assert not logits[0].isfinite().any()
    assert torch.equal(logits[1], expected[0])


def test_a_step_without_wanted_logits_returns_none():
    decoder = FastDecoder(make_decoder_model("llama"), built_kernels(NAMES[-1]))
    shape = decoder.shape
    caches = [torch.zeros(2, 8, shape.key_heads, shape.head_size) for _ in shape.windows]

    logits = decoder.forward([SequencePart([1, 2, 3], 0, [1], wants_logits=False)], caches, caches)

    assert logits.shape == (0, shape.vocabulary)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2), "GPT2LMHeadModel is not among"),
        (
            transformers.Gemma2Config(num_hidden_layers=1, hidden_size=32),
            "Gemma2ForCausalLM is not among",
        ),
        (
            transformers.LlamaConfig(num_hidden_layers=1, hidden_size=32, mlp_bias=True),
            "mlp_bias is True",
        ),
        (
            transformers.LlamaConfig(num_hidden_layers=1, hidden_size=32, hidden_act="relu"),
            "activation is relu",
        ),
        (
            transformers.LlamaConfig(
                num_hidden_layers=1,
                hidden_size=32,
                rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
            ),
            "rotary embedding is dynamic",
        ),
        (
            transformers.Gemma3TextConfig(
                num_hidden_layers=1, hidden_size=32, final_logit_softcapping=30.0
            ),
            "final_logit_softcapping is 30.0",
        ),
    ],
)
def test_other_models_are_refused_with_the_reason(config, reason):
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)

    with pytest.raises(UnsupportedDecoderError, match=reason):
        DecoderShape.of(model)


def test_a_model_in_half_precision_is_refused():
    with pytest.raises(UnsupportedDecoderError, match=r"torch\.float16"):
        DecoderShape.of(make_decoder_model("llama", torch.float16))


def test_an_output_bias_is_refused_and_the_weights_stay():
    config = transformers.LlamaConfig(
        num_hidden_layers=1, hidden_size=32, vocab_size=50, attention_bias=True
    )
    model = transformers.AutoModelForCausalLM.from_config(config)

    with pytest.raises(UnsupportedDecoderError, match="o_proj has a bias"):
        FastDecoder(model, built_kernels(NAMES[-1]))

    assert all(parameter.numel() for parameter in model.parameters())
