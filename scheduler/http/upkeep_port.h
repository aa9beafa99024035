// What the HTTP API asks of the scheduler's process beside the farm: to read its key files again, to copy and check its
// store. A narrow port that the daemon implements. Calls return at once; the reply comes exactly once, on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

// One file that a reload reads again. Each stands for itself: one that is refused keeps no other from being used.
struct ReloadedFile {
  std::string what;  // "worker keys", "tokens", "settings"
  std::string path;
  std::size_t entries = 0;             // that are in force now
  std::optional<base::Error> refused;  // what was read before stays in force
  std::string note{};                  // what was not taken although it is right, and how it will be
};

// A copy of the store that was checked whole: SQLite's integrity, the checksum chain, the counts.
struct StoreCopy {
  std::string file;  // empty: it was made for the check alone
  std::uint64_t size_bytes = 0, durable_sequence = 0, batches = 0, commits = 0;
  base::WallTime time;
};

struct StoreFigures {
  std::uint64_t durable_sequence = 0, transactions = 0, batches = 0, records = 0;  // since the start
  std::uint64_t last_commit_us = 0, wal_bytes = 0;
  std::uint32_t batches_queued = 0;
  bool disk_full = false;
  std::optional<StoreCopy> last_copy;  // since the start
  std::string damage;                  // what the last check found; empty: nothing, or none was made
};

class UpkeepPort {
 public:
  virtual ~UpkeepPort() = default;
  virtual void reload(const std::string& principal, Reply<std::vector<ReloadedFile>> reply) = 0;
  // A copy is checked before it counts. Keep: it stays in the directory of backups, and the oldest go. Errors: those of
  // the store; store.corrupt with what was found; store.busy while another copy is made.
  enum class Copy { Keep, CheckAlone };
  virtual void copy_store(const std::string& principal, Copy copy, Reply<StoreCopy> reply) = 0;
  virtual StoreFigures figures() const = 0;  // any thread
};

}  // namespace framemill::scheduler
