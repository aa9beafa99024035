// Random farms: workers come and go, executors fail, messages are lost and repeated, the scheduler is restarted. After
// each event the stage derives every invariant again and compares the farm with one rebuilt from its store; at the end
// every task was committed exactly once.
#include <fmt/format.h>
#include <rapidcheck.h>
#include <algorithm>
#include <catch2/catch.hpp>

#include "sim/samples.h"
#include "stage.h"

namespace framemill::scheduler {
namespace {

using stage::Player;
using stage::Stage;

jobs::PackageFacts package() {
  jobs::PackageFacts facts = sim::sample_package();
  facts.batch_max = 3;
  return facts;
}

// A job of boards, a chain that starts from one of them, and a movie; sizes vary.
JobSubmitted submit(const std::string& name, int windows, int chain_frames, int priority) {
  const std::string layers = fmt::format(
      "[[layer]]\nname = \"boards\"\nkind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nretries = 50\n"
      "frames = \"1-{}\"\nvariants = 2\n"
      "[[layer]]\nname = \"shot\"\nkind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nretries = 50\n"
      "limits = [\"seat\"]\nplan = \"chain\"\nshot = \"x{}\"\nframes = \"1-{}\"\n"
      "input = [{{layer = \"boards\", variant = 1}}]\n"
      "[[layer]]\nname = \"cut\"\nkind = \"encode\"\nretries = 50\nlimits = [\"seat\", \"disk\"]\n"
      "input = [{{layer = \"shot\"}}]\n",
      16 * windows, name, chain_frames);
  JobSubmitted event;
  event.spec = sim::sample_spec(name, layers, fmt::format("priority = {}", priority));
  event.packages = {package()};
  return event;
}

FarmSettings with_limits() {
  FarmSettings settings;
  settings.limits.tokens = {{"seat", 1}, {"disk", 2}};
  settings.limits.models = {{"demo@1", 2}};
  return settings;
}

void join(Stage& stage, int number) {
  Player& player = stage.players()["w" + std::to_string(number)];
  player.key = "key " + std::to_string(number);
  player.inventory.name = "w" + std::to_string(number);
  player.inventory.devices = {{"cpu0", "cpu", "class a", DeviceKind::Cpu, 1ull << 30, 1ull << 30, 4}};
  for (std::uint32_t i = 0; i < 1 + static_cast<std::uint32_t>(number) % 2; ++i)
    player.inventory.slots.push_back({i, "s" + std::to_string(i), 0, {}, true});
  player.inventory.packages = {{"demo@1", base::sha256("demo@1")}};
  player.inventory.roots = {{"main", true, 1ull << 40}};
  player.inventory.media = true;
  stage.report(player.inventory.name);
}

template <class Map>
auto& any_of(Map& map) {
  return *std::next(map.begin(), *rc::gen::inRange<int>(0, static_cast<int>(map.size())));
}

void end_one(Stage& stage, Player& player) {
  if (player.running.empty()) return;
  const AttemptId id = any_of(player.running).first;
  AttemptEnded ended;
  using enum jobs::Outcome;
  ended.outcome = *rc::gen::element(Failed, Timeout, BadOutput, ExecutorCrashed, Oom, StorageFull, InputNotVisible,
                                    NotAdmitted, Hardware, Revoked, Ok);
  ended.alone = player.running.size() == 1 && *rc::gen::inRange(0, 4) == 0;
  ended.usage.batch_max = 2;
  stage.end(player, id, ended);
}

void finish_some(Stage& stage, Player& player) {
  const auto left = player.left;
  for (const auto& [id, tasks] : left)
    for (const TaskIndex task : tasks) {
      if (*rc::gen::inRange(0, 3) == 0) break;  // in order, as a chain does
      const JobRecord* job = stage.farm().job(player.running.at(id).phase.job);
      stage.finish(player, id, task);
      if (job->remake_of && *rc::gen::inRange(0, 3) == 0)  // not what it was
        player.next.finished.back().files.at(0).sha256 = base::sha256(std::to_string(*rc::gen::inRange(0, 3)));
    }
}

void ask_remake(Stage& stage) {
  JobChangeRequested asked;
  asked.job = JobId(*rc::gen::inRange<std::uint32_t>(1, 5));
  asked.verb = JobAction::Retry;
  asked.remake = true;
  asked.replace = *rc::gen::arbitrary<bool>();
  asked.layer = *rc::gen::element<std::string>("", "", "boards", "shot", "cut");
  const int first = *rc::gen::inRange(1, 80);
  asked.frames = jobs::FrameSet(first, first + *rc::gen::inRange(0, 20));
  const auto tasks = stage.farm().tasks_to_remake(asked);
  if (tasks.ok()) asked.on_record = stage.store().commits_of(*tasks);
  (void)stage.ask(asked).ok();
}

void set_limit(Stage& stage, const std::string& name, std::uint32_t count) {
  LimitChangeRequested asked;
  asked.cause = {"root", stage.now().wall, "as it happens"};
  asked.name = name;
  asked.count = count;
  (void)stage.ask(asked).ok();
}

// What was said before is said again: the scheduler may not have heard it, or may have.
void repeat_last(Stage& stage, Player& player, const WorkerReported& said) {
  player.next.finished.insert(player.next.finished.end(), said.finished.begin(), said.finished.end());
  player.next.ended.insert(player.next.ended.end(), said.ended.begin(), said.ended.end());
  player.next.published.insert(player.next.published.end(), said.published.begin(), said.published.end());
  player.next.manifests.insert(player.next.manifests.end(), said.manifests.begin(), said.manifests.end());
  (void)stage;
}

void random_step(Stage& stage) {
  auto& [name, player] = any_of(stage.players());
  switch (*rc::gen::weightedElement<int>({{12, 0},
                                          {8, 1},
                                          {3, 2},
                                          {2, 3},
                                          {1, 4},
                                          {1, 5},
                                          {1, 6},
                                          {1, 7},
                                          {2, 8},
                                          {1, 9},
                                          {1, 10},
                                          {1, 11},
                                          {1, 12},
                                          {1, 14},
                                          {3, 13}})) {
    case 0:
      finish_some(stage, player);
      stage.publish_all(player);
      break;
    case 1:
      break;  // a plain report
    case 2:
      end_one(stage, player);
      break;
    case 3: {
      const WorkerReported said = player.next;
      stage.report(name);
      repeat_last(stage, player, said);
      break;
    }
    case 4:
      return stage.restart_worker(name);
    case 5:
      return stage.restart_farm();
    case 6:
      return stage.pass(base::seconds(*rc::gen::inRange(1, 30)), {});
    case 7:
      return stage.pass(base::seconds(130), {});  // every lease runs out
    case 8:
      return stage.pass(base::seconds(3), {name});
    case 9:
      player.running.clear();  // forgotten without a word
      player.left.clear();
      player.duties.clear();
      player.manifests.clear();
      break;
    case 10: {
      JobChangeRequested asked;
      asked.job = JobId(*rc::gen::inRange<std::uint32_t>(1, 4));
      asked.verb = *rc::gen::element(JobAction::Pause, JobAction::Resume, JobAction::SetPriority, JobAction::Retry,
                                     JobAction::Cancel);
      asked.priority = *rc::gen::inRange(0, 101);
      (void)stage.ask(asked).ok();
      return;
    }
    case 11: {
      WorkerChangeRequested asked;
      asked.worker = *stage.farm().worker_of_key(player.key);
      asked.verb = *rc::gen::element(WorkerAction::Drain, WorkerAction::Undrain, WorkerAction::ClearQuarantine);
      (void)stage.ask(asked).ok();
      return;
    }
    case 12:
      if (*rc::gen::arbitrary<bool>()) return stage.apply(StorageBroke{});
      return stage.apply(StorageRecovered{});
    case 13:
      return ask_remake(stage);
    case 14:
      return set_limit(stage, *rc::gen::element<std::string>("seat", "disk", "demo@1"),
                       *rc::gen::inRange<std::uint32_t>(0, 4));
    default:
      return;
  }
  stage.report(name);
}

// Quiet days: everything is retried, resumed, finished.
void come_to_rest(Stage& stage) {
  stage.apply(StorageRecovered{});
  for (const LimitView& limit : stage.farm().list_limits()) set_limit(stage, limit.name, std::max(limit.count, 1u));
  for (auto& [name, player] : stage.players()) {
    WorkerChangeRequested asked;
    asked.worker = *stage.farm().worker_of_key(player.key);
    asked.verb = WorkerAction::Undrain;
    (void)stage.ask(asked).ok();
    stage.restart_worker(name);
  }
  for (int round = 0; round < 400 && stage.fault().empty(); ++round) {
    for (const JobView& view : stage.farm().list_jobs(false)) {
      JobChangeRequested asked;
      asked.job = view.id;
      const bool ended_badly = view.state == jobs::JobState::Failed || view.state == jobs::JobState::Cancelled;
      const bool lost = ended_badly && !view.remake_of;
      asked.verb = lost ? JobAction::Retry : JobAction::Resume;
      if (lost || !stage.farm().job(view.id)->holds.empty()) (void)stage.ask(asked).ok();
    }
    for (auto& [name, player] : stage.players()) {
      if (stage.farm().worker(*stage.farm().worker_of_key(player.key))->quarantined) {
        WorkerChangeRequested asked;
        asked.worker = *stage.farm().worker_of_key(player.key);
        asked.verb = WorkerAction::ClearQuarantine;
        (void)stage.ask(asked).ok();
      }
      const auto left = player.left;
      for (const auto& [id, tasks] : left)
        for (const TaskIndex task : tasks) stage.finish(player, id, task);
      stage.publish_all(player);
    }
    std::vector<std::string> names;
    for (const auto& [name, player] : stage.players()) names.push_back(name);
    stage.pass(base::seconds(1), names);
    bool done = true;
    for (const JobView& view : stage.farm().list_jobs(false))
      done = done && (view.state == jobs::JobState::Done || (view.remake_of && jobs::is_final(view.state)));
    if (done) return;
  }
}

std::string why_not_done(Stage& stage, JobId job) {
  std::string text(jobs::name(stage.farm().show_job(job)->state));
  const auto view = stage.farm().explain(job, "", {}, {}, stage.now());
  if (view.ok()) text += ": " + view->sentence;
  for (const Record& record : stage.farm().records()) text += "\n" + stage::text_of(record);
  return text;
}

TEST_CASE("whatever happens, every task is committed exactly once") {
  const bool holds = rc::check("random farms", [] {
    Stage stage(with_limits());
    const int workers = *rc::gen::inRange(1, 4);
    for (int w = 0; w < workers; ++w) join(stage, w);
    const auto jobs = static_cast<std::uint32_t>(*rc::gen::inRange(1, 4));
    for (std::uint32_t j = 1; j <= jobs; ++j)
      RC_ASSERT(stage
                    .ask(submit("j" + std::to_string(j), *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 80),
                                *rc::gen::inRange(0, 101)))
                    .ok());
    const int steps = *rc::gen::inRange(5, 120);
    for (int i = 0; i < steps && stage.fault().empty(); ++i) random_step(stage);
    if (stage.fault().empty()) come_to_rest(stage);
    if (!stage.fault().empty()) RC_FAIL(stage.fault());
    std::uint64_t tasks = 0;
    for (std::uint32_t j = 1; j <= jobs; ++j) {
      const JobView view = stage.farm().show_job(JobId(j)).value();
      if (view.state != jobs::JobState::Done) RC_FAIL(why_not_done(stage, JobId(j)));
      for (const std::uint64_t count : view.tasks) tasks += count;
    }
    for (const JobView& view : stage.farm().list_jobs(false))
      if (view.remake_of)
        for (const TaskState state : {TaskState::Committed, TaskState::Published})
          tasks += view.tasks[static_cast<std::size_t>(state)];
    RC_ASSERT(stage.store().commits() == tasks);
  });
  CHECK(holds);
}

TEST_CASE("equal events give equal farms") {
  const auto play = [] {
    Stage stage(with_limits());
    join(stage, 1);
    join(stage, 2);
    (void)stage.ask(submit("j", 3, 40, 50)).ok();
    come_to_rest(stage);
    std::string text = stage.fault();
    for (const Record& record : stage.farm().records()) text += stage::text_of(record) + "\n";
    return text;
  };
  CHECK(play() == play());
}

TEST_CASE("ten million tasks are submitted as a few words") {
  Stage stage;
  stage.compare_rebuilt = false;
  JobSubmitted event;
  event.spec = sim::sample_spec("big",
                                "[[layer]]\nname = \"run\"\nkind = \"command\"\nargv = [\"true\"]\nchunk = 1\n"
                                "frames = \"0-9999999\"");
  REQUIRE(stage.ask(std::move(event)).ok());
  std::size_t pages = 0;
  for (const Record& record : stage.last().persist.puts)
    pages += std::holds_alternative<TaskPageRecord>(record) ? 1 : 0;
  CHECK(pages == 0);
  CHECK(stage.farm().show_job(JobId(1))->tasks[static_cast<std::size_t>(jobs::TaskState::Ready)] == 10'000'000);
}

}  // namespace
}  // namespace framemill::scheduler
