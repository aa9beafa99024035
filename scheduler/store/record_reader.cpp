#include "scheduler/store/record_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler/store/commit_parts.h"
#include "scheduler/store/record_text.h"
#include "scheduler/store/store_error.h"
#include "scheduler/store/tables.h"

namespace framemill::scheduler::store {
namespace {

base::Error corrupt(std::string message) {
  return base::error_of(StoreError::Corrupt, std::move(message), "",
                        "run framemill-scheduler verify; restore a backup");
}

}  // namespace

base::Result<EpochNonces> read_epochs(Connection& connection) {
  EpochNonces epochs;
  FM_ASSIGN(Statement statement, connection.prepare("SELECT epoch, nonce FROM epochs"));
  Statement::Rows rows = statement.rows();
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return epochs;
    FM_ASSIGN(epochs[rows.as<std::uint32_t>(0)], bits_from(rows.text(1)));
  }
}

base::Result<EpochHistory> read_epoch_history(Connection& connection) {
  EpochHistory history;
  FM_ASSIGN(const std::int64_t era,
            connection.integer("SELECT coalesce(max(time_ms), 0) FROM upkeep WHERE verb = 'new_era'"));
  history.era = static_cast<std::uint64_t>(era);
  FM_ASSIGN(const std::int64_t losses,
            connection.integer("SELECT count(*) FROM upkeep WHERE verb IN ('new_era', 'restore')"));
  history.is_incomplete = losses > 0;
  FM_ASSIGN(Statement statement, connection.prepare("SELECT epoch, nonce, sequence FROM epochs ORDER BY epoch"));
  Statement::Rows rows = statement.rows();
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return history;
    FM_ASSIGN(const std::uint64_t nonce, bits_from(rows.text(1)));
    history.starts.push_back({{rows.as<std::uint32_t>(0), nonce}, rows.as<std::uint64_t>(2)});
  }
}

base::Result<Position> read_position(Connection& connection) {
  FM_ASSIGN(Statement statement, connection.prepare("SELECT sequence, chain FROM meta"));
  Statement::Rows rows = statement.rows();
  FM_ASSIGN(const bool found, rows.next());
  if (!found) return corrupt("the store's meta row is missing");
  return Position{rows.as<std::uint64_t>(0), rows.digest(1)};
}

base::Status complete(AttemptId& attempt, const EpochNonces& epochs) {
  const auto known = epochs.find(attempt.epoch.number);
  if (known == epochs.end())
    return corrupt(fmt::format("attempt {} is of epoch {}, which never was", attempt.counter, attempt.epoch.number));
  attempt.epoch.nonce = known->second;
  return {};
}

namespace {

// A file that an attempt read, or one that it wrote: under the root of its commit.
struct FileOfAttempt {
  using Row = ReadRecord;
  static constexpr std::string_view kName = "commits";
  static void list(auto& column, auto& file) {
    column("root", file.root);
    column("path", file.path);
    column("size_bytes", file.size_bytes);
    column("sha256", file.sha256);
  }
};

// `rooted`: the one of the two tables that says under which root the files are.
std::string files_of_attempt_sql(std::string_view rooted, std::string_view files) {
  return fmt::format(
      "SELECT {0}.root, {1}.path, {1}.size_bytes, {1}.sha256 FROM commits JOIN {1} USING (job, phase, task) "
      "WHERE job = ? AND phase = ? AND task >= ? AND task < ? AND epoch = ? AND counter = ? "
      "ORDER BY task, number LIMIT ?",
      rooted, files);
}

std::string attempts_sql(OutputTails tails, Order order) {
  const std::string columns = tails == OutputTails::Include ? fmt::format("{}, {}", select_list<AttemptsTable>(),
                                                                          select_list<AttemptOutputsTable>())
                                                            : select_list<AttemptsTable>();
  const char* const join = tails == OutputTails::Include ? "LEFT JOIN attempt_outputs USING (epoch, counter)" : "";
  return fmt::format(
      "SELECT {0} FROM attempts {1} WHERE job = ? AND (attempts.epoch, attempts.counter) {2} (?, ?) "
      "ORDER BY attempts.epoch {3}, attempts.counter {3} LIMIT ?",
      columns, join, order == Order::OldestFirst ? ">=" : "<=", order == Order::OldestFirst ? "ASC" : "DESC");
}

}  // namespace

struct HistoryReader::Statements {
  Statement files_of, commits_of, phase_states, task_page, written_by, read_by, audit, remade_files;
  std::array<std::array<Statement, 2>, 2> attempts;  // by OutputTails and Order
  CommitParts parts;

  base::Status prepare(Connection& connection);
  Statement& attempts_of(OutputTails tails, Order order) {
    return attempts.at(static_cast<std::size_t>(tails)).at(static_cast<std::size_t>(order));
  }
};

base::Status HistoryReader::Statements::prepare(Connection& connection) {
  FM_TRY(parts.prepare(connection, CommitParts::Of::Commits));
  FM_ASSIGN(files_of, connection.prepare(select_sql<CommitsTable>(
                          "FROM commits WHERE job = ? AND phase = ? AND task >= ? AND task < ? ORDER BY task")));
  FM_ASSIGN(commits_of, connection.prepare(select_sql<CommitsTable>(
                            "FROM commits WHERE job = ? AND (phase, task) >= (?, ?) ORDER BY phase, task LIMIT ?")));
  FM_ASSIGN(phase_states,
            connection.prepare(select_sql<PhaseStatesTable>("FROM phase_states WHERE job = ? AND phase = ?")));
  FM_ASSIGN(task_page,
            connection.prepare(select_sql<TaskPagesTable>("FROM task_pages WHERE job = ? AND phase = ? AND page = ?")));
  FM_ASSIGN(written_by, connection.prepare(files_of_attempt_sql("commits", "commit_files")));
  FM_ASSIGN(read_by, connection.prepare(files_of_attempt_sql("commit_reads", "commit_reads")));
  FM_ASSIGN(audit, connection.prepare(select_sql<AuditTable>("FROM audit WHERE number >= ? ORDER BY number LIMIT ?")));
  FM_ASSIGN(remade_files,
            connection.prepare(select_sql<RemadeFilesTable>(
                "FROM remade_tasks JOIN remade_files USING (job, phase, task) WHERE of_job = ? AND phase = ? "
                "AND task = ? AND is_after AND outcome IN ('same_samples', 'replaced') ORDER BY job, number")));
  for (const OutputTails tails : {OutputTails::Leave, OutputTails::Include}) {
    for (const Order order : {Order::OldestFirst, Order::NewestFirst}) {
      FM_ASSIGN(attempts_of(tails, order), connection.prepare(attempts_sql(tails, order)));
    }
  }
  return {};
}

HistoryReader::HistoryReader(std::unique_ptr<Statements> statements, const EpochNonces& epochs)
    : sql_(std::move(statements)), epochs_(epochs) {}
HistoryReader::~HistoryReader() = default;

base::Result<std::unique_ptr<HistoryReader>> HistoryReader::prepare(Connection& connection, const EpochNonces& epochs) {
  auto statements = std::make_unique<Statements>();
  FM_TRY(statements->prepare(connection));
  return std::unique_ptr<HistoryReader>(new HistoryReader(std::move(statements), epochs));
}

// A commit never changes, but a remake may have put other bytes in its files' place.
base::Status HistoryReader::apply_remakes(CommitRecord& commit) {
  Statement::Rows rows = sql_->remade_files.rows(commit.phase.job.value, commit.phase.index, commit.task);
  return rows.each([&](const Statement::Rows& each) -> base::Status {
    FM_ASSIGN(const RemadeFileRow<> remade, RowReader(each).read<RemadeFilesTable>());
    for (FileRecord& file : commit.files) {
      if (file.path != remade.file.path) continue;
      file.size_bytes = remade.file.size_bytes;
      file.sha256 = remade.file.sha256;
      file.samples_sha256 = remade.file.samples_sha256;
    }
    return {};
  });
}

base::Result<std::vector<CommitRecord>> HistoryReader::commits(Statement::Rows rows, Reads reads) {
  std::vector<CommitRecord> found;
  const auto take = [&](const Statement::Rows& each) -> base::Status {
    FM_ASSIGN(CommitRow<> row, RowReader(each).read<CommitsTable>());
    FM_TRY(complete(row.commit.attempt, epochs_));
    FM_TRY(sql_->parts.add(row, reads));
    FM_TRY(apply_remakes(row.commit));
    found.push_back(std::move(row.commit));
    return {};
  };
  FM_TRY(rows.each(take));
  return found;
}

base::Result<std::vector<CommitRecord>> HistoryReader::files_of(PhaseId phase, TaskRange tasks) {
  return commits(sql_->files_of.rows(phase.job.value, phase.index, tasks.first, tasks.end()), Reads::Leave);
}

base::Result<std::vector<CommittedTask>> HistoryReader::commits_of(JobId job, CommitCursor from, std::uint32_t limit,
                                                                   Reads reads) {
  FM_ASSIGN(std::vector<CommitRecord> commits,
            this->commits(sql_->commits_of.rows(job.value, from.phase, from.task, limit), reads));
  std::vector<CommittedTask> tasks;
  for (CommitRecord& commit : commits) tasks.push_back({std::move(commit)});
  for (auto begin = tasks.begin(); begin != tasks.end();) {
    const PhaseId phase = begin->commit.phase;
    const auto end = std::find_if(begin, tasks.end(), [&](const auto& task) { return task.commit.phase != phase; });
    FM_TRY(add_states(phase, {begin, end}));
    begin = end;
  }
  return tasks;
}

// `tasks` are of the phase, in order. Pages are believed only where the counts say that its tasks differ.
base::Status HistoryReader::add_states(PhaseId phase, std::span<CommittedTask> tasks) {
  std::optional<PhaseRecord> counted;
  FM_TRY(sql_->phase_states.rows(phase.job.value, phase.index).each([&](const Statement::Rows& row) -> base::Status {
    FM_ASSIGN(counted, RowReader(row).read<PhaseStatesTable>());
    return {};
  }));
  if (!counted) return {};
  const auto& counts = counted->counts;
  const auto differs = [](std::uint32_t count) { return count > 0; };
  if (std::count_if(counts.begin(), counts.end(), differs) == 1) {
    const auto only = std::find_if(counts.begin(), counts.end(), differs) - counts.begin();
    for (CommittedTask& task : tasks) task.state = static_cast<jobs::TaskState>(only);
    return {};
  }
  std::optional<TaskPageRecord> page;
  for (CommittedTask& task : tasks) {
    const std::uint32_t number = task.commit.task / kTasksPerPage;
    if (!page || page->page != number) {
      page = TaskPageRecord{phase, number, {}};
      const auto take = [&](const Statement::Rows& row) -> base::Status {
        FM_ASSIGN(TaskPageRow<> found, RowReader(row).read<TaskPagesTable>());
        page = std::move(found.page);
        return {};
      };
      FM_TRY(sql_->task_page.rows(phase.job.value, phase.index, number).each(take));
    }
    const std::uint32_t place = task.commit.task % kTasksPerPage;
    if (place < page->states.size() && page->states[place] < jobs::kTaskStateCount)
      task.state = static_cast<jobs::TaskState>(page->states[place]);
  }
  return {};
}

base::Result<std::vector<AttemptRecord>> HistoryReader::attempts_of(JobId job, AttemptCursor from, std::uint32_t limit,
                                                                    OutputTails tails) {
  std::vector<AttemptRecord> found;
  Statement::Rows rows = sql_->attempts_of(tails, from.order).rows(job.value, from.epoch, from.counter, limit);
  const auto take = [&](const Statement::Rows& each) -> base::Status {
    RowReader row(each);
    FM_ASSIGN(AttemptRecord attempt, row.read<AttemptsTable>());
    FM_TRY(complete(attempt.id, epochs_));
    if (tails == OutputTails::Include) FM_TRY(row.read<AttemptOutputsTable>(attempt));
    found.push_back(std::move(attempt));
    return {};
  };
  FM_TRY(rows.each(take));
  return found;
}

base::Result<std::vector<ReadRecord>> HistoryReader::files_by(Statement& statement, const AttemptRecord& attempt,
                                                              std::uint32_t limit) {
  std::vector<ReadRecord> found;
  Statement::Rows rows = statement.rows(attempt.phase.job.value, attempt.phase.index, attempt.tasks.first,
                                        attempt.tasks.end(), attempt.id.epoch.number, attempt.id.counter, limit);
  const auto take = [&](const Statement::Rows& each) -> base::Status {
    FM_ASSIGN(ReadRecord file, RowReader(each).read<FileOfAttempt>());
    found.push_back(std::move(file));
    return {};
  };
  FM_TRY(rows.each(take));
  return found;
}

base::Result<std::vector<AttemptFiles>> HistoryReader::files_of_attempts(const std::vector<AttemptRecord>& attempts,
                                                                         std::uint32_t limit) {
  std::vector<AttemptFiles> found;
  for (const AttemptRecord& attempt : attempts) {
    AttemptFiles files;
    if (attempt.files_written > 0) {
      FM_ASSIGN(files.written, files_by(sql_->written_by, attempt, limit));
    }
    if (attempt.files_read > 0) {
      FM_ASSIGN(files.read, files_by(sql_->read_by, attempt, limit));
    }
    found.push_back(std::move(files));
  }
  return found;
}

base::Result<std::vector<AuditRecord>> HistoryReader::audit(std::uint64_t first, std::uint32_t limit) {
  std::vector<AuditRecord> found;
  Statement::Rows rows = sql_->audit.rows(first, limit);
  const auto take = [&](const Statement::Rows& each) -> base::Status {
    FM_ASSIGN(AuditRow row, RowReader(each).read<AuditTable>());
    found.push_back(std::move(row.audit));
    return {};
  };
  FM_TRY(rows.each(take));
  return found;
}

}  // namespace framemill::scheduler::store
