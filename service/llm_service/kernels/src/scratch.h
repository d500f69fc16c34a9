#pragma once

#include <sys/mman.h>

#include <new>

#include "common.h"

namespace llm {

// Memory for the intermediate values of one step, taken piece by piece and kept for the next one.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  // Makes room for pieces of `bytes` in all, aligned; earlier pieces become invalid.
  void reset(size_t bytes) {
    used_ = 0;
    if (bytes <= size_) return;
    release();
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<char*>(memory);
    size_ = bytes;
  }

  char* take(size_t bytes) {
    char* piece = memory_ + used_;
    used_ += aligned(bytes);
    if (used_ > size_) throw std::bad_alloc();
    return piece;
  }

  static size_t aligned(size_t bytes) { return size_t(round_up(int64_t(bytes), 64)); }

 private:
  void release() {
    if (memory_ != nullptr) munmap(memory_, size_);
    memory_ = nullptr;
    size_ = 0;
  }

  char* memory_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;
};

}  // namespace llm
