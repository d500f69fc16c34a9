// A whole decoder step in one call: Llama, Qwen2, Qwen3, Mistral and Gemma 3 text models.
#pragma once

#include "elementwise.h"
#include "packed_weight.h"

namespace llm {

// The structures below are mirrored by structs.py, field for field.

struct DecoderLayer {
  const float* attention_norm;         // [hidden]
  const float* attention_output_norm;  // [hidden]; null for none
  const float* mlp_norm;               // [hidden]
  const float* mlp_output_norm;        // [hidden]; null for none
  const float* query_norm;             // [head_size]; null for none
  const float* key_norm;               // [head_size]; null for none
  const float* qkv_bias;               // [(heads + 2 * key_heads) * head_size]; null for none
  PackedWeight qkv;                    // queries, keys, values one after the other
  PackedWeight output;
  PackedWeight gate_up;  // groups of 16 rows, gate and up in turn
  PackedWeight down;
  int64_t window;  // keys that a query sees at most, its own included; 0 for all
  int64_t rope;    // which of the two rotary embeddings
};

struct DecoderModel {
  int64_t hidden;
  int64_t heads;
  int64_t key_heads;
  int64_t head_size;
  int64_t intermediate;
  int64_t vocabulary;
  int64_t layer_count;
  int64_t rope_count;
  int64_t rotary_pairs;
  const DecoderLayer* layers;
  const float* final_norm;              // [hidden]
  const float* inverse_frequencies[2];  // [rotary_pairs]
  float rope_scales[2];
  const void* embedding;  // [vocabulary, hidden] row-major; null where the head's rows serve
  PackedWeight head;
  float norm_epsilon;
  float attention_scale;
  float embedding_scale;
  Activation activation;
  int32_t is_bf16;  // elements of cache and embedding
};

struct DecoderStep {
  int64_t token_count;
  int64_t sequence_count;
  const int32_t* token_ids;        // [token_count], sequence after sequence
  const int32_t* query_starts;     // [sequence_count + 1], into token_ids
  const int32_t* context_lengths;  // [sequence_count], the new tokens included
  const int32_t* block_tables;     // [sequence_count][block_table_stride]
  int64_t block_table_stride;
  int64_t block_size;
  void* const* key_caches;  // [layer_count], each [blocks][block_size][key_heads][head_size]
  void* const* value_caches;
  int64_t row_count;    // rows whose logits are wanted
  const int32_t* rows;  // [row_count], into token_ids
  float* logits;        // [row_count, vocabulary]
  int64_t thread_count;
};

void decode(const DecoderModel& model, const DecoderStep& step);

}  // namespace llm
