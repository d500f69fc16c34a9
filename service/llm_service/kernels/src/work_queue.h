#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "barrier.h"
#include "common.h"

namespace llm {

// Hands the items of one phase after another to the threads of a parallel region. A thread that
// the system holds up takes fewer items, and the others do not wait for a fixed share of it.
class WorkQueue {
 public:
  explicit WorkQueue(size_t phases) : counters_(phases) {}

  // How many threads share the work; before the first phase.
  void set_threads(int64_t threads) { barrier_.set_threads(threads); }

  // Called by every thread of the region with its own `phase` counter, which starts at 0. Returns
  // once all items of the phase are done.
  template <class Body>
  void share(size_t& phase, int64_t count, int64_t grain, Body body) {
    std::atomic<int64_t>& next = counters_[phase++].next;
    for (;;) {
      const int64_t first = next.fetch_add(grain, std::memory_order_relaxed);
      if (first >= count) break;
      const int64_t last = std::min(first + grain, count);
      for (int64_t item = first; item < last; ++item) body(item);
    }
    barrier_.wait();
  }

 private:
  struct alignas(64) Counter {
    std::atomic<int64_t> next{0};
  };
  std::vector<Counter> counters_;
  Barrier barrier_;
};

}  // namespace llm
