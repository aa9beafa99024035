// The safetensors file format (https://github.com/huggingface/safetensors): eight bytes of little-endian header length,
// a JSON header, then tensor bytes. The only weight format Framemill reads: it is data, never code. What the format
// allows is read, within limits on header, count, rank and sizes; what it does not allow is refused, because files come
// from outside (safetensors_header.h).
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
#include "models/dtype.h"
#include "models/safetensors_header.h"

namespace framemill::models {

struct TensorView {
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> shape;
  std::string_view bytes;  // into the file's own storage, at any alignment

  // Whether the bytes may be read as an array of their own type, or have to be copied first.
  bool is_aligned() const { return reinterpret_cast<std::uintptr_t>(bytes.data()) % dtype_size(dtype) == 0; }
};

// A parsed file with the storage that its views point into. Move-only.
class SafetensorsFile {
 public:
  // Errors: model.safetensors with the reason; one that is a limit of this reader is called that.
  static base::Result<SafetensorsFile> parse(std::string bytes);
  static base::Result<SafetensorsFile> read(const std::filesystem::path& path, std::uint64_t size_bytes_max);
  // Over the file itself, mapped into memory read-only: the header is read now, a tensor's bytes when they are looked
  // at, and nothing is copied. All mappings of a file share the page cache. As with any mapping, a file that somebody
  // shortens meanwhile ends the process at the next look (SIGBUS): map files that are replaced, never rewritten.
  // Errors: file.*, model.safetensors.
  static base::Result<SafetensorsFile> map(const std::filesystem::path& path);

  SafetensorsFile(SafetensorsFile&&) noexcept = default;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorView* find(const std::string& name) const;
  // Keeps the bytes of all views; holding it keeps views valid beyond the file's life.
  std::shared_ptr<const void> storage() const { return storage_; }

 private:
  SafetensorsFile() = default;
  static base::Result<SafetensorsFile> over(std::shared_ptr<const void> storage, std::string_view bytes);

  std::shared_ptr<const void> storage_;
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

// The values of a floating-point tensor as floats. Empty for other dtypes.
std::vector<float> floats_of(const TensorView& tensor);

// Errors: model.weights, naming the first tensor with a value that is infinite or no number.
base::Status check_finite(const SafetensorsFile& file);

}  // namespace framemill::models
