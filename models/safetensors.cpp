#include "models/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/os_error.h"

namespace framemill::models {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLengthFieldBytes = 8;

// A whole file in memory, read when it is looked at.
struct Mapping {
  void* address = MAP_FAILED;
  std::size_t size_bytes = 0;

  Mapping(void* where, std::size_t size) : address(where), size_bytes(size) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(address, size_bytes); }
};

struct Descriptor {
  int number;
  ~Descriptor() { ::close(number); }
};

base::Result<std::shared_ptr<const Mapping>> map_file(const std::filesystem::path& path) {
  // Non-blocking: a FIFO would make open wait for a writer.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) return base::os_error(errno, "file.open", "open " + path.string());
  struct stat status{};
  if (::fstat(file.number, &status) != 0) return base::os_error(errno, "file.open", "stat " + path.string());
  if (!S_ISREG(status.st_mode))
    return base::Error{"file.not_regular", path.string() + " is not a regular file", "", ""};
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < kLengthFieldBytes)
    return bad_safetensors(fmt::format("the file is {} bytes long, shorter than its length field", size));
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
  if (address == MAP_FAILED) return base::os_error(errno, "file.read", "map " + path.string());
  return std::make_shared<const Mapping>(address, size);
}

}  // namespace

base::Result<SafetensorsFile> SafetensorsFile::over(std::shared_ptr<const void> storage, std::string_view bytes) {
  if (bytes.size() < kLengthFieldBytes)
    return bad_safetensors(fmt::format("the file is {} bytes long, shorter than its length field", bytes.size()));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), kLengthFieldBytes);
  const std::uint64_t rest = bytes.size() - kLengthFieldBytes;
  if (header_size > rest)
    return bad_safetensors(fmt::format("header length {} in a file of {} bytes", header_size, bytes.size()));
  if (header_size > kSafetensorsHeaderBytesMax)
    return safetensors_limit(
        fmt::format("header length {}; the limit is {} bytes", header_size, kSafetensorsHeaderBytesMax));
  const std::string_view data = bytes.substr(kLengthFieldBytes + header_size);
  FM_ASSIGN(SafetensorsHeader header,
            parse_safetensors_header(bytes.substr(kLengthFieldBytes, header_size), data.size()));

  SafetensorsFile file;
  file.storage_ = std::move(storage);
  file.metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors)
    file.tensors_.emplace(name, TensorView{entry.dtype, std::move(entry.shape),
                                           data.substr(entry.first_byte, entry.end_byte - entry.first_byte)});
  return file;
}

base::Result<SafetensorsFile> SafetensorsFile::parse(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return over(owner, *owner);
}

base::Result<SafetensorsFile> SafetensorsFile::read(const std::filesystem::path& path, std::uint64_t size_bytes_max) {
  FM_ASSIGN(std::string bytes, base::read_file(path, size_bytes_max));
  auto file = parse(std::move(bytes));
  if (!file.ok()) return file.error().wrapped(path.filename().string());
  return file;
}

base::Result<SafetensorsFile> SafetensorsFile::map(const std::filesystem::path& path) {
  auto mapping = map_file(path);
  if (!mapping.ok())
    return mapping.error().code == "model.safetensors" ? mapping.error().wrapped(path.filename().string())
                                                       : mapping.error();
  const std::string_view bytes(static_cast<const char*>((*mapping)->address), (*mapping)->size_bytes);
  auto file = over(*mapping, bytes);
  if (!file.ok()) return file.error().wrapped(path.filename().string());
  return file;
}

const TensorView* SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void SafetensorsWriter::add(std::string name, Dtype dtype, std::vector<std::int64_t> shape, std::string bytes) {
  const auto size = tensor_size_bytes(shape, dtype);
  FM_CHECK(size && *size == bytes.size(), "tensor bytes that do not match its shape");
  const bool added = tensors_.emplace(std::move(name), Tensor{dtype, std::move(shape), std::move(bytes)}).second;
  FM_CHECK(added, "two tensors of one name");
}

void SafetensorsWriter::add_floats(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  add(std::move(name), Dtype::F32, std::move(shape),
      std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes()));
}

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

std::string SafetensorsWriter::bytes() const {
  std::string header = "{";
  const auto quoted = [](const std::string& text) { return json::serialize(json::string(text)); };
  const auto separate = [&header] {
    if (header.size() > 1) header += ',';
  };
  if (!metadata_.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata_) {
      if (header.back() != '{') header += ',';
      header += quoted(key);
      header += ':';
      header += quoted(value);
    }
    header += '}';
  }
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors_) {
    separate();
    header += quoted(name) + ":{\"dtype\":\"" + std::string(dtype_name(tensor.dtype)) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      if (i > 0) header += ',';
      header += std::to_string(tensor.shape[i]);
    }
    header += fmt::format("],\"data_offsets\":[{},", offset);
    offset += tensor.bytes.size();
    header += fmt::format("{}]}}", offset);
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');  // aligned data, as the format recommends

  const std::uint64_t header_size = header.size();
  std::string out(reinterpret_cast<const char*>(&header_size), 8);
  out += header;
  for (const auto& [name, tensor] : tensors_) out += tensor.bytes;
  return out;
}

std::vector<float> floats_of(const TensorView& tensor) {
  return floats_from(tensor.dtype, tensor.bytes);
}

base::Status check_finite(const SafetensorsFile& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    const std::vector<float> values = floats_of(tensor);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
      return base::Error{"model.weights", "'" + name + "' holds a value that is infinite or no number", "",
                         "weights of a run that went wrong; go back to an earlier checkpoint"};
  }
  return {};
}

}  // namespace framemill::models
