#pragma once

#include "attention.h"
#include "decoder.h"
#include "linear.h"
#include "scratch.h"

namespace llm {

// Intermediate values of one step. Rows are tokens unless said otherwise.
class DecoderBuffers {
 public:
  // Lays the buffers out in `scratch`, which they live in.
  DecoderBuffers(const DecoderModel& model, const DecoderStep& step, Scratch& scratch);

  // What one thread alone writes to.
  struct Worker {
    float* block;   // [padded rows][kBlockRows]
    float* row;     // [hidden]
    float* scores;  // [4][kSpanKeys]
    AttentionSums span;
    AttentionSums total;
  };

  int64_t heads_per_key;
  bool split_spans;   // whether the spans of one query go to several threads
  int64_t max_spans;  // of any query
  int64_t hidden_stride;
  int64_t qkv_stride;
  int64_t attention_size;  // heads * head_size

  int32_t* positions;
  int32_t* sequences;  // which sequence a token belongs to
  float* residual;     // [tokens][hidden]
  float* projected;    // [tokens][hidden_stride]
  float* qkv;          // [tokens][qkv_stride]
  float* attention;    // [tokens][attention_size]
  float* gated;        // [tokens][intermediate rounded up to 16]; null unless quantized
  float* cosines[2];   // [tokens][rotary_pairs]
  float* sines[2];
  Inputs hidden_inputs;     // normalised, for qkv, gate_up and head
  Inputs attention_inputs;  // for output
  Inputs mlp_inputs;        // for down

  const Worker& worker(int64_t thread) const { return workers_[thread]; }
  // Sums of one span where spans are split.
  AttentionSums span_sums(int64_t token, int64_t key_head, int64_t span) const;
  // Position of the first key that a layer's query at `position` sees.
  static int64_t first_key(int64_t position, int64_t window) {
    return window > 0 && position + 1 > window ? position + 1 - window : 0;
  }

 private:
  void place_tokens(const DecoderStep& step);
  void lay_out(const DecoderModel& model, const DecoderStep& step, Scratch* scratch);
  AttentionSums sums_at(float* memory) const;
  int64_t sums_size() const { return heads_per_key * (head_size_ + 2); }

  int64_t head_size_;
  int64_t key_heads_;
  float* spans_;
  Worker* workers_;
};

}  // namespace llm
