// SHA-256 (FIPS 180-4) as a value and as a running sum.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace framemill::base {

struct Sha256 {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const Sha256&) const = default;
  std::string hex() const;  // 64 lower-case digits
  static std::optional<Sha256> from_hex(std::string_view hex);
};

Sha256 sha256(std::string_view data);

class Sha256Sum {
 public:
  Sha256Sum();
  ~Sha256Sum();
  Sha256Sum(Sha256Sum&&) noexcept;
  Sha256Sum& operator=(Sha256Sum&&) noexcept;
  void add(const void* data, std::size_t size_bytes);
  void add(std::string_view data) { add(data.data(), data.size()); }
  Sha256 finish();  // may be called once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lower-case hexadecimal of any bytes.
std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace framemill::base
