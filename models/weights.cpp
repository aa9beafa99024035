#include "models/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"

namespace framemill::models {
namespace {

constexpr std::size_t kNamesShownMax = 5;

using Tensors = std::map<std::string, std::vector<std::int64_t>>;

void add_linear(Tensors& out, const std::string& name, std::int64_t outputs, std::int64_t inputs) {
  out[name + ".weight"] = {outputs, inputs};
  out[name + ".bias"] = {outputs};
}
void add_conv(Tensors& out, const std::string& name, std::int64_t outputs, std::int64_t inputs, std::int64_t kernel) {
  out[name + ".weight"] = {outputs, inputs, kernel, kernel};
  out[name + ".bias"] = {outputs};
}
void add_residual(Tensors& out, const std::string& name, std::int64_t width) {
  add_conv(out, name + ".a", width, width, 3);
  add_conv(out, name + ".b", width, width, 3);
}

void add_autoencoder(Tensors& out, const NetworkShape& s) {
  const std::string p = "autoencoder.";
  add_conv(out, p + "encoder.stem", kStemWidth, 3 * kStem * kStem, 3);
  add_conv(out, p + "encoder.down", s.encoder_width, kStemWidth, 3);
  add_residual(out, p + "encoder.middle", s.encoder_width);
  add_conv(out, p + "encoder.out", s.latent_channels, s.encoder_width, 1);
  add_conv(out, p + "decoder.in", s.decoder_width, s.latent_channels, 3);
  add_residual(out, p + "decoder.coarse1", s.decoder_width);
  add_residual(out, p + "decoder.coarse2", s.decoder_width);
  add_conv(out, p + "decoder.up", std::int64_t{s.decoder_middle_width} * 4, s.decoder_width, 3);
  add_residual(out, p + "decoder.middle", s.decoder_middle_width);
  add_conv(out, p + "decoder.grow", std::int64_t{s.decoder_fine_width} * kStem * kStem, s.decoder_middle_width, 3);
  add_conv(out, p + "decoder.out", 3, s.decoder_fine_width, 3);
  out[p + "latent.mean"] = {s.latent_channels};
  out[p + "latent.std"] = {s.latent_channels};
}

void add_transformer(Tensors& out, const NetworkShape& s) {
  const std::string p = "transformer.";
  const std::int64_t d = s.width, patch = std::int64_t{s.latent_channels} * s.patch * s.patch;
  add_linear(out, p + "patch_in", d, patch);
  add_linear(out, p + "patch_out", patch, d);
  out[p + "place.space"] = {s.tokens_per_frame(), d};
  out[p + "place.time"] = {s.window_frames, d};
  out[p + "condition.place"] = {s.condition_tokens(), d};
  for (std::size_t i = 0; i < s.scene_values.size(); ++i)
    out[fmt::format("{}scene{}", p, i)] = {s.scene_values[i] + 1, d};
  for (std::size_t i = 0; i < s.object_values.size(); ++i)
    out[fmt::format("{}object{}", p, i)] = {s.object_values[i] + 1, d};
  add_linear(out, p + "level.a", d, kTimeFeatures);
  add_linear(out, p + "level.b", d, d);
  add_linear(out, p + "summary.a", kSummaryRank, d);
  add_linear(out, p + "summary.b", d, std::int64_t{kSummaryRank} * s.condition_tokens());
  add_linear(out, p + "final.modulation", 2 * d, d);
  for (int i = 0; i < s.layers; ++i) {
    const std::string layer = fmt::format("{}layer{}.", p, i);
    add_linear(out, layer + "modulation_a", s.modulation_rank, d);
    add_linear(out, layer + "modulation_b", 6 * d, s.modulation_rank);
    add_linear(out, layer + "qkv", 3 * d, d);
    add_linear(out, layer + "attention_out", d, d);
    out[layer + "q_gain"] = {d / s.heads};
    out[layer + "k_gain"] = {d / s.heads};
    add_linear(out, layer + "mlp_in", 4 * d, d);
    add_linear(out, layer + "mlp_out", d, 4 * d);
  }
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out;
  for (const std::int64_t extent : shape) out += fmt::format("{}{}", out.empty() ? "" : "x", extent);
  return shape.empty() ? "a single value" : out;
}

void tell(std::vector<std::string>& faults, const std::string& what, const std::vector<std::string>& names) {
  if (!names.empty()) faults.push_back(what + ": " + base::listed(names, kNamesShownMax));
}

}  // namespace

std::map<std::string, std::vector<std::int64_t>> network_tensors(const NetworkShape& shape) {
  Tensors out;
  add_autoencoder(out, shape);
  add_transformer(out, shape);
  return out;
}

std::vector<std::string> weight_faults(const NetworkShape& shape, const SafetensorsFile& file) {
  const Tensors wanted = network_tensors(shape);
  std::vector<std::string> missing, extra, misshapen, untyped, infinite;
  for (const auto& [name, extents] : wanted) {
    const TensorView* view = file.find(name);
    if (view == nullptr)
      missing.push_back(name);
    else if (view->shape != extents)
      misshapen.push_back(name + " is " + shape_text(view->shape) + " instead of " + shape_text(extents));
    else if (!is_floating_point(view->dtype))
      untyped.push_back(name + " (" + std::string(dtype_name(view->dtype)) + ")");
  }
  for (const auto& [name, view] : file.tensors()) {
    if (!wanted.contains(name)) extra.push_back(name);
    const std::vector<float> values = floats_of(view);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
      infinite.push_back(name);
  }
  std::vector<std::string> faults;
  tell(faults, "missing tensors", missing);
  tell(faults, "tensors that the manifest's network does not have", extra);
  tell(faults, "tensors of another shape than the manifest's network needs", misshapen);
  tell(faults, "tensors without floating-point values", untyped);
  tell(faults, "tensors with values that are infinite or not a number", infinite);
  return faults;
}

base::Status check_weights(const NetworkShape& shape, const SafetensorsFile& file) {
  std::string message;
  for (const std::string& fault : weight_faults(shape, file)) message += (message.empty() ? "" : "; ") + fault;
  if (message.empty()) return {};
  return base::Error{"model.weights", "the weights do not match the manifest's network: " + message, "",
                     "the [network] of model.toml and the weights belong together: fetch or make the package again"};
}

}  // namespace framemill::models
