// The text of a job spec and what --set changes in it, as submit and check take them. Any thread.
//
// Errors: file.open, file.read, file.not_a_file, file.silent, file.too_large, net.interrupted, usage.set.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "jobs/spec.h"

namespace framemill::cli {

struct SpecSource {
  std::string name;  // as given; "-" for standard input
  std::string text;
  bool is_json() const;  // by its first character: a TOML document cannot start with '{'
  std::string shown_name() const;
};

// Where "-" is read from: a descriptor of the process, or the stream where there is none (-1).
struct StandardInput {
  std::istream& stream;
  int descriptor = -1;
};

// At most 256 KiB. Directories, devices and sockets are refused; a named pipe has `patience` to say something, so that
// one without a writer does not hang, while `framemill check <(command)` works.
base::Result<SpecSource> read_spec_source(const std::string& file, const StandardInput& standard_input,
                                          base::Duration patience = base::seconds(10));
// "layer.boards.prompt=snow" to pairs.
base::Result<jobs::SpecOverrides> parse_overrides(const std::vector<std::string>& texts);
// Fills in places that are known from the text alone and puts the errors into the order of the lines.
void place_and_order(std::vector<jobs::SpecError>& errors, const SpecSource& source,
                     const jobs::SpecOverrides& overrides);

}  // namespace framemill::cli
