#include "scheduler/core/state/pace.h"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/core/state/demand.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kRemembered = 16;         // tasks that weigh in an average
constexpr std::uint32_t kRatiosRemembered = 6;    // tasks of a worker that weigh in its slowness
constexpr std::uint32_t kSteady = 4, kTried = 2;  // samples after which an average, or a worker's slowness, counts
constexpr double kUnusual = 2, kPlainlySlow = 1.5;
constexpr std::string_view kOneJob = "job ";

}  // namespace

void DurationEstimator::Average::add(double value, std::uint32_t remembered) {
  const bool is_steady = samples >= kSteady;
  samples = std::min(samples + 1, remembered);
  seconds += (value - seconds) / samples;
  usual += ((is_steady ? std::min(value, kUnusual * usual) : value) - usual) / samples;
}

PaceId DurationEstimator::intern(const std::string& work) {
  if (const auto known = ids_.find(work); known != ids_.end()) return known->second;
  PaceId id = static_cast<PaceId>(works_.size());
  if (free_.empty()) {
    works_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  ids_.emplace(work, id);
  return id;
}

void DurationEstimator::forget_job_work(const std::string& work) {
  const auto known = ids_.find(work);
  if (known == ids_.end() || !work.starts_with(kOneJob)) return;
  works_[known->second] = {};
  free_.push_back(known->second);
  ids_.erase(known);
}

void DurationEstimator::measured(PaceId id, const std::string& device_class, WorkerId worker,
                                 std::uint64_t duration_us) {
  if (duration_us == 0) return;
  Work& work = works_[id];
  const double seconds = static_cast<double>(duration_us) / 1e6;
  work.any.add(seconds, kRemembered);
  Average& here = row_of(work.by_class, device_class);
  if (here.samples >= kSteady) slowness_[worker].add(seconds / here.usual, kRatiosRemembered);
  here.add(seconds, kRemembered);
}

void DurationEstimator::used(PaceId id, const std::string& device_class, std::uint64_t device_us) {
  if (device_us == 0) return;
  row_of(works_[id].used_by_class, device_class).add(static_cast<double>(device_us) / 1e6, kRemembered);
}

DurationEstimator::Average& DurationEstimator::row_of(std::vector<Average>& rows, const std::string& device_class) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const Average& a) { return a.device_class == device_class; });
  return row != rows.end() ? *row : rows.emplace_back(Average{device_class, 0, 0, 0});
}

void DurationEstimator::loaded(PaceId id, std::uint64_t duration_us) {
  works_[id].load.add(static_cast<double>(duration_us) / 1e6, kRemembered);
}

double DurationEstimator::load_seconds(PaceId id) const {
  return works_[id].load.seconds;
}

double DurationEstimator::slowness(WorkerId worker) const {
  const auto known = slowness_.find(worker);
  const bool is_slow =
      known != slowness_.end() && known->second.samples >= kTried && known->second.usual >= kPlainlySlow;
  return is_slow ? known->second.usual : 1;
}

std::optional<double> DurationEstimator::seconds(PaceId id, const std::string& device_class) const {
  for (const Average& row : works_[id].by_class)
    if (row.device_class == device_class) return row.seconds;
  return seconds(id);
}

std::optional<double> DurationEstimator::device_seconds(PaceId id, const std::string& device_class) const {
  for (const Average& row : works_[id].used_by_class)
    if (row.device_class == device_class) return row.seconds;
  return seconds(id, device_class);
}

std::optional<double> DurationEstimator::seconds(PaceId id) const {
  const Work& work = works_[id];
  if (work.any.samples == 0) return std::nullopt;
  return work.any.seconds;
}

std::string pace_name(const JobRecord& job, const jobs::PhasePlan& phase) {
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  if (layer.model().empty()) return fmt::format("{}{} layer {}", kOneJob, job.id.value, phase.layer);
  const jobs::PackageFacts* package = package_of(job, layer.model());
  const std::string digest = package == nullptr ? std::string() : package->root_digest.hex();
  std::string work = fmt::format("{} {}", jobs::name(phase.kind), digest);
  const jobs::WindowChoice& window = layer.window();
  if (window.size && package != nullptr && *window.size != jobs::PictureSize{package->width, package->height})
    work += " size " + window.size->text();
  if (window.frames && package != nullptr && *window.frames != package->window_frames)
    work += fmt::format(" window {}", *window.frames);
  if (!phase.traits().stepped) return work;
  const std::uint32_t steps = layer.steps().value_or(package == nullptr ? 0 : package->default_steps);
  return fmt::format("{} steps {}", work, steps);
}

}  // namespace framemill::scheduler
