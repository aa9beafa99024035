#include "scheduler/daemon/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "scheduler/core/state/job_book.h"
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

const std::string& layer_name(const JobRecord& job, jobs::PhaseIndex phase) {
  return job.spec->layers[job.plan->phases[phase].layer].name;
}

base::Status known_layer(const JobRecord& job, const std::string& name) {
  const auto& layers = job.spec->layers;
  if (name.empty() || std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == name; }))
    return {};
  return unknown_layer(job.id, *job.spec, name);
}

// One page of files: reads commits until it has enough rows or there are no more.
struct FrameSearch : std::enable_shared_from_this<FrameSearch> {
  net::EventLoop& loop;
  Scheduler& scheduler;
  FrameQuery query;
  Reply<FramePage> reply;
  store::CommitCursor cursor;
  std::uint32_t reads = 0;
  FramePage page;

  FrameSearch(net::EventLoop& l, Scheduler& s, FrameQuery q, Reply<FramePage> r)
      : loop(l), scheduler(s), query(std::move(q)), reply(std::move(r)) {}

  void start() {
    if (!query.after.empty() && !parse_cursor(query.after, cursor.phase, cursor.task)) return reply(bad_cursor());
    const JobRecord* job = scheduler.farm().job(query.job);
    if (const base::Status known = known_layer(*job, query.layer); !known.ok()) return reply(known.error());
    skip_unwanted_phases(*job);
    read();
  }

  bool wanted(const JobRecord& job, jobs::PhaseIndex phase) const {
    const jobs::PhasePlan& plan = job.plan->phases[phase];
    if (!query.layer.empty() && layer_name(job, phase) != query.layer) return false;
    if (query.variant && plan.variant != *query.variant) return false;
    return query.intermediates || !plan.traits().intermediate;
  }
  void skip_unwanted_phases(const JobRecord& job) {
    while (cursor.phase < job.plan->phases.size() && !wanted(job, cursor.phase)) cursor = {cursor.phase + 1, 0};
  }

  void read() {
    const base::Status asked = scheduler.journal().commits_of(
        query.job, cursor, std::min(query.limit, kRowsPerRead), store::Reads::Leave,
        [self = shared_from_this()](auto commits) {
          self->loop.post([self, commits = std::move(commits)]() mutable { self->on_commits(std::move(commits)); });
        });
    if (!asked.ok()) reply(asked.error());
  }

  void on_commits(base::Result<std::vector<CommitRecord>> commits) {
    if (!commits.ok()) return reply(commits.error());
    const JobRecord* job = scheduler.farm().job(query.job);
    if (job == nullptr || commits->empty()) return reply(std::move(page));
    const bool last = commits->size() < std::min(query.limit, kRowsPerRead);
    for (const CommitRecord& commit : *commits) {
      cursor = {commit.phase.index, commit.task + 1};
      if (wanted(*job, commit.phase.index)) add(*job, commit);
      if (page.rows.size() >= query.limit) break;
    }
    const bool full = page.rows.size() >= query.limit;
    if (!full) {
      if (last) return reply(std::move(page));
      skip_unwanted_phases(*job);
      if (cursor.phase >= job->plan->phases.size()) return reply(std::move(page));
    }
    if (full || ++reads >= kReadsPerPageMax) {
      page.next = fmt::format("{}.{}", cursor.phase, cursor.task);
      return reply(std::move(page));
    }
    read();
  }

  void add(const JobRecord& job, const CommitRecord& commit) {
    const jobs::PhasePlan& phase = job.plan->phases[commit.phase.index];
    for (const FileRecord& file : commit.files) {
      if (query.frame && file.frame != *query.frame) continue;
      page.rows.push_back({layer_name(job, commit.phase.index), std::string(file_kind(file.kind)), phase.variant,
                           phase.has_seed() ? std::optional(phase.seed) : std::nullopt, file.frame, commit.root,
                           file.path, file.size_bytes, file.sha256, file.samples_sha256,
                           scheduler.farm().task_state(commit.phase, commit.task).value_or(jobs::TaskState::Committed),
                           commit.attempt, commit.worker, commit.device_class});
    }
  }
};

struct AttemptSearch : std::enable_shared_from_this<AttemptSearch> {
  net::EventLoop& loop;
  Scheduler& scheduler;
  AttemptQuery query;
  Reply<AttemptPage> reply;
  store::AttemptCursor cursor;
  std::uint32_t page_size = 0, reads = 0;
  AttemptPage page;

  AttemptSearch(net::EventLoop& l, Scheduler& s, AttemptQuery q, Reply<AttemptPage> r)
      : loop(l), scheduler(s), query(std::move(q)), reply(std::move(r)) {}

  void start() {
    if (query.newest_first) cursor = store::AttemptCursor::newest();
    if (!query.after.empty() && !parse_cursor(query.after, cursor.epoch, cursor.counter)) return reply(bad_cursor());
    const base::Status known = known_layer(*scheduler.farm().job(query.job), query.layer);
    if (!known.ok()) return reply(known.error());
    page_size = std::min(query.limit, query.with_output ? 64u : kRowsPerRead);
    read();
  }
  void read() {
    const base::Status asked = scheduler.journal().attempts_of(
        query.job, cursor, page_size, query.with_output ? store::OutputTails::Include : store::OutputTails::Leave,
        [self = shared_from_this()](auto attempts) {
          self->loop.post([self, attempts = std::move(attempts)]() mutable { self->on_attempts(std::move(attempts)); });
        });
    if (!asked.ok()) reply(asked.error());
  }
  void on_attempts(base::Result<std::vector<AttemptRecord>> attempts) {
    if (!attempts.ok()) return reply(attempts.error());
    const JobRecord* job = scheduler.farm().job(query.job);
    if (job == nullptr) return reply(std::move(page));
    for (AttemptRecord& attempt : *attempts) {
      // Counters begin at 1 in each epoch; a 0 goes on with the epoch before.
      const std::uint64_t next = query.newest_first ? attempt.id.counter - 1 : attempt.id.counter + 1;
      cursor = {attempt.id.epoch.number, next, cursor.order};
      if (wanted(*job, attempt)) add(*job, std::move(attempt));
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
    const base::Status asked = scheduler.journal().files_of_attempts(
        std::move(wanted), kFilesPerAttemptMax, [self = shared_from_this(), first](auto files) {
          self->loop.post(
              [self, first, files = std::move(files)]() mutable { self->on_files(first, std::move(files)); });
        });
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
  bool wanted(const JobRecord& job, const AttemptRecord& attempt) const {
    if (!query.layer.empty() && layer_name(job, attempt.phase.index) != query.layer) return false;
    if (!query.frame) return true;
    const jobs::PhasePlan& phase = job.plan->phases[attempt.phase.index];
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
  void add(const JobRecord& job, AttemptRecord attempt) {
    const jobs::PhasePlan& phase = job.plan->phases[attempt.phase.index];
    const WorkerRecord* worker = scheduler.farm().worker(attempt.worker);
    AttemptRow row;
    row.layer = layer_name(job, attempt.phase.index);
    row.phase = jobs::name(phase.kind);
    row.variant = phase.variant;
    row.worker_name = worker != nullptr ? worker->name : "";
    row.record = std::move(attempt);
    if (query.with_output && row.record.output_tail.empty())
      if (const std::string* output = scheduler.farm().output_of(row.record.id)) row.record.output_tail = *output;
    page.rows.push_back(std::move(row));
  }
};

}  // namespace

void page_of_frames(net::EventLoop& loop, Scheduler& scheduler, FrameQuery query, Reply<FramePage> reply) {
  std::make_shared<FrameSearch>(loop, scheduler, std::move(query), std::move(reply))->start();
}

void page_of_attempts(net::EventLoop& loop, Scheduler& scheduler, AttemptQuery query, Reply<AttemptPage> reply) {
  std::make_shared<AttemptSearch>(loop, scheduler, std::move(query), std::move(reply))->start();
}

}  // namespace framemill::scheduler
