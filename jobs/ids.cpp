#include "jobs/ids.h"

#include <fmt/format.h>

#include <charconv>

namespace framemill::jobs {
namespace {

template <class Int>
bool parse_whole(std::string_view text, int base, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string AttemptId::text() const {
  return fmt::format("{}-{:016x}-{}", epoch.number, epoch.nonce, counter);
}

std::optional<AttemptId> AttemptId::parse(std::string_view text) {
  const std::size_t a = text.find('-');
  const std::size_t b = text.find('-', a == std::string_view::npos ? a : a + 1);
  if (a == std::string_view::npos || b == std::string_view::npos || b - a - 1 != 16) return std::nullopt;
  AttemptId id;
  if (!parse_whole(text.substr(0, a), 10, id.epoch.number) ||
      !parse_whole(text.substr(a + 1, 16), 16, id.epoch.nonce) || !parse_whole(text.substr(b + 1), 10, id.counter))
    return std::nullopt;
  return id.text() == text ? std::optional(id) : std::nullopt;
}

}  // namespace framemill::jobs
