#include "models/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <optional>
#include <utility>

namespace framemill::models {
namespace {

namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 256;

struct RawTensor {
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

  std::map<std::string, RawTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::string reason;  // why parsing stopped, where this handler stopped it

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    if (depth_ == 2) return misplaced(ec, "an object");
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, json::error_code& ec) {
    if (depth_ == 2 && !in_metadata_) {
      const RawTensor& tensor = tensors.at(name_);
      if (!tensor.has_dtype || !tensor.has_shape || !tensor.has_offsets)
        return fail(ec, "tensor '" + name_ + "' lacks dtype, shape or data_offsets");
    }
    --depth_;
    return true;
  }
  bool on_array_begin(json::error_code& ec) {
    if (depth_ != 2 || in_metadata_ || in_array_ || (key_ != "shape" && key_ != "data_offsets"))
      return misplaced(ec, "an array");
    RawTensor& tensor = tensors.at(name_);
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
    return depth_ == 1 ? on_tensor_name(std::move(key), ec) : on_entry_key(std::move(key), ec);
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    std::string text = take_text(part);
    if (depth_ == 2 && in_metadata_ && !in_array_) {
      metadata.emplace(key_, std::move(text));
      return true;
    }
    if (depth_ != 2 || in_array_ || key_ != "dtype") return misplaced(ec, "a text");
    RawTensor& tensor = tensors.at(name_);
    if (tensor.has_dtype) return fail(ec, "tensor '" + name_ + "' has dtype twice");
    tensor.dtype = std::move(text);
    tensor.has_dtype = true;
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code& ec) {
    if (!in_array_) return misplaced(ec, "a number");
    if (value < 0) return fail(ec, "tensor '" + name_ + "' has a negative number in " + key_);
    RawTensor& tensor = tensors.at(name_);
    if (key_ == "shape") {
      tensor.shape.push_back(value);
    } else {
      tensor.offsets.push_back(static_cast<std::uint64_t>(value));
    }
    return true;
  }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code& ec) {
    return misplaced(ec, "a number beyond 2^63");  // values that fit come to on_int64
  }
  bool on_double(double, json::string_view, json::error_code& ec) {
    return misplaced(ec, "a number that is not an integer");
  }
  bool on_bool(bool, json::error_code& ec) { return misplaced(ec, "true or false"); }
  bool on_null(json::error_code& ec) { return misplaced(ec, "null"); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool fail(json::error_code& ec, std::string why) {
    reason = std::move(why);
    ec = json::error::syntax;
    return false;
  }
  // A value of a kind that the format has no place for here.
  bool misplaced(json::error_code& ec, std::string_view what) {
    if (depth_ < 2) return fail(ec, fmt::format("{} where none belongs", what));
    if (in_metadata_)
      return fail(ec, fmt::format("__metadata__: '{}' is {}; the format allows texts alone", key_, what));
    return fail(ec, fmt::format("tensor '{}': {} in {}", name_, what, key_));
  }

  bool on_tensor_name(std::string name, json::error_code& ec) {
    in_metadata_ = name == "__metadata__";
    name_ = std::move(name);
    if (!in_metadata_) {
      if (!tensors.emplace(name_, RawTensor{}).second) return fail(ec, "tensor '" + name_ + "' appears twice");
      return true;
    }
    if (seen_metadata_) return fail(ec, "__metadata__ appears twice");
    seen_metadata_ = true;
    return true;
  }
  bool on_entry_key(std::string key, json::error_code& ec) {
    key_ = std::move(key);
    if (in_metadata_ && metadata.contains(key_)) return fail(ec, "metadata key '" + key_ + "' appears twice");
    if (!in_metadata_ && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets")
      return fail(ec, "tensor '" + name_ + "' has an unknown key '" + key_ + "'");
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

base::Result<HeaderEntry> checked_entry(const std::string& name, RawTensor raw, std::uint64_t data_size) {
  const auto dtype = dtype_from_name(raw.dtype);
  if (!dtype) return bad_safetensors("tensor '" + name + "' has dtype '" + raw.dtype + "'; known are " + dtype_names());
  const std::uint64_t first = raw.offsets[0], end = raw.offsets[1];
  if (first > end || end > data_size)
    return bad_safetensors(
        fmt::format("tensor '{}' lies outside the data: bytes {} to {} of {}", name, first, end, data_size));
  const auto size = tensor_size_bytes(raw.shape, *dtype);
  if (!size || *size != end - first)
    return bad_safetensors(fmt::format("tensor '{}': its shape does not match its {} bytes", name, end - first));
  return HeaderEntry{*dtype, std::move(raw.shape), first, end};
}

// Every byte of the data belongs to exactly one tensor.
base::Status check_ranges(const std::map<std::string, HeaderEntry>& tensors, std::uint64_t data_size) {
  struct Range {
    std::uint64_t first, end;
    const std::string* name;
  };
  std::vector<Range> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, entry] : tensors) ranges.push_back({entry.first_byte, entry.end_byte, &name});
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::pair(a.first, a.end) < std::pair(b.first, b.end); });
  std::uint64_t end = 0;
  for (const Range& range : ranges) {
    if (range.first < end)
      return bad_safetensors(
          fmt::format("tensor '{}' overlaps the one before it at data byte {}", *range.name, range.first));
    if (range.first > end)
      return bad_safetensors(fmt::format("a hole in the data before tensor '{}': bytes {} to {} belong to none",
                                         *range.name, end, range.first));
    end = range.end;
  }
  if (end != data_size) return bad_safetensors(fmt::format("{} bytes after the last tensor", data_size - end));
  return {};
}

}  // namespace

base::Error bad_safetensors(std::string reason) {
  return {"model.safetensors", std::move(reason), "", "make the file again or fetch it again"};
}

base::Error safetensors_limit(std::string reason) {
  return {"model.safetensors", std::move(reason), "", "this is a limit of Framemill, not a fault of the file"};
}

std::optional<std::uint64_t> tensor_size_bytes(const std::vector<std::int64_t>& shape, Dtype dtype) {
  std::uint64_t size = dtype_size(dtype);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size)) return std::nullopt;
  }
  return size;
}

base::Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, std::uint64_t data_size) {
  json::parse_options options;
  options.max_depth = 3;
  json::basic_parser<HeaderHandler> parser(options);
  json::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  HeaderHandler& parsed = parser.handler();
  if (const std::string limit = limit_of(ec); !limit.empty()) return safetensors_limit("header: " + limit);
  if (ec)
    return bad_safetensors(parsed.reason.empty() ? "header is not valid JSON: " + ec.message()
                                                 : "header: " + parsed.reason);
  if (used != text.size()) return bad_safetensors("header: text after its object");
  if (!text.starts_with('{')) return bad_safetensors("header is not an object");

  SafetensorsHeader header;
  for (auto& [name, raw] : parsed.tensors) {
    FM_ASSIGN(HeaderEntry entry, checked_entry(name, std::move(raw), data_size));
    header.tensors.emplace(name, std::move(entry));
  }
  FM_TRY(check_ranges(header.tensors, data_size));
  header.metadata = std::move(parsed.metadata);
  return header;
}

}  // namespace framemill::models
