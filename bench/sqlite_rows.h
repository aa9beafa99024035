// The primitive under the job store: rows per second into one plain table over one connection, with the store's own
// settings (WAL, synchronous=FULL, exclusive) and a given number of rows per commit.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/result.h"

namespace framemill::bench {

base::Result<double> sqlite_rows_per_second(const std::filesystem::path& file, std::size_t rows_per_commit,
                                            std::chrono::milliseconds time);

}  // namespace framemill::bench
