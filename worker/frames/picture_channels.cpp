#include "worker/frames/picture_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "jobs/attempt_error.h"

namespace framemill::frames {
namespace {

constexpr std::size_t kChannelsListedMax = 64, kNameBytesMax = 64;

// The layer that a channel belongs to ("C" of "C.r"), and which of R, G and B it is there.
struct ChannelName {
  std::string layer;
  int colour = 0;  // 0 1 2
};

std::optional<ChannelName> parse_channel(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const std::string last = base::ascii_lower(dot == std::string::npos ? name : name.substr(dot + 1));
  constexpr std::array<std::array<std::string_view, 2>, 3> kNames{{{"r", "red"}, {"g", "green"}, {"b", "blue"}}};
  for (int colour = 0; colour < 3; ++colour)
    for (const std::string_view known : kNames[static_cast<std::size_t>(colour)])
      if (last == known) return ChannelName{dot == std::string::npos ? "" : name.substr(0, dot), colour};
  return std::nullopt;
}

// R, G and B by these exact names.
std::optional<PictureChannels> plain_picture(const FramePart& part, int number) {
  PictureChannels chosen{number, -1, -1, -1};
  for (int i = 0; i < static_cast<int>(part.channels.size()); ++i) {
    const std::string& name = part.channels[static_cast<std::size_t>(i)];
    if (name == "R") chosen.r = i;
    if (name == "G") chosen.g = i;
    if (name == "B") chosen.b = i;
  }
  if (chosen.r < 0 || chosen.g < 0 || chosen.b < 0) return std::nullopt;
  return chosen;
}

// All layers of all parts that have the three colours.
std::vector<PictureChannels> layers_with_colours(const std::vector<FramePart>& parts) {
  std::vector<PictureChannels> found;
  for (int number = 0; number < static_cast<int>(parts.size()); ++number) {
    std::map<std::string, std::array<int, 3>> layers;
    const auto& channels = parts[static_cast<std::size_t>(number)].channels;
    for (int i = 0; i < static_cast<int>(channels.size()); ++i) {
      const auto name = parse_channel(channels[static_cast<std::size_t>(i)]);
      if (!name) continue;
      auto& indices = layers.try_emplace(name->layer, std::array<int, 3>{-1, -1, -1}).first->second;
      indices[static_cast<std::size_t>(name->colour)] = i;
    }
    for (const auto& [layer, indices] : layers)
      if (std::none_of(indices.begin(), indices.end(), [](int i) { return i < 0; }))
        found.push_back({number, indices[0], indices[1], indices[2]});
  }
  return found;
}

std::optional<PictureChannels> grey_picture(const std::vector<FramePart>& parts) {
  if (parts.size() != 1) return std::nullopt;
  std::optional<PictureChannels> chosen;
  for (int i = 0; i < static_cast<int>(parts[0].channels.size()); ++i) {
    const std::string& name = parts[0].channels[static_cast<std::size_t>(i)];
    if (name == "A") continue;
    if (name != "Y" || chosen) return std::nullopt;
    chosen = PictureChannels{0, i, i, i};
  }
  return chosen;
}

std::string listed(const std::vector<FramePart>& parts) {
  std::string text;
  std::size_t count = 0, left = 0;
  for (std::size_t number = 0; number < parts.size(); ++number) {
    if (parts.size() > 1) {
      if (!text.empty()) text += "; ";
      text += fmt::format("part {}", number);
      if (!parts[number].name.empty()) text += fmt::format(" \"{}\"", parts[number].name.substr(0, kNameBytesMax));
      text += ":";
    }
    bool first = true;
    for (const std::string& channel : parts[number].channels) {
      if (++count > kChannelsListedMax) {
        ++left;
        continue;
      }
      text += (first ? (text.empty() ? "" : " ") : ", ") + channel.substr(0, kNameBytesMax);
      first = false;
    }
  }
  return left == 0 ? text : text + fmt::format(" and {} more", left);
}

}  // namespace

base::Result<PictureChannels> choose_channels(const std::vector<FramePart>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (const auto chosen = plain_picture(parts[i], static_cast<int>(i))) return *chosen;
  const std::vector<PictureChannels> layers = layers_with_colours(parts);
  if (layers.size() == 1) return layers.front();
  if (const auto chosen = grey_picture(parts)) return *chosen;
  const char* what = layers.empty() ? "no channels R, G and B among"
                                    : "channels R, G and B are in more than one layer, and none is the unnamed one:";
  return base::error_of(jobs::AttemptError::FrameChannels, fmt::format("{} {}", what, listed(parts)), "",
                        "write the picture as R, G and B, or as the only layer with these (beauty.R, C.R)");
}

}  // namespace framemill::frames
