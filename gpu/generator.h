// What an executor needs of a generative video model, whatever runs it: load a package once, hold windows in flight
// (each with its own latents, step and noise level) and, at every step boundary, advance any batch of windows that
// share a batch key by one sampler step. Windows join, leave, pause and cancel only between two calls of step();
// dropping a Window cancels it. gpu/torch implements this for LibTorch (load_torch_generator); tests implement it with
// a fake.
//
// One thread owns a Generator and its windows. Nothing here includes a tensor library.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/latent_block.h"

namespace framemill::gpu {

enum class DeviceKind { Cpu, Cuda };

// Where a generator runs and how much it may use.
struct DeviceSpec {
  DeviceKind kind = DeviceKind::Cpu;
  int index = 0;    // CUDA ordinal; ignored on CPU
  int threads = 1;  // compute threads; fixed for the life of the process (part of the device class)
  std::uint64_t memory_budget_bytes = 0;  // allocations beyond it fail with gpu.out_of_memory; 0 = no budget
};

// Latent cells that are known beforehand (inpainting): 1 = keep the value of `latents`, 0 = generate.
struct RegionMask {
  LatentBlock latents;              // the known picture, as encode() gives it
  std::vector<std::uint8_t> known;  // [frames][height][width] of the latent grid
};

// One window of a shot. What is clean and what is to be made:
//   text to video       nothing given
//   image to video      clean_frames = {0}, clean_latents = encode(the picture)
//   chain               clean_frames = {0..context-1}, clean_latents = the carry of the window before
//   in-between          clean_frames = {0..a-1, frames-b..frames-1}
struct WindowRequest {
  std::string prompt;
  std::string negative_prompt;  // empty: the model's unconditional prompt
  std::uint64_t seed = 0;
  int steps = 0;                  // sampler steps; the package's default where 0
  std::optional<float> guidance;  // classifier-free guidance scale; the package's default where absent
  int frames = 0;                 // latent frames; the package's native window where 0
  int width = 0, height = 0;      // pixels; the package's where 0
  std::int64_t first_frame = 0;   // absolute latent frame of the shot, for the noise counter (docs/noise.md)
  std::vector<int> clean_frames;  // ascending latent frames of this window that are given
  LatentBlock clean_latents;      // one frame per entry of clean_frames
  std::optional<RegionMask> mask;
};

// What a window costs depends on its size and length. 0: the package's own.
struct WindowShape {
  int frames = 0;  // latent frames
  int width = 0;   // pixels
  int height = 0;
  auto operator<=>(const WindowShape&) const = default;
};

// Windows with equal keys may share a batch: model digest, shape, dtype, guidance mode.
struct BatchKey {
  std::string text;
  auto operator<=>(const BatchKey&) const = default;
};

// A window in flight. Made by Generator::begin, of use to that generator only.
class Window {
 public:
  virtual ~Window() = default;
  virtual int step() const = 0;   // sampler steps done
  virtual int steps() const = 0;  // sampler steps in all
  bool done() const { return step() >= steps(); }
};

// A window on its way from latents to pictures, made by Generator::begin_decode, of use to that generator only. Pictures
// come in order and a few at a time, so that the first ones are written while the next are decoded, and what a window
// needs does not grow with its length. Dropping it cancels the rest.
class Decoding {
 public:
  virtual ~Decoding() = default;
  virtual int frames_done() const = 0;  // pictures handed out
  virtual int frames() const = 0;       // of the window, in all
  bool done() const { return frames_done() >= frames(); }
};

// What a generator tells meanwhile of calls that may take minutes. Called on its thread.
struct GeneratorHooks {
  // A component's weights are being read: `part` names it for people, `share` goes from 0 to 1.
  std::function<void(const std::string& part, double share)> loading;
  std::function<void()> working;  // inside a long call, from layer to layer
};

struct MemoryFigures {
  std::uint64_t resident_bytes = 0;  // weights and buffers held between steps
  std::uint64_t current_bytes = 0;   // allocated now
  std::uint64_t peak_bytes = 0;      // highest since the last reset_peak()
  std::uint64_t budget_bytes = 0;    // 0 = none
};

class Generator {
 public:
  virtual ~Generator() = default;

  virtual std::string name() const = 0;         // "demo-clips@1"
  virtual std::string root_digest() const = 0;  // 64 hex digits: the package's
  // What bit-equal output depends on: CPU instruction set or GPU name, torch build, threads, dtype, flags.
  virtual std::string device_class() const = 0;

  virtual int window_frames() const = 0;   // latent frames of the native window
  virtual int context_frames() const = 0;  // latent frames a chain hands on
  virtual int width() const = 0;           // of a decoded frame of the native window
  virtual int height() const = 0;

  // Checks the request and makes its starting noise. Errors: prompt.unknown_word, model.steps, model.guidance,
  // model.frames, gpu.latent_shape, gpu.out_of_memory.
  virtual base::Result<std::unique_ptr<Window>> begin(const WindowRequest& request) = 0;

  // Windows that one call should take at most on this device: the package's word.
  virtual int batch_max() const = 0;

  virtual BatchKey batch_key(const Window& window) const = 0;

  // One sampler step for every window of the batch, in one call of the network. The windows share a batch key and none
  // is done. Errors: gpu.out_of_memory (no window has changed; a smaller batch may be tried), gpu.device (end the
  // process).
  virtual base::Status step(std::span<Window* const> batch) = 0;

  // The finished latents of a window that is done; clean frames come back as they were given, bit for bit. Errors:
  // gpu.not_finite (bad weights or a bad device), gpu.device.
  virtual base::Result<LatentBlock> finish(Window& window) = 0;

  // Errors: gpu.latent_shape, gpu.out_of_memory.
  virtual base::Result<std::unique_ptr<Decoding>> begin_decode(const LatentBlock& block) = 0;
  // The next pictures of each, none of which is done. Errors: gpu.out_of_memory (nothing is lost: the call may be made
  // again, with fewer), gpu.device.
  virtual base::Result<std::vector<ImageBlock>> decode_next(std::span<Decoding* const> batch) = 0;
  // For input frames: pictures in the package's colour space, of any size that a window may have. Errors:
  // gpu.image_shape.
  virtual base::Result<LatentBlock> encode(const ImageBlock& images) = 0;
  // The clean latents with which the window after `before` begins: its last `frames` latent frames, as this model wants
  // the first ones of a window. Errors: gpu.latent_shape, and what decoding and encoding say.
  virtual base::Result<LatentBlock> context(const LatentBlock& before, int frames);

  // Whole windows, each in one piece: decode_next until all are done.
  base::Result<std::vector<ImageBlock>> decode(std::span<const LatentBlock* const> blocks);

  // The peak that a step of `windows` windows of this shape adds to what is resident, and that decoding as many at once
  // adds: a prior, corrected by what was seen.
  virtual std::uint64_t predicted_step_bytes(const WindowShape& shape, int windows) const = 0;
  virtual std::uint64_t predicted_decode_bytes(const WindowShape& shape, int windows) const = 0;
  virtual MemoryFigures memory() const = 0;
  virtual void reset_peak() = 0;
};

}  // namespace framemill::gpu
