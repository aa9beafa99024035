// Copies of the store in the directory of backups: jobs-20261201T031500Z-batch-41.db, so that a list by name is one by
// age. Any thread.
//
// Errors: store.file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace framemill::scheduler {

// Makes the directory, for its owner alone, where it is missing.
base::Status make_backup_directory(const std::filesystem::path& directory);
// A copy that has not been checked yet has another ending, which no list of backups takes for one.
std::filesystem::path unchecked_copy(const std::filesystem::path& directory, base::WallTime time);
std::filesystem::path checked_copy(const std::filesystem::path& directory, base::WallTime time,
                                   std::uint64_t durable_sequence);
std::vector<std::filesystem::path> list_backups(const std::filesystem::path& directory);  // the oldest first
// Deletes the oldest until `kept` are left, and copies that a killed scheduler left unchecked. Never the last one.
void rotate_backups(const std::filesystem::path& directory, std::size_t kept);

}  // namespace framemill::scheduler
