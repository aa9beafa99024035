// read_state(): the records of a restart, table by table, in the order of put().
#include <fmt/format.h>

#include <map>
#include <optional>
#include <tuple>

#include "scheduler/store/record_reader.h"
#include "scheduler/store/record_text.h"

namespace framemill::scheduler::store {
namespace {

base::Error corrupt_state(std::string message) {
  return {"store.corrupt", std::move(message), "", "run framemill-scheduler verify; restore a backup"};
}

template <class State>
base::Result<State> state_or(std::optional<State> state, const std::string& name, const char* whose) {
  if (!state) return corrupt_state(fmt::format("a {} has the unknown state '{}'", whose, name));
  return *state;
}

// Jobs that a restart needs: all that are live or have a live attempt, and the newest that are finished. A table of
// this connection alone, for the queries that follow.
base::Status choose_jobs(Connection& connection, const LoadLimits& limits) {
  FM_TRY(
      connection.run("DROP TABLE IF EXISTS temp.chosen;"
                     "CREATE TEMP TABLE chosen (job INTEGER PRIMARY KEY, live INTEGER NOT NULL, done INTEGER NOT NULL);"
                     "INSERT INTO chosen SELECT job, 1, 0 FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled');"
                     "INSERT OR IGNORE INTO chosen SELECT job, 0, state = 'done' FROM jobs "
                     "WHERE job IN (SELECT job FROM attempts WHERE live = 1)"));
  FM_ASSIGN(Statement finished,
            connection.prepare("INSERT OR IGNORE INTO chosen SELECT job, 0, state = 'done' FROM jobs "
                               "WHERE state IN ('done', 'failed', 'cancelled') "
                               "ORDER BY job DESC LIMIT ?"));
  return finished.run(limits.finished_jobs_max);
}

class StateReader {
 public:
  StateReader(Connection& connection, const EpochNonces& epochs) : connection_(connection), epochs_(epochs) {}

  base::Result<std::vector<Record>> read(const LoadLimits& limits) {
    FM_TRY(choose_jobs(connection_, limits));
    FM_TRY(counters());
    FM_TRY(versions());
    FM_TRY(roots());
    FM_TRY(tokens(limits.tokens_max));
    FM_TRY(workers());
    FM_TRY(jobs());
    FM_TRY(phases());
    FM_TRY(pages());
    FM_TRY(troubles());
    FM_TRY(attempts());
    FM_TRY(remakes());
    FM_TRY(connection_.run("DROP TABLE temp.chosen"));
    return std::move(records_);
  }

 private:
  using Rows = Statement::Rows;
  template <class Each, class... Args>
  base::Status each_row(const char* sql, Each each, const Args&... args) {
    FM_ASSIGN(Statement statement, connection_.prepare(sql));
    Rows rows = statement.rows(args...);
    while (true) {
      FM_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      FM_TRY(each(rows));
    }
  }

  base::Status counters() {
    return each_row("SELECT last_job, last_worker, last_audit FROM counters", [&](Rows& row) -> base::Status {
      records_.emplace_back(
          CountersRecord{row.as<std::uint32_t>(0), row.as<std::uint32_t>(1), row.as<std::uint64_t>(2)});
      return {};
    });
  }

  base::Status versions() {
    return each_row("SELECT show, sequence, shot, version, job FROM versions", [&](Rows& row) -> base::Status {
      records_.emplace_back(VersionRecord{row.text(0), row.text(1), row.text(2), row.as<std::uint32_t>(3),
                                          JobId(row.as<std::uint32_t>(4))});
      return {};
    });
  }

  base::Status roots() {
    return each_row("SELECT name, id FROM root_ids", [&](Rows& row) -> base::Status {
      records_.emplace_back(RootRecord{row.text(0), row.text(1)});
      return {};
    });
  }

  base::Status tokens(std::uint32_t limit) {
    return each_row(
        "SELECT principal, token, body_sha256, job FROM submit_tokens ORDER BY job DESC LIMIT ?",
        [&](Rows& row) -> base::Status {
          records_.emplace_back(
              SubmitTokenRecord{row.text(0), row.text(1), row.digest(2), JobId(row.as<std::uint32_t>(3))});
          return {};
        },
        limit);
  }

  base::Status workers() {
    return each_row(
        "SELECT worker, name, key, drain_requested, quarantined, revoked, blamed_jobs, incarnation, changed_by, "
        "changed_ms, change_reason FROM workers",
        [&](Rows& row) -> base::Status {
          WorkerRecord worker;
          worker.id = WorkerId(row.as<std::uint32_t>(0));
          worker.name = row.text(1);
          worker.key = row.text(2);
          worker.drain_requested = row.integer(3) != 0;
          worker.quarantined = row.integer(4) != 0;
          worker.revoked = row.integer(5) != 0;
          FM_ASSIGN(worker.blamed_jobs, jobs_from(row.text(6)));
          FM_ASSIGN(worker.incarnation, bits_from(row.text(7)));
          worker.last_change = {row.text(8), row.time(9), row.text(10)};
          records_.emplace_back(std::move(worker));
          return {};
        });
  }

  base::Status jobs() {
    return each_row(
        "SELECT j.job, d.spec, d.plan, d.packages, version, state, paused, priority, submitted_by, submitted_ms, "
        "submit_reason, changed_by, changed_ms, change_reason, started_ms, finished_ms, swept, stuck, "
        "ifnull(r.of_job, 0), ifnull(r.replaces, 0) FROM chosen c JOIN jobs j ON j.job = c.job "
        "JOIN job_documents d ON d.job = c.job LEFT JOIN remakes r ON r.job = c.job ORDER BY j.job",
        [&](Rows& row) { return job(row); });
  }

  base::Status job(Rows& row) {
    JobRecord job;
    job.id = JobId(row.as<std::uint32_t>(0));
    jobs::ParsedSpec spec = jobs::parse_stored_spec(row.text(1));
    if (!spec.spec) {
      const std::string why =
          spec.errors.empty() ? "it is empty" : spec.errors[0].field + ": " + spec.errors[0].message;
      return corrupt_state(fmt::format("the stored spec of job {} cannot be read: {}", job.id.value, why));
    }
    job.spec = std::make_shared<const jobs::JobSpec>(std::move(*spec.spec));
    auto plan = jobs::plan_from_json(row.text(2));
    if (!plan) return plan.error().wrapped(fmt::format("the stored plan of job {}", job.id.value));
    jobs::add_root_files(*plan, *job.spec);
    job.plan = std::make_shared<const jobs::JobPlan>(std::move(plan).value());
    FM_ASSIGN(job.packages, packages_from(row.text(3)));
    job.version = row.as<std::uint32_t>(4);
    FM_ASSIGN(job.state, state_or(jobs::job_state_from_name(row.text(5)), row.text(5), "job"));
    job.paused = row.integer(6) != 0;
    job.priority = row.as<std::int32_t>(7);
    job.submitted = {row.text(8), row.time(9), row.text(10)};
    job.last_change = {row.text(11), row.time(12), row.text(13)};
    job.started = row.time(14);
    job.finished = row.time(15);
    job.swept = row.integer(16) != 0;
    FM_ASSIGN(job.stuck, stuck_from(row.text(17)));
    job.remake_of = JobId(row.as<std::uint32_t>(18));
    job.replaces = row.integer(19) != 0;
    records_.emplace_back(std::move(job));
    return {};
  }

  base::Status phases() {
    return each_row("SELECT s.* FROM chosen c JOIN phase_states s ON s.job = c.job ORDER BY s.job, s.phase",
                    [&](Rows& row) -> base::Status {
                      PhaseRecord phase;
                      phase.id = {JobId(row.as<std::uint32_t>(0)), row.as<std::uint32_t>(1)};
                      FM_ASSIGN(phase.state, state_or(jobs::phase_state_from_name(row.text(2)), row.text(2), "phase"));
                      for (int state = 0; state < jobs::kTaskStateCount; ++state)
                        phase.counts[static_cast<std::size_t>(state)] = row.as<std::uint32_t>(3 + state);
                      const int rest = 3 + jobs::kTaskStateCount;
                      phase.device_class = row.text(rest);
                      phase.tally = {row.as<std::uint64_t>(rest + 1), row.as<std::uint64_t>(rest + 2),
                                     row.as<std::uint64_t>(rest + 3), row.as<std::uint64_t>(rest + 4),
                                     row.as<std::uint64_t>(rest + 5)};
                      records_.emplace_back(std::move(phase));
                      return {};
                    });
  }

  base::Status pages() {
    return each_row(
        "SELECT p.job, p.phase, p.page, p.states FROM chosen c JOIN task_pages p ON p.job = c.job "
        // Of a job that is done the counts tell everything, but where a part of it stayed cancelled.
        "WHERE NOT c.done OR EXISTS (SELECT 1 FROM phase_states s WHERE s.job = p.job AND s.phase = p.phase "
        "AND s.cancelled > 0) ORDER BY p.job, p.phase, p.page",
        [&](Rows& row) -> base::Status {
          TaskPageRecord page{
              {JobId(row.as<std::uint32_t>(0)), row.as<std::uint32_t>(1)}, row.as<std::uint32_t>(2), row.blob(3)};
          for (const std::uint8_t state : page.states)
            if (state >= jobs::kTaskStateCount || page.states.size() > kTasksPerPage)
              return corrupt_state(fmt::format("page {} of job {} phase {} holds no task states", page.page,
                                               page.phase.job.value, page.phase.index));
          records_.emplace_back(std::move(page));
          return {};
        });
  }

  base::Status troubles() {
    return each_row("SELECT t.* FROM chosen c JOIN troubles t ON t.job = c.job ORDER BY t.job, t.phase, t.task",
                    [&](Rows& row) -> base::Status {
                      TaskTroubleRecord trouble;
                      trouble.phase = {JobId(row.as<std::uint32_t>(0)), row.as<std::uint32_t>(1)};
                      trouble.task = row.as<std::uint32_t>(2);
                      trouble.charged_tries = row.as<std::uint32_t>(3);
                      FM_ASSIGN(trouble.lone_deaths, workers_from(row.text(4)));
                      trouble.run_alone = row.integer(5) != 0;
                      trouble.uncharged_returns = row.as<std::uint32_t>(6);
                      FM_ASSIGN(trouble.last_outcome,
                                state_or(jobs::outcome_from_code(row.text(7)), row.text(7), "trouble"));
                      trouble.last_code = row.text(8);
                      trouble.last_message = row.text(9);
                      trouble.last_attempt = AttemptId::parse(row.text(10)).value_or(AttemptId{});
                      if (!row.is_null(11)) trouble.last_frame = row.as<jobs::Frame>(11);
                      FM_ASSIGN(trouble.failed_on, workers_from(row.text(12)));
                      trouble.run_single = row.integer(13) != 0;
                      records_.emplace_back(std::move(trouble));
                      return {};
                    });
  }

  base::Status attempts() {
    return each_row(
        "SELECT a.*, NULL FROM attempts a WHERE a.live = 1 OR (a.tasks_committed > 0 AND a.job IN "
        "(SELECT job FROM chosen WHERE live)) ORDER BY a.epoch, a.counter",
        [&](Rows& row) -> base::Status {
          FM_ASSIGN(AttemptRecord attempt, attempt_of(row, epochs_));
          records_.emplace_back(std::move(attempt));
          return {};
        });
  }

  base::Status remakes() {
    std::map<std::tuple<std::uint32_t, jobs::PhaseIndex, TaskIndex>, RemakeRecord> found;
    const auto key_of = [](Rows& row) {
      return std::tuple{row.as<std::uint32_t>(0), row.as<jobs::PhaseIndex>(1), row.as<TaskIndex>(2)};
    };
    FM_TRY(
        each_row("SELECT t.job, t.phase, t.task, t.of_job, t.outcome, t.time_ms FROM chosen c JOIN remade_tasks t "
                 "ON t.job = c.job",
                 [&](Rows& row) -> base::Status {
                   RemakeRecord& remade = found[key_of(row)];
                   remade.phase = {JobId(row.as<std::uint32_t>(0)), row.as<jobs::PhaseIndex>(1)};
                   remade.task = row.as<TaskIndex>(2);
                   remade.of = JobId(row.as<std::uint32_t>(3));
                      FM_ASSIGN(remade.outcome, remake_outcome_from(row.text(4)));
                   remade.time = row.time(5);
                   return {};
                 }));
    FM_TRY(
        each_row("SELECT f.job, f.phase, f.task, f.is_after, f.kind, f.staged, f.path, f.size_bytes, f.sha256, "
                 "f.samples_sha256, f.frame FROM chosen c JOIN remade_files f ON f.job = c.job "
                 "ORDER BY f.job, f.phase, f.task, f.number",
                 [&](Rows& row) -> base::Status {
                   RemakeRecord& remade = found[key_of(row)];
                   (row.integer(3) != 0 ? remade.after : remade.before)
                       .push_back({row.as<std::int32_t>(4), row.text(5), row.text(6), row.as<std::uint64_t>(7),
                                   row.digest(8), row.digest(9), row.as<jobs::Frame>(10)});
                   return {};
                 }));
    for (auto& [key, remade] : found) records_.emplace_back(std::move(remade));
    return {};
  }

  Connection& connection_;
  const EpochNonces& epochs_;
  std::vector<Record> records_;
};

}  // namespace

base::Result<std::vector<Record>> read_state(Connection& connection, const EpochNonces& epochs,
                                             const LoadLimits& limits) {
  return StateReader(connection, epochs).read(limits);
}

}  // namespace framemill::scheduler::store
