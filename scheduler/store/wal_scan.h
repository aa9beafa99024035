// Reads a write-ahead log as SQLite left it and says where its chain of checksums breaks. SQLite itself stops at the
// first frame that does not fit and takes all before it for the whole: right after a crash in the middle of a write,
// wrong after a flipped bit. Source of the format: "WAL-mode File Format", sqlite.org/walformat.html. Any thread;
// changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace framemill::scheduler::store {

struct WalScan {
  std::uint64_t frames_whole = 0;         // from the start, each with a good checksum
  std::uint64_t commits_whole = 0;        // transactions that end in them
  std::uint64_t frames_after_break = 0;   // of the same generation of the log, behind the first frame that is not whole
  std::uint64_t commits_after_break = 0;  // transactions that end in those: never acknowledged, or lost by damage
  bool broken() const { return commits_after_break > 0; }
};

// An empty result when there is no log, or only one that was never written.
base::Result<WalScan> scan_wal(const std::filesystem::path& wal);

}  // namespace framemill::scheduler::store
