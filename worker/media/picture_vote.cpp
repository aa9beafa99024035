#include "worker/media/picture_vote.h"

#include <fmt/format.h>

#include "jobs/attempt_error.h"

namespace framemill::media {
namespace {

constexpr const char* kHowToState = "state size = \"WIDTHxHEIGHT\" on the layer if that is meant, or check = \"none\"";

base::Error size_error(const Shape& is, const std::string& other, int width, int height) {
  return base::error_of(jobs::AttemptError::OutputSize,
                        fmt::format("it is {} x {} pixels; {} {} x {}", is.width, is.height, other, width, height), "",
                        kHowToState);
}

base::Error difference(const Ballot& self, const Ballot& other, const std::string& label) {
  if (other.shape.width != self.shape.width || other.shape.height != self.shape.height)
    return size_error(self.shape, label + " is", other.shape.width, other.shape.height);
  return base::error_of(jobs::AttemptError::OutputChannels,
                        fmt::format("its channels are {}; {} has {}", self.shape.channels, label, other.shape.channels),
                        "", "set check = \"none\" on the layer if that is meant");
}

bool is_same_frame(const Ballot& a, const Ballot& b) {
  return a.frame == b.frame && a.shape == b.shape;
}

}  // namespace

std::optional<base::Error> against_stated(const Ballot& self, int width, int height) {
  if (self.shape.width == width && self.shape.height == height) return std::nullopt;
  return size_error(self.shape, "the layer states", width, height);
}

std::optional<base::Error> against_input(const Ballot& self, const Shape& input, const std::string& label) {
  if (self.shape.width != input.width || self.shape.height != input.height)
    return size_error(self.shape, label + " is", input.width, input.height);
  const bool loses_colour = input.has_picture && !input.is_grey && (!self.shape.has_picture || self.shape.is_grey);
  if (!loses_colour) return std::nullopt;
  return base::error_of(
      jobs::AttemptError::OutputChannels,
      fmt::format("its channels are {}; {} is in colour ({})", self.shape.channels, label, input.channels), "",
      "set check = \"none\" on the layer if that is meant");
}

std::optional<base::Error> against_any(const Ballot& self, const std::vector<Ballot>& ballots) {
  for (const Ballot& witness : ballots) {
    std::size_t alike = 0;
    for (const Ballot& ballot : ballots) alike += ballot.shape == witness.shape;
    if (alike >= 2 && alike * 2 > ballots.size()) return std::nullopt;
  }
  for (const Ballot& other : ballots)
    if (other.shape != self.shape) return difference(self, other, fmt::format("frame {}", other.frame));
  return std::nullopt;
}

std::optional<base::Error> against_majority(const Ballot& self, const std::vector<Ballot>& ballots) {
  std::size_t total = 0;
  bool counted_self = false;
  for (const Ballot& ballot : ballots) counted_self = counted_self || is_same_frame(ballot, self);
  total = ballots.size() + (counted_self ? 0 : 1);
  for (const Ballot& witness : ballots) {
    std::size_t alike = 0;
    for (const Ballot& ballot : ballots) alike += ballot.shape == witness.shape;
    if (alike < 2 || alike * 2 <= total || witness.shape == self.shape) continue;
    return difference(self, witness, fmt::format("frame {}, like most of the layer,", witness.frame));
  }
  return std::nullopt;
}

}  // namespace framemill::media
