#include "worker/executor/task_writing.h"

#include <fmt/format.h>

#include "base/digest_bytes.h"
#include "jobs/attempt_error.h"
#include "wire/recipe_kind.h"
#include "worker/executor/usage_meter.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/root_file.h"

namespace framemill::worker {
namespace {

WriteFailure failure(base::Error error) {
  return {std::move(error), std::nullopt};
}

WriteFailure revoked() {
  return failure({"revoked", "the attempt was cancelled", "", ""});
}

wire::OutputFile output_file(wire::OutputFile::Kind kind, std::string staged, std::string path, std::size_t size,
                             const base::Sha256& bytes, const base::Sha256& samples, jobs::Frame frame) {
  wire::OutputFile file;
  file.set_kind(kind);
  file.set_staged(std::move(staged));
  file.set_path(std::move(path));
  file.set_size_bytes(size);
  file.set_sha256(base::raw_bytes(bytes));
  file.set_samples_sha256(base::raw_bytes(samples));
  file.set_frame(frame);
  return file;
}

// Everything durable, and the record of the task beside it.
std::variant<wire::FinishedTask, WriteFailure, MoreToCome> finish_task(const WriteOrder& order,
                                                                       std::vector<wire::OutputFile> files,
                                                                       frames::StagedDirectory& directory) {
  if (auto status = directory.sync(); !status.ok()) return failure(status.error());
  wire::FinishedTask finished = order.task;
  for (auto& file : files) *finished.add_files() = std::move(file);
  if (auto status = directory.write_above(fmt::format("{}.done", order.task.task()), finished.SerializeAsString());
      !status.ok())
    return failure(status.error());
  return finished;
}

std::variant<wire::FinishedTask, WriteFailure, MoreToCome> write_all(const WriteOrder& order,
                                                                     const LatentsToWrite& latents) {
  if (order.abandoned && *order.abandoned) return revoked();
  auto directory = frames::StagedDirectory::make(order.staging, order.task.task());
  if (!directory.ok()) return failure(directory.error());
  const auto name = frames::file_name_of(latents.path);
  if (!name.ok()) return failure(name.error());
  if (auto status = directory->write(*name, latents.bytes); !status.ok()) return failure(status.error());
  const auto samples = frames::tensors_digest(latents.bytes);
  if (!samples.ok()) return failure(samples.error());
  return finish_task(order,
                     {output_file(wire::OutputFile::LATENTS, directory->relative(*name), latents.path,
                                  latents.bytes.size(), base::sha256(latents.bytes), *samples, latents.first_frame)},
                     *directory);
}

jobs::FrameFormat format_of(const wire::Recipe& recipe) {
  const auto* work = wire::model_work(recipe);
  return work != nullptr && work->format() == "png" ? jobs::FrameFormat::Png : jobs::FrameFormat::Exr;
}

}  // namespace

Written write_latents(const WriteOrder& order, const LatentsToWrite& latents) {
  const auto start = Clock::now();
  Written written;
  try {
    written.result = write_all(order, latents);
  } catch (const std::exception& error) {  // a path that the file system library cannot take, or no memory
    written.result = failure(base::error_of(jobs::AttemptError::FrameStage, error.what()));
  }
  written.write_us = microseconds_since(start);
  return written;
}

WindowWriter::WindowWriter(WriteOrder order, FramesToWrite frames)
    : order_(std::move(order)), window_(std::move(frames)), format_(format_of(window_.recipe)),
      check_(window_.first_frame, window_.size), next_frame_(window_.first_frame) {}

Written WindowWriter::guarded(const std::function<Written()>& act) {
  const auto start = Clock::now();
  Written written;
  try {
    written = act();
  } catch (const std::exception& error) {  // a path that the file system library cannot take, or no memory
    written.result = failure(base::error_of(jobs::AttemptError::FrameStage, error.what()));
  }
  if (std::holds_alternative<WriteFailure>(written.result)) moot_ = true;
  written.write_us = microseconds_since(start);
  return written;
}

WindowWriter::Step WindowWriter::write_frame(const frames::Picture& picture, jobs::Frame frame) {
  const auto encoded =
      frames::encode_frame(picture, format_, frames::frame_attributes(window_.recipe, frame, window_.device_class));
  if (!encoded.ok()) return WriteFailure{encoded.error(), frame};
  const auto path = frames::path_of_frame(window_.recipe.output_printf(), frame);
  if (!path.ok()) return WriteFailure{path.error(), frame};
  const auto name = frames::file_name_of(*path);
  if (!name.ok()) return WriteFailure{name.error(), frame};
  if (auto status = directory_->write(*name, encoded->bytes); !status.ok()) return WriteFailure{status.error(), frame};
  files_.push_back(output_file(wire::OutputFile::FRAME, directory_->relative(*name), *path, encoded->bytes.size(),
                               encoded->sha256, encoded->samples_sha256, frame));
  return std::nullopt;
}

WindowWriter::Step WindowWriter::write(const gpu::ImageBlock& pictures) {
  if (is_moot()) return revoked();
  if (!directory_) {
    auto made = frames::StagedDirectory::make(order_.staging, order_.task.task());
    if (!made.ok()) return failure(made.error());
    directory_.emplace(std::move(made).value());
  }
  for (int i = 0; i < pictures.frames; ++i) {
    if (is_moot()) return revoked();
    const jobs::Frame frame = next_frame_++;
    const frames::Picture picture{pictures.width, pictures.height, window_.space,
                                  gpu::slice_frames(pictures, i, 1).values};
    if (auto finding = check_.add(picture))
      return WriteFailure{{finding->code, finding->message, "", ""}, finding->frame};
    if (!window_.frames.contains(frame)) continue;
    if (auto failed = write_frame(picture, frame)) return failed;
  }
  return std::nullopt;
}

Written WindowWriter::add(const gpu::ImageBlock& pictures) {
  return guarded([&]() -> Written {
    if (auto failed = write(pictures)) return {std::move(*failed)};
    return {MoreToCome{}};
  });
}

Written WindowWriter::finish(const gpu::ImageBlock& pictures, std::uint64_t duration_us) {
  return guarded([&]() -> Written {
    if (auto failed = write(pictures)) return {std::move(*failed)};
    if (auto finding = check_.finish())
      return {WriteFailure{{finding->code, finding->message, "", ""}, finding->frame}};
    order_.task.set_duration_us(duration_us);
    return {finish_task(order_, std::move(files_), *directory_)};
  });
}

}  // namespace framemill::worker
