// The tables, as numbered migrations that only go forward. The number of the last one applied is the database's
// user_version; docs/store.md describes the tables for readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "scheduler/store/sql.h"

namespace framemill::scheduler::store {

inline constexpr std::int64_t kApplicationId = 0x46726d6c;  // "Frml": whose database a file is

struct Migration {
  std::uint32_t number;  // the schema it leads to
  const char* sql;
};
std::span<const Migration> migrations();
std::uint32_t newest_schema();

// Brings the open database up to the newest schema; a database that has tables is first copied to
// "<path>.schema-<its schema>-batch-<its sequence>". Errors: store.newer_schema, store.not_a_store, store.file.
base::Status migrate(Connection& connection, const std::filesystem::path& path, base::WallTime now);

}  // namespace framemill::scheduler::store
