#include "decoder.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "decoder_buffers.h"
#include "work_queue.h"

namespace llm {
namespace {

constexpr int64_t kPhasesPerLayer = 10;
constexpr int64_t kPrefetchBytes = 65536;

// One thread's part of a step. Element is the type of the cache and of the embedding.
template <class Element>
class DecoderPass {
 public:
  DecoderPass(const DecoderModel& model, const DecoderStep& step, const DecoderBuffers& buffers,
              WorkQueue& queue, int64_t thread)
      : model_(model),
        step_(step),
        buffers_(buffers),
        queue_(queue),
        thread_(thread),
        worker_(buffers.worker(thread)) {}

  void run() {
    begin_products();
    share(step_.token_count, model_.layers[0].qkv, [&](int64_t token) { begin_token(token); });
    for (int64_t index = 0; index < model_.layer_count; ++index) {
      layer_ = &model_.layers[index];
      layer_index_ = index;
      run_attention();
      run_mlp(index + 1 < model_.layer_count);
    }
    share(step_.row_count, model_.head, [&](int64_t row) { normalise_output(row); });
    share_blocks(model_.head, [&](int64_t block) { project_logits(block); });
    end_products();
  }

 private:
  void run_attention() {
    share_blocks(layer_->qkv, [&](int64_t block) { project_qkv(block); });
    share(step_.token_count, layer_->output, [&](int64_t token) { rotate_and_cache(token); });
    const int64_t queries = step_.token_count * model_.key_heads;
    if (buffers_.split_spans) {
      const int64_t spans = buffers_.max_spans;
      share(queries * spans, layer_->output, [&](int64_t item) { attend_span(item / spans, item % spans); });
    } else {
      share(queries, layer_->output, [&](int64_t query) { attend_all(query); });
    }
    share(step_.token_count, layer_->output, [&](int64_t token) { finish_attention(token); });
    share_blocks(layer_->output, [&](int64_t block) {
      project_hidden(layer_->output, buffers_.attention_inputs, block);
    });
    share(step_.token_count, layer_->gate_up, [&](int64_t token) {
      add_to_residual(token, layer_->attention_output_norm);
      normalise(token, layer_->mlp_norm);
    });
  }

  void run_mlp(bool another_follows) {
    share_blocks(layer_->gate_up, [&](int64_t block) { project_gate_up(block); });
    if (buffers_.gated != nullptr) {
      const int64_t width = round_up(model_.intermediate, kTileRows);
      share(step_.token_count, layer_->down, [&](int64_t token) {
        buffers_.mlp_inputs.store(token, 0, buffers_.gated + token * width, width);
      });
    }
    share_blocks(layer_->down, [&](int64_t block) {
      project_hidden(layer_->down, buffers_.mlp_inputs, block);
    });
    const PackedWeight& next = another_follows ? layer_[1].qkv : model_.head;
    share(step_.token_count, next, [&](int64_t token) {
      add_to_residual(token, layer_->mlp_output_norm);
      if (another_follows) normalise(token, layer_[1].attention_norm);
    });
  }

  // Shares out items other than blocks of weights. A thread that has none left asks for its first
  // weights of the next product: memory is idle otherwise.
  template <class Body>
  void share(int64_t count, const PackedWeight& next, Body body) {
    queue_.share(phase_, thread_, count, body, [&] {
      const int64_t block = queue_.first_item(thread_, next.blocks());
      if (block < next.blocks()) prefetch(next.block(block), next.block_bytes());
    });
  }

  template <class Body>
  void share_blocks(const PackedWeight& weight, Body body) {
    queue_.share(phase_, thread_, weight.blocks(), body, [] {});
  }

  static void prefetch(const char* memory, int64_t bytes) {
    for (int64_t i = 0; i < std::min(bytes, kPrefetchBytes); i += 64) {
      __builtin_prefetch(memory + i, 0, 2);
    }
  }

  void begin_token(int64_t token) {
    for (int64_t rope = 0; rope < model_.rope_count; ++rope) {
      float* cosines = buffers_.cosines[rope] + token * model_.rotary_pairs;
      float* sines = buffers_.sines[rope] + token * model_.rotary_pairs;
      for (int64_t i = 0; i < model_.rotary_pairs; ++i) {
        const float angle = float(buffers_.positions[token]) * model_.inverse_frequencies[rope][i];
        cosines[i] = std::cos(angle) * model_.rope_scales[rope];
        sines[i] = std::sin(angle) * model_.rope_scales[rope];
      }
    }
    float* to = buffers_.residual + token * model_.hidden;
    const int64_t id = step_.token_ids[token];
    if (model_.embedding == nullptr) {
      unpack_row(model_.head, id, to);
    } else {
      const Element* row = static_cast<const Element*>(model_.embedding) + id * model_.hidden;
      for (int64_t i = 0; i < model_.hidden; ++i) to[i] = to_float(row[i]);
    }
    for (int64_t i = 0; i < model_.hidden; ++i) to[i] *= model_.embedding_scale;
    normalise(token, model_.layers[0].attention_norm);
  }

  void normalise(int64_t token, const float* norm) {
    rms_norm(buffers_.residual + token * model_.hidden, norm, model_.hidden, model_.norm_epsilon,
             worker_.row);
    buffers_.hidden_inputs.store(token, 0, worker_.row, model_.hidden);
  }

  void add_to_residual(int64_t token, const float* norm) {
    float* added = buffers_.projected + token * buffers_.hidden_stride;
    if (norm != nullptr) rms_norm(added, norm, model_.hidden, model_.norm_epsilon, added);
    float* to = buffers_.residual + token * model_.hidden;
#pragma omp simd
    for (int64_t i = 0; i < model_.hidden; ++i) to[i] += added[i];
  }

  void project_qkv(int64_t block) {
    block_product(layer_->qkv, block, buffers_.hidden_inputs, step_.token_count, worker_.block);
    const int64_t first = block * kBlockRows;
    float bias[kBlockRows] = {};
    if (layer_->qkv_bias != nullptr) {
      const int64_t count = std::min<int64_t>(kBlockRows, layer_->qkv.rows - first);
      std::memcpy(bias, layer_->qkv_bias + first, count * sizeof(float));
    }
    for (int64_t token = 0; token < step_.token_count; ++token) {
      const float* from = worker_.block + token * kBlockRows;
      float* to = buffers_.qkv + token * buffers_.qkv_stride + first;
      for (int i = 0; i < kBlockRows; ++i) to[i] = from[i] + bias[i];
    }
  }

  void rotate_and_cache(int64_t token) {
    float* row = buffers_.qkv + token * buffers_.qkv_stride;
    for (int64_t head = 0; head < model_.heads; ++head) {
      float* query = row + head * model_.head_size;
      prepare_head(token, query, layer_->query_norm);
      for (int64_t i = 0; i < model_.head_size; ++i) query[i] *= model_.attention_scale;
    }
    float* keys = row + buffers_.attention_size;
    float* values = keys + model_.key_heads * model_.head_size;
    const int64_t slot = slot_of(token);
    for (int64_t head = 0; head < model_.key_heads; ++head) {
      prepare_head(token, keys + head * model_.head_size, layer_->key_norm);
      write_cache(key_view(), slot, head, keys + head * model_.head_size);
      write_cache(value_view(), slot, head, values + head * model_.head_size);
    }
  }

  void prepare_head(int64_t token, float* head, const float* norm) {
    if (norm != nullptr) rms_norm(head, norm, model_.head_size, model_.norm_epsilon, head);
    const int64_t offset = token * model_.rotary_pairs;
    rotate(head, buffers_.cosines[layer_->rope] + offset, buffers_.sines[layer_->rope] + offset,
           model_.rotary_pairs);
  }

  int64_t slot_of(int64_t token) const {
    const int64_t position = buffers_.positions[token];
    const int64_t block = table_of(token)[position / step_.block_size];
    return block * step_.block_size + position % step_.block_size;
  }

  const int32_t* table_of(int64_t token) const {
    return step_.block_tables + buffers_.sequences[token] * step_.block_table_stride;
  }

  CacheView view_of(void* data) const {
    return {data, step_.block_size, model_.key_heads, model_.head_size};
  }
  CacheView key_view() const { return view_of(step_.key_caches[layer_index_]); }
  CacheView value_view() const { return view_of(step_.value_caches[layer_index_]); }

  void write_cache(const CacheView& view, int64_t slot, int64_t head, const float* from) {
    Element* to = static_cast<Element*>(const_cast<void*>(view.data)) + view.offset(slot, head);
#pragma omp simd
    for (int64_t i = 0; i < model_.head_size; ++i) store_as(to + i, from[i]);
  }

  AttentionQuery query_of(int64_t token, int64_t key_head) const {
    const int64_t size = buffers_.heads_per_key * model_.head_size;
    return {buffers_.qkv + token * buffers_.qkv_stride + key_head * size, buffers_.heads_per_key,
            key_head, table_of(token)};
  }

  // The keys of one span that a token sees; false when there are none.
  bool span_keys(int64_t token, int64_t span, int64_t* first, int64_t* last) const {
    const int64_t position = buffers_.positions[token];
    *first = std::max(DecoderBuffers::first_key(position, layer_->window), span * kSpanKeys);
    *last = std::min(position + 1, (span + 1) * kSpanKeys);
    return *first < *last;
  }

  void attend_span(int64_t query, int64_t span) {
    const int64_t token = query / model_.key_heads;
    const int64_t key_head = query % model_.key_heads;
    int64_t first;
    int64_t last;
    if (!span_keys(token, span, &first, &last)) return;
    attend<Element>(query_of(token, key_head), key_view(), value_view(), first, last,
                    worker_.scores, buffers_.span_sums(token, key_head, span));
  }

  void attend_all(int64_t query) {
    const int64_t token = query / model_.key_heads;
    const int64_t key_head = query % model_.key_heads;
    const AttentionQuery heads = query_of(token, key_head);
    begin_total();
    for (int64_t span = 0; span < buffers_.max_spans; ++span) {
      int64_t first;
      int64_t last;
      if (!span_keys(token, span, &first, &last)) continue;
      attend<Element>(heads, key_view(), value_view(), first, last, worker_.scores, worker_.span);
      merge_sums(worker_.total, worker_.span, buffers_.heads_per_key, model_.head_size);
    }
    store_attention(token, key_head);
  }

  void begin_total() {
    std::fill_n(worker_.total.total, buffers_.heads_per_key, 0.0f);
  }

  void store_attention(int64_t token, int64_t key_head) {
    const int64_t count = buffers_.heads_per_key;
    float* to = buffers_.attention + token * buffers_.attention_size +
                key_head * count * model_.head_size;
    for (int64_t h = 0; h < count; ++h) {
      const float inverse = 1.0f / worker_.total.total[h];
      for (int64_t i = 0; i < model_.head_size; ++i) {
        to[h * model_.head_size + i] = worker_.total.values[h * model_.head_size + i] * inverse;
      }
    }
  }

  void finish_attention(int64_t token) {
    for (int64_t key_head = 0; buffers_.split_spans && key_head < model_.key_heads; ++key_head) {
      begin_total();
      for (int64_t span = 0; span < buffers_.max_spans; ++span) {
        int64_t first;
        int64_t last;
        if (!span_keys(token, span, &first, &last)) continue;
        merge_sums(worker_.total, buffers_.span_sums(token, key_head, span),
                   buffers_.heads_per_key, model_.head_size);
      }
      store_attention(token, key_head);
    }
    buffers_.attention_inputs.store(token, 0, buffers_.attention + token * buffers_.attention_size,
                                    buffers_.attention_size);
  }

  void project_hidden(const PackedWeight& weight, const Inputs& inputs, int64_t block) {
    block_product(weight, block, inputs, step_.token_count, worker_.block);
    for (int64_t token = 0; token < step_.token_count; ++token) {
      std::memcpy(buffers_.projected + token * buffers_.hidden_stride + block * kBlockRows,
                  worker_.block + token * kBlockRows, kBlockRows * sizeof(float));
    }
  }

  void project_gate_up(int64_t block) {
    block_product(layer_->gate_up, block, buffers_.hidden_inputs, step_.token_count,
                  worker_.block);
    const int64_t column = block * kTileRows;
    const int64_t width = round_up(model_.intermediate, kTileRows);
    for (int64_t token = 0; token < step_.token_count; ++token) {
      float* gate = worker_.block + token * kBlockRows;
      gate_values(model_.activation, gate, gate + kTileRows, kTileRows);
      if (buffers_.gated != nullptr) {
        std::memcpy(buffers_.gated + token * width + column, gate, kTileRows * sizeof(float));
      } else {
        buffers_.mlp_inputs.store(token, column, gate, kTileRows);
      }
    }
  }

  void normalise_output(int64_t row) {
    rms_norm(buffers_.residual + step_.rows[row] * model_.hidden, model_.final_norm, model_.hidden,
             model_.norm_epsilon, worker_.row);
    buffers_.hidden_inputs.store(row, 0, worker_.row, model_.hidden);
  }

  void project_logits(int64_t block) {
    if (step_.row_count == 0) return;
    block_product(model_.head, block, buffers_.hidden_inputs, step_.row_count, worker_.block);
    const int64_t first = block * kBlockRows;
    const int64_t count = std::min<int64_t>(kBlockRows, model_.vocabulary - first);
    for (int64_t row = 0; row < step_.row_count; ++row) {
      std::memcpy(step_.logits + row * model_.vocabulary + first, worker_.block + row * kBlockRows,
                  count * sizeof(float));
    }
  }

  const DecoderModel& model_;
  const DecoderStep& step_;
  const DecoderBuffers& buffers_;
  WorkQueue& queue_;
  const int64_t thread_;
  const DecoderBuffers::Worker& worker_;
  size_t phase_ = 0;
  const DecoderLayer* layer_ = nullptr;
  int64_t layer_index_ = 0;
};

}  // namespace

void decode(const DecoderModel& model, const DecoderStep& step) {
  static thread_local Scratch scratch;
  const DecoderBuffers buffers(model, step, scratch);
  WorkQueue queue(size_t(model.layer_count * kPhasesPerLayer + 3));
#pragma omp parallel num_threads(int(step.thread_count))
  {
    const int64_t thread = omp_get_thread_num();
    // Fewer than asked for where the system's limits say so.
#pragma omp single
    queue.set_threads(omp_get_num_threads());
    if (model.is_bf16) {
      DecoderPass<Bf16>(model, step, buffers, queue, thread).run();
    } else {
      DecoderPass<float>(model, step, buffers, queue, thread).run();
    }
  }
}

}  // namespace llm
