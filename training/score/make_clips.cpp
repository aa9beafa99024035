#include "training/score/make_clips.h"

#include <algorithm>

#include "training/catalogue/render.h"

namespace framemill::score {
namespace {

gpu::WindowRequest window_of(const ClipRequest& request) {
  gpu::WindowRequest window;
  window.prompt = request.prompt;
  window.negative_prompt = request.negative_prompt;
  window.seed = request.seed;
  window.steps = request.steps;
  window.guidance = request.guidance;
  return window;
}

base::Result<gpu::LatentBlock> isolate(gpu::Generator& generator, const gpu::WindowRequest& request) {
  FM_ASSIGN(const std::unique_ptr<gpu::Window> window, generator.begin(request));
  while (!window->done()) {
    gpu::Window* one[] = {window.get()};
    FM_TRY(generator.step(one));
  }
  return generator.finish(*window);
}

}  // namespace

base::Result<std::vector<gpu::ImageBlock>> make_windows(gpu::Generator& generator,
                                                        const std::vector<ClipRequest>& requests, int batch) {
  std::vector<gpu::ImageBlock> clips;
  for (std::size_t first = 0; first < requests.size(); first += static_cast<std::size_t>(batch)) {
    const std::size_t last = std::min(requests.size(), first + static_cast<std::size_t>(batch));
    std::vector<std::unique_ptr<gpu::Window>> windows;
    std::vector<gpu::Window*> pointers;
    for (std::size_t i = first; i < last; ++i) {
      FM_ASSIGN(std::unique_ptr<gpu::Window> window, generator.begin(window_of(requests[i])));
      pointers.push_back(window.get());
      windows.push_back(std::move(window));
    }
    while (!pointers.front()->done()) FM_TRY(generator.step(pointers));
    for (const auto& window : windows) {
      FM_ASSIGN(const gpu::LatentBlock latents, generator.finish(*window));
      const gpu::LatentBlock* one[] = {&latents};
      FM_ASSIGN(std::vector<gpu::ImageBlock> images, generator.decode(one));
      clips.push_back(std::move(images.front()));
    }
  }
  return clips;
}

base::Result<gpu::ImageBlock> make_chain(gpu::Generator& generator, const ClipRequest& request, int windows) {
  const int context = generator.context_frames();
  gpu::ImageBlock film;
  std::optional<gpu::LatentBlock> carry;
  for (int i = 0; i < windows; ++i) {
    gpu::WindowRequest window = window_of(request);
    window.first_frame = static_cast<std::int64_t>(i) * (generator.window_frames() - context);
    if (carry) {
      for (int frame = 0; frame < context; ++frame) window.clean_frames.push_back(frame);
      window.clean_latents = *carry;
    }
    FM_ASSIGN(const gpu::LatentBlock latents, isolate(generator, window));
    carry = gpu::slice_frames(latents, latents.frames - context, context);
    const gpu::LatentBlock fresh = i == 0 ? latents : gpu::slice_frames(latents, context, latents.frames - context);
    const gpu::LatentBlock* one[] = {&fresh};
    FM_ASSIGN(const std::vector<gpu::ImageBlock> images, generator.decode(one));
    film.height = images.front().height;
    film.width = images.front().width;
    film.frames += images.front().frames;
    film.values.insert(film.values.end(), images.front().values.begin(), images.front().values.end());
  }
  return film;
}

gpu::ImageBlock rendered(const train::Scene& scene, int first, int frames) {
  gpu::ImageBlock clip;
  clip.frames = frames;
  clip.height = clip.width = train::kFrameSize;
  train::render_clip(scene, first, frames, clip.values);
  return clip;
}

}  // namespace framemill::score
