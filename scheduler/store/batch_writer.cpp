#include "scheduler/store/batch_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "scheduler/store/chain.h"
#include "scheduler/store/latest.h"
#include "scheduler/store/record_text.h"

namespace framemill::scheduler::store {

// One prepared statement per kind of row; the parameters stand in the order of the run() calls below.
struct BatchWriter::Statements {
  Statement update_job, insert_job, insert_documents, insert_layer, insert_phase_plan, put_phase, update_page,
      insert_page, put_trouble, erase_trouble, put_attempt, put_output, put_worker, put_version, put_root, put_token,
      put_counters, insert_commit, insert_file, insert_read, insert_audit, insert_batch, move_meta, keep_files_aside,
      keep_reads_aside, keep_commit_aside, erase_files, erase_reads, erase_commit, insert_remake, put_remade_task,
      erase_remade_files, insert_remade_file;
};

namespace {

// In the order of the members of Statements.
constexpr std::array<const char*, 33> kSql{
    "UPDATE jobs SET state = ?, paused = ?, priority = ?, changed_by = ?, changed_ms = ?, change_reason = ?, "
    "started_ms = ?, finished_ms = ?, swept = ?, stuck = ? WHERE job = ?",
    "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO job_documents VALUES (?, ?, ?, ?)",
    "INSERT INTO layers VALUES (?, ?, ?, ?, ?)",
    "INSERT INTO phase_plans VALUES (?, ?, ?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO phase_states VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "UPDATE task_pages SET waiting = ?, ready = ?, leased = ?, committed = ?, published = ?, failed = ?, quarantined = "
    "?, "
    "cancelled = ?, states = ? WHERE job = ? AND phase = ? AND page = ?",
    "INSERT INTO task_pages (waiting, ready, leased, committed, published, failed, quarantined, cancelled, states, "
    "job, "
    "phase, page) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO troubles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM troubles WHERE job = ? AND phase = ? AND task = ?",
    "INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
    "?19, "
    "?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32) ON CONFLICT DO UPDATE SET first_task = ?6, tasks "
    "= ?7, worker = ?8, "
    "slot = ?9, slot_name = ?10, device_class = ?11, granted_ms = ?12, ended_ms = ?13, live = ?14, tasks_committed = "
    "?15, "
    "outcome = ?16, code = ?17, message = ?18, load_us = ?19, compute_us = ?20, write_us = ?21, lost_us = ?22, "
    "wall_us = ?23, model_loads = ?24, steps = ?25, batch_max = ?26, batch_mates = ?27, peak_bytes = ?28, "
    "devices = ?29, batch_sizes = ?30, files_written = ?31, files_read = ?32",
    "INSERT OR REPLACE INTO attempt_outputs VALUES (?, ?, ?)",
    "INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO root_ids VALUES (?, ?)",
    "INSERT OR REPLACE INTO submit_tokens VALUES (?, ?, ?, ?)",
    "INSERT OR REPLACE INTO counters VALUES (1, ?, ?, ?)",
    "INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO commit_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO commit_reads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
    "UPDATE meta SET sequence = ?, chain = ? WHERE epoch = ? AND epoch_nonce = ? AND sequence = ?",
    "INSERT INTO withdrawn_files SELECT f.*, c.sequence FROM commit_files f JOIN commits c ON c.job = f.job AND c.phase = "
    "f.phase AND c.task = f.task WHERE f.job = ? AND f.phase = ? AND f.task = ?",
    "INSERT INTO withdrawn_reads SELECT r.*, c.sequence FROM commit_reads r JOIN commits c ON c.job = r.job AND c.phase = "
    "r.phase AND c.task = r.task WHERE r.job = ? AND r.phase = ? AND r.task = ?",
    "INSERT INTO withdrawn_commits SELECT * FROM commits WHERE job = ? AND phase = ? AND task = ?",
    "DELETE FROM commit_files WHERE job = ? AND phase = ? AND task = ?",
    "DELETE FROM commit_reads WHERE job = ? AND phase = ? AND task = ?",
    "DELETE FROM commits WHERE job = ? AND phase = ? AND task = ?",
    "INSERT INTO remakes VALUES (?, ?, ?)",
    "INSERT OR REPLACE INTO remade_tasks VALUES (?, ?, ?, ?, ?, ?)",
    "DELETE FROM remade_files WHERE job = ? AND phase = ? AND task = ? AND is_after = 1",
    "INSERT OR REPLACE INTO remade_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};

template <class Counts>
auto spread(const Counts& counts) {
  static_assert(jobs::kTaskStateCount == 8);
  return std::tuple{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7]};
}

std::tuple<JobId, jobs::PhaseIndex, TaskIndex> place(const CommitRecord& commit) {
  return {commit.phase.job, commit.phase.index, commit.task};
}

}  // namespace

BatchWriter::BatchWriter(std::unique_ptr<Statements> statements, jobs::Epoch ours, const EpochNonces& epochs)
    : sql_(std::move(statements)), ours_(ours), epochs_(epochs) {}
BatchWriter::~BatchWriter() = default;

base::Result<std::unique_ptr<BatchWriter>> BatchWriter::prepare(Connection& connection, jobs::Epoch ours,
                                                                const EpochNonces& epochs) {
  std::vector<Statement> made;
  for (const char* sql : kSql) {
    FM_ASSIGN(Statement statement, connection.prepare(sql));
    made.push_back(std::move(statement));
  }
  std::size_t at = 0;
  const auto next = [&]() -> Statement&& { return std::move(made[at++]); };
  // Braces evaluate from left to right: the order of kSql.
  auto statements = std::unique_ptr<Statements>(
      new Statements{next(), next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
                     next(), next(), next(), next(), next(), next(), next(), next(), next(), next(), next(),
                     next(), next(), next(), next(), next(), next(), next(), next(), next(), next(), next()});
  return std::unique_ptr<BatchWriter>(new BatchWriter(std::move(statements), ours, epochs));
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
    return base::Error{
        "store.epoch_lost",
        fmt::format("epoch {} at batch {} is no longer the newest: another scheduler has taken this store over",
                    ours_.number, before.sequence),
        "", "run one scheduler per store"};
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
    FM_TRY(sql_->insert_audit.run(row->sequence, row->cause.principal, row->cause.time, row->cause.reason, row->verb,
                                  row->target, sequence));
    link.add(*row);
  }
  const base::Sha256 chain = link.finish();
  FM_TRY(sql_->insert_batch.run(sequence, now, commits_.size(), audits_.size(), chain));
  return chain;
}

// The rows move as they are: the chain goes on holding over them.
base::Status BatchWriter::withdraw(const CommitWithdrawn& commit) {
  const auto job = commit.phase.job.value;
  const auto phase = commit.phase.index;
  for (Statement* statement : {&sql_->keep_files_aside, &sql_->keep_reads_aside, &sql_->keep_commit_aside,
                               &sql_->erase_files, &sql_->erase_reads, &sql_->erase_commit})
    FM_TRY(statement->run(job, phase, commit.task));
  if (sql_->erase_commit.changes() == 1) return {};
  return base::Error{
      "store.invariant",
      fmt::format("job {} phase {} task {} is to be made again but was not committed", job, phase, commit.task), "",
      ""};
}

base::Status BatchWriter::insert(const CommitRecord& commit, std::uint64_t sequence) {
  const auto job = commit.phase.job.value;
  const auto phase = commit.phase.index;
  FM_TRY(check_epoch(commit.attempt));
  FM_TRY(sql_->insert_commit.run(job, phase, commit.task, commit.attempt.epoch.number, commit.attempt.counter,
                                 commit.worker.value, commit.time, commit.duration_us, commit.root, commit.device_class,
                                 commit.files.size(), commit.reads.size(), sequence));
  int number = 0;
  for (const FileRecord& file : commit.files)
    FM_TRY(sql_->insert_file.run(job, phase, commit.task, number++, file.kind, file.frame, file.path, file.staged,
                                 file.size_bytes, file.sha256, file.samples_sha256));
  number = 0;
  for (const ReadRecord& read : commit.reads)
    FM_TRY(
        sql_->insert_read.run(job, phase, commit.task, number++, read.root, read.path, read.size_bytes, read.sha256));
  return {};
}

base::Status BatchWriter::check_epoch(const AttemptId& attempt) const {
  if (attempt.epoch == ours_) return {};
  const auto known = epochs_.find(attempt.epoch.number);
  if (known != epochs_.end() && known->second == attempt.epoch.nonce) return {};
  return base::Error{"store.invariant", fmt::format("attempt {} is of an epoch that never was", attempt.text()), "",
                     ""};
}

base::Status BatchWriter::put(const JobRecord& job) {
  // The spec and the plan never change: a state change touches the small row alone.
  FM_TRY(sql_->update_job.run(jobs::name(job.state), job.paused, job.priority, job.last_change.principal,
                              job.last_change.time, job.last_change.reason, job.started, job.finished, job.swept,
                              stuck_text(job.stuck), job.id.value));
  return sql_->update_job.changes() == 1 ? base::Status{} : insert_job(job);
}

base::Status BatchWriter::insert_job(const JobRecord& job) {
  const jobs::JobSpec& spec = *job.spec;
  const auto id = job.id.value;
  FM_TRY(sql_->insert_job.run(id, spec.name, spec.show, spec.sequence, spec.shot, job.version, jobs::name(job.state),
                              job.paused, job.priority, job.submitted.principal, job.submitted.time,
                              job.submitted.reason, job.last_change.principal, job.last_change.time,
                              job.last_change.reason, job.started, job.finished, job.swept, stuck_text(job.stuck)));
  FM_TRY(sql_->insert_documents.run(id, jobs::canonical_json(spec), jobs::plan_json(*job.plan),
                                    packages_text(job.packages)));
  if (job.remake_of) FM_TRY(sql_->insert_remake.run(id, job.remake_of.value, job.replaces));
  std::uint32_t index = 0;
  for (const jobs::LayerSpec& layer : spec.layers)
    FM_TRY(sql_->insert_layer.run(id, index++, layer.name, kind_name(layer.kind), layer.shot));
  index = 0;
  for (const jobs::PhasePlan& phase : job.plan->phases)
    FM_TRY(sql_->insert_phase_plan.run(id, index++, phase.layer, kind_name(phase.kind), phase.variant, phase.seed,
                                       phase.task_count));
  return {};
}

base::Status BatchWriter::put(const PhaseRecord& phase) {
  return std::apply(
      [&](auto... counts) {
        return sql_->put_phase.run(phase.id.job.value, phase.id.index, jobs::name(phase.state), counts...,
                                   phase.device_class, phase.tally.attempts, phase.tally.tries_charged,
                                   phase.tally.windows_run_twice, phase.tally.model_loads, phase.tally.device_us);
      },
      spread(phase.counts));
}

base::Status BatchWriter::put(const TaskPageRecord& page) {
  std::array<std::uint32_t, jobs::kTaskStateCount> counts{};
  for (const std::uint8_t state : page.states) {
    if (state >= jobs::kTaskStateCount)
      return base::Error{"store.invariant",
                         fmt::format("a task page of job {} holds state {}", page.phase.job.value, state), "", ""};
    ++counts[state];
  }
  const auto run = [&](Statement& statement) {
    return std::apply(
        [&](auto... each) {
          return statement.run(each..., page.states, page.phase.job.value, page.phase.index, page.page);
        },
        spread(counts));
  };
  FM_TRY(run(sql_->update_page));
  return sql_->update_page.changes() == 1 ? base::Status{} : run(sql_->insert_page);
}

base::Status BatchWriter::put(const TaskTroubleRecord& trouble) {
  if (trouble.last_attempt) FM_TRY(check_epoch(trouble.last_attempt));
  return sql_->put_trouble.run(trouble.phase.job.value, trouble.phase.index, trouble.task, trouble.charged_tries,
                               ids_text(trouble.lone_deaths), trouble.run_alone, trouble.uncharged_returns,
                               jobs::outcome_row(trouble.last_outcome).code, trouble.last_code, trouble.last_message,
                               trouble.last_attempt ? trouble.last_attempt.text() : std::string(), trouble.last_frame,
                               ids_text(trouble.failed_on), trouble.run_single);
}

base::Status BatchWriter::put(const AttemptRecord& attempt) {
  FM_TRY(check_epoch(attempt.id));
  const UsageTotals& usage = attempt.usage;
  FM_TRY(sql_->put_attempt.run(attempt.id.epoch.number, attempt.id.counter, attempt.id.text(), attempt.phase.job.value,
                               attempt.phase.index, attempt.tasks.first, attempt.tasks.count, attempt.worker.value,
                               attempt.slot, attempt.slot_name, attempt.device_class, attempt.granted, attempt.ended,
                               attempt.live, attempt.tasks_committed, jobs::outcome_row(attempt.outcome).code,
                               attempt.code, attempt.message, usage.load_us, usage.compute_us, usage.write_us,
                               usage.lost_us, usage.wall_us, usage.model_loads, usage.steps, usage.batch_max,
                               texts_text(usage.batch_mates), usage.peak_bytes, texts_text(attempt.devices),
                               batch_sizes_text(usage.batch_sizes), attempt.files_written, attempt.files_read));
  if (attempt.output_tail.empty()) return {};
  const std::span<const std::uint8_t> tail(reinterpret_cast<const std::uint8_t*>(attempt.output_tail.data()),
                                           attempt.output_tail.size());
  return sql_->put_output.run(attempt.id.epoch.number, attempt.id.counter, tail);
}

base::Status BatchWriter::put(const WorkerRecord& worker) {
  return sql_->put_worker.run(worker.id.value, worker.name, worker.key, worker.drain_requested, worker.quarantined,
                              worker.revoked, ids_text(worker.blamed_jobs), hex_text(worker.incarnation),
                              worker.last_change.principal, worker.last_change.time, worker.last_change.reason);
}

base::Status BatchWriter::put(const VersionRecord& version) {
  return sql_->put_version.run(version.show, version.sequence, version.shot, version.version, version.job.value);
}

base::Status BatchWriter::put(const RootRecord& root) {
  return sql_->put_root.run(root.name, root.id);
}

base::Status BatchWriter::put(const SubmitTokenRecord& token) {
  return sql_->put_token.run(token.principal, token.token, token.body, token.job.value);
}

base::Status BatchWriter::put(const RemakeRecord& remade) {
  const auto job = remade.phase.job.value;
  const auto phase = remade.phase.index;
  FM_TRY(
      sql_->put_remade_task.run(job, phase, remade.task, remade.of.value, outcome_name(remade.outcome), remade.time));
  FM_TRY(sql_->erase_remade_files.run(job, phase, remade.task));  // of a try before
  for (const auto* files : {&remade.before, &remade.after}) {
    int number = 0;
    for (const FileRecord& file : *files)
      FM_TRY(sql_->insert_remade_file.run(job, phase, remade.task, number++, files == &remade.after, file.kind,
                                          file.frame, file.path, file.staged, file.size_bytes, file.sha256,
                                          file.samples_sha256));
  }
  return {};
}

base::Status BatchWriter::put(const CountersRecord& counters) {
  return sql_->put_counters.run(counters.last_job, counters.last_worker, counters.last_audit);
}

}  // namespace framemill::scheduler::store
