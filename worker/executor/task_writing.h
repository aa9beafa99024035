// The end of a task that writes disks, for the lanes: checking, encoding and writing outputs so that they survive a power
// cut, with the record of the finished task beside them.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gpu/latent_block.h"
#include "jobs/frame_range.h"
#include "jobs/spec.h"
#include "wire/farm.pb.h"
#include "wire/recipe.pb.h"
#include "worker/frames/colour.h"
#include "worker/frames/output_checks.h"
#include "worker/frames/staged_file.h"

namespace framemill::worker {

struct WriteOrder {
  wire::FinishedTask task;  // attempt, numbers, what was read and how long it took
  std::filesystem::path staging;
  std::shared_ptr<const std::atomic<bool>> abandoned;
};

struct WriteFailure {
  base::Error error;
  std::optional<jobs::Frame> frame;
};
struct MoreToCome {};  // pictures were written; the task's last are still to come
struct Written {
  std::variant<wire::FinishedTask, WriteFailure, MoreToCome> result;
  double write_us = 0;
};
// What finishes a task also leaves `<staging>/<task>.done`, the serialised record by which a restarted worker delivers
// the task.

struct LatentsToWrite {
  std::string bytes;
  std::string path;  // final
  jobs::Frame first_frame = 0;
};
// Failures: storage_full, frames.stage, revoked.
Written write_latents(const WriteOrder& order, const LatentsToWrite& latents);

struct FramesToWrite {
  jobs::Frame first_frame = 0;                            // of the window
  jobs::FrameSet frames;                                  // to be written
  frames::ColourSpace space = frames::ColourSpace::Srgb;  // of the pictures: the package's
  frames::ExpectedSize size;
  wire::Recipe recipe;
  std::string device_class;
};
// A window's pictures on their way into files, a few at a time while the next are decoded. Its owner posts the calls to
// one lane, in order; only abandon() is called beside them.
class WindowWriter {
 public:
  WindowWriter(WriteOrder order, FramesToWrite frames);

  // The pictures that follow those before; MoreToCome. After a failure the rest is not looked at. Failures: frames.nan
  // .black .size (bad output), storage_full, frames.stage, frames.encode, revoked.
  Written add(const gpu::ImageBlock& pictures);
  // The last pictures, the look at the whole (frames.frozen), and everything made durable. `duration_us`: what they took
  // to make.
  Written finish(const gpu::ImageBlock& pictures, std::uint64_t duration_us);
  // What is not written yet is moot.
  void abandon() { moot_ = true; }

 private:
  using Step = std::optional<WriteFailure>;
  Step write(const gpu::ImageBlock& pictures);
  Step write_frame(const frames::Picture& picture, jobs::Frame frame);
  Written guarded(const std::function<Written()>& act);
  bool is_moot() const { return moot_ || (order_.abandoned && *order_.abandoned); }

  WriteOrder order_;
  const FramesToWrite window_;
  const jobs::FrameFormat format_;
  frames::WindowCheck check_;
  jobs::Frame next_frame_;
  std::optional<frames::StagedDirectory> directory_;  // made with the first pictures
  std::vector<wire::OutputFile> files_;
  std::atomic<bool> moot_{false};
};

}  // namespace framemill::worker
