// Specs and packages made by hand for the tests of plans. Owned by the tests of this room.
#pragma once

#include <map>
#include <string>

#include "jobs/plan.h"

namespace framemill::jobs::test {

inline PackageFacts package(std::int32_t window, std::int32_t context, TimeRatio ratio = {1, 0}) {
  PackageFacts facts;
  facts.name = "clips";
  facts.version = "1";
  facts.window_frames = window;
  facts.context_frames = context;
  facts.time_ratio = ratio;
  facts.steps_max = 100;
  facts.default_steps = 20;
  facts.guidance_max = 10;
  return facts;
}

class Packages : public PackageCatalogue {
 public:
  Packages() = default;
  explicit Packages(const PackageFacts& facts) { add(facts); }
  void add(const PackageFacts& facts) { facts_[facts.id()] = facts; }
  const PackageFacts* find(std::string_view id) const override {
    const auto found = facts_.find(std::string(id));
    return found == facts_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> ids() const override {
    std::vector<std::string> out;
    for (const auto& [id, facts] : facts_) out.push_back(id);
    return out;
  }
  base::Status check_prompt(std::string_view, std::string_view prompt) const override {
    if (prompt.find("zebra") == std::string_view::npos) return {};
    return base::Error{"prompt.unknown_word", "\"zebra\" is not in the vocabulary", "", "horse"};
  }

 private:
  std::map<std::string, PackageFacts> facts_;
};

inline FrameSet frames(std::string_view text) {
  return FrameSet::parse(text).value();
}

inline LayerSpec generate(std::string name, std::string_view frame_text, FrameSpan shot_range, PlanStrategy plan,
                          std::uint32_t variants = 1) {
  LayerSpec layer;
  layer.name = std::move(name);
  layer.shot = "sh_0010";
  layer.kind = LayerKind::Generate;
  layer.frames = frames(frame_text);
  layer.shot_range = shot_range;
  layer.root = "frames";
  layer.output = "{shot}/{layer}_t{variant:02}_v{version:03}.{frame:04}.exr";
  GenerateSpec work;
  work.model = "clips@1";
  work.prompt = "a boat";
  work.plan = plan;
  for (std::uint32_t i = 0; i < variants; ++i) work.variant_seeds.push_back(7 + i);
  layer.work = work;
  return layer;
}

inline LayerSpec gathering(std::string name, LayerKind kind, std::vector<LayerInput> inputs) {
  LayerSpec layer;
  layer.name = std::move(name);
  layer.shot = "sh_0010";
  layer.kind = kind;
  layer.inputs = std::move(inputs);
  layer.root = "frames";
  layer.output = kind == LayerKind::Encode ? "{shot}_{layer}_v{version:03}.mp4" : "{shot}_{layer}_v{version:03}.png";
  if (kind == LayerKind::Encode)
    layer.work = EncodeSpec{};
  else
    layer.work = SheetSpec{};
  return layer;
}

inline LayerInput from(std::string layer, std::optional<std::uint32_t> variant = std::nullopt,
                       std::optional<FrameSet> chosen = std::nullopt) {
  LayerInput input;
  input.layer = std::move(layer);
  input.variant = variant;
  input.frames = std::move(chosen);
  return input;
}

inline JobSpec job(std::vector<LayerSpec> layers) {
  JobSpec spec;
  spec.name = "test";
  spec.show = "show";
  spec.shot = "sh_0010";
  spec.layers = std::move(layers);
  return spec;
}

}  // namespace framemill::jobs::test
