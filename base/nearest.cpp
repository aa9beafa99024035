#include "base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/unicode.h"

namespace framemill::base {
namespace {

constexpr std::size_t kWordLengthMax = 64;

// The text as code points; a malformed byte counts as one.
std::u32string code_points(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const auto next = first_code_point(text);
    out += next ? next->value : char32_t{0xFFFD};
    text.remove_prefix(next ? next->bytes : 1);
  }
  return out;
}

}  // namespace

std::size_t edit_distance(std::string_view one, std::string_view other) {
  const std::u32string a = code_points(one), b = code_points(other);
  // Optimal string alignment: three rows of the usual table.
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::size_t edits_max(std::string_view word) {
  const std::size_t characters = code_points(word).size();
  return characters < 2 ? 0 : std::clamp<std::size_t>(characters / 3, 1, 3);
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kWordLengthMax) return {};
  const std::string meant = folded(word);
  std::string best;
  std::size_t best_distance = edits_max(meant) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordLengthMax) continue;
    const std::size_t distance = edit_distance(meant, folded(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word) {
  return word.empty() ? std::string() : fmt::format("did you mean \"{}\"?", word);
}

std::string listed(const std::vector<std::string>& words, std::size_t shown_max) {
  // One more costs no more room than saying that there is one more.
  const std::size_t shown = words.size() <= shown_max + 1 ? words.size() : shown_max;
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) out += (i == 0 ? "" : ", ") + words[i];
  if (shown < words.size()) out += fmt::format(" and {} more", words.size() - shown);
  return out;
}

}  // namespace framemill::base
