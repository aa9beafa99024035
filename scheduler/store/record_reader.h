// Rows back into records: for the restart and for people's questions. On the thread that owns the
// connection.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/batch_writer.h"
#include "scheduler/store/sql.h"
#include "scheduler/store/store_types.h"

namespace framemill::scheduler::store {

base::Result<EpochNonces> read_epochs(Connection& connection);
base::Result<EpochHistory> read_epoch_history(Connection& connection);
base::Result<Position> read_position(Connection& connection);

// Rows hold the number of an attempt's epoch: this adds its nonce. Errors: store.corrupt (no such epoch).
base::Status complete(AttemptId& attempt, const EpochNonces& epochs);

struct LoadLimits {
  std::uint32_t finished_jobs_max = 0;
  std::uint32_t tokens_max = 0;
};
base::Result<std::vector<Record>> read_state(Connection& connection, const EpochNonces& epochs,
                                             const LoadLimits& limits);

// Questions about the past, with their statements prepared once.
class HistoryReader {
 public:
  static base::Result<std::unique_ptr<HistoryReader>> prepare(Connection& connection, const EpochNonces& epochs);
  ~HistoryReader();

  // Commits come with the digests of the files that have their names now (remakes), not of those that they published.
  base::Result<std::vector<CommitRecord>> files_of(PhaseId phase, TaskRange tasks);
  base::Result<std::vector<CommittedTask>> commits_of(JobId job, CommitCursor from, std::uint32_t limit, Reads reads);
  base::Result<std::vector<AttemptRecord>> attempts_of(JobId job, AttemptCursor from, std::uint32_t limit,
                                                       OutputTails tails);
  base::Result<std::vector<AttemptFiles>> files_of_attempts(const std::vector<AttemptRecord>& attempts,
                                                            std::uint32_t limit);
  base::Result<std::vector<AuditRecord>> audit(std::uint64_t first, std::uint32_t limit);

 private:
  struct Statements;
  HistoryReader(std::unique_ptr<Statements> statements, const EpochNonces& epochs);
  base::Result<std::vector<ReadRecord>> files_by(Statement& statement, const AttemptRecord& attempt,
                                                 std::uint32_t limit);
  base::Status apply_remakes(CommitRecord& commit);
  base::Status add_states(PhaseId phase, std::span<CommittedTask> tasks);
  base::Result<std::vector<CommitRecord>> commits(Statement::Rows rows, Reads reads);

  std::unique_ptr<Statements> sql_;
  const EpochNonces& epochs_;
};

}  // namespace framemill::scheduler::store
