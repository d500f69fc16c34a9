#include "decoder_buffers.h"

#include <algorithm>

namespace llm {
namespace {

// Measures when it has no memory, takes when it has: the layout is written once for both.
class Layout {
 public:
  explicit Layout(Scratch* scratch) : scratch_(scratch) {}

  template <class T>
  T* take(int64_t count) {
    const size_t bytes = size_t(count) * sizeof(T);
    total_ += Scratch::aligned(bytes);
    return scratch_ == nullptr ? nullptr : reinterpret_cast<T*>(scratch_->take(bytes));
  }

  Inputs inputs(WeightKind kind, int64_t rows, int64_t columns) {
    Inputs made{};
    made.kind = kind;
    made.stride = round_up(columns, depth_step(kind));
    const int64_t padded = round_up(rows, kPanelRows);
    const int64_t bytes = padded * Inputs::row_bytes(kind, made.stride);
    made.values = take<char>(bytes);
    if (is_quantized(kind)) made.scales = take<float>(padded * made.steps());
    // The padding between `columns` and the stride is read by the products.
    if (made.values != nullptr && made.stride != columns) std::memset(made.values, 0, bytes);
    return made;
  }

  size_t total() const { return total_; }

 private:
  Scratch* scratch_;
  size_t total_ = 0;
};

}  // namespace

DecoderBuffers::DecoderBuffers(const DecoderModel& model, const DecoderStep& step,
                               Scratch& scratch) {
  heads_per_key = model.heads / model.key_heads;
  head_size_ = model.head_size;
  key_heads_ = model.key_heads;
  attention_size = model.heads * model.head_size;
  hidden_stride = round_up(model.hidden, kBlockRows);
  qkv_stride = round_up((model.heads + 2 * model.key_heads) * model.head_size, kBlockRows);
  split_spans = step.token_count * model.key_heads < 4 * step.thread_count;
  max_spans = 1;
  for (int64_t s = 0; s < step.sequence_count; ++s) {
    // A window may begin within a span, which adds one at most.
    max_spans = std::max<int64_t>(max_spans, step.context_lengths[s] / kSpanKeys + 1);
  }
  lay_out(model, step, &scratch);
  place_tokens(step);
}

void DecoderBuffers::lay_out(const DecoderModel& model, const DecoderStep& step,
                             Scratch* scratch) {
  const int64_t tokens = step.token_count;
  const int64_t rows = round_up(std::max(tokens, step.row_count), 2 * kPanelRows);
  const WeightKind kind = model.layers[0].qkv.kind;
  // The first pass measures, the second one takes.
  for (Scratch* memory : {static_cast<Scratch*>(nullptr), scratch}) {
    Layout layout(memory);
    positions = layout.take<int32_t>(tokens);
    sequences = layout.take<int32_t>(tokens);
    residual = layout.take<float>(tokens * model.hidden);
    projected = layout.take<float>(tokens * hidden_stride);
    qkv = layout.take<float>(tokens * qkv_stride);
    attention = layout.take<float>(tokens * attention_size);
    gated = nullptr;
    if (is_quantized(kind)) {
      gated = layout.take<float>(tokens * round_up(model.intermediate, kTileRows));
    }
    for (int64_t rope = 0; rope < model.rope_count; ++rope) {
      cosines[rope] = layout.take<float>(tokens * model.rotary_pairs);
      sines[rope] = layout.take<float>(tokens * model.rotary_pairs);
    }
    hidden_inputs = layout.inputs(kind, rows, model.hidden);
    attention_inputs = layout.inputs(kind, rows, attention_size);
    mlp_inputs = layout.inputs(kind, rows, round_up(model.intermediate, kTileRows));
    spans_ = layout.take<float>(split_spans ? tokens * key_heads_ * max_spans * sums_size() : 0);
    workers_ = layout.take<Worker>(step.thread_count);
    for (int64_t thread = 0; thread < step.thread_count; ++thread) {
      Worker worker{};
      worker.block = layout.take<float>(rows * kBlockRows);
      worker.row = layout.take<float>(model.hidden);
      worker.scores = layout.take<float>(4 * kSpanKeys);
      worker.span = sums_at(layout.take<float>(sums_size()));
      worker.total = sums_at(layout.take<float>(sums_size()));
      if (memory != nullptr) workers_[thread] = worker;
    }
    if (memory == nullptr) scratch->reset(layout.total());
  }
}

void DecoderBuffers::place_tokens(const DecoderStep& step) {
  for (int64_t s = 0; s < step.sequence_count; ++s) {
    const int32_t first = step.query_starts[s];
    const int32_t last = step.query_starts[s + 1];
    for (int32_t token = first; token < last; ++token) {
      sequences[token] = int32_t(s);
      positions[token] = step.context_lengths[s] - (last - token);
    }
  }
}

AttentionSums DecoderBuffers::sums_at(float* memory) const {
  return {memory, memory + heads_per_key, memory + 2 * heads_per_key};
}

AttentionSums DecoderBuffers::span_sums(int64_t token, int64_t key_head, int64_t span) const {
  return sums_at(spans_ + ((token * key_heads_ + key_head) * max_spans + span) * sums_size());
}

}  // namespace llm
