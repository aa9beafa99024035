#include "worker/executor/task_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest_bytes.h"
#include "jobs/attempt_error.h"
#include "worker/frames/plate.h"

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

}  // namespace framemill::worker
