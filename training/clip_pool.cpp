#include "training/clip_pool.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstring>

#include "gpu/torch/autoencoder.h"
#include "training/catalogue/draw.h"
#include "training/catalogue/render.h"

namespace framemill::train {
namespace {
constexpr int kFilmFrames = 96;         // clips begin anywhere in the first 96 frames of their scene's film,
constexpr float kOpeningShare = 0.45f;  // but many at its first

// What left the frame must come back, which few windows show: a chain then has nothing of it in its clean frames, only
// the words. In this share of the other clips a thing's centre is outside the frame at the fourth frame, where a chain
// begins to make its own. The choice looks at what clean frames show, so what follows them stays as likely as it is.
constexpr float kLeftShare = 0.5f;
constexpr int kLastGiven = 3;

// What eight windows lose most often: things that go up or down, and things that stay where they are (or on their
// ground) while the camera pans. Films of this kind are looked for in this share of the clips out of a film's middle.
constexpr float kHardShare = 0.4f;
constexpr std::uint64_t kOtherScenes = 1ull << 40;  // from the clip's own scene to those looked at instead

bool is_hard(const Scene& scene) {
  return std::any_of(scene.things.begin(), scene.things.end(), [&](const Thing& thing) {
    if (thing.kind == Kind::None) return false;
    return thing.vy != 0.0f || (thing.motion == Motion::Still && scene.pan != 0.0f);
  });
}

bool something_left(const Scene& scene, int frame) {
  return std::any_of(scene.things.begin(), scene.things.end(),
                     [&](const Thing& thing) { return thing.kind != Kind::None && !in_sight(thing, scene, frame); });
}

Scene draw_hard_scene(std::uint64_t seed, std::uint64_t clip) {
  Scene scene = draw_scene(seed, clip);
  for (std::uint64_t again = 1; again < 12 && !is_hard(scene); ++again)
    scene = draw_scene(seed, clip + again * kOtherScenes);
  return scene;
}

int draw_first_frame(const Scene& scene, Draw& draw) {
  const bool left = draw.chance(kLeftShare);
  int first = 1 + draw.below(kFilmFrames - 1);
  for (int again = 0; left && again < 12 && !something_left(scene, first + kLastGiven); ++again)
    first = 1 + draw.below(kFilmFrames - 1);
  return first;
}

}  // namespace

ClipPool::ClipPool(const models::NetworkShape& shape, gpu::Parameters autoencoder, std::uint64_t seed, int capacity,
                   at::ScalarType compute)
    : shape_(shape), autoencoder_(std::move(autoencoder)), seed_(seed), capacity_(capacity), compute_(compute) {
  latents_ = at::empty(
      {capacity, shape.window_frames, shape.latent_channels, shape.latent_height(), shape.latent_width()}, at::kHalf);
  conditions_ = at::zeros({capacity, shape.condition_size()}, at::kLong);
  openings_ = at::zeros({capacity}, at::kBool);
}

void ClipPool::add(int count) {
  at::NoGradGuard no_grad;
  for (int i = 0; i < count; ++i) {
    const auto clip = static_cast<std::uint64_t>(next_);
    std::vector<float> pixels;
    pixels.reserve(static_cast<std::size_t>(shape_.window_frames) * kFrameSize * kFrameSize * 3);
    Draw draw(seed_ + clip);
    const bool opening = draw.chance(kOpeningShare), hard = !opening && draw.chance(kHardShare);
    const Scene scene = hard ? draw_hard_scene(seed_, clip) : draw_scene(seed_, clip);
    const int first = opening ? 0 : draw_first_frame(scene, draw);
    render_clip(scene, first, shape_.window_frames, pixels);
    const at::Tensor images =
        at::from_blob(pixels.data(), {shape_.window_frames, kFrameSize, kFrameSize, 3}, at::kFloat)
            .permute({0, 3, 1, 2});
    const at::Tensor latents = gpu::normalise_latents(autoencoder_, gpu::encode_raw(autoencoder_, images, compute_));
    const std::int64_t place = next_ % capacity_;
    latents_.select(0, place).copy_(latents);
    openings_[place] = first == 0;
    const models::Condition condition = condition_of(scene);
    for (std::size_t k = 0; k < condition.indices.size(); ++k)
      conditions_.mutable_data_ptr<std::int64_t>()[place * conditions_.size(1) + static_cast<std::int64_t>(k)] =
          condition.indices[k];
    ++next_;
    size_ = std::min(size_ + 1, capacity_);
  }
}

ClipPool::Batch ClipPool::draw(int count, at::Generator& random) const {
  FM_CHECK(size_ > 0, "an empty pool");
  // The filled places are those of the last size_ clips.
  const at::Tensor back = at::randint(0, size_, {count}, random, at::kLong);
  const at::Tensor places = (back.neg() + (next_ - 1)).remainder(capacity_);
  return {latents_.index_select(0, places).to(at::kFloat), conditions_.index_select(0, places),
          openings_.index_select(0, places)};
}

}  // namespace framemill::train
