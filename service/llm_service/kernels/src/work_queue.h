#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "barrier.h"
#include "common.h"

namespace llm {

// Hands the items of one phase after another to the threads of a parallel region.
//
// Each thread has a run of neighbouring items, so that weights come to it as one stream of memory.
// Who is through with his own takes what others have left: a thread that the system holds up does
// not hold the others up.
class WorkQueue {
 public:
  explicit WorkQueue(size_t phases) : phases_(phases) {}

  // How many threads share the work. Called by one of them before the first phase.
  void set_threads(int64_t threads) {
    threads_ = threads;
    counters_ = std::vector<Counter>(phases_ * size_t(threads));
    barrier_.set_threads(threads);
  }

  // The first of a thread's own items.
  int64_t first_item(int64_t thread, int64_t count) const { return thread * count / threads_; }

  // Called by every thread with its own `phase`, which starts at 0 and counts on. `meanwhile` is
  // called when no items are left, though others may still work on theirs. Returns once all items
  // are done.
  template <class Body, class Meanwhile>
  void share(size_t& phase, int64_t thread, int64_t count, Body body, Meanwhile meanwhile) {
    Counter* counters = counters_.data() + phase++ * size_t(threads_);
    for (int64_t i = 0; i < threads_; ++i) {
      const int64_t owner = (thread + i) % threads_;
      const int64_t first = first_item(owner, count);
      const int64_t length = first_item(owner + 1, count) - first;
      std::atomic<int64_t>& taken = counters[owner].taken;
      for (;;) {
        const int64_t item = taken.fetch_add(1, std::memory_order_relaxed);
        if (item >= length) break;
        body(first + item);
      }
    }
    meanwhile();
    barrier_.wait();
  }

 private:
  struct alignas(64) Counter {
    Counter() = default;
    Counter(const Counter&) {}  // only ever copied before use, by the vector
    std::atomic<int64_t> taken{0};
  };

  size_t phases_;
  int64_t threads_ = 1;
  std::vector<Counter> counters_;
  Barrier barrier_;
};

}  // namespace llm
