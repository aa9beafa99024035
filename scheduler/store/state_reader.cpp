// read_state(): the records of a restart, table by table, in the order of put().
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler/store/record_reader.h"
#include "scheduler/store/store_error.h"
#include "scheduler/store/tables.h"

namespace framemill::scheduler::store {
namespace {

base::Error corrupt_state(std::string message) {
  return base::error_of(StoreError::Corrupt, std::move(message), "",
                        "run framemill-scheduler verify; restore a backup");
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
    FM_TRY(read_all(FarmTables{}));
    FM_TRY(keep<TokensTable>("FROM submit_tokens ORDER BY job DESC LIMIT ?", limits.tokens_max));
    FM_TRY(jobs());
    FM_TRY(of_chosen_jobs(JobTables{}));
    FM_TRY(pages());
    FM_TRY(attempts());
    FM_TRY(remakes());
    FM_TRY(connection_.run("DROP TABLE temp.chosen"));
    return std::move(records_);
  }

 private:
  using Rows = Statement::Rows;

  // Keeps each row as the record that it is.
  template <class Table, class... Args>
  base::Status keep(std::string_view rest, const Args&... args) {
    const auto take = [this](typename Table::Row record) -> base::Status {
      records_.emplace_back(std::move(record));
      return {};
    };
    return each<Table>(rest, take, args...);
  }
  // Calls `take` with each row of the table that the rest of the query, from its FROM on, chooses.
  template <class Table, class... Args>
  base::Status each(std::string_view rest, const auto& take, const Args&... args) {
    return each_row(
        select_sql<Table>(rest),
        [&](Rows& rows) -> base::Status {
          FM_ASSIGN(auto row, RowReader(rows).read<Table>());
          return take(std::move(row));
        },
        args...);
  }
  template <class... Args>
  base::Status each_row(const std::string& sql, const auto& take, const Args&... args) {
    FM_ASSIGN(Statement statement, connection_.prepare(sql));
    return statement.rows(args...).each(take);
  }
  template <class... Tables>
  base::Status read_all(TableList<Tables...>) {
    base::Status status;
    (void)((status = keep<Tables>(fmt::format("FROM {}", Tables::kName)), status.ok()) && ...);
    return status;
  }
  template <class... Tables>
  base::Status of_chosen_jobs(TableList<Tables...>) {
    base::Status status;
    (void)((status = keep<Tables>(fmt::format("FROM chosen JOIN {} USING (job) ORDER BY job, phase", Tables::kName)),
            status.ok()) &&
           ...);
    return status;
  }

  base::Status jobs() {
    return each_row(
        fmt::format("SELECT {}, {}, {} FROM chosen JOIN jobs USING (job) JOIN job_documents USING (job) "
                    "LEFT JOIN remakes USING (job) ORDER BY job",
                    select_list<JobsTable>(), select_list<JobDocumentsTable>(), select_list<RemakesTable>()),
        [&](Rows& rows) { return job(rows); });
  }

  base::Status job(Rows& rows) {
    RowReader row(rows);
    FM_ASSIGN(JobRecord job, row.read<JobsTable>());
    FM_ASSIGN(JobDocuments documents, row.read<JobDocumentsTable>());
    FM_ASSIGN(const Remake remake, row.read<RemakesTable>());
    jobs::ParsedSpec spec = jobs::parse_stored_spec(documents.spec);
    if (!spec.spec) {
      const std::string why =
          spec.errors.empty() ? "it is empty" : fmt::format("{}: {}", spec.errors[0].field, spec.errors[0].message);
      return corrupt_state(fmt::format("the stored spec of job {} cannot be read: {}", job.id.value, why));
    }
    job.spec = std::make_shared<const jobs::JobSpec>(std::move(*spec.spec));
    auto plan = jobs::plan_from_json(documents.plan);
    if (!plan) return plan.error().wrapped(fmt::format("the stored plan of job {}", job.id.value));
    jobs::add_root_files(*plan, *job.spec);
    job.plan = std::make_shared<const jobs::JobPlan>(std::move(plan).value());
    job.packages = std::move(documents.packages);
    job.remake_of = remake.of_job;
    job.replaces = remake.replaces;
    records_.emplace_back(std::move(job));
    return {};
  }

  base::Status pages() {
    return each<TaskPagesTable>(
        // Of a job that is done the counts tell everything, but where a part of it stayed cancelled.
        "FROM chosen JOIN task_pages USING (job) WHERE NOT chosen.done OR EXISTS (SELECT 1 FROM phase_states s "
        "WHERE s.job = task_pages.job AND s.phase = task_pages.phase AND s.cancelled > 0) ORDER BY job, phase, page",
        [&](TaskPageRow<> row) -> base::Status {
          for (const std::uint8_t state : row.page.states)
            if (state >= jobs::kTaskStateCount || row.page.states.size() > kTasksPerPage)
              return corrupt_state(fmt::format("page {} of job {} phase {} holds no task states", row.page.page,
                                               row.page.phase.job.value, row.page.phase.index));
          records_.emplace_back(std::move(row.page));
          return {};
        });
  }

  base::Status attempts() {
    return each<AttemptsTable>(
        "FROM attempts WHERE live = 1 OR (tasks_committed > 0 AND job IN (SELECT job FROM chosen WHERE live)) "
        "ORDER BY epoch, counter",
        [&](AttemptRecord attempt) -> base::Status {
          FM_TRY(complete(attempt.id, epochs_));
          records_.emplace_back(std::move(attempt));
          return {};
        });
  }

  base::Status remakes() {
    std::map<std::pair<PhaseId, TaskIndex>, RemakeRecord> found;
    const auto take_task = [&](RemakeRecord remade) -> base::Status {
      found[{remade.phase, remade.task}] = std::move(remade);
      return {};
    };
    const auto take_file = [&](RemadeFileRow<> row) -> base::Status {
      RemakeRecord& remade = found[{row.phase, row.task}];
      (row.is_after ? remade.after : remade.before).push_back(std::move(row.file));
      return {};
    };
    FM_TRY(each<RemadeTasksTable>("FROM chosen JOIN remade_tasks USING (job)", take_task));
    FM_TRY(each<RemadeFilesTable>("FROM chosen JOIN remade_files USING (job) ORDER BY job, phase, task, number",
                                  take_file));
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
