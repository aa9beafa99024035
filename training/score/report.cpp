#include "training/score/report.h"

#include <fmt/format.h>

#include <cmath>

namespace framemill::score {

std::vector<double> shares_read_back(const Judge& judge, const std::vector<gpu::ImageBlock>& clips,
                                     const std::vector<models::Condition>& conditions) {
  FM_CHECK(clips.size() == conditions.size() && !clips.empty(), "clips and conditions that do not match");
  const auto read = judge.read_attributes(clips);
  std::vector<double> shares(kAttributes.size(), 0.0);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    for (std::size_t a = 0; a < kAttributes.size(); ++a) {
      if (read[i][a] == value_of(conditions[i], a)) shares[a] += 1.0 / static_cast<double>(clips.size());
    }
  }
  return shares;
}

std::vector<std::string> misread_lines(const Judge& judge, const models::Vocabulary& vocabulary,
                                       const std::vector<gpu::ImageBlock>& clips,
                                       const std::vector<models::Condition>& conditions, const std::string& what) {
  FM_CHECK(clips.size() == conditions.size(), "clips and conditions that do not match");
  const auto read = judge.read_attributes(clips);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    for (std::size_t a = 0; a < kAttributes.size(); ++a) {
      if (read[i][a] == value_of(conditions[i], a)) continue;
      const std::size_t slot = kAttributes[a].slot;
      const std::size_t value = static_cast<std::size_t>(read[i][a]) + (slot == 4 ? 1 : 0);  // the first kind is "none"
      lines.push_back(fmt::format("{} {}, {}: {} reads as {}", what, i + 1,
                                  models::prompt_from(vocabulary, conditions[i]), kAttributes[a].name,
                                  vocabulary.slots[slot].values[value].name));
    }
  }
  return lines;
}

double frame_difference(const gpu::ImageBlock& clip, int frame) {
  FM_CHECK(frame >= 0 && frame + 1 < clip.frames, "no such pair of frames");
  const std::size_t size = clip.frame_size();
  const float* a = clip.values.data() + static_cast<std::size_t>(frame) * size;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += std::abs(static_cast<double>(a[i + size]) - a[i]);
  return sum / static_cast<double>(size);
}

double motion_energy(const gpu::ImageBlock& clip) {
  double sum = 0;
  for (int frame = 0; frame + 1 < clip.frames; ++frame) sum += frame_difference(clip, frame);
  return sum / (clip.frames - 1);
}

std::string text_of(const Score& score) {
  std::string out =
      fmt::format("{} clips\n{:<18}{:>10}{:>11}{:>9}\n", score.clips, "attribute", "renders", "generated", "chance");
  for (const AttributeScore& a : score.attributes)
    out += fmt::format("{:<18}{:>9.1f}%{:>10.1f}%{:>8.1f}%\n", a.name, 100 * a.rendered, 100 * a.generated,
                       100 * a.chance);
  return out + fmt::format("motion energy, generated to matching renders: {:.2f}\n", score.motion_energy_ratio);
}

std::string text_of(const ChainScore& score) {
  std::string out = fmt::format("{} chains of {} windows\n{:<18}{:>10}{:>10}{:>18}{:>10}\n", score.chains,
                                score.windows, "attribute", "first", "last", "renders: first", "last");
  for (std::size_t i = 0; i < score.first.size(); ++i)
    out += fmt::format("{:<18}{:>9.1f}%{:>9.1f}%{:>17.1f}%{:>9.1f}%\n", score.first[i].name,
                       100 * score.first[i].generated, 100 * score.last[i].generated, 100 * score.first[i].rendered,
                       100 * score.last[i].rendered);
  out += "window by window\n";
  for (std::size_t i = 0; i < score.first.size(); ++i) {
    out += fmt::format("{:<18}", score.first[i].name);
    for (const std::vector<double>& shares : score.by_window) out += fmt::format("{:>7.1f}", 100 * shares[i]);
    out += "\n";
  }
  return out + fmt::format("seam difference {:.5f}, 95th percentile inside windows {:.5f}\n", score.seam_difference,
                           score.inside_p95);
}

}  // namespace framemill::score
