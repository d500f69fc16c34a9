from collections.abc import Sequence as SequenceOf
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from llm_service.fast_decoder.decoder_shape import DecoderShape
from llm_service.fast_decoder.errors import UnsupportedDecoderError
from llm_service.fast_decoder.packed_projection import PackedProjection
from llm_service.kernels.huge_page_memory import HugePageMemory
from llm_service.kernels.kernel_library import KernelLibrary
from llm_service.kernels.structs import DecoderLayerStruct, DecoderModelStruct
from llm_service.kernels.weight_kind import WeightKind


class DecoderWeights:
    """The weights of a decoder, packed for the kernels.

    Attributes:
        struct: What the kernels take. It points into this object.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        shape: DecoderShape,
        library: KernelLibrary,
        kind: WeightKind,
    ) -> None:
        """Packs the matrices one after the other and empties the model's own.

        Args:
            model: The model.
            shape: Its shape.
            library: The kernels.
            kind: How matrices are stored.

        Raises:
            UnsupportedDecoderError: A layer has a bias that the kernels do not add.
        """
        _require_no_bias(model)
        self._library = library
        self._kind = kind
        # The output head, which may be the embedding too, suffers most from few bits.
        self._head_kind = WeightKind.INT8 if kind == WeightKind.INT4 else kind
        self._shape = shape
        self._is_tied = model.lm_head.weight is model.model.embed_tokens.weight
        # What the struct's pointers refer to.
        self._kept: list[torch.Tensor] = []
        self._projections: list[PackedProjection] = []
        self._memory = HugePageMemory(self._num_bytes())
        rope_names = sorted(set(shape.layer_types))
        self._layers = (DecoderLayerStruct * len(shape.windows))(
            *(
                self._layer(layer, shape.windows[index], rope_names.index(shape.layer_types[index]))
                for index, layer in enumerate(model.model.layers)
            )
        )
        self.struct = self._model(model)
        self._set_ropes(model.model.rotary_emb, rope_names)
        if self._is_tied:
            _let_go_of_file(model)

    def restore(self, model: PreTrainedModel) -> None:
        """Gives the matrices back to the model they came from."""
        for projection in self._projections:
            projection.restore(model.dtype)
        if self._is_tied:
            model.model.embed_tokens.weight = model.lm_head.weight

    def _num_bytes(self) -> int:
        shape = self._shape
        queries = shape.heads * shape.head_size
        keys = shape.key_heads * shape.head_size
        layer = (
            (queries + 2 * keys, shape.hidden),
            (shape.hidden, queries),
            (PackedProjection.interleaved_rows(shape.intermediate), shape.hidden),
            (shape.hidden, shape.intermediate),
        )
        layers = len(shape.windows) * sum(
            PackedProjection.num_bytes(self._library, rows, cols, self._kind)
            for rows, cols in layer
        )
        return layers + PackedProjection.num_bytes(
            self._library, shape.vocabulary, shape.hidden, self._head_kind
        )

    def _layer(self, layer: Any, window: int, rope: int) -> DecoderLayerStruct:
        attention = layer.self_attn
        # Gemma normalises what both parts of a layer put out, too, and calls the norm before the
        # second part otherwise.
        is_gemma = hasattr(layer, "pre_feedforward_layernorm")
        mlp_norm = layer.pre_feedforward_layernorm if is_gemma else layer.post_attention_layernorm
        qkv = [attention.q_proj, attention.k_proj, attention.v_proj]
        return DecoderLayerStruct(
            attention_norm=self._norm(layer.input_layernorm),
            attention_output_norm=self._norm(layer.post_attention_layernorm) if is_gemma else None,
            mlp_norm=self._norm(mlp_norm),
            mlp_output_norm=self._norm(layer.post_feedforward_layernorm) if is_gemma else None,
            query_norm=self._optional_norm(attention, "q_norm"),
            key_norm=self._optional_norm(attention, "k_norm"),
            qkv_bias=self._bias(qkv),
            qkv=self._pack(qkv),
            output=self._pack([attention.o_proj]),
            gate_up=self._pack([layer.mlp.gate_proj, layer.mlp.up_proj], interleaved=True),
            down=self._pack([layer.mlp.down_proj]),
            window=window,
            rope=rope,
        )

    def _model(self, model: PreTrainedModel) -> DecoderModelStruct:
        shape = self._shape
        embedding = None if self._is_tied else self._keep(model.model.embed_tokens.weight)
        head = self._pack([model.lm_head], kind=self._head_kind)
        if self._is_tied:
            model.model.embed_tokens.weight = model.lm_head.weight
        return DecoderModelStruct(
            hidden=shape.hidden,
            heads=shape.heads,
            key_heads=shape.key_heads,
            head_size=shape.head_size,
            intermediate=shape.intermediate,
            vocabulary=shape.vocabulary,
            layer_count=len(self._layers),
            layers=self._layers,
            final_norm=self._norm(model.model.norm),
            embedding=embedding,
            head=head,
            norm_epsilon=shape.norm_epsilon,
            attention_scale=shape.attention_scale,
            embedding_scale=shape.embedding_scale,
            activation=shape.activation,
            is_bf16=int(model.dtype == torch.bfloat16),
        )

    def _pack(
        self,
        modules: SequenceOf[nn.Linear],
        *,
        interleaved: bool = False,
        kind: WeightKind | None = None,
    ) -> Any:
        kind = self._kind if kind is None else kind
        projection = PackedProjection(
            modules, self._library, self._memory, kind, interleaved=interleaved
        )
        self._projections.append(projection)
        return projection.struct

    def _bias(self, modules: SequenceOf[nn.Linear]) -> int | None:
        if all(module.bias is None for module in modules):
            return None
        return self._keep(torch.cat([module.bias.detach().float() for module in modules]))

    def _optional_norm(self, module: nn.Module, name: str) -> int | None:
        norm = getattr(module, name, None)
        return None if norm is None else self._norm(norm)

    def _norm(self, norm: nn.Module) -> int:
        weight = norm.weight
        assert isinstance(weight, torch.Tensor)
        return self._keep(weight.detach().float() + self._shape.norm_offset)

    def _set_ropes(self, rotary: nn.Module, names: SequenceOf[str]) -> None:
        self.struct.rope_count = len(names)
        for index, name in enumerate(names):
            prefix = f"{name}_" if name else ""
            frequencies = getattr(rotary, f"{prefix}inv_freq").detach().float()
            self.struct.inverse_frequencies[index] = self._keep(frequencies)
            self.struct.rope_scales[index] = float(getattr(rotary, f"{prefix}attention_scaling"))
            self.struct.rotary_pairs = len(frequencies)
            if 2 * len(frequencies) > self._shape.head_size:
                raise UnsupportedDecoderError("its rotary embedding is larger than its heads")

    def _keep(self, tensor: torch.Tensor) -> int:
        tensor = tensor.detach().contiguous()
        self._kept.append(tensor)
        return tensor.data_ptr()


def _require_no_bias(model: PreTrainedModel) -> None:
    linears = [("lm_head", model.lm_head)]
    for layer in model.model.layers:
        mlp = layer.mlp
        linears += [
            ("o_proj", layer.self_attn.o_proj),
            ("gate_proj", mlp.gate_proj),
            ("up_proj", mlp.up_proj),
            ("down_proj", mlp.down_proj),
        ]
    for name, module in linears:
        if type(module) is not nn.Linear:
            raise UnsupportedDecoderError(f"its {name} is a {type(module).__name__}")
        if module.bias is not None:
            raise UnsupportedDecoderError(f"its {name} has a bias")


def _let_go_of_file(model: PreTrainedModel) -> None:
    """Copies what is left, so that the weights' file is no longer mapped and in memory.

    An embedding of its own stays in the file instead: few of its rows are ever read.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
