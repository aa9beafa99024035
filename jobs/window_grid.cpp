// The grid of windows: which frames a model call stands for, and the absolute latent frame its noise starts at.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "jobs/plan.h"

namespace framemill::jobs {
namespace {

constexpr std::int32_t kWindowFramesMax = 100'000;

// What a package's window must be, so that all the formulas hold; empty when it is.
std::string package_fault(const PackageFacts& facts, PlanStrategy strategy) {
  const TimeRatio ratio = facts.time_ratio;
  const auto whole = [&](std::int64_t frames) { return ratio.frames(ratio.latents(frames)) == frames; };
  if (ratio.mul < 1 || ratio.mul > 64 || ratio.add < 0 || ratio.add > 1)
    return fmt::format("its time ratio {}k+{} is not one that can be planned", ratio.mul, ratio.add);
  if (facts.window_frames < 1 || facts.window_frames > kWindowFramesMax)
    return fmt::format("its window of {} frames is not in 1..{}", facts.window_frames, kWindowFramesMax);
  if (!whole(facts.window_frames))
    return fmt::format("its window of {} frames is not a whole number of latents", facts.window_frames);
  if (strategy == PlanStrategy::Independent) return {};
  if (facts.context_frames < 1 || facts.context_frames >= facts.window_frames)
    return fmt::format("its context of {} frames does not allow a chain", facts.context_frames);
  if (!whole(facts.context_frames))
    return fmt::format("its context of {} frames is not a whole number of latents", facts.context_frames);
  if (facts.carry != CarryKind::Latents) return "it carries frames, and chains hand on latents";
  return {};
}

// Appends windows [first, last] to ascending runs, joining neighbours.
void append(std::vector<TaskRange>& runs, std::uint32_t first, std::uint32_t last) {
  if (runs.empty() || runs.back().end() < first) {
    runs.push_back({first, last - first + 1});
  } else if (runs.back().end() <= last) {
    runs.back().count = last - runs.back().first + 1;
  }
}

}  // namespace

FrameSpan WindowGrid::new_frames(std::uint32_t w) const {
  return {w == 0 ? window_first(w) : window_first(w) + context_frames, window_last(w), 1};
}

std::uint32_t WindowGrid::window_of(Frame frame) const {
  const std::int64_t offset = std::int64_t{frame} - origin;
  FM_CHECK(offset >= 0, "a frame before its grid");
  const auto w = static_cast<std::uint32_t>(offset < window_frames ? 0 : 1 + (offset - window_frames) / stride());
  FM_CHECK(w < window_count, "a frame behind its grid");
  return w;
}

std::int64_t WindowGrid::first_latent(std::uint32_t w) const {
  const std::int64_t context = context_frames == 0 ? 0 : time_ratio.latents(context_frames);
  return w * (time_ratio.latents(window_frames) - context);
}

std::optional<WindowGrid> make_grid(const PackageFacts& facts, PlanStrategy strategy, FrameSpan shot_range,
                                    bool has_input, std::string* why) {
  if (const std::string fault = package_fault(facts, strategy); !fault.empty()) {
    if (why != nullptr) *why = fault;
    return std::nullopt;
  }
  WindowGrid grid;
  grid.window_frames = facts.window_frames;
  grid.time_ratio = facts.time_ratio;
  if (strategy == PlanStrategy::Chain) grid.context_frames = facts.context_frames;
  grid.origin = has_input ? shot_range.first - grid.context_frames : shot_range.first;
  const std::int64_t beyond_first = std::int64_t{shot_range.last} - grid.window_last(0);
  grid.window_count =
      static_cast<std::uint32_t>(beyond_first <= 0 ? 1 : 1 + (beyond_first + grid.stride() - 1) / grid.stride());
  return grid;
}

std::optional<std::vector<TaskRange>> windows_of(const WindowGrid& grid, const FrameSet& frames) {
  std::vector<TaskRange> runs;
  for (const FrameSpan& span : frames.spans()) {
    if (span.step <= grid.stride()) {  // no window in between can be stepped over
      append(runs, grid.window_of(span.first), grid.window_of(span.last));
    } else {
      for (std::int64_t i = 0; i < span.count() && runs.size() <= kWindowRunsMax; ++i) {
        const std::uint32_t w = grid.window_of(static_cast<Frame>(span.first + i * span.step));
        append(runs, w, w);
      }
    }
    if (runs.size() > kWindowRunsMax) return std::nullopt;
  }
  return runs;
}

}  // namespace framemill::jobs
