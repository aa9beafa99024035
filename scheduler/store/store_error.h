// What the store fails with. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error_code.h"

namespace framemill::scheduler::store {

enum class StoreError : std::uint8_t {
  Busy,  // its queue is full
  Corrupt,
  DiskFull,
  EpochLost,  // another scheduler writes
  File,
  HistoryLost,
  InUse,
  Invariant,
  Io,
  NetworkFileSystem,
  NewerSchema,
  NotAStore,
  Range,
  Stopped
};
std::string_view text_of(StoreError error);  // "store.disk_full"

}  // namespace framemill::scheduler::store
