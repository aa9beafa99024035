#include "scheduler/store/record_reader.h"

#include <fmt/format.h>

#include "scheduler/store/record_text.h"

namespace framemill::scheduler::store {
namespace {

base::Error corrupt(std::string message) {
  return {"store.corrupt", std::move(message), "", "run framemill-scheduler verify; restore a backup"};
}

base::Result<AttemptId> attempt_id(std::uint32_t epoch, std::uint64_t counter, const EpochNonces& epochs) {
  const auto known = epochs.find(epoch);
  if (known == epochs.end()) return corrupt(fmt::format("attempt {} is of epoch {}, which never was", counter, epoch));
  return AttemptId{{epoch, known->second}, counter};
}

AuditRecord audit_of(const Statement::Rows& row) {
  return {row.as<std::uint64_t>(0), {row.text(1), row.time(2), row.text(3)}, row.text(4), row.text(5)};
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

base::Result<Position> read_position(Connection& connection) {
  FM_ASSIGN(Statement statement, connection.prepare("SELECT sequence, chain FROM meta"));
  Statement::Rows rows = statement.rows();
  FM_ASSIGN(const bool found, rows.next());
  if (!found) return corrupt("the store's meta row is missing");
  return Position{rows.as<std::uint64_t>(0), rows.digest(1)};
}

base::Result<AttemptRecord> attempt_of(const Statement::Rows& row, const EpochNonces& epochs) {
  AttemptRecord attempt;
  FM_ASSIGN(attempt.id, attempt_id(row.as<std::uint32_t>(0), row.as<std::uint64_t>(1), epochs));
  attempt.phase = {JobId(row.as<std::uint32_t>(3)), row.as<std::uint32_t>(4)};
  attempt.tasks = {row.as<std::uint32_t>(5), row.as<std::uint32_t>(6)};
  attempt.worker = WorkerId(row.as<std::uint32_t>(7));
  attempt.slot = row.as<std::uint32_t>(8);
  attempt.slot_name = row.text(9);
  attempt.device_class = row.text(10);
  attempt.granted = row.time(11);
  attempt.ended = row.time(12);
  attempt.live = row.integer(13) != 0;
  attempt.tasks_committed = row.as<std::uint32_t>(14);
  const auto outcome = jobs::outcome_from_code(row.text(15));
  if (!outcome) return corrupt(fmt::format("attempt {} has the unknown outcome '{}'", attempt.id.text(), row.text(15)));
  attempt.outcome = *outcome;
  attempt.code = row.text(16);
  attempt.message = row.text(17);
  UsageTotals& usage = attempt.usage;
  usage.load_us = row.as<std::uint64_t>(18);
  usage.compute_us = row.as<std::uint64_t>(19);
  usage.write_us = row.as<std::uint64_t>(20);
  usage.lost_us = row.as<std::uint64_t>(21);
  usage.wall_us = row.as<std::uint64_t>(22);
  usage.model_loads = row.as<std::uint32_t>(23);
  usage.steps = row.as<std::uint32_t>(24);
  usage.batch_max = row.as<std::uint32_t>(25);
  FM_ASSIGN(usage.batch_mates, texts_from(row.text(26)));
  usage.peak_bytes = row.as<std::uint64_t>(27);
  FM_ASSIGN(attempt.devices, texts_from(row.text(28)));
  FM_ASSIGN(usage.batch_sizes, batch_sizes_from(row.text(29)));
  attempt.files_written = row.as<std::uint64_t>(30);
  attempt.files_read = row.as<std::uint64_t>(31);
  attempt.output_tail = row.text(32);
  return attempt;
}

struct HistoryReader::Statements {
  Statement files_of, commits_of, files, reads, attempts_of, attempts_with_tails, attempts_back,
      attempts_back_with_tails, written_by, read_by, audit, every_commit, every_audit, withdrawn_files, withdrawn_reads,
      remade_files;
};

HistoryReader::HistoryReader(std::unique_ptr<Statements> statements, const EpochNonces& epochs)
    : sql_(std::move(statements)), epochs_(epochs) {}
HistoryReader::~HistoryReader() = default;

base::Result<std::unique_ptr<HistoryReader>> HistoryReader::prepare(Connection& connection, const EpochNonces& epochs) {
  // In the order of the members of Statements.
  // verify reads stores of older schemas, too.
  FM_ASSIGN(const std::int64_t tables,
            connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'withdrawn_commits'"));
  const bool aside = tables > 0;
  FM_ASSIGN(const std::int64_t remakes,
            connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'remade_tasks'"));
  const char* const kSql[] = {
      "SELECT * FROM commits WHERE job = ? AND phase = ? AND task >= ? AND task < ? ORDER BY task",
      "SELECT * FROM commits WHERE job = ? AND (phase, task) >= (?, ?) ORDER BY phase, task LIMIT ?",
      "SELECT kind, staged, path, size_bytes, sha256, samples_sha256, frame FROM commit_files "
      "WHERE job = ? AND phase = ? AND task = ? ORDER BY number",
      "SELECT root, path, size_bytes, sha256 FROM commit_reads WHERE job = ? AND phase = ? AND task = ? ORDER BY "
      "number",
      "SELECT a.*, NULL FROM attempts a WHERE job = ? AND (epoch, counter) >= (?, ?) ORDER BY epoch, counter LIMIT ?",
      "SELECT a.*, o.output_tail FROM attempts a LEFT JOIN attempt_outputs o ON o.epoch = a.epoch AND o.counter = "
      "a.counter "
      "WHERE job = ? AND (a.epoch, a.counter) >= (?, ?) ORDER BY a.epoch, a.counter LIMIT ?",
      "SELECT a.*, NULL FROM attempts a WHERE job = ? AND (epoch, counter) <= (?, ?) "
      "ORDER BY epoch DESC, counter DESC LIMIT ?",
      "SELECT a.*, o.output_tail FROM attempts a LEFT JOIN attempt_outputs o ON o.epoch = a.epoch AND o.counter = "
      "a.counter "
      "WHERE job = ? AND (a.epoch, a.counter) <= (?, ?) ORDER BY a.epoch DESC, a.counter DESC LIMIT ?",
      "SELECT c.root, f.path, f.size_bytes, f.sha256 FROM commits c "
      "JOIN commit_files f ON f.job = c.job AND f.phase = c.phase AND f.task = c.task "
      "WHERE c.job = ? AND c.phase = ? AND c.task >= ? AND c.task < ? AND c.epoch = ? AND c.counter = ? "
      "ORDER BY c.task, f.number LIMIT ?",
      "SELECT r.root, r.path, r.size_bytes, r.sha256 FROM commits c "
      "JOIN commit_reads r ON r.job = c.job AND r.phase = c.phase AND r.task = c.task "
      "WHERE c.job = ? AND c.phase = ? AND c.task >= ? AND c.task < ? AND c.epoch = ? AND c.counter = ? "
      "ORDER BY c.task, r.number LIMIT ?",
      "SELECT * FROM audit WHERE number >= ? ORDER BY number LIMIT ?",
      aside
          ? "SELECT *, 0 FROM commits UNION ALL SELECT *, 1 FROM withdrawn_commits ORDER BY sequence, job, phase, task"
          : "SELECT *, 0 FROM commits ORDER BY sequence, job, phase, task",
      "SELECT * FROM audit ORDER BY sequence, number",
      aside ? "SELECT kind, staged, path, size_bytes, sha256, samples_sha256, frame FROM withdrawn_files "
              "WHERE job = ? AND phase = ? AND task = ? AND sequence = ? ORDER BY number"
            : "SELECT 1",
      aside ? "SELECT root, path, size_bytes, sha256 FROM withdrawn_reads WHERE job = ? AND phase = ? AND task = ? AND "
              "sequence = ? ORDER BY number"
            : "SELECT 1",
      remakes > 0 ? "SELECT f.path, f.staged, f.size_bytes, f.sha256, f.samples_sha256 FROM remade_tasks t "
                    "JOIN remade_files f ON f.job = t.job AND f.phase = t.phase AND f.task = t.task AND f.is_after "
                    "WHERE t.of_job = ? AND t.phase = ? AND t.task = ? AND t.outcome IN ('same_samples', 'replaced') "
                    "ORDER BY t.job, f.number"
                  : "SELECT 1 WHERE ? = ? AND ?"};
  std::vector<Statement> made;
  for (const char* sql : kSql) {
    FM_ASSIGN(Statement statement, connection.prepare(sql));
    made.push_back(std::move(statement));
  }
  std::size_t at = 0;
  const auto next = [&]() -> Statement&& { return std::move(made[at++]); };
  auto statements =
      std::unique_ptr<Statements>(new Statements{next(), next(), next(), next(), next(), next(), next(), next(), next(),
                                                 next(), next(), next(), next(), next(), next(), next()});
  return std::unique_ptr<HistoryReader>(new HistoryReader(std::move(statements), epochs));
}

base::Result<CommitRecord> HistoryReader::commit_of(const Statement::Rows& row, Reads reads, Kept kept) {
  CommitRecord commit;
  commit.phase = {JobId(row.as<std::uint32_t>(0)), row.as<std::uint32_t>(1)};
  commit.task = row.as<std::uint32_t>(2);
  FM_ASSIGN(commit.attempt, attempt_id(row.as<std::uint32_t>(3), row.as<std::uint64_t>(4), epochs_));
  commit.worker = WorkerId(row.as<std::uint32_t>(5));
  commit.time = row.time(6);
  commit.duration_us = row.as<std::uint64_t>(7);
  commit.root = row.text(8);
  commit.device_class = row.text(9);
  const auto job = commit.phase.job.value;
  const auto rows_of = [&](Statement& live, Statement& aside) {
    return kept == Kept::Live ? live.rows(job, commit.phase.index, commit.task)
                              : aside.rows(job, commit.phase.index, commit.task, row.as<std::uint64_t>(12));
  };
  if (row.integer(10) > 0) {
    Statement::Rows files = rows_of(sql_->files, sql_->withdrawn_files);
    while (true) {
      FM_ASSIGN(const bool more, files.next());
      if (!more) break;
      commit.files.push_back({files.as<std::int32_t>(0), files.text(1), files.text(2), files.as<std::uint64_t>(3),
                              files.digest(4), files.digest(5), files.as<jobs::Frame>(6)});
    }
  }
  if (reads == Reads::Include && row.integer(11) > 0) {
    Statement::Rows read = rows_of(sql_->reads, sql_->withdrawn_reads);
    while (true) {
      FM_ASSIGN(const bool more, read.next());
      if (!more) break;
      commit.reads.push_back({read.text(0), read.text(1), read.as<std::uint64_t>(2), read.digest(3)});
    }
  }
  return commit;
}

// What stands under the names now: a commit never changes, but a remake may have put other bytes in its files' place.
base::Status HistoryReader::apply_remakes(CommitRecord& commit) {
  Statement::Rows rows = sql_->remade_files.rows(commit.phase.job.value, commit.phase.index, commit.task);
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    for (FileRecord& file : commit.files) {
      if (file.path != rows.text(0)) continue;
      file.size_bytes = rows.as<std::uint64_t>(2);
      file.sha256 = rows.digest(3);
      file.samples_sha256 = rows.digest(4);
    }
  }
}

base::Result<std::vector<CommitRecord>> HistoryReader::commits(Statement::Rows& rows, Reads reads) {
  std::vector<CommitRecord> found;
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    FM_ASSIGN(CommitRecord commit, commit_of(rows, reads));
    FM_TRY(apply_remakes(commit));
    found.push_back(std::move(commit));
  }
}

base::Result<std::vector<CommitRecord>> HistoryReader::files_of(PhaseId phase, TaskRange tasks) {
  Statement::Rows rows = sql_->files_of.rows(phase.job.value, phase.index, tasks.first, tasks.end());
  return commits(rows, Reads::Leave);
}

base::Result<std::vector<CommitRecord>> HistoryReader::commits_of(JobId job, CommitCursor from, std::uint32_t limit,
                                                                  Reads reads) {
  Statement::Rows rows = sql_->commits_of.rows(job.value, from.phase, from.task, limit);
  return commits(rows, reads);
}

base::Result<std::vector<AttemptRecord>> HistoryReader::attempts_of(JobId job, AttemptCursor from, std::uint32_t limit,
                                                                    OutputTails tails) {
  const bool with_tails = tails == OutputTails::Include;
  Statement& forward = with_tails ? sql_->attempts_with_tails : sql_->attempts_of;
  Statement& back = with_tails ? sql_->attempts_back_with_tails : sql_->attempts_back;
  Statement& statement = from.order == Order::NewestFirst ? back : forward;
  Statement::Rows rows = statement.rows(job.value, from.epoch, from.counter, limit);
  std::vector<AttemptRecord> found;
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    FM_ASSIGN(AttemptRecord attempt, attempt_of(rows, epochs_));
    found.push_back(std::move(attempt));
  }
}

base::Result<std::vector<ReadRecord>> HistoryReader::files_by(Statement& statement, const AttemptRecord& attempt,
                                                              std::uint32_t limit) {
  std::vector<ReadRecord> found;
  Statement::Rows rows = statement.rows(attempt.phase.job.value, attempt.phase.index, attempt.tasks.first,
                                        attempt.tasks.end(), attempt.id.epoch.number, attempt.id.counter, limit);
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    found.push_back({rows.text(0), rows.text(1), rows.as<std::uint64_t>(2), rows.digest(3)});
  }
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
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return found;
    found.push_back(audit_of(rows));
  }
}

base::Status HistoryReader::every_commit(const std::function<void(const CommitRecord&, std::uint64_t)>& each) {
  Statement::Rows rows = sql_->every_commit.rows();
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    FM_ASSIGN(const CommitRecord commit,
              commit_of(rows, Reads::Include, rows.integer(13) == 0 ? Kept::Live : Kept::Aside));
    each(commit, rows.as<std::uint64_t>(12));
  }
}

base::Status HistoryReader::every_audit(const std::function<void(const AuditRecord&, std::uint64_t)>& each) {
  Statement::Rows rows = sql_->every_audit.rows();
  while (true) {
    FM_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    each(audit_of(rows), rows.as<std::uint64_t>(6));
  }
}

}  // namespace framemill::scheduler::store
