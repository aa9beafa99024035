#include "scheduler/core/remakes.h"

#include <algorithm>
#include <set>

#include "scheduler/core/submit.h"
#include "scheduler/core/task_moves.h"

namespace framemill::scheduler {
namespace {

using jobs::PhaseKind;
using Parts = std::vector<std::set<TaskIndex>>;  // by phase

// It writes a file for each frame; else one file of all.
bool is_framewise(const jobs::PhasePlan& plan) {
  return plan.kind == PhaseKind::Decode ||
         (plan.kind == PhaseKind::Command && jobs::output_path(plan, 0) != jobs::output_path(plan, 1));
}

std::string number(JobId job) {
  return std::to_string(job.value);
}

std::string task_words(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const jobs::FrameSet frames = is_framewise(*phase.plan) ? phase.frames_of(task) : jobs::FrameSet{};
  const std::string layer = "layer " + job.layer_of(phase).name;
  if (frames.empty()) return layer;
  return (frames.count() == 1 ? "frame " : "frames ") + frames.text() + " of " + layer;
}

base::Error too_many() {
  return {"remake.too_many", "more than " + std::to_string(kRemadeTasksMax) + " tasks at once", "frames",
          "name fewer frames, and the others afterwards"};
}

// A movie or a sheet is asked for by its layer: whoever names frames alone means these files.
base::Status add_asked(const PhaseEntry& phase, const JobChangeAsked& asked, std::set<TaskIndex>& tasks) {
  std::vector<TaskRange> ranges;
  if (!asked.frames || !is_framewise(*phase.plan)) {
    if (asked.frames && asked.layer.empty()) return {};
    ranges.push_back({0, phase.tasks.size()});
  } else {
    for (const jobs::FrameSpan& span : asked.frames->spans())
      ranges.push_back(jobs::tasks_of_frames(*phase.plan, span.first, span.last));
  }
  for (const TaskRange& range : ranges)
    for (TaskIndex t = range.first; t < range.end(); ++t) {
      tasks.insert(t);
      if (tasks.size() > kRemadeTasksMax) return too_many();
    }
  return {};
}

base::Status check_published(const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const TaskState state = phase.tasks.at(task);
  if (state == TaskState::Published) return {};
  const std::string message =
      task_words(job, phase, task) + " is not published: its task is " + std::string(jobs::name(state));
  if (jobs::is_final(state) || job.final())
    return base::Error{"remake.not_published", message, "frames", "`framemill retry` without --remake tries it again"};
  return base::Error{"remake.running", message, "frames", "wait until it is published"};
}

base::Status check_idle(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  for (const JobId id : job.remakes) {
    const JobEntry& other = *farm.jobs.find(id);
    if (other.final() || !other.remade.contains({phase.id.index, task})) continue;
    return base::Error{"remake.under_way",
                       "job " + number(id) + " makes " + task_words(job, phase, task) + " again already", "frames",
                       "wait for it: `framemill wait " + number(id) + "`"};
  }
  return {};
}

// Where the pattern has no version, another job may have published its own file under the name that became free.
base::Status check_names(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                         const std::set<TaskIndex>& tasks) {
  const auto holds = [](const JobEntry& other, const PhaseEntry& theirs, TaskRange range) {
    return !range.empty() && (!other.final() || theirs.tasks.any(range, TaskState::Published) ||
                              theirs.tasks.any(range, TaskState::Committed));
  };
  for (const auto& [id, other] : farm.jobs.all()) {
    if (id == job.record.id || other.record.remake_of) continue;
    for (const PhaseEntry& theirs : other.phases) {
      if (theirs.plan->kind == PhaseKind::Denoise || theirs.plan->root != phase.plan->root ||
          theirs.plan->output_pattern != phase.plan->output_pattern)
        continue;
      for (const TaskIndex task : tasks) {
        TaskRange range{0, theirs.tasks.size()};
        if (is_framewise(*phase.plan)) {
          const jobs::FrameSet frames = phase.frames_of(task);
          range = jobs::tasks_of_frames(*theirs.plan, frames.first(), frames.last());
        }
        if (!holds(other, theirs, range)) continue;
        return base::Error{"remake.name_taken",
                           "job " + number(id) + " publishes its files under the same names as " +
                               task_words(job, phase, task) + ": they are not replaced",
                           "frames", "give output a {version}; submit the job again for a new version"};
      }
    }
  }
  return {};
}

// The tasks that a remake works at: those that are remade, and the intermediate ones below them.
Parts parts_of(const JobEntry& remake) {
  Parts parts(remake.phases.size());
  std::vector<std::pair<jobs::PhaseIndex, TaskIndex>> open;
  for (const auto& [key, remade] : remake.remade) {
    parts[key.first].insert(key.second);
    open.push_back(key);
  }
  while (!open.empty()) {
    const auto [index, task] = open.back();
    open.pop_back();
    const PhaseEntry& phase = remake.phases[index];
    for (const jobs::Need& need : phase.plan->needs) {
      const PhaseEntry& needed = remake.phases[need.phase];
      if (needed.plan->kind != PhaseKind::Denoise) continue;
      const TaskRange tasks = jobs::tasks_needed(need, *phase.plan, task, *needed.plan);
      for (TaskIndex t = tasks.first; t < tasks.end(); ++t)
        if (parts[need.phase].insert(t).second) open.emplace_back(need.phase, t);
    }
  }
  return parts;
}

void take_as_published(JobEntry& job, PhaseEntry& phase, TaskRange tasks) {
  if (tasks.empty()) return;
  job.totals[static_cast<std::size_t>(TaskState::Waiting)] -= tasks.count;
  job.totals[static_cast<std::size_t>(TaskState::Published)] += tasks.count;
  phase.tasks.set(tasks, TaskState::Published);
  phase.taken += tasks.count;
}

void take_the_rest(JobEntry& job) {
  const Parts parts = parts_of(job);
  for (PhaseEntry& phase : job.phases) {
    TaskIndex at = 0;
    for (const TaskIndex part : parts[phase.id.index]) {
      take_as_published(job, phase, {at, part - at});
      at = part + 1;
    }
    take_as_published(job, phase, {at, phase.tasks.size() - at});
  }
}

const FileRecord* file_of(const std::vector<FileRecord>& files, const std::string& path) {
  const auto file = std::find_if(files.begin(), files.end(), [&](const FileRecord& f) { return f.path == path; });
  return file == files.end() ? nullptr : &*file;
}

bool same_bytes(const FileRecord& a, const FileRecord& b) {
  return a.size_bytes == b.size_bytes && a.sha256 == b.sha256;
}

bool same_samples(const FileRecord& a, const FileRecord& b) {
  return same_bytes(a, b) || (a.samples_sha256 != base::Sha256{} && a.samples_sha256 == b.samples_sha256);
}

// "a/b.1003.png is on record with SHA-256 ..., and came out with ...": of the first file that differs.
std::string digests_text(const RemakeRecord& remade) {
  for (const FileRecord& before : remade.before) {
    const FileRecord* after = file_of(remade.after, before.path);
    if (after != nullptr && same_bytes(before, *after)) continue;
    return before.path + " is on record with SHA-256 " + before.sha256.hex() + ", and came out " +
           (after == nullptr ? std::string("under another name") : "with " + after->sha256.hex());
  }
  if (remade.before.empty()) return {};
  return remade.before.front().path + " with SHA-256 " + remade.before.front().sha256.hex();
}

void settle(FarmState& farm, const JobEntry& remake, const PhaseEntry& phase, RemakeRecord& remade,
            RemakeOutcome outcome) {
  remade.outcome = outcome;
  remade.time = farm.turn.now.wall;
  farm.turn.remade.emplace_back(phase.id, remade.task);
  const Cause& asked = remake.record.submitted;
  const std::string digests = digests_text(remade);
  std::string what = "TaskRemade", detail = "as on record, " + digests;
  if (outcome == RemakeOutcome::SameSamples) detail = "the same samples in other bytes, " + digests;
  if (outcome == RemakeOutcome::Replaced) {
    what = "TaskReplaced";
    detail = digests + "; asked for by " + asked.principal + (asked.reason.empty() ? "" : ": " + asked.reason);
  }
  if (outcome == RemakeOutcome::Differs) {
    what = "TaskRemadeOtherwise";
    detail = "nothing was changed, " + digests;
  }
  farm.turn.say({"layer", remade.of, phase.plan->layer, {}, what, "job " + number(remake.record.id) + ": " + detail});
}

RemakeRecord* remade_of(JobEntry& job, const PhaseEntry& phase, TaskIndex task) {
  const auto remade = job.remade.find({phase.id.index, task});
  return remade == job.remade.end() ? nullptr : &remade->second;
}

base::Result<std::vector<RemakeRecord>> records_of(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks,
                                                   const JobChangeAsked& asked, JobId id) {
  std::map<std::pair<PhaseId, TaskIndex>, const CommitRecord*> commits;
  for (const CommitRecord& commit : asked.on_record) commits[{commit.phase, commit.task}] = &commit;
  std::vector<RemakeRecord> records;
  for (const auto& key : tasks) {
    const auto commit = commits.find(key);
    if (commit == commits.end() || commit->second->files.empty())
      return base::Error{"remake.no_record", "task " + std::to_string(key.second) + " has no files on record", "frames",
                         "submit the job again for a new version"};
    RemakeRecord record;
    record.phase = {id, key.first.index};
    record.task = key.second;
    record.of = key.first.job;
    record.before = commit->second->files;
    records.push_back(std::move(record));
  }
  return records;
}

JobEntry& add_remake(FarmState& farm, const JobEntry& first, const JobChangeAsked& asked,
                     std::vector<RemakeRecord> records) {
  JobRecord record;
  record.id = JobId(++farm.counters.last_job);
  farm.turn.counters = true;
  record.spec = first.record.spec;
  record.plan = first.record.plan;
  record.packages = first.record.packages;
  record.version = first.record.version;
  record.priority = first.record.priority;
  record.submitted = record.last_change = asked.cause;
  record.remake_of = first.record.id;
  record.replaces = asked.replace;
  JobEntry& remake = farm.jobs.add(std::move(record), farm.pace);
  for (RemakeRecord& remade : records) {
    farm.turn.remade.emplace_back(remade.phase, remade.task);
    remake.remade.emplace(std::pair{remade.phase.index, remade.task}, std::move(remade));
  }
  // Pixels are compared: they come from the device class that made the first ones.
  for (PhaseEntry& phase : remake.phases) phase.device_class = first.phases[phase.id.index].device_class;
  take_the_rest(remake);
  return remake;
}

}  // namespace

base::Result<std::vector<std::pair<PhaseId, TaskIndex>>> tasks_to_remake(const FarmState& farm,
                                                                         const JobChangeAsked& asked) {
  const JobEntry* job = farm.jobs.find(asked.job);
  if (job == nullptr)
    return base::Error{"job.unknown", "there is no job " + number(asked.job) + " that could be changed", "job",
                       "`framemill jobs` lists the jobs; the oldest finished ones are in the history alone"};
  if (job->record.remake_of)
    return base::Error{
        "remake.of_remake",
        "job " + number(asked.job) + " itself makes files of job " + number(job->record.remake_of) + " again", "job",
        "name job " + number(job->record.remake_of)};
  const auto& layers = job->record.spec->layers;
  if (!asked.layer.empty() &&
      std::none_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == asked.layer; }))
    return unknown_layer(job->record, asked.layer);
  if (asked.layer.empty() && !asked.frames)
    return base::Error{"remake.needs_frames", "nothing says what is to be made again", "frames",
                       "name frames, or a layer for its movie, sheet or all its frames"};
  std::vector<std::pair<PhaseId, TaskIndex>> found;
  for (const PhaseEntry& phase : job->phases) {
    if (phase.plan->kind == PhaseKind::Denoise) continue;
    if (!asked.layer.empty() && job->layer_of(phase).name != asked.layer) continue;
    std::set<TaskIndex> tasks;
    FM_TRY(add_asked(phase, asked, tasks));
    for (const TaskIndex task : tasks) {
      FM_TRY(check_published(*job, phase, task));
      FM_TRY(check_idle(farm, *job, phase, task));
      found.emplace_back(phase.id, task);
    }
    if (!tasks.empty()) FM_TRY(check_names(farm, *job, phase, tasks));
  }
  if (found.size() > kRemadeTasksMax) return too_many();
  if (found.empty())
    return base::Error{"remake.nothing", "job " + number(asked.job) + " has no such frames", "frames",
                       "`framemill frames " + number(asked.job) + "` lists its files; a movie is named by its layer"};
  return found;
}

base::Result<Changed> start_remake(FarmState& farm, JobEntry& first, const JobChangeAsked& asked) {
  FM_ASSIGN(const auto tasks, tasks_to_remake(farm, asked));
  if (farm.jobs.live_jobs() >= farm.settings.jobs_max)
    return base::Error{
        "farm.too_many_jobs",
        "the farm holds " + std::to_string(farm.jobs.live_jobs()) + " jobs that are not finished, its limit", "",
        "wait until some are done"};
  FM_ASSIGN(auto records, records_of(tasks, asked, JobId(farm.counters.last_job + 1)));
  JobEntry& remake = add_remake(farm, first, asked, std::move(records));
  const JobId id = remake.record.id;
  first.remakes.insert(id);
  farm.jobs.count_live(+1);
  farm.turn.mark(remake);
  enqueue(farm, remake);
  for (PhaseEntry& phase : remake.phases) {
    farm.turn.mark(phase);
    farm.turn.touch(remake, phase);
    for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
      if (run.state == TaskState::Waiting) return_tasks(farm, phase, run.tasks);
  }
  const std::string what = std::to_string(tasks.size()) + (tasks.size() == 1 ? " task" : " tasks");
  audit(farm, asked.cause, asked.replace ? "remake_replace" : "remake", "job " + number(first.record.id));
  farm.turn.say({"job", first.record.id, 0, {}, "JobRemakeAsked", "job " + number(id) + " makes " + what + " again"});
  farm.turn.say({"job",
                 id,
                 0,
                 {},
                 "JobSubmitted",
                 remake.record.spec->name + ": " + what + " of job " + number(first.record.id) + " again"});
  return Changed{static_cast<std::uint32_t>(tasks.size()), id};
}

RemakeOutcome compared(const RemakeRecord& remade) {
  if (remade.after.empty()) return RemakeOutcome::Open;
  if (remade.before.size() != remade.after.size()) return RemakeOutcome::Differs;
  RemakeOutcome outcome = RemakeOutcome::Equal;
  for (const FileRecord& before : remade.before) {
    const FileRecord* after = file_of(remade.after, before.path);
    if (after == nullptr || !same_samples(before, *after)) return RemakeOutcome::Differs;
    if (!same_bytes(before, *after)) outcome = RemakeOutcome::SameSamples;
  }
  return outcome;
}

bool may_take_place(FarmState& farm, JobEntry& remake, const PhaseEntry& phase, TaskIndex task,
                    const std::vector<FileRecord>& files) {
  RemakeRecord* remade = remade_of(remake, phase, task);
  if (remade == nullptr) return true;  // an intermediate
  remade->after = files;
  remade->outcome = RemakeOutcome::Open;
  farm.turn.remade.emplace_back(phase.id, task);
  if (remake.record.replaces || compared(*remade) != RemakeOutcome::Differs) return true;
  settle(farm, remake, phase, *remade, RemakeOutcome::Differs);
  return false;
}

std::string other_contents_text(const JobEntry& remake, const PhaseEntry& phase, TaskIndex task) {
  const RemakeRecord& remade = remake.remade.at({phase.id.index, task});
  const jobs::FrameSet frames = is_framewise(*phase.plan) ? phase.frames_of(task) : jobs::FrameSet{};
  return "It did not come out as it was, and nothing was changed: " + digests_text(remade) +
         ". To publish what comes out now under the same version: framemill retry " + number(remade.of) + " --layer " +
         remake.layer_of(phase).name + (frames.empty() ? "" : " --frames " + frames.text()) + " --remake --replace";
}

void settle_remade(FarmState& farm, const PhaseEntry& phase, TaskRange published) {
  JobEntry& remake = farm.job_of(phase.id);
  for (auto it = remake.remade.lower_bound({phase.id.index, published.first});
       it != remake.remade.end() && it->first.first == phase.id.index && it->first.second < published.end(); ++it) {
    const RemakeOutcome outcome = compared(it->second);
    settle(farm, remake, phase, it->second, outcome == RemakeOutcome::Differs ? RemakeOutcome::Replaced : outcome);
  }
}

void settle_refused(FarmState& farm, const PhaseEntry& phase, TaskIndex task) {
  JobEntry& remake = farm.job_of(phase.id);
  if (RemakeRecord* remade = remade_of(remake, phase, task))
    settle(farm, remake, phase, *remade, RemakeOutcome::Differs);
}

void recall_remakes(FarmState& farm, std::vector<RemakeRecord> records) {
  for (RemakeRecord& record : records)
    if (JobEntry* remake = farm.jobs.find(record.phase.job); remake != nullptr && remake->record.remake_of)
      remake->remade.insert_or_assign({record.phase.index, record.task}, std::move(record));
  for (auto& [id, job] : farm.jobs.all()) {
    if (!job.record.remake_of) continue;
    const Parts parts = parts_of(job);
    for (PhaseEntry& phase : job.phases)
      phase.taken = phase.tasks.size() - static_cast<std::uint32_t>(parts[phase.id.index].size());
    if (JobEntry* first = farm.jobs.find(job.record.remake_of)) first->remakes.insert(id);
  }
}

}  // namespace framemill::scheduler
