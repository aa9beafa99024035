#include "training/score/judge.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "gpu/torch/layers.h"
#include "training/catalogue/draw.h"
#include "training/catalogue/render.h"
#include "training/optimizer.h"
#include "training/score/make_clips.h"

namespace framemill::score {
namespace {

constexpr std::array<int, 4> kFramesSeen = {0, 5, 10, 15};  // of a window of 16
constexpr int kFrames = 16, kSize = train::kFrameSize;
constexpr int kStem = 2, kFine = 48, kWidth = 64, kDeep = 128;
constexpr std::uint64_t kJudgeBytesMax = 64 << 20;
// Lessons begin at the first frame of a film, where things are in sight, or anywhere in these many frames: the judge
// also reads the last windows of long chains, where things leave and come back.
constexpr int kFilmFrames = 128;
constexpr float kOpeningShare = 0.4f;

at::Tensor tensor_of(const std::vector<gpu::ImageBlock>& clips) {
  const auto n = static_cast<std::int64_t>(clips.size());
  at::Tensor seen = at::empty({n, static_cast<std::int64_t>(kFramesSeen.size()), kSize, kSize, 3}, at::kFloat);
  float* to = seen.mutable_data_ptr<float>();
  for (const gpu::ImageBlock& clip : clips) {
    FM_CHECK(clip.frames >= kFrames && clip.height == kSize && clip.width == kSize, "a clip the judge cannot see");
    for (int frame : kFramesSeen) {
      std::memcpy(to, clip.values.data() + static_cast<std::size_t>(frame) * clip.frame_size(),
                  clip.frame_size() * sizeof(float));
      to += clip.frame_size();
    }
  }
  return seen.permute({0, 1, 4, 2, 3}).reshape({n, -1, kSize, kSize}) - 0.5;
}

// Each frame alone first, fine enough for a thing of six pixels; then the frames side by side as channels, so that
// motion shows as difference between them.
at::Tensor logits(const gpu::Parameters& p, const at::Tensor& clips, at::ScalarType compute) {
  const std::int64_t n = clips.size(0), frames = static_cast<std::int64_t>(kFramesSeen.size());
  at::Tensor x = at::pixel_unshuffle(clips.reshape({n * frames, 3, kSize, kSize}), kStem)
                     .contiguous(at::MemoryFormat::ChannelsLast);
  x = at::silu(gpu::conv(p, "stem", x, compute));
  x = at::silu(gpu::conv(p, "fine", x, compute, 2));
  x = x + at::silu(gpu::conv(p, "shape", x, compute));
  x = x.contiguous().view({n, frames * kWidth, x.size(2), x.size(3)}).contiguous(at::MemoryFormat::ChannelsLast);
  x = at::silu(gpu::conv(p, "down", x, compute, 2));
  x = x + at::silu(gpu::conv(p, "middle", x, compute));
  x = at::silu(gpu::conv(p, "deep", x, compute, 2));
  x = x.to(at::kFloat).contiguous().flatten(1);
  x = at::silu(gpu::linear(p, "hidden", x, at::kFloat));
  return gpu::linear(p, "out", x, at::kFloat);
}

int values_in_all() {
  int sum = 0;
  for (const Attribute& attribute : kAttributes) sum += attribute.values;
  return sum;
}

struct Lesson {
  at::Tensor clips;    // as logits() wants them
  at::Tensor answers;  // [n, attributes] int64
};

// Renders of single things. Half of the lessons are blurred a little and all have a little noise, so that the judge
// reads what is shown and not how sharp a renderer draws it.
Lesson make_lesson(std::uint64_t seed, std::uint64_t first, int count, at::Generator& random) {
  Lesson lesson;
  lesson.answers = at::empty({count, static_cast<std::int64_t>(kAttributes.size())}, at::kLong);
  std::vector<float> pixels;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t index = first + static_cast<std::uint64_t>(i);
    const models::Condition condition = single_thing_condition(seed, index);
    const train::Scene scene = train::draw_scene_like(condition, seed, index);
    train::Draw draw(seed ^ (index * 0x9E3779B97F4A7C15u));
    const int start = draw.chance(kOpeningShare) ? 0 : draw.below(kFilmFrames);
    for (int frame : kFramesSeen) train::render_clip(scene, start + frame, 1, pixels);
    for (std::size_t a = 0; a < kAttributes.size(); ++a)
      lesson.answers[i][static_cast<std::int64_t>(a)].fill_(value_of(condition, a));
  }
  const auto frames = static_cast<std::int64_t>(kFramesSeen.size());
  at::Tensor clips = at::from_blob(pixels.data(), {count, frames, kSize, kSize, 3}, at::kFloat)
                         .permute({0, 1, 4, 2, 3})
                         .reshape({count, -1, kSize, kSize}) -
                     0.5;
  if (at::rand({1}, random, at::kFloat).item<double>() < 0.5) clips = at::avg_pool2d(clips, {3, 3}, {1, 1}, {1, 1});
  lesson.clips = clips + at::randn(clips.sizes(), random, at::kFloat) * 0.02;
  return lesson;
}

gpu::Parameters fresh_weights(std::uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(seed);
  gpu::Parameters p;
  const int frames = static_cast<int>(kFramesSeen.size());
  gpu::init_conv(p, "stem", kFine, 3 * kStem * kStem, 3, 1.4, random);
  gpu::init_conv(p, "fine", kWidth, kFine, 3, 1.4, random);
  gpu::init_conv(p, "shape", kWidth, kWidth, 3, 1.0, random);
  gpu::init_conv(p, "down", kDeep, kWidth * frames, 3, 1.4, random);
  gpu::init_conv(p, "middle", kDeep, kDeep, 3, 1.0, random);
  gpu::init_conv(p, "deep", kWidth, kDeep, 3, 1.4, random);
  gpu::init_linear(p, "hidden", 128, kWidth * 16, 1.4, random);
  gpu::init_linear(p, "out", values_in_all(), 128, 1.0, random);
  return p;
}

}  // namespace

int value_of(const models::Condition& condition, std::size_t attribute) {
  const Attribute& a = kAttributes[attribute];
  const int value = condition.indices[a.slot] - 1;
  return a.slot == 4 ? value - 1 : value;  // the first kind is "none"
}

models::Condition single_thing_condition(std::uint64_t seed, std::uint64_t index) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    const models::Condition condition = train::condition_of(train::draw_scene(seed, index * 64 + attempt));
    if (condition.indices[4] > 1 && condition.indices[8] == 1) return condition;
  }
}

Judge Judge::fresh(std::uint64_t seed) {
  return Judge(fresh_weights(seed));
}

base::Result<Judge> Judge::read(const std::filesystem::path& path) {
  FM_ASSIGN(const models::SafetensorsFile file, models::SafetensorsFile::read(path, kJudgeBytesMax));
  FM_ASSIGN(gpu::Parameters weights, gpu::read_parameters(file, fresh_weights(0), "judge."));
  return Judge(std::move(weights));
}

base::Status Judge::write(const std::filesystem::path& path) const {
  models::SafetensorsWriter writer;
  gpu::write_parameters(writer, weights_, "judge.", models::Dtype::F16);
  return base::write_file_durably(path, writer.bytes());
}

void Judge::learn(std::uint64_t seed, int steps, double learning_rate) {
  constexpr int kBatch = 32;
  train::TrainingState state = train::start_training(weights_);
  train::OptimizerSettings settings;
  at::Generator random = at::detail::createCPUGenerator(seed);
  double shown = 0;
  for (int step = 0; step < steps; ++step) {
    const auto [clips, answers] = make_lesson(seed, static_cast<std::uint64_t>(step) * kBatch, kBatch, random);
    const at::Tensor all = logits(state.weights, clips, at::kBFloat16);
    at::Tensor loss = at::zeros({});
    std::int64_t column = 0;
    for (std::size_t a = 0; a < kAttributes.size(); ++a) {
      loss = loss + at::cross_entropy_loss(all.narrow(1, column, kAttributes[a].values),
                                           answers.select(1, static_cast<std::int64_t>(a)));
      column += kAttributes[a].values;
    }
    loss.backward();
    train::optimizer_step(state, settings, train::scheduled_rate(learning_rate, step, steps));
    shown += loss.item<double>() / 100;
    if (step % 100 == 99)
      fmt::print(stderr, "judge step {}/{}  loss {:.4f}\n", step + 1, steps, std::exchange(shown, 0));
  }
  weights_ = state.average.detached_copy();
}

std::vector<std::array<int, kAttributes.size()>> Judge::read_attributes(
    const std::vector<gpu::ImageBlock>& clips) const {
  at::NoGradGuard no_grad;
  std::vector<std::array<int, kAttributes.size()>> out;
  constexpr std::size_t kBatch = 32;
  for (std::size_t first = 0; first < clips.size(); first += kBatch) {
    const std::vector<gpu::ImageBlock> part(
        clips.begin() + static_cast<std::ptrdiff_t>(first),
        clips.begin() + static_cast<std::ptrdiff_t>(std::min(clips.size(), first + kBatch)));
    const at::Tensor all = logits(weights_, tensor_of(part), at::kFloat);
    for (std::int64_t i = 0; i < all.size(0); ++i) {
      std::array<int, kAttributes.size()> values{};
      std::int64_t column = 0;
      for (std::size_t a = 0; a < kAttributes.size(); ++a) {
        values[a] = static_cast<int>(all[i].narrow(0, column, kAttributes[a].values).argmax().item<std::int64_t>());
        column += kAttributes[a].values;
      }
      out.push_back(values);
    }
  }
  return out;
}

}  // namespace framemill::score
