#include "scheduler/daemon/root_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "jobs/output_names.h"
#include "jobs/plan.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kAsksMax = 16;
constexpr std::int64_t kFramesLookedAt = 8;  // of one input: enough for a wrong name or a wrong range
constexpr std::size_t kWarningsMax = 32;
constexpr std::uint32_t kVersionsLookedAt = 1'000;  // beyond those that the store knows

// As much of the layer's first phase as its inputs depend on; of a chain's context the last frame stands for all.
jobs::PhasePlan phase_of(const jobs::LayerSpec& layer) {
  jobs::PhasePlan phase;
  phase.kind = jobs::traits(layer.kind).first_phase;
  phase.grid.context_frames = 1;
  return phase;
}

}  // namespace

RootProbe::RootProbe(std::map<std::string, std::filesystem::path> roots, std::shared_ptr<const Files> files)
    : roots_(std::move(roots)), files_(std::move(files)), queue_(std::make_shared<Queue>()) {
  std::erase_if(roots_, [](const auto& root) { return root.second.empty(); });
  if (roots_.empty()) return;
  std::thread([queue = queue_] {
    std::unique_lock lock(queue->mutex);
    while (true) {
      queue->wake.wait(lock, [&] { return queue->ending || !queue->jobs.empty(); });
      if (queue->ending) return;
      const auto job = std::move(queue->jobs.front());
      lock.unlock();
      job();
      lock.lock();
      queue->jobs.pop_front();
    }
  }).detach();
}

RootProbe::~RootProbe() {
  const std::lock_guard lock(queue_->mutex);
  queue_->ending = true;
  queue_->wake.notify_all();
}

bool RootProbe::concerns(const jobs::JobSpec& spec) const {
  return std::any_of(spec.layers.begin(), spec.layers.end(), [&](const jobs::LayerSpec& layer) {
    return std::any_of(layer.inputs.begin(), layer.inputs.end(), [&](const jobs::LayerInput& input) {
      return input.layer.empty() && roots_.contains(input.root);
    });
  });
}

bool RootProbe::add(std::function<void()> look) {
  const std::lock_guard lock(queue_->mutex);
  if (queue_->jobs.size() >= kAsksMax) return false;
  queue_->jobs.push_back(std::move(look));
  queue_->wake.notify_all();
  return true;
}

bool RootProbe::ask(std::shared_ptr<const jobs::JobSpec> spec, std::function<void(std::vector<std::string>)> then) {
  return add([spec = std::move(spec), roots = roots_, files = files_, then = std::move(then)] {
    then(missing_first_frames(*spec, roots, *files));
  });
}

bool RootProbe::ask_version(std::shared_ptr<const jobs::JobSpec> spec, std::uint32_t from,
                            std::function<void(std::uint32_t)> then) {
  const bool is_here = std::any_of(spec->layers.begin(), spec->layers.end(),
                                   [&](const jobs::LayerSpec& layer) { return roots_.contains(layer.root); });
  return is_here && add([spec = std::move(spec), from, roots = roots_, files = files_, then = std::move(then)] {
           then(free_version(*spec, from, roots, *files));
         });
}

namespace {

// Whether the layer's first file of that version has its final name already.
bool is_there(const jobs::JobSpec& spec, const jobs::LayerSpec& layer, std::uint32_t version,
              const std::filesystem::path& root, const Files& files) {
  if (layer.frames.empty()) return false;
  const std::string& shot = layer.shot.empty() ? spec.shot : layer.shot;
  const auto name = jobs::resolve_output(layer.output, {spec.show, spec.sequence, shot, layer.name, 0, version});
  return name.ok() && files.exists(root / jobs::frame_path(*name, layer.frames.first()));
}

}  // namespace

std::uint32_t free_version(const jobs::JobSpec& spec, std::uint32_t from,
                           const std::map<std::string, std::filesystem::path>& roots, const Files& files) {
  std::vector<std::pair<const jobs::LayerSpec*, std::filesystem::path>> here;
  for (const jobs::LayerSpec& layer : spec.layers)
    if (const auto root = roots.find(layer.root); root != roots.end() && jobs::has_token(layer.output, "version") &&
                                                  files.exists(root->second / ".framemill-root"))
      here.emplace_back(&layer, root->second);
  const auto taken = [&](std::uint32_t version) {
    return std::any_of(here.begin(), here.end(),
                       [&](const auto& entry) { return is_there(spec, *entry.first, version, entry.second, files); });
  };
  for (std::uint32_t version = from; version - from < kVersionsLookedAt; ++version)
    if (!taken(version)) return version;
  return from;
}

std::vector<std::string> missing_first_frames(const jobs::JobSpec& spec,
                                              const std::map<std::string, std::filesystem::path>& roots,
                                              const Files& files) {
  std::vector<std::string> warnings;
  for (const jobs::LayerSpec& layer : spec.layers)
    for (const jobs::RootFiles& input : jobs::root_files_of(layer, phase_of(layer))) {
      const auto root = roots.find(input.root);
      if (root == roots.end() || warnings.size() >= kWarningsMax) continue;
      if (!files.exists(root->second / ".framemill-root")) continue;  // not mounted here: says nothing
      const jobs::FrameSet& frames = input.frames;
      const std::int64_t looked_at = std::min(frames.count(), kFramesLookedAt);
      std::int64_t missing = 0;
      std::string first;
      for (std::int64_t i = 0; i < looked_at; ++i) {
        const std::string path = jobs::path_of(input, frames.nth(i));
        if (files.exists(root->second / path)) continue;
        if (missing++ == 0) first = path;
      }
      if (missing > 0)
        warnings.push_back(
            looked_at == 1
                ? fmt::format("layer {}: its input {}:{} is not there; it waits for it", layer.name, input.root, first)
                : fmt::format(
                      "layer {}: {} of its first {} input files are not there, the first is {}:{}; it waits for "
                      "them",
                      layer.name, missing, looked_at, input.root, first));
    }
  return warnings;
}

}  // namespace framemill::scheduler
