// What is done to a store while its daemon is stopped: the verbs verify, restore and new-era of framemill-scheduler.
// All blocking, on the caller's thread; each takes the store's lock and fails with store.in_use while a daemon holds
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler::store {

// What a check found. Nothing is changed, the write-ahead log included.
struct VerifyReport {
  std::vector<std::string> findings;        // sentences; empty: the store is whole
  std::uint64_t durable_sequence = 0;       // of the database
  std::uint64_t acknowledged_sequence = 0;  // the mark beside it: at least so many were acknowledged; 0: no mark
  std::uint32_t schema = 0;
  std::uint32_t epoch = 0;
  std::uint64_t batches_checked = 0, commits_checked = 0;
  bool whole() const { return findings.empty(); }
};

// SQLite's integrity check, the checksum chain over every commit and audit row, the acknowledged sequence, and each
// page of the write-ahead log. An error only when the check could not be made.
base::Result<VerifyReport> verify(const std::filesystem::path& path);

// The same of a copy that nobody else works on, without its lock: nothing is left beside it. Any thread; ends early, with
// an error, once `give_up` is true.
base::Result<VerifyReport> verify_copy(const std::filesystem::path& path, const std::atomic<bool>& give_up);

// What can be seen of a store at once, whether its scheduler runs or not: nothing is changed, no file is made. Good: it
// is missing (a start makes it), or it would open. `held`: a scheduler has it open, and the file's size alone was looked
// at. Errors: those of Store::open(), store.corrupt also of a file that is shorter than it says.
struct Glance {
  bool exists = false, held = false;
};
base::Result<Glance> glance(const std::filesystem::path& path);

// Puts the backup `from` in place of the store `to` (which may be missing), after verifying the backup. What was there
// is kept beside it under ".replaced-<time>". The cause is written into the restored store's upkeep table. The new file
// has the mode of a store and, where root restores, the owner of its directory.
base::Status restore(const std::filesystem::path& from, const std::filesystem::path& to, const Cause& cause);

// Accepts that acknowledged history is lost (store.history_lost) and lets the store open again at what it has. The
// cause is written into the upkeep table, with the sequence that was given up.
base::Status new_era(const std::filesystem::path& path, const Cause& cause);

}  // namespace framemill::scheduler::store
