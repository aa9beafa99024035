#include "scheduler/daemon/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "scheduler/core/state/job_book.h"
#include "scheduler/core/state/refusal.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kRowsPerRead = 1024;
constexpr std::size_t kAttemptsPerFilesRead = 64;
// Of the store for one page: a filter that lets little through makes short pages instead of long answers.
constexpr std::uint32_t kReadsPerPageMax = 64;

std::string_view file_kind(std::int32_t kind) {
  switch (kind) {
    case wire::OutputFile::FRAME:
      return "frame";
    case wire::OutputFile::LATENTS:
      return "latents";
    case wire::OutputFile::MOVIE:
      return "movie";
    case wire::OutputFile::SHEET:
      return "sheet";
    default:
      return "other";
  }
}

base::Error bad_cursor() {
  return {"request.bad_cursor", "`after` is not a cursor of this list", "after", "use `next` from the previous page"};
}

template <class A, class B>
bool parse_cursor(const std::string& text, A& a, B& b) {
  unsigned long long first = 0, second = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%llu.%llu%n", &first, &second, &used) != 2 || used != static_cast<int>(text.size()))
    return false;
  a = static_cast<A>(first);
  b = static_cast<B>(second);
  return a == first && b == second;
}

const std::string& layer_name(const PlanView& job, jobs::PhaseIndex phase) {
  return job.spec->layers[job.plan->phases[phase].layer].name;
}

base::Status known_layer(const PlanView& job, const std::string& name) {
  const auto& layers = job.spec->layers;
  if (name.empty() || std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == name; }))
    return {};
  return unknown_layer(job.job, *job.spec, name);
}

// One page of files: reads commits until it has enough rows or there are no more.
struct FrameSearch : std::enable_shared_from_this<FrameSearch> {
  HistorySources sources;
  std::shared_ptr<const PlanView> plan;
  FrameQuery query;
  Reply<FramePage> reply;
  store::CommitCursor cursor;
  std::uint32_t reads = 0;
  FramePage page;

  FrameSearch(HistorySources s, FrameQuery q, Reply<FramePage> r)
      : sources(std::move(s)), plan(sources.board->plan(q.job)), query(std::move(q)), reply(std::move(r)) {}

  void start() {
    if (!plan) return reply(no_such_job(query.job));
    if (!query.after.empty() && !parse_cursor(query.after, cursor.phase, cursor.task)) return reply(bad_cursor());
    if (const base::Status known = known_layer(*plan, query.layer); !known.ok()) return reply(known.error());
    skip_unwanted_phases();
    read();
  }

  bool wanted(jobs::PhaseIndex index) const {
    const jobs::PhasePlan& phase = plan->plan->phases[index];
    if (!query.layer.empty() && layer_name(*plan, index) != query.layer) return false;
    if (query.variant && phase.variant != *query.variant) return false;
    return query.intermediates || !phase.traits().intermediate;
  }
  void skip_unwanted_phases() {
    while (cursor.phase < plan->plan->phases.size() && !wanted(cursor.phase)) cursor = {cursor.phase + 1, 0};
  }

  void read() {
    const base::Status asked =
        sources.records.commits_of(query.job, cursor, std::min(query.limit, kRowsPerRead), store::Reads::Leave,
                                   [self = shared_from_this()](auto commits) { self->on_commits(std::move(commits)); });
    if (!asked.ok()) reply(asked.error());
  }

  void on_commits(base::Result<std::vector<store::CommittedTask>> commits) {
    if (!commits.ok()) return reply(commits.error());
    if (commits->empty()) return reply(std::move(page));
    const bool last = commits->size() < std::min(query.limit, kRowsPerRead);
    for (const auto& [commit, state] : *commits) {
      cursor = {commit.phase.index, commit.task + 1};
      if (wanted(commit.phase.index)) add(commit, state);
      if (page.rows.size() >= query.limit) break;
    }
    const bool full = page.rows.size() >= query.limit;
    if (!full) {
      if (last) return reply(std::move(page));
      skip_unwanted_phases();
      if (cursor.phase >= plan->plan->phases.size()) return reply(std::move(page));
    }
    if (full || ++reads >= kReadsPerPageMax) {
      page.next = fmt::format("{}.{}", cursor.phase, cursor.task);
      return reply(std::move(page));
    }
    read();
  }

  void add(const CommitRecord& commit, jobs::TaskState state) {
    const jobs::PhasePlan& phase = plan->plan->phases[commit.phase.index];
    for (const FileRecord& file : commit.files) {
      if (query.frame && file.frame != *query.frame) continue;
      page.rows.push_back({layer_name(*plan, commit.phase.index), std::string(file_kind(file.kind)), phase.variant,
                           phase.has_seed() ? std::optional(phase.seed) : std::nullopt, file.frame, commit.root,
                           file.path, file.size_bytes, file.sha256, file.samples_sha256, state, commit.attempt,
                           commit.worker, commit.device_class});
    }
  }
};

struct AttemptSearch : std::enable_shared_from_this<AttemptSearch> {
  HistorySources sources;
  std::shared_ptr<const PlanView> plan;
  AttemptQuery query;
  Reply<AttemptPage> reply;
  store::AttemptCursor cursor;
  std::uint32_t page_size = 0, reads = 0;
  std::map<WorkerId, WorkerRow> workers;  // of those attempts: the board has a lock
  AttemptPage page;

  AttemptSearch(HistorySources s, AttemptQuery q, Reply<AttemptPage> r)
      : sources(std::move(s)), plan(sources.board->plan(q.job)), query(std::move(q)), reply(std::move(r)) {}

  void start() {
    if (!plan) return reply(no_such_job(query.job));
    if (query.newest_first) cursor = store::AttemptCursor::newest();
    if (!query.after.empty() && !parse_cursor(query.after, cursor.epoch, cursor.counter)) return reply(bad_cursor());
    if (const base::Status known = known_layer(*plan, query.layer); !known.ok()) return reply(known.error());
    page_size = std::min(query.limit, query.with_output ? 64u : kRowsPerRead);
    read();
  }
  void read() {
    const base::Status asked = sources.records.attempts_of(
        query.job, cursor, page_size, query.with_output ? store::OutputTails::Include : store::OutputTails::Leave,
        [self = shared_from_this()](auto attempts) { self->on_attempts(std::move(attempts)); });
    if (!asked.ok()) reply(asked.error());
  }
  void on_attempts(base::Result<std::vector<AttemptRecord>> attempts) {
    if (!attempts.ok()) return reply(attempts.error());
    for (AttemptRecord& attempt : *attempts) {
      // Counters begin at 1 in each epoch; a 0 goes on with the epoch before.
      const std::uint64_t next = query.newest_first ? attempt.id.counter - 1 : attempt.id.counter + 1;
      cursor = {attempt.id.epoch.number, next, cursor.order};
      if (wanted(attempt)) add(std::move(attempt));
      if (page.rows.size() >= query.limit) {
        page.next = fmt::format("{}.{}", cursor.epoch, cursor.counter);
        return read_files(0);
      }
    }
    if (attempts->size() < page_size) return read_files(0);
    if (++reads >= kReadsPerPageMax) {
      page.next = fmt::format("{}.{}", cursor.epoch, cursor.counter);
      return read_files(0);
    }
    read();
  }

  // Files of the page's attempts from `first` on, some attempts at a time: other questions get their turn in between.
  void read_files(std::size_t first) {
    if (query.with_output || first >= page.rows.size()) return reply(std::move(page));
    std::vector<AttemptRecord> wanted;
    for (std::size_t i = first; i < page.rows.size() && wanted.size() < kAttemptsPerFilesRead; ++i)
      wanted.push_back(page.rows[i].record);
    const base::Status asked = sources.records.files_of_attempts(
        std::move(wanted), kFilesPerAttemptMax,
        [self = shared_from_this(), first](auto files) { self->on_files(first, std::move(files)); });
    if (!asked.ok()) reply(asked.error());
  }
  void on_files(std::size_t first, base::Result<std::vector<store::AttemptFiles>> files) {
    if (!files.ok()) return reply(files.error());
    for (std::size_t i = 0; i < files->size(); ++i) {
      page.rows[first + i].files_written = std::move((*files)[i].written);
      page.rows[first + i].files_read = std::move((*files)[i].read);
    }
    read_files(first + files->size());
  }
  bool wanted(const AttemptRecord& attempt) const {
    if (!query.layer.empty() && layer_name(*plan, attempt.phase.index) != query.layer) return false;
    if (!query.frame) return true;
    const jobs::PhasePlan& phase = plan->plan->phases[attempt.phase.index];
    if (phase.grid.window_count > 0) {  // a window's attempts count for its frames in both phases
      for (TaskIndex t = attempt.tasks.first; t < attempt.tasks.end(); ++t) {
        const std::uint32_t window = jobs::task_window(phase, t);
        const jobs::FrameSpan span = phase.grid.new_frames(window);
        if (*query.frame >= span.first && *query.frame <= span.last) return true;
      }
      return false;
    }
    const TaskRange touched = jobs::tasks_of_frames(phase, *query.frame, *query.frame);
    return !touched.empty() && touched.first < attempt.tasks.end() && attempt.tasks.first < touched.end();
  }
  void add(AttemptRecord attempt) {
    const jobs::PhasePlan& phase = plan->plan->phases[attempt.phase.index];
    auto [worker, is_new] = workers.try_emplace(attempt.worker);
    if (is_new) worker->second = sources.board->worker(attempt.worker);
    AttemptRow row;
    row.layer = layer_name(*plan, attempt.phase.index);
    row.phase = jobs::name(phase.kind);
    row.variant = phase.variant;
    row.worker_name = worker->second ? worker->second->name : "";
    row.record = std::move(attempt);
    if (query.with_output && row.record.output_tail.empty())
      if (const auto output = sources.board->output_of(row.record.worker, row.record.id))
        row.record.output_tail = *output;
    page.rows.push_back(std::move(row));
  }
};

}  // namespace

base::Error no_such_job(JobId job) {
  return base::error_of(Refusal::JobUnknown, fmt::format("job {} not found", job.value), "job",
                        "framemill jobs lists them");
}

void page_of_frames(const HistorySources& sources, FrameQuery query, Reply<FramePage> reply) {
  std::make_shared<FrameSearch>(sources, std::move(query), std::move(reply))->start();
}

void page_of_attempts(const HistorySources& sources, AttemptQuery query, Reply<AttemptPage> reply) {
  std::make_shared<AttemptSearch>(sources, std::move(query), std::move(reply))->start();
}

}  // namespace framemill::scheduler
