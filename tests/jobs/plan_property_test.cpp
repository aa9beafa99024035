// Properties of every plan, for models with as many latents as frames and for those with 4k+1 frames to k+1 latents.
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <set>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

struct Example {
  PackageFacts facts;
  JobSpec spec;
  JobPlan plan;
};

FrameSet some_of(FrameSpan range) {
  const std::int64_t length = range.count();
  std::vector<FrameSpan> spans;
  std::int64_t at = range.first;
  while (at <= range.last && spans.size() < 6) {
    at += *rc::gen::inRange<std::int64_t>(0, length / 2 + 1);
    if (at > range.last) break;
    const auto step = *rc::gen::inRange<std::int32_t>(1, 40);
    const std::int64_t count = *rc::gen::inRange<std::int64_t>(1, 20);
    const std::int64_t last = std::min<std::int64_t>(range.last, at + (count - 1) * step);
    spans.push_back({static_cast<Frame>(at), static_cast<Frame>(last), step});
    at = last + 1;
  }
  return spans.empty() ? FrameSet(range.first, range.first) : FrameSet::of(spans);
}

PackageFacts some_package() {
  if (*rc::gen::arbitrary<bool>()) {
    const auto window = *rc::gen::inRange<std::int32_t>(2, 24);
    return package(window, *rc::gen::inRange<std::int32_t>(1, window));
  }
  const auto latents = *rc::gen::inRange<std::int32_t>(1, 6);
  return package(4 * latents + 1, 4 * *rc::gen::inRange<std::int32_t>(0, latents) + 1, {4, 1});
}

// A generate layer of any plan, with or without an input, and an encode of some of its frames.
JobSpec some_job() {
  const Frame first = *rc::gen::inRange<Frame>(-200, 200);
  const FrameSpan range{first, first + *rc::gen::inRange<Frame>(0, 300), 1};
  const auto plan = *rc::gen::element(PlanStrategy::Independent, PlanStrategy::Chain);
  auto comp = generate("comp", "1", range, plan, *rc::gen::inRange<std::uint32_t>(1, 4));
  comp.frames = some_of(range);
  auto boards = generate("boards", "1-40", {1, 40}, PlanStrategy::Independent, 2);
  if (plan == PlanStrategy::Chain && *rc::gen::arbitrary<bool>()) comp.inputs = {from("boards", 1)};
  auto cut =
      gathering("cut", LayerKind::Encode, {from("comp", 0, comp.frames.within(range.first, comp.frames.first() + 9))});
  LayerSpec grade = generate("grade", "1", range, PlanStrategy::Independent);
  grade.kind = LayerKind::Command;
  grade.frames = comp.frames;
  grade.inputs = {from("comp")};
  grade.work = CommandSpec{
      {"x"}, {false, -*rc::gen::inRange<std::int32_t>(0, 20), *rc::gen::inRange<std::int32_t>(0, 20)}, false, {}};
  return job({boards, comp, cut, grade});
}

JobPlan planned(const JobSpec& spec, const PackageFacts& facts) {
  auto result = plan_job(spec, 1, Packages(facts));
  for (const SpecError& error : result.errors) RC_LOG() << error.code << " " << error.message << "\n";
  RC_ASSERT(result.plan.has_value());
  return std::move(*result.plan);
}

Example some_example() {
  Example example{some_package(), {}, {}};
  example.spec = some_job();
  example.plan = planned(example.spec, example.facts);
  return example;
}

std::vector<Frame> members(const FrameSet& set) {
  std::vector<Frame> out;
  for (std::int64_t i = 0; i < set.count(); ++i) out.push_back(set.nth(i));
  return out;
}

TEST_CASE("every selected frame is written by exactly one task of its phase, and no other frame is") {
  CHECK(rc::check([] {
    const Example example = some_example();
    for (const PhasePlan& phase : example.plan.phases) {
      if (phase.kind != PhaseKind::Decode) continue;
      std::vector<Frame> written;
      for (TaskIndex t = 0; t < phase.task_count; ++t) {
        const FrameSet frames = task_frames(phase, t);
        RC_ASSERT(!frames.empty());
        for (const Frame f : members(frames)) {
          written.push_back(f);
          RC_ASSERT(tasks_of_frames(phase, f, f) == (TaskRange{t, 1}));
          RC_ASSERT(phase.grid.window_of(f) == task_window(phase, t));
        }
        RC_ASSERT(window_task(phase, task_window(phase, t)) == t);
      }
      RC_ASSERT(written == members(phase.frames));
    }
  }));
}

TEST_CASE("who a task waits for and who waits for a task are inverse to each other") {
  CHECK(rc::check([] {
    const Example example = some_example();
    for (const PhasePlan& owner : example.plan.phases) {
      for (const Need& need : owner.needs) {
        const PhasePlan& needed = example.plan.phases[need.phase];
        for (TaskIndex t = 0; t < owner.task_count; ++t) {
          const TaskRange waits_for = tasks_needed(need, owner, t, needed);
          RC_ASSERT(waits_for.end() <= needed.task_count);
          for (TaskIndex d = 0; d < needed.task_count; ++d)
            RC_ASSERT(waits_for.contains(d) == tasks_waiting_on(need, owner, {d, 1}, needed).contains(t));
        }
      }
    }
  }));
}

TEST_CASE("linear needs of any slope are inverted by a closed formula") {
  CHECK(rc::check([] {
    Need need;
    need.mul = *rc::gen::inRange<std::int64_t>(0, 7);
    need.div = *rc::gen::inRange<std::int64_t>(1, 7);
    need.lo = *rc::gen::inRange<std::int64_t>(-6, 7);
    need.hi = need.lo + *rc::gen::inRange<std::int64_t>(0, 4);
    need.applies_first = *rc::gen::inRange<TaskIndex>(0, 5);
    need.applies_last = *rc::gen::inRange<TaskIndex>(0, 30);
    PhasePlan needed, owner;
    needed.task_count = *rc::gen::inRange<std::uint32_t>(1, 30);
    owner.task_count = *rc::gen::inRange<std::uint32_t>(1, 30);
    const TaskRange done{*rc::gen::inRange<TaskIndex>(0, 30), *rc::gen::inRange<std::uint32_t>(0, 6)};
    const TaskRange waiting = tasks_waiting_on(need, owner, done, needed);
    for (TaskIndex t = 0; t < owner.task_count; ++t) {
      bool waits = false;
      const TaskRange wanted = tasks_needed(need, owner, t, needed);
      for (TaskIndex d = wanted.first; d < wanted.end(); ++d) waits = waits || done.contains(d);
      RC_ASSERT(waiting.contains(t) == waits);
    }
  }));
}

TEST_CASE("a subset of the frames keeps windows, seeds, needs and noise of the whole") {
  CHECK(rc::check([] {
    const PackageFacts facts = some_package();
    JobSpec part = some_job();
    JobSpec whole = part;
    const FrameSpan range = part.layers[1].shot_range;
    whole.layers[1].frames = FrameSet(range.first, range.last);
    const JobPlan a = planned(part, facts), b = planned(whole, facts);
    RC_ASSERT(a.phases.size() == b.phases.size());
    for (std::size_t i = 0; i < a.phases.size(); ++i) {
      const PhasePlan& small = a.phases[i];
      const PhasePlan& big = b.phases[i];
      if (small.layer != 1) continue;
      RC_ASSERT(small.grid == big.grid);
      RC_ASSERT(small.seed == big.seed);
      RC_ASSERT(small.output_pattern == big.output_pattern);
      for (TaskIndex t = 0; t < small.task_count; ++t) {
        const std::uint32_t window = task_window(small, t);
        const auto other = window_task(big, window);
        RC_ASSERT(other.has_value());
        RC_ASSERT(task_frames(big, *other).includes(task_frames(small, t)));
        // The windows that are waited for are the same ones.
        const auto windows_needed = [](const JobPlan& plan, const PhasePlan& phase, TaskIndex task) {
          std::set<std::pair<PhaseIndex, std::uint32_t>> out;
          for (const Need& need : phase.needs) {
            const PhasePlan& source = plan.phases[need.phase];
            const TaskRange range_needed = tasks_needed(need, phase, task, source);
            for (TaskIndex d = range_needed.first; d < range_needed.end(); ++d)
              out.emplace(need.phase, task_window(source, d));
          }
          return out;
        };
        RC_ASSERT(windows_needed(a, small, t) == windows_needed(b, big, *other));
      }
    }
  }));
}

TEST_CASE("no task waits for itself, however far round") {
  CHECK(rc::check([] {
    const Example example = some_example();
    // Tasks that can run, again and again, until nothing changes: in a plan without cycles all of them have run.
    std::vector<std::vector<bool>> ran;
    for (const PhasePlan& phase : example.plan.phases) ran.emplace_back(phase.task_count, false);
    const auto can_run = [&](const PhasePlan& phase, TaskIndex t) {
      for (const Need& need : phase.needs) {
        const TaskRange wanted = tasks_needed(need, phase, t, example.plan.phases[need.phase]);
        for (TaskIndex d = wanted.first; d < wanted.end(); ++d)
          if (!ran[need.phase][d]) return false;
      }
      return true;
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t p = 0; p < ran.size(); ++p)
        for (TaskIndex t = 0; t < ran[p].size(); ++t)
          if (!ran[p][t] && can_run(example.plan.phases[p], t)) ran[p][t] = changed = true;
    }
    for (const auto& phase : ran)
      for (const bool task : phase) RC_ASSERT(task);
  }));
}

TEST_CASE("the windows of a chain overlap by their context and start at whole latents") {
  CHECK(rc::check([] {
    const PackageFacts facts = some_package();
    const FrameSpan range{*rc::gen::inRange<Frame>(-100, 100), 0, 1};
    const FrameSpan shot{range.first, range.first + *rc::gen::inRange<Frame>(0, 200), 1};
    const auto plan = *rc::gen::element(PlanStrategy::Independent, PlanStrategy::Chain);
    const bool has_input = plan == PlanStrategy::Chain && *rc::gen::arbitrary<bool>();
    const auto grid = make_grid(facts, plan, shot, has_input, nullptr);
    RC_ASSERT(grid.has_value());
    Frame next = grid->origin;
    for (std::uint32_t w = 0; w < grid->window_count; ++w) {
      RC_ASSERT(grid->new_frames(w).first == next);
      RC_ASSERT(grid->new_frames(w).last == grid->window_last(w));
      next = grid->window_last(w) + 1;
      if (plan == PlanStrategy::Chain && w > 0)
        RC_ASSERT(grid->window_last(w - 1) - grid->window_first(w) + 1 == facts.context_frames);
      if (w > 0 && plan == PlanStrategy::Chain)  // a latent of its own for every new stretch of frames
        RC_ASSERT((grid->first_latent(w) - grid->first_latent(w - 1)) * grid->time_ratio.mul == grid->stride());
    }
    RC_ASSERT(next > shot.last);
    RC_ASSERT(grid->window_last(grid->window_count - 1) - grid->stride() < shot.last || grid->window_count == 1);
    RC_ASSERT(grid->new_frames(0).first <= shot.first);
  }));
}

TEST_CASE("any plan comes back from its JSON equal, with the same digest") {
  CHECK(rc::check([] {
    const Example example = some_example();
    const std::string text = plan_json(example.plan);
    const auto again = plan_from_json(text);
    RC_ASSERT(again.ok());
    RC_ASSERT(again->phases == example.plan.phases);
    RC_ASSERT(again->digest == example.plan.digest);
    RC_ASSERT(plan_json(*again) == text);
    RC_ASSERT(planned(example.spec, example.facts).digest == example.plan.digest);
  }));
}

}  // namespace
}  // namespace framemill::jobs
