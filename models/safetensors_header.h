// The JSON header of a safetensors file: what it says of each tensor, held against the rules of the format and against
// the size of the data, before any of the data is looked at. What the format allows is accepted - padding, tensors of
// no dimensions, tensors without values, offsets at any alignment - and the rest is refused with the name of the tensor
// or key: duplicate keys, metadata that is not text, ranges that overlap or leave holes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/dtype.h"

namespace framemill::models {

inline constexpr std::uint64_t kSafetensorsHeaderBytesMax = 16 << 20;  // metadata included: a workflow may be in it
inline constexpr std::size_t kSafetensorsTensorsMax = 4096;
inline constexpr std::size_t kSafetensorsRankMax = 8;

struct HeaderEntry {
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> shape;             // no negative extents
  std::uint64_t first_byte = 0, end_byte = 0;  // in the data
};

struct SafetensorsHeader {
  std::map<std::string, HeaderEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// Errors: model.safetensors.
base::Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, std::uint64_t data_size_bytes);

// Bytes that a tensor takes; nothing where that is beyond 2^64.
std::optional<std::uint64_t> tensor_size_bytes(const std::vector<std::int64_t>& shape, Dtype dtype);

base::Error bad_safetensors(std::string reason);
// A file that is well formed and has more of something than is read.
base::Error safetensors_limit(std::string reason);

}  // namespace framemill::models
