#include "models/weight_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "base/nearest.h"

namespace framemill::models {
namespace {

constexpr std::size_t kFaultyNamesShownMax = 10;

template <class Config>
constexpr bool kHasTensorList = std::is_same_v<Config, WanTransformerConfig> ||
                                std::is_same_v<Config, WanAutoencoderConfig> || std::is_same_v<Config, Umt5Config>;

std::string extents_text(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "a single value" : fmt::format("{}", fmt::join(shape, "x"));
}

}  // namespace

bool has_tensor_list(const ComponentConfig& config) {
  return std::visit([](const auto& c) { return kHasTensorList<std::decay_t<decltype(c)>>; }, config);
}

WeightSet::WeightSet(const ComponentConfig& config) {
  FM_CHECK(has_tensor_list(config), "weights of a component without a list of tensors");
  std::visit(
      [this](const auto& c) {
        if constexpr (kHasTensorList<std::decay_t<decltype(c)>>) {
          names_.emplace(c);
          wanted_ = tensors_of(c);
        }
      },
      config);
}

void WeightSet::add(const SafetensorsFile& file) {
  for (const auto& [name, view] : file.tensors()) {
    const auto known = names_->find(name);
    if (!known) {
      left_over_.push_back(name);
      continue;
    }
    const StoredWeight stored{view, 1.0, file.storage()};
    if (known->use == TensorUse::Weight) {
      if (!weights_.emplace(known->name, stored).second) repeated_.push_back(name);
      if (without_network_prefix(name) != known->name) ++original_names_;
    } else if (known->use == TensorUse::Duplicate) {
      duplicates_.emplace(known->name, stored);
    } else if (known->use == TensorUse::Scale) {
      const std::vector<float> values = floats_of(view);
      const bool good = values.size() == 1 && std::isfinite(values[0]);
      if (!good || !scales_.emplace(known->name, static_cast<double>(values[0])).second) bad_scales_.push_back(name);
    }
  }
}

void WeightSet::complete() {
  for (const auto& [name, stored] : duplicates_) weights_.emplace(name, stored);
  for (const auto& [name, scale] : scales_) {
    if (const auto found = weights_.find(name); found != weights_.end()) found->second.scale = scale;
  }
}

std::vector<std::string> WeightSet::faults() const {
  std::vector<std::string> missing, misshapen, untyped;
  for (const auto& [name, shape] : wanted_) {
    const auto found = weights_.find(name);
    if (found == weights_.end())
      missing.push_back(name);
    else if (found->second.view.shape != shape)
      misshapen.push_back(
          fmt::format("{} is {} instead of {}", name, extents_text(found->second.view.shape), extents_text(shape)));
    else if (!is_floating_point(found->second.view.dtype))
      untyped.push_back(fmt::format("{} ({})", name, dtype_name(found->second.view.dtype)));
  }
  std::vector<std::string> out;
  const auto report = [&out](std::string_view what, const std::vector<std::string>& names) {
    if (!names.empty())
      out.push_back(fmt::format("{} {}: {}", names.size(), what, base::listed(names, kFaultyNamesShownMax)));
  };
  report("missing", missing);
  report("that the network does not have", left_over_);
  report("stored twice", repeated_);
  report("of another shape", misshapen);
  report("without floating-point values", untyped);
  report("scales that are not one finite number", bad_scales_);
  return out;
}

std::vector<Dtype> WeightSet::dtypes() const {
  std::map<Dtype, std::size_t> counts;
  for (const auto& [name, stored] : weights_) ++counts[stored.view.dtype];
  std::vector<Dtype> out;
  for (const auto& [dtype, count] : counts) out.push_back(dtype);
  std::stable_sort(out.begin(), out.end(), [&](Dtype a, Dtype b) { return counts[a] > counts[b]; });
  return out;
}

}  // namespace framemill::models
