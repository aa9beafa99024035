#include "cli/spec_source.h"

#include <fmt/format.h>

#include <istream>

#include "base/file.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kSpecBytesMax = 256 * 1024;

}  // namespace

bool SpecSource::is_json() const {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

base::Result<SpecSource> read_spec_source(const std::string& file, std::istream& standard_input) {
  if (file != "-") {
    FM_ASSIGN(std::string text, base::read_file(file, kSpecBytesMax));
    return SpecSource{file, std::move(text)};
  }
  std::string text(kSpecBytesMax + 1, '\0');
  standard_input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(standard_input.gcount()));
  if (text.size() > kSpecBytesMax)
    return base::Error{"file.too_large", "standard input is larger than 256 KiB", {}, "a job spec is a page of text"};
  return SpecSource{file, std::move(text)};
}

base::Result<jobs::SpecOverrides> parse_overrides(const std::vector<std::string>& texts) {
  jobs::SpecOverrides overrides;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return base::Error{"usage.set", fmt::format("--set {} has no key and value", printable(text)), "--set",
                         "write --set layer.boards.prompt=\"snowy hills\""};
    overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return overrides;
}

}  // namespace framemill::cli
