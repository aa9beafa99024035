#include "worker/executor/task_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest_bytes.h"
#include "jobs/attempt_error.h"
#include "wire/recipe_kind.h"
#include "worker/executor/usage_meter.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/plate.h"
#include "worker/frames/staged_file.h"

namespace framemill::worker {
namespace {

constexpr std::uint64_t kLatentsFileBytesMax = 1ull << 30;

bool is_latents(const wire::InputFile& input) {
  return input.path().ends_with(".safetensors");
}

wire::InputFile as_read(wire::InputFile input, const std::string& contents) {
  input.set_size_bytes(contents.size());
  input.set_sha256(base::raw_bytes(base::sha256(contents)));
  return input;
}

// Context pictures in the order of their frames, as one block.
base::Result<gpu::ImageBlock> read_pictures(const frames::Roots& roots, std::vector<wire::InputFile> inputs,
                                            const LoadOrder& order, std::vector<wire::InputFile>& read) {
  const auto wanted = static_cast<std::size_t>(std::max(1, order.context_frames));
  if (inputs.size() < wanted)
    return base::Error{"recipe.context",
                       fmt::format("the input has {} frames; the context wants {}", inputs.size(), wanted), "",
                       "give the input more frames"};
  std::stable_sort(inputs.begin(), inputs.end(), [](const auto& a, const auto& b) { return a.frame() < b.frame(); });
  inputs.erase(inputs.begin(), inputs.end() - static_cast<std::ptrdiff_t>(wanted));
  gpu::ImageBlock block;
  for (const wire::InputFile& input : inputs) {
    FM_ASSIGN(frames::Plate plate, frames::read_plate(roots, input));
    const frames::Picture picture = frames::in_space(std::move(plate.picture), order.space);
    if (order.width > 0 && (picture.width != order.width || picture.height != order.height))
      return base::error_of(jobs::AttemptError::InputSize,
                            fmt::format("{} is {} x {} pixels; the model makes {} x {}", frames::plate_label(input),
                                        picture.width, picture.height, order.width, order.height),
                            "", "scale the plates, with a command for example");
    if (block.frames == 0) block.width = picture.width, block.height = picture.height;
    FM_TRY(frames::check_plate_size(picture, input, {block.width, block.height}, inputs.front()));
    block.values.insert(block.values.end(), picture.rgb.begin(), picture.rgb.end());
    ++block.frames;
    read.push_back(std::move(plate.read));
  }
  return block;
}

std::vector<frames::Picture> pictures_of(const gpu::ImageBlock& images, frames::ColourSpace space) {
  std::vector<frames::Picture> pictures;
  for (int i = 0; i < images.frames; ++i)
    pictures.push_back({images.width, images.height, space, gpu::slice_frames(images, i, 1).values});
  return pictures;
}

WriteFailure failure(base::Error error) {
  return {std::move(error), std::nullopt};
}

using Outputs = std::variant<std::vector<wire::OutputFile>, WriteFailure>;

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

Outputs write_latents(const LatentsToWrite& latents, frames::StagedDirectory& directory) {
  const auto name = frames::file_name_of(latents.path);
  if (!name.ok()) return failure(name.error());
  if (auto status = directory.write(*name, latents.bytes); !status.ok()) return failure(status.error());
  const auto samples = frames::tensors_digest(latents.bytes);
  if (!samples.ok()) return failure(samples.error());
  return std::vector{output_file(wire::OutputFile::LATENTS, directory.relative(*name), latents.path,
                                 latents.bytes.size(), base::sha256(latents.bytes), *samples, latents.first_frame)};
}

Outputs write_frames(const WriteOrder& order, const FramesToWrite& window, frames::StagedDirectory& directory) {
  const std::vector<frames::Picture> pictures = pictures_of(window.images, window.space);
  if (auto finding = frames::check_window(pictures, window.first_frame, window.size))
    return WriteFailure{{finding->code, finding->message, "", ""}, finding->frame};
  const auto* work = wire::model_work(window.recipe);
  const bool png = work != nullptr && work->format() == "png";
  const auto format = png ? jobs::FrameFormat::Png : jobs::FrameFormat::Exr;
  std::vector<wire::OutputFile> files;
  for (std::int64_t i = 0; i < window.frames.count(); ++i) {
    if (order.abandoned && *order.abandoned) return failure({"revoked", "the attempt was cancelled", "", ""});
    const jobs::Frame frame = window.frames.nth(i);
    const auto encoded = frames::encode_frame(pictures[static_cast<std::size_t>(frame - window.first_frame)], format,
                                              frames::frame_attributes(window.recipe, frame, window.device_class));
    if (!encoded.ok()) return WriteFailure{encoded.error(), frame};
    const auto path = frames::path_of_frame(window.recipe.output_printf(), frame);
    if (!path.ok()) return WriteFailure{path.error(), frame};
    const auto name = frames::file_name_of(*path);
    if (!name.ok()) return WriteFailure{name.error(), frame};
    if (auto status = directory.write(*name, encoded->bytes); !status.ok()) return WriteFailure{status.error(), frame};
    files.push_back(output_file(wire::OutputFile::FRAME, directory.relative(*name), *path, encoded->bytes.size(),
                                encoded->sha256, encoded->samples_sha256, frame));
  }
  return files;
}

std::variant<wire::FinishedTask, WriteFailure> write_all(const WriteOrder& order) {
  if (order.abandoned && *order.abandoned) return failure({"revoked", "the attempt was cancelled", "", ""});
  auto directory = frames::StagedDirectory::make(order.staging, order.task.task());
  if (!directory.ok()) return failure(directory.error());
  Outputs outputs = std::holds_alternative<LatentsToWrite>(order.output)
                        ? write_latents(std::get<LatentsToWrite>(order.output), *directory)
                        : write_frames(order, std::get<FramesToWrite>(order.output), *directory);
  if (auto* failed = std::get_if<WriteFailure>(&outputs)) return std::move(*failed);
  if (auto status = directory->sync(); !status.ok()) return failure(status.error());
  wire::FinishedTask finished = order.task;
  for (auto& file : std::get<0>(outputs)) *finished.add_files() = std::move(file);
  if (auto status = directory->write_above(fmt::format("{}.done", order.task.task()), finished.SerializeAsString());
      !status.ok())
    return failure(status.error());
  return finished;
}

}  // namespace

base::Result<LoadedInputs> load_inputs(const frames::Roots& roots, const LoadOrder& order) {
  LoadedInputs loaded;
  std::vector<wire::InputFile> pictures;
  for (const wire::InputFile& input : order.inputs) {
    if (!is_latents(input)) {
      if (input.role() == wire::InputFile::CONTEXT && !order.decodes) pictures.push_back(input);
      continue;
    }
    if (loaded.latents) return base::Error{"recipe.context", "a window with two latents files", "", ""};
    FM_ASSIGN(const std::string contents, roots.read(input, kLatentsFileBytesMax));
    auto block = gpu::latent_block_from_bytes(contents);
    if (!block.ok()) return block.error().wrapped(input.path());
    loaded.latents = std::move(block).value();
    loaded.read.push_back(as_read(input, contents));
  }
  if (!loaded.latents && !pictures.empty()) {
    FM_ASSIGN(loaded.pictures, read_pictures(roots, std::move(pictures), order, loaded.read));
  }
  if (order.decodes && !loaded.latents)
    return base::Error{"recipe.latents", "a window to decode came without its latents file", "", ""};
  return loaded;
}

Written write_task(const WriteOrder& order) {
  const auto start = Clock::now();
  Written written;
  try {
    written.result = write_all(order);
  } catch (const std::exception& error) {  // a path that the file system library cannot take, or no memory
    written.result = failure(base::error_of(jobs::AttemptError::FrameStage, error.what()));
  }
  written.write_us = microseconds_since(start);
  return written;
}

}  // namespace framemill::worker
