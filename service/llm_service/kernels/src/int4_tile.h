#pragma once

#include "common.h"

namespace llm {

// The 512 bytes of a packed int4 tile as the 1,024 bytes of an int8 tile.
inline void expand_int4_tile(const char* from, char* to) {
  for (int i = 0; i < 512; ++i) {
    const uint8_t both = uint8_t(from[i]);
    to[i] = char(int8_t(both & 15) - 8);
    to[512 + i] = char(int8_t(both >> 4) - 8);
  }
}

}  // namespace llm
