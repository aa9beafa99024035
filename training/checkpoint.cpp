#include "training/checkpoint.h"

#include <charconv>

#include "base/file.h"
#include "models/safetensors.h"

namespace framemill::train {
namespace {
constexpr std::uint64_t kCheckpointBytesMax = std::uint64_t{8} << 30;
}

base::Status save_checkpoint(const std::filesystem::path& path, const TrainingState& state) {
  models::SafetensorsWriter writer;
  writer.set_metadata("step", std::to_string(state.step));
  gpu::write_parameters(writer, state.weights, "weights.", models::Dtype::F32);
  gpu::write_parameters(writer, state.average, "average.", models::Dtype::F32);
  gpu::write_parameters(writer, state.moment1, "moment1.", models::Dtype::F32);
  gpu::write_parameters(writer, state.moment2, "moment2.", models::Dtype::F32);
  return base::write_file_durably(path, writer.bytes());
}

base::Result<TrainingState> load_checkpoint(const std::filesystem::path& path, const gpu::Parameters& like) {
  FM_ASSIGN(const models::SafetensorsFile file, models::SafetensorsFile::read(path, kCheckpointBytesMax));
  FM_ASSIGN(const gpu::Parameters weights, gpu::read_parameters(file, like, "weights."));
  TrainingState state = start_training(weights);
  FM_ASSIGN(state.average, gpu::read_parameters(file, like, "average."));
  FM_ASSIGN(state.moment1, gpu::read_parameters(file, like, "moment1."));
  FM_ASSIGN(state.moment2, gpu::read_parameters(file, like, "moment2."));
  const auto found = file.metadata().find("step");
  if (found == file.metadata().end()) return base::Error{"model.checkpoint", "the checkpoint names no step", "", ""};
  const std::string& text = found->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), state.step);
  if (parsed.ec != std::errc() || state.step < 0) return base::Error{"model.checkpoint", "step '" + text + "'", "", ""};
  return state;
}

base::Status export_weights(const std::filesystem::path& path, const gpu::Parameters& autoencoder,
                            const gpu::Parameters& transformer) {
  models::SafetensorsWriter writer;
  gpu::write_parameters(writer, autoencoder, "autoencoder.", models::Dtype::F16);
  gpu::write_parameters(writer, transformer, "transformer.", models::Dtype::F16);
  return base::write_file_durably(path, writer.bytes());
}

}  // namespace framemill::train
