// Which size and channels a frame of a layer should have, and what to say about one that has others. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/frame_range.h"

namespace framemill::media {

struct Shape {
  int width = 0, height = 0;
  std::string channels;
  bool is_grey = false, has_picture = false;
  bool operator==(const Shape&) const = default;
};

struct Ballot {
  jobs::Frame frame = 0;
  Shape shape;
};

// Each: nothing, or an error output.size or output.channels that names both.
std::optional<base::Error> against_stated(const Ballot& self, int width, int height);
// `label`: of the input, for people. A picture in colour stays one; alpha and further channels may come and go.
std::optional<base::Error> against_input(const Ballot& self, const Shape& input, const std::string& label);
// More than half of all, and at least two, are alike and this one is not among them. `ballots` may hold `self`.
std::optional<base::Error> against_majority(const Ballot& self, const std::vector<Ballot>& ballots);
// All frames of the layer are among the ballots, most of them are not alike, and this one differs from another: nobody
// else will come to decide.
std::optional<base::Error> against_any(const Ballot& self, const std::vector<Ballot>& ballots);

}  // namespace framemill::media
