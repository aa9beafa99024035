// Whole runs of the Wan networks with their samplers against diffusers' pipelines, from the same noise: the values that
// diffusers' own tests expect, and wider networks at settings that those values would not notice. The cases are those of
// tools/reference/wan_pipelines.py.
#include <map>
#include <utility>

#include "gpu/torch/samplers/sampler.h"
#include "gpu/torch/wan/autoencoder.h"
#include "gpu/torch/wan/transformer.h"
#include "tests/gpu_torch/wan_reference.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

struct Networks {
  models::WanTransformerConfig transformer;
  models::WanAutoencoderConfig autoencoder;
  Parameters high, low, autoencoder_weights;  // low: the second expert, of a network with two
};

// What a run starts from and looks at. Pictures are within -1..1.
struct Run {
  SamplerSettings sampler;
  int steps = 2, frames = 9, size = 16, first_step = 0;
  double guidance = 6.0, guidance_low = 6.0, boundary = 0.0;
  at::Tensor text, negative;
  bool has_level_per_token = false;
  at::Tensor image;     // [1, 3, H, W]; undefined without
  at::Tensor pictures;  // [1, 3, F, H, W]: video to video, VACE
  at::Tensor mask;      // [1, 3, F, H, W]: VACE, 1 where pictures are made
  double control_scale = 1.0;
};

at::Tensor encoded(const Networks& networks, const at::Tensor& pictures) {
  return wan_normalise(networks.autoencoder,
                       wan_encode(networks.autoencoder_weights, networks.autoencoder, pictures, at::kFloat));
}

// 2.2 A14B image to video: four channels that say which frames are given, and the latents of the image before grey.
at::Tensor image_channels(const Networks& networks, const Run& run) {
  const at::Tensor grey = at::zeros({1, 3, run.frames - 1, run.size, run.size});
  const at::Tensor latents = encoded(networks, at::cat({run.image.unsqueeze(2), grey}, 2));
  at::Tensor given = at::zeros({1, 4, latents.size(2), latents.size(3), latents.size(4)});
  given.select(2, 0).fill_(1);
  return at::cat({given, latents}, 1);
}

// VACE: latents of what is kept and of what is made anew, and the mask of the latter with the pixels of a cell as channels.
at::Tensor control_of(const Networks& networks, const Run& run) {
  const std::int64_t cells = run.size / 8, latent_frames = (run.frames + 3) / 4;
  const at::Tensor pixels =
      run.mask.select(1, 0).view({run.frames, cells, 8, cells, 8}).permute({2, 4, 0, 1, 3}).flatten(0, 1);
  const at::Tensor nearest =
      ((at::arange(latent_frames) + 0.5) * (static_cast<double>(run.frames) / static_cast<double>(latent_frames)))
          .to(at::kLong);
  return at::cat({encoded(networks, run.pictures * (1 - run.mask)), encoded(networks, run.pictures * run.mask),
                  pixels.index_select(1, nearest).unsqueeze(0)},
                 1);
}

at::Tensor denoised(const Networks& networks, const Run& run) {
  const auto sampler = Sampler::make(run.sampler, run.steps);
  REQUIRE(sampler.ok());
  SamplerState state = sampler.value().begin(run.first_step);
  const std::int64_t side = run.size / networks.autoencoder.space_ratio, frames = (run.frames - 1) / 4 + 1;
  at::Generator random = at::detail::createCPUGenerator(0);
  at::Tensor latents = at::randn({1, networks.autoencoder.z_dim, frames, side, side}, random, at::kFloat);
  WanInputs inputs;
  inputs.text = at::cat({run.text, run.negative}, 0);
  at::Tensor first, channels;
  if (run.mask.defined()) {
    inputs.control = control_of(networks, run).repeat({2, 1, 1, 1, 1});
    inputs.control_scale = std::vector<double>(networks.transformer.vace_layers.size(), run.control_scale);
  } else if (run.pictures.defined()) {
    latents = sampler.value().add_noise(state, encoded(networks, run.pictures), latents);
  } else if (run.image.defined() && run.has_level_per_token) {
    first = encoded(networks, run.image.unsqueeze(2)).squeeze(2);
  } else if (run.image.defined()) {
    channels = image_channels(networks, run);
  }
  while (!sampler.value().done(state)) {
    if (first.defined()) latents.select(2, 0).copy_(first);
    const double level = sampler.value().timestep(state);
    inputs.latents = (channels.defined() ? at::cat({latents, channels}, 1) : latents).repeat({2, 1, 1, 1, 1});
    inputs.level = at::full({2}, level);
    if (run.has_level_per_token) {
      inputs.level = inputs.level.view({2, 1, 1}).repeat({1, frames, side * side / 4});
      if (first.defined()) inputs.level.select(1, 0).fill_(0);
      inputs.level = inputs.level.flatten(1);
    }
    const bool is_high = level >= run.boundary * 1000;
    const at::Tensor both =
        wan_predict(is_high ? networks.high : networks.low, networks.transformer, inputs, at::kFloat);
    const double guidance = is_high ? run.guidance : run.guidance_low;
    const at::Tensor output = both[1] + guidance * (both[0] - both[1]);
    latents = sampler.value().advance(state, output.unsqueeze(0), latents);
  }
  if (first.defined()) latents.select(2, 0).copy_(first);
  return latents;
}

// The first and last eight values of the video: frame by frame, within 0..1.
at::Tensor ends_of(const Networks& networks, const at::Tensor& latents) {
  std::vector<at::Tensor> pieces;
  wan_decode(networks.autoencoder_weights, networks.autoencoder, wan_denormalise(networks.autoencoder, latents),
             at::kFloat, [&](const at::Tensor& pictures) { pieces.push_back(pictures); });
  const at::Tensor video = at::cat(pieces, 2).permute({0, 2, 1, 3, 4}).flatten() / 2 + 0.5;
  return at::cat({video.slice(0, 0, 8), video.slice(0, -8)});
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

Parameters stored_weights(const std::string& name) {
  const models::SafetensorsFile file = wan_reference(name);
  Parameters p;
  for (const auto& [tensor, view] : file.tensors()) p.set(tensor, tensor_of(file, tensor));
  return p;
}

SamplerSettings sampler_of(SamplerKind kind, double shift) {
  SamplerSettings settings;
  settings.kind = kind;
  settings.shift = shift;
  if (kind == SamplerKind::Unipc) settings.prediction = Prediction::Epsilon;
  return settings;
}

// Sizes of diffusers' tests; `channels` of the latents.
Networks public_networks(const std::string& name, int channels) {
  const models::SafetensorsFile file = wan_reference("pipelines");
  Networks networks;
  models::WanTransformerConfig& t = networks.transformer;
  t.heads = 2, t.head_dim = 12, t.text_dim = 32, t.ffn_dim = 32, t.layers = 2, t.rope_max_length = 32;
  t.in_channels = t.out_channels = channels;
  models::WanAutoencoderConfig& a = networks.autoencoder;
  a.base_dim = 3, a.z_dim = channels, a.residual_blocks = 1, a.dim_mult = {1, 1, 1, 1};
  a.latents_mean = values_of(tensor_of(file, "PUBLIC/latents_mean"));
  a.latents_std = values_of(tensor_of(file, "PUBLIC/latents_std"));
  if (channels == 48) {
    a.is_residual = true, a.in_channels = a.out_channels = 12, a.patch_size = 2, a.space_ratio = 16;
    a.latents_mean = std::vector<double>(48, 0.0), a.latents_std = std::vector<double>(48, 1.0);
  }
  if (name == "vace") t.layers = 3, t.vace_layers = {0, 2}, t.vace_in_channels = 96;
  const std::string suffix = channels == 48 ? "_48" : "";
  networks.high = stored_weights("public_transformer" + (name == "vace" ? "_vace" : suffix));
  networks.low = networks.high;
  networks.autoencoder_weights = stored_weights("public_autoencoder" + suffix);
  return networks;
}

Run public_run(const std::string& name) {
  Run run;
  run.text = run.negative = at::zeros({1, 16, 32});
  run.sampler = sampler_of(SamplerKind::FlowUnipc, 3.0);
  if (name == "t2v" || name == "vace") run.sampler = sampler_of(SamplerKind::FlowEuler, 7.0);
  if (name == "experts") run.boundary = 0.875;
  if (name == "ti2v" || name == "ti2v_image") run.has_level_per_token = true, run.size = 32;
  if (name == "ti2v_image") run.image = at::full({1, 3, 32, 32}, -1.0);
  if (name != "v2v" && name != "vace") return run;
  run.frames = 17;
  run.pictures = at::full({1, 3, 17, 16, 16}, -1.0);
  if (name == "vace") run.mask = at::zeros({1, 3, 17, 16, 16});
  if (name == "v2v") run.sampler = sampler_of(SamplerKind::Unipc, 3.0), run.steps = 4, run.first_step = 1;
  return run;
}

// What diffusers' tests expect of each, tests/pipelines/wan at 58eb52c0803ea9af3abec60841c2a093bdf1f951.
const std::map<std::string, std::vector<double>> kExpected = {
    {"t2v",
     {0.4525, 0.452, 0.4485, 0.4534, 0.4524, 0.4529, 0.454, 0.453,  //
      0.5127, 0.5326, 0.5204, 0.5253, 0.5439, 0.5424, 0.5133, 0.5078}},
    {"experts",
     {0.4525, 0.452, 0.4485, 0.4534, 0.4524, 0.4529, 0.454, 0.453,  //
      0.5127, 0.5326, 0.5204, 0.5253, 0.5439, 0.5424, 0.5133, 0.5078}},
    {"ti2v",
     {0.4814, 0.4298, 0.5094, 0.4289, 0.5061, 0.4301, 0.5043, 0.4284,  //
      0.5375, 0.5965, 0.5527, 0.6014, 0.5228, 0.6076, 0.6644, 0.5651}},
    {"ti2v_image",
     {0.4833, 0.4305, 0.5100, 0.4299, 0.5056, 0.4298, 0.5052, 0.4332,  //
      0.5550, 0.6092, 0.5536, 0.5928, 0.5199, 0.5864, 0.6705, 0.5493}},
    {"v2v",
     {0.4522, 0.4534, 0.4532, 0.4553, 0.4526, 0.4538, 0.4533, 0.4547,  //
      0.513, 0.5176, 0.5286, 0.4958, 0.4955, 0.5381, 0.5154, 0.5195}},
    {"vace",
     {0.4523, 0.45198, 0.44872, 0.45326, 0.45211, 0.45258, 0.45344, 0.453,  //
      0.52431, 0.52572, 0.50701, 0.5118, 0.53717, 0.53093, 0.50557, 0.51402}},
};

// Drawn as reference tensors' inputs() draws them.
struct WideInputs {
  at::Tensor text, negative, pictures, mask;
};

WideInputs wide_inputs() {
  at::Generator random = at::detail::createCPUGenerator(2);
  WideInputs inputs;
  inputs.text = at::randn({1, 16, 24}, random, at::kFloat);
  inputs.negative = at::randn({1, 16, 24}, random, at::kFloat);
  inputs.pictures = at::rand({1, 17, 3, 32, 32}, random, at::kFloat).permute({0, 2, 1, 3, 4}) * 2 - 1;
  inputs.mask = at::rand({1, 17, 3, 32, 32}, random, at::kFloat).gt(0.5).to(at::kFloat).permute({0, 2, 1, 3, 4});
  return inputs;
}

Networks wide_networks(const std::string& name) {
  Networks networks;
  models::WanTransformerConfig& t = networks.transformer;
  t.heads = 4, t.head_dim = 32, t.text_dim = 24, t.freq_dim = 64, t.ffn_dim = 160, t.layers = 2;
  t.rope_max_length = 32, t.in_channels = t.out_channels = 4;
  models::WanAutoencoderConfig& a = networks.autoencoder;
  a.base_dim = 8, a.z_dim = 4, a.latents_mean = {0.5, -0.25, 0.0, 0.125}, a.latents_std = {2.0, 0.5, 1.0, 1.5};
  if (name.starts_with("ti2v")) {
    t.in_channels = t.out_channels = a.z_dim = 6;
    a.base_dim = 4, a.decoder_base_dim = 8, a.is_residual = true;
    a.in_channels = a.out_channels = 12, a.patch_size = 2, a.space_ratio = 16;
    a.latents_mean = std::vector<double>(6, 0.25), a.latents_std = std::vector<double>(6, 1.5);
  }
  if (name == "experts_image") t.in_channels = 12;
  if (name == "vace") t.vace_layers = {0, 1}, t.vace_in_channels = 72;
  networks.high = drawn_weights(models::tensors_of(t));
  for (const auto& [tensor, value] : networks.high.table()) networks.low.set(tensor, value * 0.9);
  networks.autoencoder_weights = drawn_weights(models::tensors_of(a));
  return networks;
}

Run wide_run(const std::string& name) {
  const WideInputs inputs = wide_inputs();
  Run run;
  run.steps = 4, run.frames = 17, run.size = 32;
  run.guidance = 5.0, run.guidance_low = 3.0;
  run.text = inputs.text, run.negative = inputs.negative;
  run.sampler = sampler_of(name == "t2v_euler" ? SamplerKind::FlowEuler : SamplerKind::FlowUnipc, 5.0);
  run.has_level_per_token = name.starts_with("ti2v");
  if (name.starts_with("experts")) run.boundary = 0.875;
  if (name.ends_with("image")) run.image = inputs.pictures.select(2, 0);
  if (name == "v2v" || name == "vace") run.pictures = inputs.pictures;
  if (name == "v2v") run.first_step = 1;
  if (name == "vace") run.mask = inputs.mask, run.control_scale = 0.75;
  return run;
}

}  // namespace

TEST_CASE("the pictures that diffusers' tests of the Wan pipelines expect come out, in six modes") {
  const models::SafetensorsFile file = wan_reference("pipelines");
  for (const auto& [name, expected] : kExpected) {
    INFO(name);
    const Networks networks = public_networks(name, name.starts_with("ti2v") ? 48 : 16);
    const at::Tensor latents = denoised(networks, public_run(name));
    CHECK(largest_difference(latents, tensor_of(file, "PUBLIC/" + name + "/latents")) < 1e-4);
    const at::Tensor ends = ends_of(networks, latents);
    CHECK(largest_difference(ends, tensor_of(file, "PUBLIC/" + name + "/ends")) < 1e-4);
    CHECK(largest_difference(ends.to(at::kDouble), at::tensor(expected, at::kDouble)) < 1e-3);
  }
}

TEST_CASE("whole runs of wider Wan networks end at diffusers' latents, in every mode") {
  const models::SafetensorsFile file = wan_reference("pipelines");
  for (const std::string name : {"t2v", "t2v_euler", "experts", "experts_image", "ti2v", "ti2v_image", "v2v", "vace"}) {
    INFO(name);
    const at::Tensor latents = denoised(wide_networks(name), wide_run(name));
    CHECK(largest_difference(latents, tensor_of(file, "WIDE/" + name + "/latents")) < 1e-4);
  }
}

}  // namespace framemill::gpu
