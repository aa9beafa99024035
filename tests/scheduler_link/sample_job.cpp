#include "tests/scheduler_link/sample_job.h"

#include <catch2/catch.hpp>

namespace framemill::scheduler::test {
namespace {

class OnePackage : public jobs::PackageCatalogue {
 public:
  explicit OnePackage(jobs::PackageFacts facts) : facts_(std::move(facts)) {}
  const jobs::PackageFacts* find(std::string_view id) const override { return id == facts_.id() ? &facts_ : nullptr; }
  std::vector<std::string> ids() const override { return {facts_.id()}; }
  base::Status check_prompt(std::string_view, std::string_view) const override { return {}; }

 private:
  jobs::PackageFacts facts_;
};

jobs::LayerSpec layer(const std::string& name, jobs::LayerKind kind, jobs::FrameSet frames) {
  jobs::LayerSpec layer;
  layer.name = name;
  layer.shot = "sh10";
  layer.kind = kind;
  if (!frames.empty()) layer.shot_range = {frames.first(), frames.last(), 1};
  layer.frames = std::move(frames);
  layer.root = "main";
  layer.output = "{show}/{layer}/v{version:03}/{layer}_t{variant:02}.{frame:04}.exr";
  return layer;
}

}  // namespace

JobRecord sample_job(const SampleChoices& choices) {
  jobs::PackageFacts facts;
  facts.name = "model";
  facts.version = "1";
  facts.root_digest = base::sha256(choices.model_bytes);
  facts.window_frames = 16;
  facts.context_frames = 4;
  facts.width = facts.height = 64;
  facts.fps = 12;
  facts.default_steps = 8;
  facts.steps_max = 50;
  facts.guidance_max = 10;

  jobs::GenerateSpec generate;
  generate.model = "model@1";
  generate.prompt = choices.prompt;
  generate.steps = choices.steps;
  generate.seed = choices.seed;

  auto spec = std::make_shared<jobs::JobSpec>();
  spec->name = "sample";
  spec->show = "harbor";
  spec->shot = "sh10";
  spec->shot_range = {1, 64, 1};

  jobs::LayerSpec boards = layer("boards", jobs::LayerKind::Generate, {1, 16});
  generate.variant_seeds = {choices.seed, choices.seed + 1};
  boards.work = generate;
  jobs::LayerSpec shot = layer("shot", jobs::LayerKind::Generate, {1, 64});
  generate.variant_seeds = {choices.seed};
  generate.plan = jobs::PlanStrategy::Chain;
  shot.work = generate;
  shot.inputs = {{"boards", 1, "", "", std::nullopt, ""}};
  jobs::LayerSpec cut = layer("cut", jobs::LayerKind::Encode, {});
  cut.output = "{show}/{layer}_v{version:03}.mp4";
  cut.work = jobs::EncodeSpec{};
  cut.inputs = {{"shot", 0, "", "", std::nullopt, ""}};
  jobs::LayerSpec sheet = layer("sheet", jobs::LayerKind::Sheet, {});
  sheet.output = "{show}/{layer}_v{version:03}.png";
  sheet.work = jobs::SheetSpec{};
  sheet.inputs = {{"boards", std::nullopt, "", "", std::nullopt, ""}, {"shot", 0, "", "", std::nullopt, ""}};
  spec->layers = {boards, shot, cut, sheet};

  const jobs::PlanResult planned = jobs::plan_job(*spec, choices.version, OnePackage(facts));
  for (const jobs::SpecError& error : planned.errors) FAIL(error.code << ": " << error.field << ": " << error.message);
  JobRecord job;
  job.id = JobId(1);
  job.spec = spec;
  job.plan = std::make_shared<const jobs::JobPlan>(*planned.plan);
  job.packages = {facts};
  job.version = choices.version;
  return job;
}

JobRecord job_of(const std::string& layers) {
  const SampleChoices choices;
  jobs::PackageFacts facts;
  facts.name = "model";
  facts.version = "1";
  facts.root_digest = base::sha256(choices.model_bytes);
  facts.window_frames = 16;
  facts.context_frames = 4;
  facts.width = facts.height = 64;
  facts.fps = 12;
  facts.default_steps = 8;
  facts.steps_max = 50;
  facts.guidance_max = 10;

  const std::string head = "api = \"framemill/v1\"\nname = \"sample\"\nshow = \"harbor\"\nshot = \"sh10\"\n";
  jobs::ParsedSpec parsed = jobs::parse_spec(head + layers);
  for (const jobs::SpecError& error : parsed.errors) FAIL(error.code << ": " << error.field << ": " << error.message);
  JobRecord job;
  job.id = JobId(1);
  job.spec = std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec));
  const jobs::PlanResult planned = jobs::plan_job(*job.spec, choices.version, OnePackage(facts));
  for (const jobs::SpecError& error : planned.errors) FAIL(error.code << ": " << error.field << ": " << error.message);
  job.plan = std::make_shared<const jobs::JobPlan>(*planned.plan);
  job.packages = {facts};
  job.version = choices.version;
  return job;
}

}  // namespace framemill::scheduler::test
