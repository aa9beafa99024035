// How numbers of weight files are stored, by the names of the safetensors format, and their values as floats. The narrow
// formats are IEEE 754 half precision, bfloat16 (a float's upper half), and the two 8-bit formats of "FP8 Formats for
// Deep Learning" (arXiv 2209.05433). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace framemill::models {

enum class Dtype { F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL };
std::string_view dtype_name(Dtype dtype);  // as the format spells it: "F32", "BF16"
std::optional<Dtype> dtype_from_name(std::string_view name);
std::string dtype_names();            // all of them, for messages
std::size_t dtype_size(Dtype dtype);  // bytes
bool is_floating_point(Dtype dtype);

// IEEE 754 half precision, round to nearest even.
std::uint16_t half_from_float(float value);
float float_from_half(std::uint16_t half);

// Sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinities, all ones are NaN; up to 448.
float float_from_e4m3(std::uint8_t byte);

// The values of floating-point numbers in little-endian order at any alignment, as floats (those of F64 rounded). Empty
// for other dtypes.
std::vector<float> floats_from(Dtype dtype, std::string_view bytes);

}  // namespace framemill::models
