// The text of a job spec and what --set changes in it, as submit and check take them. Any thread.
//
// Errors: file.*, usage.set.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/spec.h"

namespace framemill::cli {

struct SpecSource {
  std::string name;  // as given; "-" for standard input
  std::string text;
  bool is_json() const;  // by its first character: a TOML document cannot start with '{'
};

// At most 256 KiB and one byte: the scheduler says what is too large.
base::Result<SpecSource> read_spec_source(const std::string& file, std::istream& standard_input);
// "layer.boards.prompt=snow" to pairs.
base::Result<jobs::SpecOverrides> parse_overrides(const std::vector<std::string>& texts);

}  // namespace framemill::cli
