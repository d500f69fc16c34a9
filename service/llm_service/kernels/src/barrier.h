#pragma once

#include <atomic>
#include <cstdint>

namespace llm {

// Lets the threads of a parallel region wait for each other. OpenMP's own barrier spins for
// milliseconds: where something else wants a core, that holds up the very thread waited for.
class Barrier {
 public:
  // How many threads wait for each other; before the first wait.
  void set_threads(int64_t threads) { threads_ = threads; }

  void wait() {
    const uint32_t round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      round_.notify_all();
      return;
    }
    for (int i = 0; i < kSpins; ++i) {
      if (round_.load(std::memory_order_acquire) != round) return;
      __builtin_ia32_pause();
    }
    round_.wait(round, std::memory_order_acquire);
  }

 private:
  // Some tens of microseconds: longer than a phase's uneven end, far shorter than a time slice.
  static constexpr int kSpins = 1000;

  int64_t threads_ = 1;
  alignas(64) std::atomic<int64_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
};

}  // namespace llm
