#include "worker/executor/model_shelf.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest_bytes.h"
#include "base/log.h"
#include "base/os_error.h"
#include "jobs/attempt_error.h"
#include "jobs/memory.h"
#include "jobs/window_shape.h"
#include "worker/executor/usage_meter.h"

namespace framemill::worker {
namespace {

using jobs::AttemptError;

base::Error not_admitted(std::string message) {
  return base::error_of(AttemptError::NoRoom, std::move(message));
}

// A package that cannot be opened any more, though the worker had told of it: the host's trouble, whatever it is.
base::Error damaged_here(base::Error error) {
  const bool told_apart = is(error, AttemptError::ModelNotFound) || is(error, AttemptError::ModelDigestMismatch) ||
                          base::is_of_system(error);
  if (!told_apart) error.code = jobs::text_of(AttemptError::ModelDamaged);
  return error;
}

}  // namespace

ModelShelf::ModelShelf(Engine& engine, std::vector<std::filesystem::path> directories, gpu::DeviceSpec device,
                       gpu::GeneratorHooks hooks)
    : engine_(engine), directories_(std::move(directories)), device_(device), hooks_(std::move(hooks)) {}

Model* ModelShelf::find(const std::string& root_digest) {
  const auto found = std::find_if(models_.begin(), models_.end(), [&](const Model& m) {
    return base::raw_bytes(m.package.facts.root_digest) == root_digest;
  });
  return found == models_.end() ? nullptr : &*found;
}

// What the budget leaves to a model beside the weights of the others.
std::uint64_t ModelShelf::available_to(const Model* model) const {
  if (device_.memory_budget_bytes == 0) return UINT64_MAX;
  std::uint64_t others = 0;
  for (const Model& m : models_)
    if (&m != model) others += m.resident_bytes;
  return device_.memory_budget_bytes - std::min(others, device_.memory_budget_bytes);
}

// Unloads idle models, the one used longest ago first, until a newcomer has `bytes`.
bool ModelShelf::make_room(std::uint64_t bytes) {
  while (available_to(nullptr) < bytes || models_.size() >= kModelsMax) {
    auto oldest = models_.end();
    for (auto m = models_.begin(); m != models_.end(); ++m)
      if (m->users == 0 && (oldest == models_.end() || m->last_used < oldest->last_used)) oldest = m;
    if (oldest == models_.end()) return false;
    base::log_info("executor", "unload {} to make room", oldest->package.facts.id());
    models_.erase(oldest);
  }
  return true;
}

base::Result<ModelShelf::Lease> ModelShelf::acquire(const std::string& id, const std::string& root_digest,
                                                    const jobs::WindowChoice& choice) {
  if (Model* warm = find(root_digest)) {
    warm->last_used = ++clock_;
    ++warm->users;
    return Lease{warm, false, 0};
  }
  auto found = engine_.find(directories_, id);
  if (!found.ok()) return damaged_here(found.error());
  FoundPackage package = std::move(found).value();
  if (base::raw_bytes(package.facts.root_digest) != root_digest)
    return base::error_of(
        AttemptError::ModelDigestMismatch,
        fmt::format("{} has root digest {} here, not the requested one", id, package.facts.root_digest.hex()), "",
        "install the same package on every host");
  const auto& prior = device_.kind == gpu::DeviceKind::Cuda ? package.facts.cuda_memory : package.facts.cpu_memory;
  const auto shape = jobs::window_shape(package.facts, choice);
  const auto row = jobs::row_from_prior(jobs::memory_of(package.facts, prior, shape));
  const std::uint64_t needed = jobs::booking_bytes(row, 1);
  if (!make_room(needed))
    return not_admitted(fmt::format("{} needs {} bytes; of the device's {} only {} are left beside models at work", id,
                                    needed, device_.memory_budget_bytes, available_to(nullptr)));
  if (hooks_.loading) hooks_.loading(id, 0);
  const auto start = Clock::now();
  auto generator = engine_.load(package.directory, device_, hooks_);
  if (is(generator, AttemptError::OutOfMemory)) {
    if (evict_idle()) generator = engine_.load(package.directory, device_, hooks_);
    if (!generator.ok()) return not_admitted(generator.error().message);
  }
  if (!generator.ok()) return generator.error().wrapped(fmt::format("load model {}", id));
  Model& model = models_.emplace_back();
  model.package = std::move(package);
  model.generator = std::move(generator).value();
  model.resident_bytes = std::max(row.resident_bytes, model.generator->memory().resident_bytes);
  model.last_used = ++clock_;
  model.users = 1;
  const double load_us = microseconds_since(start);
  base::log_info("executor", "loaded {} in {:.0f} ms, {} bytes resident", id, load_us / 1000, model.resident_bytes);
  return Lease{&model, true, load_us};
}

std::uint32_t ModelShelf::batch_limit(const Model& model, BatchKind kind, const gpu::WindowShape& shape) const {
  const auto configured = static_cast<std::uint32_t>(std::max(1, model.generator->batch_max()));
  std::uint32_t windows = std::min(configured, model.batch_cap.limit());
  const std::uint64_t available = available_to(&model);
  const auto predicted = [&](std::uint32_t n) {
    return kind == BatchKind::Denoise ? model.generator->predicted_step_bytes(shape, static_cast<int>(n))
                                      : model.generator->predicted_decode_bytes(shape, static_cast<int>(n));
  };
  while (windows > 1 && model.resident_bytes + predicted(windows) > available) --windows;
  return std::max<std::uint32_t>(1, windows);  // the allocator has the last word
}

bool ModelShelf::evict_idle() {
  return std::erase_if(models_, [](const Model& m) { return m.users == 0; }) > 0;
}

std::vector<std::string> ModelShelf::warm_digests() const {
  std::vector<std::string> digests;
  for (const Model& m : models_) digests.push_back(base::raw_bytes(m.package.facts.root_digest));
  return digests;
}

std::uint64_t ModelShelf::resident_bytes() const {
  std::uint64_t sum = 0;
  for (const Model& m : models_) sum += m.resident_bytes;
  return sum;
}

}  // namespace framemill::worker
