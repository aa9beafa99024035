// The files and reads of commits: the rows below one of `commits` or `withdrawn_commits`. On the thread that owns the
// connection.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "scheduler/store/sql.h"
#include "scheduler/store/store_types.h"
#include "scheduler/store/tables.h"

namespace framemill::scheduler::store {

class CommitParts {
 public:
  enum class Of { Commits, Withdrawn };
  base::Status prepare(Connection& connection, Of of);

  // Adds them to the row's commit.
  base::Status add(CommitRow<>& row, Reads reads);

 private:
  template <class Table>
  base::Status add_rows(Statement& statement, const CommitRow<>& row, const auto& take);

  Of of_ = Of::Commits;
  Statement files_, reads_;
};

}  // namespace framemill::scheduler::store
