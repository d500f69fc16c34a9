import logging
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from llm_service.engine.cache_layer_layout import CacheLayerLayout
from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import InvalidParameterError, UnsupportedModelError
from llm_service.engine.fast_model_runner import FastModelRunner
from llm_service.engine.forward import forward
from llm_service.engine.memory import free_memory_bytes
from llm_service.engine.model_properties import trained_context_length
from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.paged_model_runner import PagedModelRunner
from llm_service.engine.paged_self_check import PagedSelfCheck
from llm_service.engine.sequential_model_runner import SequentialModelRunner
from llm_service.fast_decoder.decoder_shape import DecoderShape
from llm_service.fast_decoder.errors import UnsupportedDecoderError
from llm_service.fast_decoder.fast_decoder import FastDecoder
from llm_service.kernels.errors import KernelUnavailableError
from llm_service.kernels.kernel_library import best_kernel_library
from llm_service.kernels.weight_kind import WeightKind

logger = logging.getLogger(__name__)

# Rotary embeddings that change with the longest text of a batch: sequences cannot share one.
_BATCH_DEPENDENT_ROPE = frozenset({"dynamic", "longrope"})

_QUANTIZED_KINDS = {"int8": WeightKind.INT8}

# Finds what is wrong altogether; how good quantized weights are is another question.
_QUANTIZED_TOLERANCE = 0.2


def select_model_runner(model: PreTrainedModel, config: EngineConfig) -> ModelRunner:
    """Makes the fastest runner that computes what the model computes.

    First choice are the compiled kernels, which move the weights out of the model; then the model
    itself packed over a paged cache; then one sequence at a time. The first two are taken only
    after they reproduced the model's own logits on two short texts. The log says which one was
    taken, and why if it is the slower one.

    Args:
        model: The model, in evaluation mode and with its own attention implementation.
        config: Sizes of the cache.

    Raises:
        InvalidParameterError: The cache's memory does not hold a single block, or the weights
            cannot be quantized.
    """
    name = type(model).__name__
    try:
        return _fast_runner(model, config)
    except (KernelUnavailableError, UnsupportedDecoderError, UnsupportedModelError) as error:
        if config.quantization != "none":
            raise InvalidParameterError(
                "quantization", config.quantization, f"must be none here: {error}"
            ) from error
        logger.info("%s runs on torch's kernels: %s", name, error)
    probe = _probe(model)
    own_attention = model.config._attn_implementation
    try:
        layouts = _paged_layouts(model, probe)
        check = PagedSelfCheck(model)
        check.verify(PagedModelRunner(model, layouts, check.NUM_BLOCKS, check.BLOCK_SIZE))
    except UnsupportedModelError as error:
        model.set_attn_implementation(own_attention)
        logger.warning("%s runs one sequence at a time, the slower way: %s", name, error)
        return SequentialModelRunner(model, _num_blocks(model, config, _bytes_per_token(probe)))
    num_blocks = _num_blocks(model, config, sum(layout.bytes_per_token for layout in layouts))
    logger.info(
        "%s runs packed over a paged cache of %d blocks of %d tokens",
        name,
        num_blocks,
        config.block_size,
    )
    return PagedModelRunner(model, layouts, num_blocks, config.block_size)


def _fast_runner(model: PreTrainedModel, config: EngineConfig) -> FastModelRunner:
    if not config.use_kernels:
        raise KernelUnavailableError("use_kernels is off")
    if model.device.type != "cpu":
        raise KernelUnavailableError(f"the model is on {model.device.type}, not on a CPU")
    DecoderShape.of(model)
    library = best_kernel_library()
    kind = _QUANTIZED_KINDS.get(config.quantization)
    check = PagedSelfCheck(model, None if kind is None else _QUANTIZED_TOLERANCE)
    decoder = FastDecoder(model, library, kind)
    try:
        check.verify(FastModelRunner(decoder, check.NUM_BLOCKS, check.BLOCK_SIZE))
    except UnsupportedModelError:
        decoder.restore(model)
        raise
    num_blocks = _num_blocks(model, config, decoder.cache_bytes_per_token)
    logger.info(
        "%s runs on kernels for %s, weights %s, over a paged cache of %d blocks of %d tokens",
        type(model).__name__,
        library.instruction_set.name,
        str(model.dtype).removeprefix("torch.") if kind is None else kind.name.lower(),
        num_blocks,
        config.block_size,
    )
    return FastModelRunner(decoder, num_blocks, config.block_size)


def _probe(model: PreTrainedModel) -> DynamicCache:
    """A cache of transformers after one token: it shows what each layer keeps."""
    cache = DynamicCache(config=model.config)
    zero = torch.zeros((1, 1), dtype=torch.int64, device=model.device)
    forward(model, zero, zero, cache, logits_to_keep=1)
    return cache


def _paged_layouts(model: PreTrainedModel, probe: DynamicCache) -> list[CacheLayerLayout]:
    if not getattr(model, "_supports_attention_backend", False):
        raise UnsupportedModelError("its attention cannot be replaced")
    rope_types = _rope_types(getattr(model.config.get_text_config(), "rope_parameters", None))
    if rope_types & _BATCH_DEPENDENT_ROPE:
        raise UnsupportedModelError(f"its rotary embedding is {', '.join(sorted(rope_types))}")
    return [_layout(layer) for layer in probe.layers]


def _layout(layer: Any) -> CacheLayerLayout:
    # Exactly these: a subclass keeps more than keys and values.
    if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) or layer.keys is None:
        raise UnsupportedModelError(f"it has a cache layer of type {type(layer).__name__}")
    window = layer.sliding_window if isinstance(layer, DynamicSlidingWindowLayer) else None
    _, key_heads, _, key_size = layer.keys.shape
    _, value_heads, _, value_size = layer.values.shape
    return CacheLayerLayout(
        (key_heads, key_size), (value_heads, value_size), layer.keys.dtype, window
    )


def _rope_types(parameters: object) -> frozenset[str]:
    """Types of rotary embedding; models with several kinds of layers have one for each kind."""
    if not isinstance(parameters, dict):
        return frozenset()
    if "rope_type" in parameters:
        return frozenset({str(parameters["rope_type"])})
    return frozenset().union(*(_rope_types(value) for value in parameters.values()))


def _bytes_per_token(probe: DynamicCache) -> int:
    tensors = [
        states
        for layer in probe.layers
        for states in (getattr(layer, "keys", None), getattr(layer, "values", None))
        if states is not None
    ]
    return max(1, sum(int(states.nbytes) for states in tensors))


def _num_blocks(model: PreTrainedModel, config: EngineConfig, bytes_per_token: int) -> int:
    context = min(config.max_context_length, trained_context_length(model) or 2**62)
    wanted = config.max_batch_size * -(-context // config.block_size)
    memory = config.cache_memory_bytes
    if memory is None:
        memory = int(config.cache_memory_share * free_memory_bytes(model.device))
    affordable = memory // (bytes_per_token * config.block_size)
    if affordable < 1:
        raise InvalidParameterError(
            "cache_memory_bytes",
            memory,
            f"must be at least {bytes_per_token * config.block_size}, one block of the cache",
        )
    return min(wanted, affordable)
