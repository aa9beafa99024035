// The two ends of a task that touch disks, as functions over values for the lanes: reading and
// checking inputs; checking, encoding and writing outputs so that they survive a power cut, with the record of the
// finished task beside them.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gpu/latent_block.h"
#include "jobs/frame_range.h"
#include "wire/farm.pb.h"
#include "worker/executor/attempt.h"
#include "worker/frames/output_checks.h"
#include "worker/frames/root_file.h"

namespace framemill::worker {

struct LoadOrder {
  std::vector<wire::InputFile> inputs;
  frames::ColourSpace space = frames::ColourSpace::Srgb;  // that context pictures are turned into
  int context_frames = 0;                                 // pictures wanted: the last ones by frame number
  bool decodes = false;                                   // latents of the window itself, not of the one before
  int width = 0, height = 0;                              // of the model's pictures; 0: any
};
// Errors: input_not_visible, input.*, frames.unreadable, recipe.context, gpu.latent_shape.
base::Result<LoadedInputs> load_inputs(const frames::Roots& roots, const LoadOrder& order);

struct LatentsToWrite {
  std::string bytes;
  std::string path;  // final
  jobs::Frame first_frame = 0;
};
struct FramesToWrite {
  gpu::ImageBlock images;       // the whole window, in the package's space
  jobs::Frame first_frame = 0;  // of images
  jobs::FrameSet frames;        // to be written
  frames::ColourSpace space = frames::ColourSpace::Srgb;
  frames::ExpectedSize size;
  wire::Recipe recipe;
  std::string device_class;
};
using TaskOutput = std::variant<LatentsToWrite, FramesToWrite>;

struct WriteOrder {
  wire::FinishedTask task;  // attempt, numbers, what was read and how long it took
  std::filesystem::path staging;
  std::shared_ptr<const std::atomic<bool>> abandoned;
  TaskOutput output;
};

struct WriteFailure {
  base::Error error;
  std::optional<jobs::Frame> frame;
};
struct Written {
  std::variant<wire::FinishedTask, WriteFailure> result;
  double write_us = 0;
};
// Failures: frames.nan .black .frozen .size (bad output), storage_full, frames.stage, frames.encode, revoked.
// Also leaves `<staging>/<task>.done`, the serialised record by which a restarted worker delivers the task.
Written write_task(const WriteOrder& order);

}  // namespace framemill::worker
