// The planner against a matcher that is slow and plainly right: it looks at every slot for every place, in random farms
// whose workers, memory and leases change in between. Slots between which the order of preference does not decide may
// differ.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <tuple>

#include "bench/echo_farm.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/matcher.h"
#include "scheduler/core/acts/settle.h"
#include "scheduler/core/acts/submit.h"
#include "scheduler/core/policy/able_groups.h"
#include "scheduler/core/policy/planner.h"
#include "sim/random.h"
#include "sim/samples.h"

namespace framemill::scheduler {
namespace {

using sim::Random;

constexpr std::uint64_t kMiB = 1ull << 20;

jobs::PackageFacts package(const std::string& name, std::int32_t batch_max, std::uint64_t resident_mib) {
  jobs::PackageFacts facts = sim::sample_package(name);
  facts.batch_max = batch_max;
  facts.cpu_memory = facts.cuda_memory = {resident_mib * kMiB, 50 * kMiB, 0};
  return facts;
}

std::vector<jobs::PackageFacts> packages() {
  return {package("demo", 3, 100), package("wide", 8, 300), package("big", 1, 900)};
}

std::string layer_text(Random& random) {
  static const std::vector<std::string> kLayers{
      "kind = \"command\"\nargv = [\"true\"]\noutput = \"{frame}.png\"\nframes = \"1-8\"\n",
      "kind = \"command\"\nargv = [\"tool\"]\noutput = \"{frame}.png\"\nframes = \"1-3\"\nneeds = { cpus = 4 }\n",
      "kind = \"command\"\nargv = [\"true\"]\noutput = \"{frame}.png\"\nframes = \"1-5\"\nroot = \"scratch\"\n",
      "kind = \"command\"\nargv = [\"true\"]\noutput = \"{frame}.png\"\nframes = \"1-4\"\n"
      "needs = { device_memory = \"500MiB\" }\n",
      "kind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nframes = \"1-160\"\n",
      "kind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nframes = \"1-64\"\nreproducibility = \"exact\"\n",
      "kind = \"generate\"\nmodel = \"wide@1\"\nprompt = \"sea\"\nframes = \"1-320\"\nvariants = 2\n",
      "kind = \"generate\"\nmodel = \"wide@1\"\nprompt = \"sea\"\nframes = \"1-100\"\nplan = \"chain\"\n",
      "kind = \"generate\"\nmodel = \"big@1\"\nprompt = \"sea\"\nframes = \"1-64\"\nneeds = { device = \"cuda\" }\n"};
  return "[[layer]]\nname = \"a\"\n" + std::string(random.pick(kLayers));
}

void submit(FarmState& farm, Random& random, int number) {
  const std::int64_t priority = random.chance(100) ? random.between(1, 3) * 20 : 50;
  JobSubmitted event;
  event.spec = sim::sample_spec(fmt::format("x{}", number), layer_text(random), fmt::format("priority = {}", priority));
  event.packages = packages();
  if (!submit_job(farm, event).ok()) return;  // nobody may write to its root
  settle(farm);
}

Inventory random_inventory(Random& random, std::uint64_t number) {
  Inventory inventory;
  inventory.name = "w" + std::to_string(number);
  const auto devices = static_cast<std::uint32_t>(random.between(1, 2));
  for (std::uint32_t d = 0; d < devices; ++d) {
    const DeviceKind kind = random.chance(400) ? DeviceKind::Cuda : DeviceKind::Cpu;
    static constexpr std::uint64_t kBudgets[] = {400, 1000, 1300, 4000};
    const std::uint64_t bytes = random.pick(kBudgets) * kMiB;
    inventory.devices.push_back({"d" + std::to_string(d), "d", random.chance(300) ? "b" : "a", kind, bytes, bytes,
                                 static_cast<std::uint32_t>(random.between(1, 4) * 2)});
  }
  const auto slots = static_cast<std::uint32_t>(random.between(1, 4));
  for (std::uint32_t i = 0; i < slots; ++i) {
    SlotState slot{i, "s" + std::to_string(i), i % devices, {}, !random.chance(50)};
    if (random.chance(300)) slot.loaded_models.push_back(base::sha256("demo@1"));
    if (random.chance(200)) slot.loaded_models.push_back(base::sha256("wide@1"));
    inventory.slots.push_back(std::move(slot));
  }
  for (const char* name : {"demo", "wide", "big"})
    if (const std::string id = std::string(name) + "@1"; random.chance(800))
      inventory.packages.push_back({id, base::sha256(id)});
  inventory.roots.push_back({"main", !random.chance(100), 1, true});
  if (random.chance(700)) inventory.roots.push_back({"scratch", true, 1, true});
  inventory.commands = {"true"};
  if (random.chance(500)) inventory.commands.push_back("tool");
  return inventory;
}

void report_inventory(FarmState& farm, WorkerEntry& worker, Random& random) {
  farm.workers.take_inventory(worker, random_inventory(random, worker.record.id.value));
  worker.silent = false;
  farm.on_worker_changed(worker);
}

using Preference = std::tuple<double, bool, bool, std::size_t>;

Preference preference(const FarmState& farm, const Place& place, const SlotRef& ref, const SlotFit& fit) {
  const PhaseEntry& phase = farm.jobs.get(place.job).phases[place.phase];
  return {static_cast<double>(fit.load) / fit.capacity, !fit.warm, phase.chain && phase.last_worker != ref.worker,
          farm.workers.get(ref.worker).slots.at(ref.slot).leases.size()};
}

// One turn's decisions, by looking at everything.
class PlainMatcher {
 public:
  explicit PlainMatcher(const FarmState& farm) : farm_(farm) {}

  struct Decision {
    Place place;
    Preference preference;
  };
  // `planner` has just been asked the same: where several slots are equally worth waiting for, its choice is taken.
  std::optional<Decision> next(const Planner& planner) {
    while (const auto work = first_work()) {
      const auto& [demand_class, ranked] = *work;
      std::optional<Preference> best;
      std::optional<std::uint32_t> waiting;
      bool queues = false, avoided = false;
      each_able_slot(demand_class, [&](const SlotRef& ref, const WorkerEntry& worker, const SlotEntry& slot) {
        const SlotFit fit = answer(demand_class, worker, slot);
        // A slot that is too full for every class gets nothing more from anybody: it need not be kept free yet.
        const bool waits = slot.load <= largest_batch() &&
                           (fit.blocker == PlacementBlocker::Occupied || fit.blocker == PlacementBlocker::MemoryBooked);
        if (reserved_.contains(ref) || (!fit.fits() && !waits && !fit.queues)) return;
        const bool may = may_go(ranked.place, demand_class, ref.worker);
        avoided = avoided || (!may && !waits);
        if (!may) return;
        queues = queues || fit.queues;
        if (fit.fits()) {
          const Preference its = preference(farm_, ranked.place, ref, fit);
          if (!best || its < *best) best = its;
        } else if (waits && (!waiting || slot.load < *waiting)) {
          waiting = slot.load;
        }
      });
      if (best) return Decision{ranked.place, *best};
      if (waiting && !queues) keep_free(planner, ranked.place, *waiting);
      if (avoided)
        passed_.insert(ranked);
      else
        blocked_.insert(demand_class);
    }
    return std::nullopt;
  }

 private:
  std::optional<std::pair<ClassId, ReadyQueue::Ranked>> first_work() const {
    std::optional<std::pair<ClassId, ReadyQueue::Ranked>> first;
    for (const auto& [id, queue] : farm_.ready.classes()) {
      if (blocked_.contains(id)) continue;
      for (const auto& [share, line] : queue.shares)
        for (const auto& [ranked, tasks] : line)
          if (!passed_.contains(ranked) && (!first || ranked < first->second)) first = {id, ranked};
    }
    return first;
  }
  std::uint32_t largest_batch() const {
    std::uint32_t largest = 0;
    for (const auto& [id, job] : farm_.jobs.all())
      for (const PhaseEntry& phase : job.phases)
        largest = std::max(largest, farm_.classes.of(phase.common_class).batch_max);
    return largest;
  }
  template <class Each>
  void each_able_slot(ClassId demand_class, Each each) const {
    const Demand& demand = farm_.classes.of(demand_class);
    for (const auto& [id, worker] : farm_.workers.all())
      for (const auto& [index, slot] : worker.slots)
        if (standing_misfit(farm_.memory, demand, worker, slot) == PlacementBlocker::None)
          each(SlotRef{id, index}, worker, slot);
  }
  SlotFit answer(ClassId demand_class, const WorkerEntry& worker, const SlotEntry& slot) const {
    std::size_t able = 0;
    each_able_slot(demand_class, [&](const SlotRef&, const WorkerEntry&, const SlotEntry&) { ++able; });
    SlotFit fit =
        fit_now(farm_.memory, farm_.classes.of(demand_class), worker, slot, farm_.settings.leases_per_slot_max);
    fit.queues = fit.fits() && fit.load >= fit.capacity && farm_.ready.tasks_of(demand_class) < able;
    if (fit.queues) fit.blocker = PlacementBlocker::BatchFull;
    return fit;
  }
  bool may_go(const Place& place, ClassId demand_class, WorkerId worker) const {
    const JobEntry& job = farm_.jobs.get(place.job);
    const PhaseEntry& phase = job.phases[place.phase];
    const Judges judges(farm_, job, phase.plan->layer, demand_class);
    return task_for(farm_, job, phase, place.grouping, worker, judges, 0).has_value();
  }
  void keep_free(const Planner& planner, const Place& place, std::uint32_t load) {
    for (const auto& [id, worker] : farm_.workers.all())
      for (const auto& [index, slot] : worker.slots) {
        const SlotRef ref{id, index};
        const Place* kept_for = planner.kept_free_for(ref);
        if (kept_for == nullptr || *kept_for != place || reserved_.contains(ref)) continue;
        CHECK(slot.load == load);
        reserved_.insert(ref);
        return;
      }
    FAIL("the planner keeps no slot free for work that can only wait");
  }

  const FarmState& farm_;
  std::set<ClassId> blocked_;
  std::set<ReadyQueue::Ranked> passed_;
  std::set<SlotRef> reserved_;
};

// All that can be placed, each decision compared. How many there were.
std::size_t match_and_compare(FarmState& farm) {
  Planner planner(farm);
  PlainMatcher plain(farm);
  for (std::size_t placed = 0;; ++placed) {
    const auto placement = planner.next();
    // What takes the place of work that has not begun is not for the plain matcher to find.
    if (placement && placement->instead_of) return placed;
    const auto expected = plain.next(planner);
    REQUIRE(placement.has_value() == expected.has_value());
    if (!placement) return placed;
    REQUIRE(placement->place == expected->place);
    REQUIRE(preference(farm, placement->place, placement->slot, placement->fit) == expected->preference);
    PhaseEntry& phase = farm.jobs.get(placement->place.job).phases[placement->place.phase];
    grant_attempt(farm, phase, placement->tasks, farm.classes.of(placement->demand_class),
                  farm.workers.get(placement->slot.worker), placement->slot.slot, placement->fit.capacity);
  }
}

void end_some(FarmState& farm, Random& random) {
  std::vector<AttemptId> ended;
  for (const auto& [id, lease] : farm.leases.live())
    if (random.chance(400)) ended.push_back(id);
  for (const AttemptId id : ended) revoke_attempt(farm, id, jobs::RevokeReason::TakenBack);
  settle(farm);
}

void change_some(FarmState& farm, Random& random) {
  for (auto& [id, worker] : farm.workers.all()) {
    if (random.chance(150)) report_inventory(farm, worker, random);
    if (random.chance(100)) worker.draining = !worker.draining;
    if (random.chance(50)) worker.silent = !worker.silent;
    if (random.chance(50)) worker.missed_grant = !worker.missed_grant;
    farm.on_worker_changed(worker);
  }
  if (!farm.leases.live().empty() && random.chance(300)) {
    const Lease& lease = farm.leases.live().begin()->second;
    const WorkerEntry& worker = farm.workers.get(lease.record.worker);
    const auto slot = worker.slots.find(lease.record.slot);
    const DeviceState* device = slot == worker.slots.end() ? nullptr : worker.device_of(slot->second);
    if (device != nullptr && farm.memory.measured(lease.demand, *device, 1, random.between(100, 700) * kMiB))
      farm.on_memory_learned(lease.demand.model_digest);
  }
}

TEST_CASE("the planner decides as a matcher that looks at every slot") {
  std::size_t placed = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    Random random(seed, "planner");
    FarmState farm;
    farm.settings.epoch = {1, 1};
    farm.settings.leases_per_slot_max = static_cast<std::uint32_t>(random.between(2, 12));
    farm.turn.now = {{1'000'000}, {1'000'000}};
    const auto workers = static_cast<std::uint32_t>(random.between(1, 9));
    for (std::uint32_t w = 1; w <= workers; ++w) {
      WorkerRecord record;
      record.id = WorkerId(w);
      record.key = "key " + std::to_string(w);
      report_inventory(farm, farm.workers.add(std::move(record)), random);
    }
    for (int round = 0, number = 0; round < 12; ++round) {
      for (auto jobs = random.between(0, 3); jobs > 0; --jobs) submit(farm, random, ++number);
      placed += match_and_compare(farm);
      settle(farm);
      end_some(farm, random);
      change_some(farm, random);
      farm.turn.effects = {};
    }
  }
  CHECK(placed > 3'000);
}

TEST_CASE("a pass that its time cuts short is gone on with, and work behind much that must wait is reached") {
  FarmState farm;
  farm.settings.epoch = {1, 1};
  farm.turn.now = {{1'000'000}, {1'000'000}};
  WorkerRecord record;
  record.id = WorkerId(1);
  record.key = "key";
  WorkerEntry& worker = farm.workers.add(std::move(record));
  Inventory inventory;
  inventory.name = "w1";
  inventory.devices = {{"d0", "d", "a", DeviceKind::Cpu, 4000 * kMiB, 4000 * kMiB, 8}};
  for (std::uint32_t i = 0; i < 4; ++i) inventory.slots.push_back({i, "s", 0, {}, true});
  inventory.roots.push_back({"main", true, 1, true});
  inventory.commands = {"true"};
  farm.workers.take_inventory(worker, inventory);
  worker.silent = false;
  farm.on_worker_changed(worker);
  for (int number = 0; number < 30; ++number) {
    JobSubmitted event;
    event.spec = sim::sample_spec(fmt::format("x{}", number),
                                  "[[layer]]\nname = \"a\"\nkind = \"command\"\nargv = [\"true\"]\n"
                                  "output = \"{frame}.png\"\nframes = \"1-8\"\nchunk = 1");
    REQUIRE(submit_job(farm, event).ok());
    settle(farm);
  }
  // The first twenty jobs wait for something at the only worker.
  for (std::uint32_t id = 1; id <= 20; ++id)
    farm.jobs.get(JobId(id)).hosts[{0, WorkerId(1)}].not_before = farm.now() + base::seconds(60);
  int asked = 0;
  farm.pass_is_over = [&] { return ++asked > 0; };  // each turn tries one place
  farm.match_wanted = true;
  int turns = 0;
  for (; turns < 100 && (farm.match_wanted || farm.match_unfinished); ++turns) match(farm);
  CHECK(farm.leases.live().size() == 4);
  CHECK(turns >= 20);
  CHECK(turns < 100);
}

double slots_looked_at_per_grant(const bench::FarmShape& shape, std::uint64_t tasks) {
  bench::EchoFarm echo(shape);
  echo.submit_all(tasks);
  const auto every_turn = [](const bench::EchoFarm::Turn& turn) {
    turn();
    return true;
  };
  echo.connect_all(every_turn);
  echo.run(every_turn);
  REQUIRE(echo.commits() >= tasks);
  return static_cast<double>(echo.farm().slots_looked_at()) / static_cast<double>(echo.commits());
}

TEST_CASE("a grant looks at no more slots in a larger farm") {
  const double small = slots_looked_at_per_grant({16, 4, 1, 1}, 3'000);
  const double farm = slots_looked_at_per_grant({250, 4, 50, 10}, 6'000);
  const double four_times = slots_looked_at_per_grant({1'000, 4, 50, 10}, 24'000);
  const double many_classes = slots_looked_at_per_grant({250, 4, 50, 20}, 6'000);
  INFO("slots looked at per grant: " << small << ", " << farm << ", " << four_times << ", " << many_classes);
  CHECK(small > 0);
  CHECK(four_times <= 1.3 * farm);
  CHECK(farm <= 3 * small);
  CHECK(many_classes <= 1.3 * farm);
}

}  // namespace
}  // namespace framemill::scheduler
