// The safetensors file format (https://github.com/huggingface/safetensors): eight bytes of little-endian header length,
// a JSON header, then tensor bytes. The only weight format Framemill reads: it is data, never code. This parser is
// strict where the format is loose, because files come from outside: limits on header, count, rank and sizes; no
// duplicate names or keys; shape times dtype equals the range; ranges neither overlap nor leave holes; nothing after
// the last tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

enum class Dtype { F32, F16, BF16, I64, U8 };
std::string_view dtype_name(Dtype dtype);  // as the format spells it: "F32", "BF16"
std::size_t dtype_size(Dtype dtype);

struct TensorView {
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> shape;
  std::string_view bytes;  // into the file's own storage
};

inline constexpr std::uint64_t kSafetensorsHeaderBytesMax = 16 << 20;  // metadata included: a workflow may be in it
inline constexpr std::size_t kSafetensorsTensorsMax = 4096;
inline constexpr std::size_t kSafetensorsRankMax = 8;

// A parsed file that owns its bytes. Move-only: the views point into it.
class SafetensorsFile {
 public:
  // Errors: model.safetensors with the reason; one that is a limit of this reader is called that.
  static base::Result<SafetensorsFile> parse(std::string bytes);
  static base::Result<SafetensorsFile> read(const std::filesystem::path& path, std::uint64_t size_bytes_max);

  SafetensorsFile(SafetensorsFile&&) noexcept = default;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorView* find(const std::string& name) const;

 private:
  SafetensorsFile() = default;
  std::unique_ptr<const std::string> bytes_;  // behind a pointer so that views survive a move
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Builds a file. Tensors are laid out in the order of their names, so equal contents give equal bytes.
class SafetensorsWriter {
 public:
  void add(std::string name, Dtype dtype, std::vector<std::int64_t> shape, std::string bytes);
  void add_floats(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);  // F32
  void set_metadata(std::string key, std::string value);
  std::string bytes() const;

 private:
  struct Tensor {
    Dtype dtype;
    std::vector<std::int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// IEEE 754 half precision, round to nearest even.
std::uint16_t half_from_float(float value);
float float_from_half(std::uint16_t half);

// The values of a floating-point tensor, widened to float. Empty for other dtypes.
std::vector<float> floats_of(const TensorView& tensor);

// Errors: model.weights, naming the first tensor with a value that is infinite or no number.
base::Status check_finite(const SafetensorsFile& file);

}  // namespace framemill::models
