// A digest as messages carry it: its 32 bytes in a string.
#pragma once

#include <string>

#include "base/sha256.h"

namespace framemill::base {

inline std::string raw_bytes(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace framemill::base
