// An opened store before its thread starts: lock, connection, schema, history checks, the new epoch. Also the way in
// for maintenance, which must not change anything.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "scheduler/store/batch_writer.h"
#include "scheduler/store/file_guard.h"
#include "scheduler/store/sql.h"
#include "scheduler/store/store_types.h"

namespace framemill::scheduler::store {

struct Database {
  std::filesystem::path path;
  Descriptor lock;
  Connection connection;
  Mark mark;
  Ballast ballast;
  jobs::Epoch epoch;
  EpochNonces epochs;
  EpochHistory history;
  Position position;
  bool disk_full = false;  // there was no room for the ballast
};

struct DatabaseOptions {
  std::uint64_t epoch_nonce = 0;
  std::uint64_t ballast_bytes = 0;
};

// Everything that Store::open() does before there is a thread. Errors: see store.h.
base::Result<Database> open_database(const std::filesystem::path& path, const DatabaseOptions& options);

// The pragmas every connection to a store has; the write-ahead log stays as it is found until somebody writes.
base::Status configure(Connection& connection);
// Whether closing the connection may write the log back into the database: not before the history is known to be whole,
// so that the damaged log is still there to be looked at.
void checkpoint_on_close(Connection& connection, bool allowed);
// A database behind its mark has lost what was acknowledged: most often a damaged write-ahead log, whose tail SQLite
// drops without a word. store.history_lost.
base::Status require_whole_history(const std::filesystem::path& path, const Position& position,
                                   const std::optional<Mark::Value>& mark);
// store.not_a_store unless the file is empty or a store.
base::Status require_store(Connection& connection, const std::filesystem::path& path);

}  // namespace framemill::scheduler::store
