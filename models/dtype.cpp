#include "models/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace framemill::models {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are little-endian in the file and in memory");

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::size_t size_bytes;
  bool floating;
};
constexpr std::array<DtypeRow, 15> kDtypes = {{{Dtype::F64, "F64", 8, true},
                                               {Dtype::F32, "F32", 4, true},
                                               {Dtype::F16, "F16", 2, true},
                                               {Dtype::BF16, "BF16", 2, true},
                                               {Dtype::F8_E4M3, "F8_E4M3", 1, true},
                                               {Dtype::F8_E5M2, "F8_E5M2", 1, true},
                                               {Dtype::I64, "I64", 8, false},
                                               {Dtype::I32, "I32", 4, false},
                                               {Dtype::I16, "I16", 2, false},
                                               {Dtype::I8, "I8", 1, false},
                                               {Dtype::U64, "U64", 8, false},
                                               {Dtype::U32, "U32", 4, false},
                                               {Dtype::U16, "U16", 2, false},
                                               {Dtype::U8, "U8", 1, false},
                                               {Dtype::BOOL, "BOOL", 1, false}}};

const DtypeRow& row_of(Dtype dtype) {
  for (const DtypeRow& row : kDtypes) {
    if (row.dtype == dtype) return row;
  }
  FM_CHECK(false, "a dtype outside the enum");
}

// The values of `bytes` as numbers of Stored, each made a float.
template <class Stored, class Widen>
std::vector<float> widened(std::string_view bytes, Widen widen) {
  std::vector<float> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = widen(stored);
  }
  return values;
}

}  // namespace

std::string_view dtype_name(Dtype dtype) {
  return row_of(dtype).name;
}
std::size_t dtype_size(Dtype dtype) {
  return row_of(dtype).size_bytes;
}
bool is_floating_point(Dtype dtype) {
  return row_of(dtype).floating;
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (const DtypeRow& row : kDtypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::string dtype_names() {
  std::string names;
  for (const DtypeRow& row : kDtypes) names += (names.empty() ? "" : " ") + std::string(row.name);
  return names;
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

float float_from_e4m3(std::uint8_t byte) {
  const int exponent = (byte >> 3) & 0xf, mantissa = byte & 7;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  if ((byte & 0x7f) == 0x7f) value = std::numeric_limits<float>::quiet_NaN();
  return byte & 0x80 ? -value : value;
}

std::vector<float> floats_from(Dtype dtype, std::string_view bytes) {
  switch (dtype) {
    case Dtype::F64:
      return widened<double>(bytes, [](double value) { return static_cast<float>(value); });
    case Dtype::F32:
      return widened<float>(bytes, [](float value) { return value; });
    case Dtype::F16:
      return widened<std::uint16_t>(bytes, float_from_half);
    case Dtype::BF16:
      return widened<std::uint16_t>(
          bytes, [](std::uint16_t upper) { return std::bit_cast<float>(std::uint32_t{upper} << 16); });
    case Dtype::F8_E4M3:
      return widened<std::uint8_t>(bytes, float_from_e4m3);
    case Dtype::F8_E5M2:  // the upper half of a half
      return widened<std::uint8_t>(
          bytes, [](std::uint8_t byte) { return float_from_half(static_cast<std::uint16_t>(byte << 8)); });
    default:
      return {};
  }
}

}  // namespace framemill::models
