#include "gpu/torch/mapped_weights.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "base/os_error.h"
#include "jobs/attempt_error.h"

namespace framemill::gpu {
namespace {

at::ScalarType stored_type(models::Dtype dtype) {
  switch (dtype) {
    case models::Dtype::F64:
      return at::kDouble;
    case models::Dtype::F16:
      return at::kHalf;
    case models::Dtype::BF16:
      return at::kBFloat16;
    case models::Dtype::F8_E4M3:
      return at::kFloat8_e4m3fn;
    case models::Dtype::F8_E5M2:
      return at::kFloat8_e5m2;
    default:
      return at::kFloat;  // no other passes WeightSet::faults()
  }
}

// Small, and the precision of everything depends on it: float32 whatever the network computes with.
at::ScalarType used_type(const std::string& name, const models::TensorView& view, at::ScalarType compute) {
  const bool stays_float = view.shape.size() < 2 || name.find("scale_shift_table") != std::string::npos ||
                           name.find("time_embedder") != std::string::npos;
  return stays_float ? at::kFloat : compute;
}

std::uint64_t values_of(const models::TensorView& view) {
  return view.bytes.size() / models::dtype_size(view.dtype);
}

at::Tensor mapped_tensor(const models::StoredWeight& weight) {
  const models::TensorView& view = weight.view;
  const auto options = at::TensorOptions(stored_type(view.dtype));
  if (!view.is_aligned() || view.bytes.empty()) {
    at::Tensor copy = at::empty(view.shape, options);
    if (!view.bytes.empty()) std::memcpy(copy.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  // Never written to: the networks are functions over constant parameters.
  return at::from_blob(const_cast<char*>(view.bytes.data()), view.shape, [keep = weight.storage](void*) {}, options);
}

}  // namespace

base::Status check_file_digest(const models::Package& package, const models::PackageFile& file, const ReadBytes& read) {
  errno = 0;
  const std::filesystem::path path = package.directory / file.path;
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::os_error(errno, "file.open", "open " + path.string());
  base::Sha256Sum sum;
  std::vector<char> buffer(4 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.add(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (read) read(static_cast<std::uint64_t>(in.gcount()));
  }
  if (in.bad()) return base::os_error(errno, "file.read", "read " + path.string());
  if (sum.finish() == file.sha256) return {};
  return base::error_of(jobs::AttemptError::ModelDigestMismatch,
                        package.manifest.id() + ": " + file.path + " is not the file the manifest names", "",
                        "fetch the package again");
}

base::Result<MappedWeights> MappedWeights::open(const models::Package& package, const models::Component& component,
                                                const ReadBytes& read) {
  models::WeightSet set(component.config);
  for (const std::string& path : component.files) {
    FM_TRY(check_file_digest(package, *package.manifest.file(path), read));
    auto file = models::SafetensorsFile::map(package.directory / path);
    if (!file.ok()) return file.error().wrapped(path);
    set.add(*file);
  }
  set.complete();
  std::string message;
  for (const std::string& fault : set.faults()) message += (message.empty() ? "" : "; ") + fault;
  if (!message.empty())
    return base::Error{"model.weights",
                       std::string(models::name(component.role)) + ": the files do not hold this network: " + message,
                       "", "[component.config] of model.toml and the files belong together: import the model again"};
  return MappedWeights(std::move(set), component.compute == models::ComputeDtype::Bf16 ? at::kBFloat16 : at::kFloat);
}

std::uint64_t MappedWeights::loaded_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, weight] : set_.weights())
    sum += values_of(weight.view) * at::elementSize(used_type(name, weight.view, compute_));
  return sum;
}

std::shared_ptr<const LoadedWeights> MappedWeights::load(at::Device device, const ReadBytes& read) const {
  auto loaded = std::make_shared<LoadedWeights>();
  for (const auto& [name, weight] : set_.weights()) {
    at::Tensor tensor = mapped_tensor(weight);
    if (weight.scale != 1.0) tensor = tensor.to(at::kFloat) * weight.scale;
    tensor = tensor.to(device, used_type(name, weight.view, compute_));
    loaded->bytes += tensor.nbytes();
    if (tensor.const_data_ptr() == weight.view.bytes.data()) loaded->mapped_bytes += tensor.nbytes();
    if (read) read(tensor.nbytes());
    loaded->parameters.set(name, std::move(tensor));
  }
  return loaded;
}

}  // namespace framemill::gpu
