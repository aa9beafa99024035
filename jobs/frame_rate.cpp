#include "jobs/frame_rate.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

namespace framemill::jobs {
namespace {

base::Error rate_out_of_range(std::string_view written) {
  return {"spec.out_of_range", fmt::format("{} is not in 1 to 240 frames per second", written), "",
          "24, 23.98 or \"24000/1001\""};
}

base::Result<FrameRate> rate_of_fraction(std::uint64_t num, std::uint64_t den, std::string_view written) {
  if (den == 0 || num < den || num > den * 240) return rate_out_of_range(written);
  const std::uint64_t common = std::gcd(num, den);
  return FrameRate{static_cast<std::uint32_t>(num / common), static_cast<std::uint32_t>(den / common)};
}

// The whole text as a number; nothing when it is not one.
template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string FrameRate::text() const {
  return den == 1 ? fmt::format("{}", num) : fmt::format("{}/{}", num, den);
}

base::Result<FrameRate> FrameRate::from_number(double frames_per_second) {
  const std::string written = fmt::format("{}", frames_per_second);
  if (!std::isfinite(frames_per_second) || frames_per_second < 0.9 || frames_per_second > kFrameRateMax)
    return rate_out_of_range(written);
  // One cent away is still meant: 29.98 and 59.95 are common roundings of 29.97003 and 59.94006.
  constexpr double kRounding = 0.01 + 1e-9;
  constexpr std::array<std::uint32_t, 6> kTelevision{24, 30, 48, 60, 120, 240};
  for (const std::uint32_t whole : kTelevision) {
    const double rate = whole * 1000.0 / 1001.0;
    const bool nearer_to_whole = std::abs(frames_per_second - whole) < std::abs(frames_per_second - rate);
    if (std::abs(frames_per_second - rate) <= kRounding && !nearer_to_whole)
      return rate_of_fraction(std::uint64_t{whole} * 1000, 1001, written);
  }
  constexpr std::uint64_t kMillionths = 1'000'000;
  return rate_of_fraction(static_cast<std::uint64_t>(std::llround(frames_per_second * kMillionths)), kMillionths,
                          written);
}

base::Result<FrameRate> FrameRate::parse(std::string_view text) {
  const base::Error bad{"spec.bad_rate", fmt::format("\"{}\" is not a rate", text.substr(0, 80)), "",
                        "24, 23.98 or \"24000/1001\""};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    const auto number = whole_number<double>(text);
    return number ? from_number(*number) : base::Result<FrameRate>(bad);
  }
  const auto num = whole_number<std::uint32_t>(text.substr(0, slash));
  const auto den = whole_number<std::uint32_t>(text.substr(slash + 1));
  if (!num || !den) return bad;
  return rate_of_fraction(*num, *den, text);
}

}  // namespace framemill::jobs
