// Rows back into records: for the restart, for people's questions and for verify. On the thread that owns the
// connection.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/batch_writer.h"
#include "scheduler/store/sql.h"
#include "scheduler/store/store_types.h"

namespace framemill::scheduler::store {

base::Result<EpochNonces> read_epochs(Connection& connection);
base::Result<Position> read_position(Connection& connection);

// An attempt from `SELECT a.*, tail FROM attempts a`, where tail is its output or NULL.
base::Result<AttemptRecord> attempt_of(const Statement::Rows& row, const EpochNonces& epochs);

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

  // Commits come with the digests of what stands under their names now (remakes); every_commit() tells them as they
  // were.
  base::Result<std::vector<CommitRecord>> files_of(PhaseId phase, TaskRange tasks);
  base::Result<std::vector<CommitRecord>> commits_of(JobId job, CommitCursor from, std::uint32_t limit, Reads reads);
  base::Result<std::vector<AttemptRecord>> attempts_of(JobId job, AttemptCursor from, std::uint32_t limit,
                                                       OutputTails tails);
  base::Result<std::vector<AttemptFiles>> files_of_attempts(const std::vector<AttemptRecord>& attempts,
                                                            std::uint32_t limit);
  base::Result<std::vector<AuditRecord>> audit(std::uint64_t first, std::uint32_t limit);
  // Every commit, or audit row, in order of its batch and then of its key: as the chain took them.
  base::Status every_commit(const std::function<void(const CommitRecord&, std::uint64_t sequence)>& each);
  base::Status every_audit(const std::function<void(const AuditRecord&, std::uint64_t sequence)>& each);

 private:
  struct Statements;
  HistoryReader(std::unique_ptr<Statements> statements, const EpochNonces& epochs);
  enum class Kept { Live, Aside };  // aside: its files were lost, see withdrawn_commits
  base::Result<CommitRecord> commit_of(const Statement::Rows& row, Reads reads, Kept kept = Kept::Live);
  base::Result<std::vector<ReadRecord>> files_by(Statement& statement, const AttemptRecord& attempt,
                                                 std::uint32_t limit);
  base::Status apply_remakes(CommitRecord& commit);
  base::Result<std::vector<CommitRecord>> commits(Statement::Rows& rows, Reads reads);

  std::unique_ptr<Statements> sql_;
  const EpochNonces& epochs_;
};

}  // namespace framemill::scheduler::store
