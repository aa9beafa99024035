// Distinct types for ids: a JobId is not a WorkerId, whatever integer is inside. Zero is "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace framemill::base {

template <class Tag, class Rep = std::uint32_t>
struct StrongId {
  using Representation = Rep;
  Rep value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const StrongId&) const = default;
};

}  // namespace framemill::base

template <class Tag, class Rep>
struct std::hash<framemill::base::StrongId<Tag, Rep>> {
  std::size_t operator()(const framemill::base::StrongId<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
