#include "models/import/licence.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"
#include "models/package.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCardBytesMax = 1 << 20;
constexpr std::size_t kLineShownBytesMax = 100;

// Model cards write identifiers in lower case; SPDX's own spelling of those that models have.
constexpr std::array<std::string_view, 14> kIdentifiers = {
    "Apache-2.0",      "MIT",          "BSD-2-Clause",  "BSD-3-Clause", "CC0-1.0",
    "CC-BY-4.0",       "CC-BY-SA-4.0", "CC-BY-NC-4.0",  "CC-BY-ND-4.0", "CC-BY-NC-SA-4.0",
    "CC-BY-NC-ND-4.0", "GPL-3.0-only", "AGPL-3.0-only", "MPL-2.0"};
// Words of model cards that name no licence.
constexpr std::array<std::string_view, 5> kNoLicence = {"other", "unknown", "unlicensed", "none", "null"};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\"'[");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\"']") + 1 - first));
}

std::string spdx_of(const std::string& stated) {
  const std::string lower = base::ascii_lower(stated);
  if (std::find(kNoLicence.begin(), kNoLicence.end(), lower) != kNoLicence.end()) return {};
  for (const std::string_view id : kIdentifiers) {
    if (lower == base::ascii_lower(id)) return std::string(id);
  }
  return stated.size() <= 64 && is_licence_expression(stated) ? stated : std::string();
}

// The value of a key of the front matter: lines between a first "---" and the next.
std::string front_matter(const std::string& card, std::string_view key) {
  std::istringstream in(card);
  std::string line;
  if (!std::getline(in, line) || trimmed(line) != "---") return {};
  while (std::getline(in, line) && trimmed(line) != "---") {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':')
      return trimmed(std::string_view(line).substr(key.size() + 1));
  }
  return {};
}

void read_card(const fs::path& directory, FoundLicence& out) {
  const auto card = base::read_file(directory / "README.md", kCardBytesMax);
  if (!card.ok()) return;
  const std::string stated = front_matter(*card, "license");
  if (stated.empty()) return;
  out.source = "README.md";
  out.stated = base::clean_text(stated, kLineShownBytesMax);
  out.id = spdx_of(stated);
}

void find_text(const fs::path& directory, FoundLicence& out) {
  std::error_code ignored;
  for (const char* stem : {"LICENSE", "LICENCE", "COPYING", "LICENSE.txt", "LICENCE.txt", "LICENSE.md"}) {
    const fs::path path = directory / stem;
    if (!fs::is_regular_file(path, ignored)) continue;
    const auto text = base::read_file(path, kCardBytesMax);
    if (!text.ok()) continue;
    out.text = path;
    std::istringstream in(*text);
    for (std::string line; out.first_line.empty() && std::getline(in, line);)
      out.first_line = base::clean_text(trimmed(line), kLineShownBytesMax);
    return;
  }
}

}  // namespace

FoundLicence find_licence(const std::vector<fs::path>& directories) {
  FoundLicence out;
  for (const fs::path& directory : directories) {
    if (out.stated.empty()) read_card(directory, out);
    if (!out.text) find_text(directory, out);
  }
  return out;
}

}  // namespace framemill::models
