// Batches of records into rows: the one place that writes the farm's tables. Works inside a transaction that its caller
// opened, on the store's thread.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/store/latest.h"
#include "scheduler/store/sql.h"

namespace framemill::scheduler::store {

// Every epoch of this history: attempts are stored by its number alone.
using EpochNonces = std::map<std::uint32_t, std::uint64_t>;

// Where the history stands: the row of `meta`.
struct Position {
  std::uint64_t sequence = 0;
  base::Sha256 chain;
};

class BatchWriter {
 public:
  static base::Result<std::unique_ptr<BatchWriter>> prepare(Connection& connection, jobs::Epoch ours,
                                                            const EpochNonces& epochs);
  ~BatchWriter();

  // Writes all records of the turns, the last of each key only, and moves the history from `before` by `batches`.
  // Errors besides SQLite's: store.epoch_lost (another process has raised the epoch), store.invariant (a task committed
  // twice, an attempt of an epoch that never was).
  base::Result<Position> write(std::span<const Persist* const> turns, const Position& before, std::uint64_t batches,
                               base::WallTime now);

 private:
  struct Statements;
  BatchWriter(std::unique_ptr<Statements> statements, jobs::Epoch ours, const EpochNonces& epochs);

  template <class Table>
  base::Status row(const auto& values);

  // By the kind of record; most are one row of one table.
  template <class OneRow>
  base::Status put(const OneRow& record);
  base::Status put(const JobRecord& job);
  base::Status insert_job(const JobRecord& job);
  base::Status put(const TaskPageRecord& page);
  base::Status put(const TaskTroubleRecord& trouble);
  base::Status put(const AttemptRecord& attempt);
  base::Status put(const RemakeRecord& remade);
  base::Status put(const CommitRecord&) { return {}; }  // these two wait for insert_history()
  base::Status put(const AuditRecord&) { return {}; }
  base::Result<base::Sha256> insert_history(const Position& before, std::uint64_t sequence, base::WallTime now);
  base::Status withdraw(const CommitWithdrawn& commit);
  base::Status insert(const CommitRecord& commit, std::uint64_t sequence);
  base::Status check_epoch(const AttemptId& attempt) const;

  std::unique_ptr<Statements> sql_;
  jobs::Epoch ours_;
  const EpochNonces& epochs_;
  std::vector<const CommitRecord*> commits_;  // of the transaction being written
  std::vector<const AuditRecord*> audits_;
};

}  // namespace framemill::scheduler::store
