// A table from error codes to what they mean at a border: an HTTP status, an exit status. A row is for one code
// ("http.too_large") or for all codes that begin so ("spec.", "http.status_"), and the first row that fits counts. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace framemill::base {

template <class Meaning>
struct CodeRow {
  std::string_view code;  // for all that begin so it ends with a dot or an underscore
  Meaning meaning;
};

template <class Meaning, std::size_t N>
constexpr const Meaning* find_meaning(const std::array<CodeRow<Meaning>, N>& rows, std::string_view code) {
  for (const CodeRow<Meaning>& row : rows)
    if (row.code.ends_with('.') || row.code.ends_with('_') ? code.starts_with(row.code) : code == row.code)
      return &row.meaning;
  return nullptr;
}

}  // namespace framemill::base
