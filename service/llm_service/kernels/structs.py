"""The structures of decoder.h and packed_weight.h, field for field."""

from ctypes import POINTER, Structure, c_float, c_int32, c_int64, c_void_p


class PackedWeightStruct(Structure):
    """PackedWeight."""

    _fields_ = (
        ("data", c_void_p),
        ("scales", c_void_p),
        ("rows", c_int64),
        ("cols", c_int64),
        ("kind", c_int32),
    )


class DecoderLayerStruct(Structure):
    """DecoderLayer."""

    _fields_ = (
        ("attention_norm", c_void_p),
        ("attention_output_norm", c_void_p),
        ("mlp_norm", c_void_p),
        ("mlp_output_norm", c_void_p),
        ("query_norm", c_void_p),
        ("key_norm", c_void_p),
        ("qkv_bias", c_void_p),
        ("qkv", PackedWeightStruct),
        ("output", PackedWeightStruct),
        ("gate_up", PackedWeightStruct),
        ("down", PackedWeightStruct),
        ("window", c_int64),
        ("rope", c_int64),
    )


class DecoderModelStruct(Structure):
    """DecoderModel."""

    _fields_ = (
        ("hidden", c_int64),
        ("heads", c_int64),
        ("key_heads", c_int64),
        ("head_size", c_int64),
        ("intermediate", c_int64),
        ("vocabulary", c_int64),
        ("layer_count", c_int64),
        ("rope_count", c_int64),
        ("rotary_pairs", c_int64),
        ("layers", POINTER(DecoderLayerStruct)),
        ("final_norm", c_void_p),
        ("inverse_frequencies", c_void_p * 2),
        ("rope_scales", c_float * 2),
        ("embedding", c_void_p),
        ("head", PackedWeightStruct),
        ("norm_epsilon", c_float),
        ("attention_scale", c_float),
        ("embedding_scale", c_float),
        ("activation", c_int32),
        ("is_bf16", c_int32),
    )


class DecoderStepStruct(Structure):
    """DecoderStep."""

    _fields_ = (
        ("token_count", c_int64),
        ("sequence_count", c_int64),
        ("token_ids", c_void_p),
        ("query_starts", c_void_p),
        ("context_lengths", c_void_p),
        ("block_tables", c_void_p),
        ("block_table_stride", c_int64),
        ("block_size", c_int64),
        ("key_caches", POINTER(c_void_p)),
        ("value_caches", POINTER(c_void_p)),
        ("row_count", c_int64),
        ("rows", c_void_p),
        ("logits", c_void_p),
        ("thread_count", c_int64),
    )
