#include "models/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/file.h"

namespace framemill::models {
namespace {

namespace json = boost::json;
static_assert(std::endian::native == std::endian::little, "tensor bytes are little-endian in the file and in memory");

constexpr std::size_t kNameBytesMax = 256;

base::Error bad_tensors(std::string reason) {
  return {"model.safetensors", std::move(reason), "", "make the file again or fetch it again"};
}

// A file that is well formed and has more of something than is read.
base::Error too_much(std::string reason) {
  return {"model.safetensors", std::move(reason), "", "this is a limit of Framemill, not a fault of the file"};
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (Dtype dtype : {Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I64, Dtype::U8}) {
    if (dtype_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

struct HeaderTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::uint64_t> offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Receives the header's JSON as events. The only shapes it lets pass are {"name": {"dtype": text, "shape": [numbers],
// "data_offsets": [a, b]}} and {"__metadata__": {text: text}}; a duplicate key fails, which a JSON value would hide.
class HeaderHandler {
 public:
  static constexpr std::size_t max_object_size = kSafetensorsTensorsMax + 1;
  static constexpr std::size_t max_array_size = kSafetensorsRankMax;
  static constexpr std::size_t max_key_size = kNameBytesMax;
  static constexpr std::size_t max_string_size = kSafetensorsHeaderBytesMax;  // metadata; the header bounds it

  std::map<std::string, HeaderTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::string reason;  // why parsing stopped, where this handler stopped it

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    if (depth_ == 2) return fail(ec, "nested deeper than a tensor's entry");
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, json::error_code& ec) {
    if (depth_ == 2 && !in_metadata_) {
      const HeaderTensor& tensor = tensors.at(name_);
      if (!tensor.has_dtype || !tensor.has_shape || !tensor.has_offsets)
        return fail(ec, "tensor '" + name_ + "' lacks dtype, shape or data_offsets");
    }
    --depth_;
    return true;
  }
  bool on_array_begin(json::error_code& ec) {
    if (depth_ != 2 || in_metadata_ || in_array_ || (key_ != "shape" && key_ != "data_offsets"))
      return fail(ec, "an array where none belongs");
    HeaderTensor& tensor = tensors.at(name_);
    bool& seen = key_ == "shape" ? tensor.has_shape : tensor.has_offsets;
    if (seen) return fail(ec, "tensor '" + name_ + "' has " + key_ + " twice");
    seen = true;
    in_array_ = true;
    return true;
  }
  bool on_array_end(std::size_t count, json::error_code& ec) {
    in_array_ = false;
    if (key_ == "data_offsets" && count != 2)
      return fail(ec, "tensor '" + name_ + "': data_offsets must be two numbers");
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
    std::string key = take_text(part);
    if (depth_ == 1) {
      in_metadata_ = key == "__metadata__";
      name_ = std::move(key);
      if (in_metadata_) {
        if (seen_metadata_) return fail(ec, "__metadata__ appears twice");
        seen_metadata_ = true;
        return true;
      }
      if (!tensors.emplace(name_, HeaderTensor{}).second) return fail(ec, "tensor '" + name_ + "' appears twice");
      return true;
    }
    key_ = std::move(key);
    if (in_metadata_ && metadata.contains(key_)) return fail(ec, "metadata key '" + key_ + "' appears twice");
    if (!in_metadata_ && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets")
      return fail(ec, "tensor '" + name_ + "' has an unknown key '" + key_ + "'");
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    std::string text = take_text(part);
    if (depth_ != 2 || in_array_) return fail(ec, "a text where none belongs");
    if (in_metadata_) {
      metadata.emplace(key_, std::move(text));
      return true;
    }
    HeaderTensor& tensor = tensors.at(name_);
    if (key_ != "dtype" || tensor.has_dtype) return fail(ec, "tensor '" + name_ + "': a text where none belongs");
    tensor.dtype = std::move(text);
    tensor.has_dtype = true;
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code& ec) { return on_number(value, ec); }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code& ec) {
    return fail(ec, "a number beyond 2^63");  // values that fit come to on_int64
  }
  bool on_double(double, json::string_view, json::error_code& ec) {
    return fail(ec, "a number that is not an integer");
  }
  bool on_bool(bool, json::error_code& ec) { return fail(ec, "true or false where none belongs"); }
  bool on_null(json::error_code& ec) { return fail(ec, "null where none belongs"); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool fail(json::error_code& ec, std::string why) {
    reason = std::move(why);
    ec = json::error::syntax;
    return false;
  }
  bool on_number(std::int64_t value, json::error_code& ec) {
    if (!in_array_) return fail(ec, "a number where none belongs");
    if (value < 0) return fail(ec, "tensor '" + name_ + "' has a negative number in " + key_);
    HeaderTensor& tensor = tensors.at(name_);
    if (key_ == "shape") {
      tensor.shape.push_back(value);
    } else {
      tensor.offsets.push_back(static_cast<std::uint64_t>(value));
    }
    return true;
  }
  std::string take_text(json::string_view last_part) {
    text_.append(last_part.data(), last_part.size());
    return std::exchange(text_, {});
  }

  int depth_ = 0;
  bool in_metadata_ = false, in_array_ = false, seen_metadata_ = false;
  std::string name_, key_, text_;
};

// What the parser met too much of; empty when that is not why it stopped.
std::string limit_of(const json::error_code& ec) {
  const auto more_than = [](std::size_t count, std::string_view what) {
    return fmt::format("more than {} {}", count, what);
  };
  if (ec == json::error::object_too_large) return more_than(kSafetensorsTensorsMax, "tensors or entries of metadata");
  if (ec == json::error::array_too_large) return more_than(kSafetensorsRankMax, "dimensions of a tensor");
  if (ec == json::error::key_too_large) return more_than(kNameBytesMax, "bytes in a name");
  return {};
}

// Bytes a tensor of this shape takes; nothing on overflow.
std::optional<std::uint64_t> size_of(const std::vector<std::int64_t>& shape, Dtype dtype) {
  std::uint64_t size = dtype_size(dtype);
  for (std::int64_t extent : shape) {
    if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size)) return std::nullopt;
  }
  return size;
}

// Every byte of the data belongs to exactly one tensor.
base::Status check_ranges(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges, std::uint64_t data_size) {
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t end = 0;
  for (const auto& [first, last] : ranges) {
    if (first != end)
      return bad_tensors(fmt::format("{}{}",
                                     (first < end ? "tensors overlap at data byte " : "a hole in the data at byte "),
                                     std::min(first, end)));
    end = last;
  }
  if (end != data_size) return bad_tensors(fmt::format("{} bytes after the last tensor", data_size - end));
  return {};
}

}  // namespace

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::F32:
      return "F32";
    case Dtype::F16:
      return "F16";
    case Dtype::BF16:
      return "BF16";
    case Dtype::I64:
      return "I64";
    case Dtype::U8:
      return "U8";
  }
  FM_CHECK(false, "a dtype outside the enum");
}

std::size_t dtype_size(Dtype dtype) {
  switch (dtype) {
    case Dtype::F32:
      return 4;
    case Dtype::F16:
    case Dtype::BF16:
      return 2;
    case Dtype::I64:
      return 8;
    case Dtype::U8:
      return 1;
  }
  FM_CHECK(false, "a dtype outside the enum");
}

base::Result<SafetensorsFile> SafetensorsFile::parse(std::string bytes) {
  if (bytes.size() < 8)
    return bad_tensors(fmt::format("the file is {} bytes long, shorter than its length field", bytes.size()));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  if (header_size > bytes.size() - 8)
    return bad_tensors(fmt::format("header length {} in a file of {} bytes", header_size, bytes.size()));
  if (header_size > kSafetensorsHeaderBytesMax)
    return too_much(fmt::format("header length {}; the limit is {} bytes", header_size, kSafetensorsHeaderBytesMax));

  SafetensorsFile file;
  file.bytes_ = std::make_unique<const std::string>(std::move(bytes));
  const std::string_view header(file.bytes_->data() + 8, header_size);
  const std::string_view data(file.bytes_->data() + 8 + header_size, file.bytes_->size() - 8 - header_size);

  json::parse_options options;
  options.max_depth = 3;
  json::basic_parser<HeaderHandler> parser(options);
  json::error_code ec;
  const std::size_t used = parser.write_some(false, header.data(), header.size(), ec);
  HeaderHandler& parsed = parser.handler();
  if (const std::string limit = limit_of(ec); !limit.empty()) return too_much("header: " + limit);
  if (ec)
    return bad_tensors(parsed.reason.empty() ? "header is not valid JSON: " + ec.message()
                                             : "header: " + parsed.reason);
  if (used != header.size()) return bad_tensors("header: text after its object");
  if (!header.starts_with('{')) return bad_tensors("header is not an object");

  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (auto& [name, tensor] : parsed.tensors) {
    const auto dtype = dtype_from_name(tensor.dtype);
    if (!dtype)
      return bad_tensors("tensor '" + name + "' has dtype '" + tensor.dtype + "'; known are F32 F16 BF16 I64 U8");
    const std::uint64_t first = tensor.offsets[0], last = tensor.offsets[1];
    if (first > last || last > data.size()) return bad_tensors("tensor '" + name + "' lies outside the data");
    const auto size = size_of(tensor.shape, *dtype);
    if (!size || *size != last - first)
      return bad_tensors(fmt::format("tensor '{}': its shape does not match its {} bytes", name, last - first));
    if (first != last) ranges.emplace_back(first, last);
    file.tensors_.emplace(name, TensorView{*dtype, std::move(tensor.shape), data.substr(first, last - first)});
  }
  FM_TRY(check_ranges(std::move(ranges), data.size()));
  file.metadata_ = std::move(parsed.metadata);
  return file;
}

base::Result<SafetensorsFile> SafetensorsFile::read(const std::filesystem::path& path, std::uint64_t size_bytes_max) {
  FM_ASSIGN(std::string bytes, base::read_file(path, size_bytes_max));
  auto file = parse(std::move(bytes));
  if (!file.ok()) return file.error().wrapped(path.filename().string());
  return file;
}

const TensorView* SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void SafetensorsWriter::add(std::string name, Dtype dtype, std::vector<std::int64_t> shape, std::string bytes) {
  const auto size = size_of(shape, dtype);
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

std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (magnitude >= 0x47800000u) return sign | 0x7c00u;  // 65536 and beyond, infinity
  if (magnitude < 0x33000000u) return sign;             // below half the smallest subnormal
  if (magnitude < 0x38800000u) {                        // subnormal half
    const std::uint32_t shift = 126u - (magnitude >> 23);
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t rounded = mantissa >> shift;
    const std::uint32_t rest = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
    return static_cast<std::uint16_t>(sign | (rounded + (rest > middle || (rest == middle && (rounded & 1)))));
  }
  const std::uint32_t rebased = magnitude - 0x38000000u;
  return static_cast<std::uint16_t>(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1)) >> 13));
}

float float_from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu, mantissa = half & 0x3ffu;
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::vector<float> floats_of(const TensorView& tensor) {
  const std::size_t count = tensor.bytes.size() / dtype_size(tensor.dtype);
  std::vector<float> values;
  if (tensor.dtype == Dtype::F32) {
    values.resize(count);
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  } else if (tensor.dtype == Dtype::F16 || tensor.dtype == Dtype::BF16) {
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t word = 0;
      std::memcpy(&word, tensor.bytes.data() + 2 * i, 2);
      values.push_back(tensor.dtype == Dtype::F16 ? float_from_half(word)
                                                  : std::bit_cast<float>(std::uint32_t{word} << 16));
    }
  }
  return values;
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
