#include "scheduler/store/batch_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "scheduler/store/chain.h"
#include "scheduler/store/latest.h"
#include "scheduler/store/record_text.h"
#include "scheduler/store/store_error.h"
#include "scheduler/store/tables.h"

namespace framemill::scheduler::store {

// Rows by their tables' lists, and what no list says: deletions, the withdrawal of a commit, the position in the history.
struct BatchWriter::Statements {
  AllTables rows;
  Statement erase_trouble, erase_remade_files, move_meta;
  std::vector<Statement> withdraw;  // one after another: copies, then deletions, the commit's last

  base::Status prepare(Connection& connection);
};

namespace {

// Rows keep their form on the way to the tables of the same columns for what was withdrawn.
std::vector<std::string> withdraw_sql() {
  constexpr std::string_view kOfTask = "job = ? AND phase = ? AND task = ?";
  const auto keep_aside = [&]<class Table>(std::string_view aside) {
    return fmt::format(
        "INSERT INTO {} ({}, sequence) SELECT {}, commits.sequence FROM {} JOIN commits USING (job, phase, task) WHERE "
        "{}",
        aside, column_list<Table>(), select_list<Table>(), Table::kName, kOfTask);
  };
  std::vector<std::string> sql{keep_aside.operator()<CommitFilesTable>("withdrawn_files"),
                               keep_aside.operator()<CommitReadsTable>("withdrawn_reads"),
                               fmt::format("INSERT INTO withdrawn_commits ({}) SELECT {} FROM commits WHERE {}",
                                           column_list<CommitsTable>(), select_list<CommitsTable>(), kOfTask)};
  for (const std::string_view table : {CommitFilesTable::kName, CommitReadsTable::kName, CommitsTable::kName})
    sql.push_back(fmt::format("DELETE FROM {} WHERE {}", table, kOfTask));
  return sql;
}

std::tuple<JobId, jobs::PhaseIndex, TaskIndex> place(const CommitRecord& commit) {
  return {commit.phase.job, commit.phase.index, commit.task};
}

}  // namespace

base::Status BatchWriter::Statements::prepare(Connection& connection) {
  FM_TRY(rows.prepare(connection));
  FM_ASSIGN(erase_trouble, connection.prepare("DELETE FROM troubles WHERE job = ? AND phase = ? AND task = ?"));
  FM_ASSIGN(erase_remade_files,
            connection.prepare("DELETE FROM remade_files WHERE job = ? AND phase = ? AND task = ? AND is_after = 1"));
  FM_ASSIGN(move_meta, connection.prepare("UPDATE meta SET sequence = ?, chain = ? "
                                          "WHERE epoch = ? AND epoch_nonce = ? AND sequence = ?"));
  for (const std::string& sql : withdraw_sql()) {
    FM_ASSIGN(Statement statement, connection.prepare(sql));
    withdraw.push_back(std::move(statement));
  }
  return {};
}

BatchWriter::BatchWriter(std::unique_ptr<Statements> statements, jobs::Epoch ours, const EpochNonces& epochs)
    : sql_(std::move(statements)), ours_(ours), epochs_(epochs) {}
BatchWriter::~BatchWriter() = default;

base::Result<std::unique_ptr<BatchWriter>> BatchWriter::prepare(Connection& connection, jobs::Epoch ours,
                                                                const EpochNonces& epochs) {
  auto statements = std::make_unique<Statements>();
  FM_TRY(statements->prepare(connection));
  return std::unique_ptr<BatchWriter>(new BatchWriter(std::move(statements), ours, epochs));
}

template <class Table>
base::Status BatchWriter::row(const auto& values) {
  return sql_->rows.of<Table>().put(values);
}

template <class OneRow>
base::Status BatchWriter::put(const OneRow& record) {
  return sql_->rows.of_row<OneRow>().put(record);
}

base::Result<Position> BatchWriter::write(std::span<const Persist* const> turns, const Position& before,
                                          std::uint64_t batches, base::WallTime now) {
  const std::uint64_t sequence = before.sequence + batches;
  commits_.clear();
  audits_.clear();
  for (const Change& change : latest_changes(turns)) {
    if (const auto* erased = std::get_if<TroubleErased>(&change)) {
      FM_TRY(sql_->erase_trouble.run(erased->phase.job.value, erased->phase.index, erased->task));
      continue;
    }
    if (const auto* withdrawn = std::get_if<CommitWithdrawn>(&change)) {
      FM_TRY(withdraw(*withdrawn));
      continue;
    }
    const Record& record = *std::get<const Record*>(change);
    if (const auto* commit = std::get_if<CommitRecord>(&record))
      commits_.push_back(commit);
    else if (const auto* row = std::get_if<AuditRecord>(&record))
      audits_.push_back(row);
    else
      FM_TRY(std::visit([this](const auto& value) { return put(value); }, record));
  }
  FM_ASSIGN(const base::Sha256 chain, insert_history(before, sequence, now));
  FM_TRY(sql_->move_meta.run(sequence, chain, ours_.number, hex_text(ours_.nonce), before.sequence));
  if (sql_->move_meta.changes() != 1)
    return base::error_of(
        StoreError::EpochLost,
        fmt::format("epoch {} at batch {} is no longer the newest: another scheduler has taken this store over",
                    ours_.number, before.sequence),
        "", "run one scheduler per store");
  return Position{sequence, chain};
}

base::Result<base::Sha256> BatchWriter::insert_history(const Position& before, std::uint64_t sequence,
                                                       base::WallTime now) {
  if (commits_.empty() && audits_.empty()) return before.chain;
  // In order of their key: a fixed order for the chain, and neighbours share a page of the tree.
  std::sort(commits_.begin(), commits_.end(), [](const auto* a, const auto* b) { return place(*a) < place(*b); });
  std::sort(audits_.begin(), audits_.end(), [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
  ChainLink link(before.chain, sequence);
  for (const CommitRecord* commit : commits_) {
    FM_TRY(insert(*commit, sequence));
    link.add(*commit);
  }
  for (const AuditRecord* row : audits_) {
    FM_TRY(this->row<AuditTable>(AuditRow{*row, sequence}));
    link.add(*row);
  }
  const base::Sha256 chain = link.finish();
  FM_TRY(row<BatchesTable>(BatchRow{sequence, now, commits_.size(), audits_.size(), chain}));
  return chain;
}

// The rows move as they are: the chain goes on holding over them.
base::Status BatchWriter::withdraw(const CommitWithdrawn& commit) {
  const auto job = commit.phase.job.value;
  const auto phase = commit.phase.index;
  for (Statement& statement : sql_->withdraw) FM_TRY(statement.run(job, phase, commit.task));
  if (sql_->withdraw.back().changes() == 1) return {};
  return base::error_of(
      StoreError::Invariant,
      fmt::format("job {} phase {} task {} is to be made again but was not committed", job, phase, commit.task));
}

base::Status BatchWriter::insert(const CommitRecord& commit, std::uint64_t sequence) {
  FM_TRY(check_epoch(commit.attempt));
  FM_TRY(row<CommitsTable>(CommitRow<const CommitRecord&>{commit, commit.files.size(), commit.reads.size(), sequence}));
  std::uint32_t number = 0;
  for (const FileRecord& file : commit.files)
    FM_TRY(row<CommitFilesTable>(CommitFileRow<const FileRecord&>{commit.phase, commit.task, number++, file}));
  number = 0;
  for (const ReadRecord& read : commit.reads)
    FM_TRY(row<CommitReadsTable>(CommitReadRow<const ReadRecord&>{commit.phase, commit.task, number++, read}));
  return {};
}

base::Status BatchWriter::check_epoch(const AttemptId& attempt) const {
  if (attempt.epoch == ours_) return {};
  const auto known = epochs_.find(attempt.epoch.number);
  if (known != epochs_.end() && known->second == attempt.epoch.nonce) return {};
  return base::error_of(StoreError::Invariant, fmt::format("attempt {} is of an epoch that never was", attempt.text()));
}

base::Status BatchWriter::put(const JobRecord& job) {
  FM_ASSIGN(const bool known, sql_->rows.of<JobsTable>().update(job));
  return known ? base::Status{} : insert_job(job);
}

base::Status BatchWriter::insert_job(const JobRecord& job) {
  FM_TRY(sql_->rows.of<JobsTable>().insert(job));
  FM_TRY(row<JobDocumentsTable>(
      JobDocuments{job.id, jobs::canonical_json(*job.spec), jobs::plan_json(*job.plan), job.packages}));
  if (job.remake_of) FM_TRY(row<RemakesTable>(Remake{job.id, job.remake_of, job.replaces}));
  std::uint32_t index = 0;
  for (const jobs::LayerSpec& layer : job.spec->layers)
    FM_TRY(row<LayersTable>(LayerRow{job.id, index++, layer.name, layer.kind, layer.shot}));
  index = 0;
  for (const jobs::PhasePlan& phase : job.plan->phases)
    FM_TRY(row<PhasePlansTable>(PhasePlanRow<const jobs::PhasePlan&>{{job.id, index++}, phase}));
  return {};
}

base::Status BatchWriter::put(const TaskPageRecord& page) {
  TaskPageRow<const TaskPageRecord&> counted{page};
  for (const std::uint8_t state : page.states) {
    if (state >= jobs::kTaskStateCount)
      return base::error_of(StoreError::Invariant,
                            fmt::format("a task page of job {} holds state {}", page.phase.job.value, state));
    ++counted.counts[state];
  }
  return row<TaskPagesTable>(counted);
}

base::Status BatchWriter::put(const TaskTroubleRecord& trouble) {
  if (trouble.last_attempt) FM_TRY(check_epoch(trouble.last_attempt));
  return row<TroublesTable>(trouble);
}

base::Status BatchWriter::put(const AttemptRecord& attempt) {
  FM_TRY(check_epoch(attempt.id));
  FM_TRY(row<AttemptsTable>(attempt));
  return attempt.output_tail.empty() ? base::Status{} : row<AttemptOutputsTable>(attempt);
}

base::Status BatchWriter::put(const RemakeRecord& remade) {
  FM_TRY(row<RemadeTasksTable>(remade));
  FM_TRY(sql_->erase_remade_files.run(remade.phase.job.value, remade.phase.index, remade.task));  // of a try before
  for (const auto* files : {&remade.before, &remade.after}) {
    std::uint32_t number = 0;
    for (const FileRecord& file : *files)
      FM_TRY(row<RemadeFilesTable>(
          RemadeFileRow<const FileRecord&>{remade.phase, remade.task, number++, files == &remade.after, file}));
  }
  return {};
}

}  // namespace framemill::scheduler::store
