// Under which licence a model was published, where its publisher says so in a form that needs no judgement: the "license"
// of a README's front matter (a model card). A licence text is found and kept, but never taken for an identifier.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace framemill::models {

struct FoundLicence {
  std::string id;                             // an SPDX expression; empty: none is stated
  std::string source;                         // "README.md"
  std::string stated;                         // what the source says, where that is not an identifier ("other")
  std::optional<std::filesystem::path> text;  // LICENSE, LICENCE, COPYING
  std::string first_line;                     // of the text
};

// Looks in each directory; the first that states one wins.
FoundLicence find_licence(const std::vector<std::filesystem::path>& directories);

}  // namespace framemill::models
