#include "sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/digest_bytes.h"
#include "sim/fact_reading.h"
#include "sim/lease_invariants.h"
#include "sim/report_invariants.h"
#include "sim/world.h"
#include "wire/convert.h"

namespace framemill::sim {
namespace {

using scheduler::AttemptId;

constexpr base::Duration kRestWithin = base::seconds(3 * 3600);
constexpr std::uint64_t kRebuildEvery = 16;  // turns: it costs as much as some of them

// --- the scheduler's core --------------------------------------------------------------------------------------------

std::string core_is_sane(const World& world, std::span<const Fact> facts) {
  return has_turn(facts) && world.scheduler.alive() ? world.scheduler.core().sanity_check() : "";
}

std::string first_difference(const std::vector<scheduler::Record>& live, const std::vector<scheduler::Record>& again) {
  for (std::size_t i = 0; i < std::max(live.size(), again.size()); ++i) {
    if (i < live.size() && i < again.size() && is_same(live[i], again[i])) continue;
    return fmt::format("live: {}; rebuilt: {}", i < live.size() ? text_of(live[i]) : "nothing",
                       i < again.size() ? text_of(again[i]) : "nothing");
  }
  return {};
}

// A farm that is put together from what was stored is the one that lives.
Look rebuilt_is_equal() {
  return [turns = std::uint64_t{0}](const World& world, std::span<const Fact> facts) mutable -> std::string {
    if (!has_turn(facts) || ++turns % kRebuildEvery != 0 || !world.scheduler.alive()) return "";
    scheduler::Farm rebuilt(world.scheduler.settings());
    for (const scheduler::Record& record : world.scheduler.produced().load()) rebuilt.put(record);
    rebuilt.begin(world.scheduler.now());
    if (std::string wrong = rebuilt.sanity_check(); !wrong.empty()) return "rebuilt: " + wrong;
    return first_difference(world.scheduler.core().records(), rebuilt.records());
  };
}

std::string committed_once(const World& world, std::span<const Fact>) {
  return !world.scheduler.produced().fault().empty() ? world.scheduler.produced().fault()
                                                     : world.journal.durable().fault();
}

std::string charges_are_bounded(const World& world, std::span<const Fact> facts) {
  return for_each<TurnTaken>(facts, [&](const TurnTaken& turn) -> std::string {
    for (const scheduler::Record& record : turn.effects->persist.puts) {
      const auto* trouble = std::get_if<scheduler::TaskTroubleRecord>(&record);
      if (trouble == nullptr) continue;
      const scheduler::JobRecord* job = world.scheduler.core().job(trouble->phase.job);
      const jobs::LayerSpec& layer = job->spec->layers[job->plan->phases[trouble->phase.index].layer];
      if (trouble->charged_tries > std::max(layer.retries, 1u))
        return fmt::format("{} was charged {} times, with {} retries", text(trouble->phase, trouble->task),
                           trouble->charged_tries, layer.retries);
    }
    return "";
  });
}

// --- what may overtake the disk --------------------------------------------------------------------------------------

// How many changes must be durable before it is said, by what it is: the first turn that wanted it.
struct Needs {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> acknowledged;  // incarnation, report
  std::map<AttemptId, std::uint64_t> revoked;
  std::map<std::uint32_t, std::uint64_t> discarded;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>, std::uint64_t> manifests;
  std::map<scheduler::RequestId, std::uint64_t> answered;

  void add(const TurnTaken& turn) {
    const scheduler::Effects& effects = *turn.effects;
    for (const auto& ack : effects.acknowledgements)
      acknowledged.try_emplace({ack.incarnation, ack.sequence}, turn.changes);
    for (const auto& revoke : effects.revokes) revoked.try_emplace(revoke.attempt, turn.changes);
    for (const auto& discard : effects.discards) discarded.try_emplace(discard.job.value, turn.changes);
    for (const auto& order : effects.manifests)
      manifests.try_emplace({order.job.value, order.number, order.revision}, turn.changes);
    for (const auto& answer : effects.answers) answered.try_emplace(answer.request, turn.changes);
  }
};

template <class Map>
bool is_early(const Map& needs, const typename Map::key_type& key, std::uint64_t durable) {
  const auto need = needs.find(key);
  return need != needs.end() && durable < need->second;
}

std::string overtakes(const Needs& needs, const ReplyLeft& left) {
  const wire::SchedulerReply& reply = *left.reply;
  for (const std::uint64_t report : reply.acked_reports())
    if (is_early(needs.acknowledged, {reply.incarnation(), report}, left.durable))
      return fmt::format("report {} was acknowledged before what it said was durable", report);
  for (const wire::Revoke& revoke : reply.revokes())
    if (is_early(needs.revoked, wire::attempt_from_wire(revoke.attempt()), left.durable))
      return fmt::format("attempt {} was revoked before that was durable", revoke.attempt().counter());
  for (const wire::Discard& discard : reply.discard())
    if (is_early(needs.discarded, discard.job(), left.durable)) return "files were discarded before that was durable";
  for (const wire::ManifestOrder& order : reply.manifests())
    if (is_early(needs.manifests, {order.job(), order.number(), order.revision()}, left.durable))
      return "a manifest was ordered before what it lists was durable";
  return {};
}

Look only_grants_overtake() {
  return [needs = Needs{}](const World&, std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      if (std::holds_alternative<SchedulerBegan>(fact)) needs = {};
      if (const auto* turn = std::get_if<TurnTaken>(&fact)) needs.add(*turn);
      if (const auto* left = std::get_if<ReplyLeft>(&fact))
        if (std::string wrong = overtakes(needs, *left); !wrong.empty()) return wrong;
      if (const auto* answer = std::get_if<AnswerLeft>(&fact);
          answer && is_early(needs.answered, answer->request, answer->durable))
        return "a person was answered before it was durable";
    }
    return {};
  };
}

std::string published_is_durable(const World& world, std::span<const Fact> facts) {
  return for_each<ReplyLeft>(facts, [&](const ReplyLeft& left) -> std::string {
    for (const wire::PublishOrder& order : left.reply->publish()) {
      const jobs::PhaseId phase{jobs::JobId(order.tasks().job()), order.tasks().phase()};
      const auto* commit = world.journal.durable().commit_of(phase, order.tasks().first());
      if (commit == nullptr || commit->attempt != wire::attempt_from_wire(order.attempt()))
        return fmt::format("{} was ordered to be published, and its commit is not durable",
                           text(phase, order.tasks().first()));
    }
    return "";
  });
}

// --- what was acknowledged -------------------------------------------------------------------------------------------

std::string acknowledged_stays(const World& world, std::span<const Fact> facts) {
  if (!has_turn(facts) || !world.scheduler.alive()) return "";
  const scheduler::Farm& core = world.scheduler.core();
  for (const People::Submission& submission : world.people.submissions()) {
    if (!submission.answered) continue;
    const scheduler::JobRecord* job = core.job(*submission.answered);
    if (job == nullptr || job->spec->name != submission.event.spec->name)
      return fmt::format("job {} was acknowledged and is lost", submission.answered->value);
    if (world.people.cancelled(job->id) && !jobs::is_final(job->state))
      return fmt::format("job {} was cancelled and goes on", job->id.value);
  }
  for (const auto& [job, priority] : world.people.priorities())
    if (core.job(job)->priority != priority) return fmt::format("job {} lost its priority", job.value);
  return "";
}

std::string submitted_once(const World& world, std::span<const Fact> facts) {
  if (!has_turn(facts) || !world.scheduler.alive()) return "";
  std::set<std::string> names;
  for (const auto& [id, job] : world.scheduler.produced().all().of<scheduler::JobRecord>())
    if (!names.insert(job.spec->name).second) return "one submission became two jobs";
  return "";
}

std::string replies_are_followed(const World&, std::span<const Fact> facts) {
  return for_each<ReplyNotFollowed>(facts, [](const ReplyNotFollowed& reply) {
    return fmt::format("worker {}: {}", reply.worker + 1, reply.problem);
  });
}

// --- files -----------------------------------------------------------------------------------------------------------

std::string names_are_committed(const World& world, std::span<const Fact> facts) {
  return for_each<FileNamed>(facts, [&](const FileNamed& named) -> std::string {
    const auto* commit = world.journal.durable().commit_of(named.phase, named.task);
    if (commit == nullptr) return fmt::format("{} has its name and no durable commit", named.path);
    if (commit->attempt != named.made_by)
      return fmt::format("{} is of attempt {}, its task was committed by {}", named.path, named.made_by.text(),
                         commit->attempt.text());
    for (const scheduler::FileRecord& file : commit->files)
      if (file.path == named.path) return file.sha256 == named.sha256 ? "" : named.path + " is not what was committed";
    return named.path + " is not a file of its commit";
  });
}

// Once a name is there it stays what it is; latents go when their job is done.
Look names_never_change() {
  return [seen = std::map<std::string, base::Sha256>{}](const World&, std::span<const Fact> facts) mutable {
    return for_each<FileNamed>(facts, [&](const FileNamed& named) -> std::string {
      const auto [before, is_new] = seen.emplace(named.path, named.sha256);
      return is_new || before->second == named.sha256 ? "" : named.path + " was published twice, with other contents";
    });
  };
}

std::string inputs_are_there(const World& world, std::span<const Fact> facts) {
  return for_each<InputAbsent>(facts, [&](const InputAbsent& absent) -> std::string {
    if (!world.scheduler.alive()) return "";
    const scheduler::JobRecord* job = world.scheduler.core().job(absent.phase.job);
    if (job == nullptr || jobs::is_final(job->state)) return "";
    return fmt::format("attempt {} began before a file that it reads had its name", absent.attempt.text());
  });
}

std::string withdrawn_is_lost(const World& world, std::span<const Fact> facts) {
  return for_each<TurnTaken>(facts, [&](const TurnTaken& turn) -> std::string {
    if (turn.effects->persist.commits_withdrawn.empty() || world.root.lost()) return "";
    const auto& [phase, task] = turn.effects->persist.commits_withdrawn.front();
    return fmt::format("the files of {} are gone, and nobody lost any", text(phase, task));
  });
}

std::string all_is_published_at_rest(const World& world, std::span<const Fact>) {
  if (!world.resting) return "";
  std::uint64_t tasks = 0;
  for (const scheduler::JobView& job : world.scheduler.core().list_jobs(false))
    for (const std::uint64_t count : job.tasks) tasks += count;
  if (world.journal.durable().commits() != tasks)
    return fmt::format("{} tasks, {} commits", tasks, world.journal.durable().commits());
  for (const auto& [phase, task] : world.journal.durable().committed())
    for (const scheduler::FileRecord& file : world.journal.durable().commit_of(phase, task)->files) {
      if (file.path.starts_with(".framemill/latents/")) continue;
      const auto named = world.root.named().find(file.path);
      if (named == world.root.named().end() || named->second.sha256 != file.sha256)
        return file.path + " was committed and is not what stands under its name";
    }
  return "";
}

// --- the end ---------------------------------------------------------------------------------------------------------

std::string farm_comes_to_rest(const World& world, std::span<const Fact>) {
  if (!world.calm || world.resting || world.time.now() < world.calm_since + kRestWithin) return "";
  std::string why = world.unrest();
  if (world.scheduler.alive())
    for (const scheduler::JobView& job : world.scheduler.core().list_jobs(true))
      if (const auto view = world.scheduler.core().explain(job.id, "", {}, {}, world.scheduler.now()); view.ok())
        why += fmt::format("; job {}: {}", job.id.value, view->sentence);
  return why;
}

std::string nothing_is_held_at_rest(const World& world, std::span<const Fact>) {
  if (!world.resting) return "";
  for (const scheduler::WorkerView& worker : world.scheduler.core().list_workers(world.scheduler.now()))
    for (const scheduler::SlotActivity& slot : worker.slots)
      if (!slot.leases.empty()) return fmt::format("a lease is left on {}", worker.name);
  return "";
}

}  // namespace

std::vector<Invariant> invariants() {
  std::vector<Invariant> all{
      {"the core's parts agree", "P8", core_is_sane},
      {"a rebuilt farm is the live one", "P1", rebuilt_is_equal()},
      {"a task is committed once", "P2", committed_once},
      {"charges are bounded", "P7", charges_are_bounded},
      {"only grants overtake the disk", "P1", only_grants_overtake()},
      {"what is published is durable", "P2", published_is_durable},
      {"what was acknowledged stays", "P1", acknowledged_stays},
      {"a submission becomes one job", "P1", submitted_once},
      {"a worker follows the scheduler", "P8", replies_are_followed},
      {"a name is given to what was committed", "P3", names_are_committed},
      {"a published file never changes", "P2", names_never_change()},
      {"a task begins when its inputs have their names", "P2", inputs_are_there},
      {"a commit is withdrawn where files were lost", "P2", withdrawn_is_lost},
      {"at rest every task is published once", "P2", all_is_published_at_rest},
      {"the farm comes to rest", "P7", farm_comes_to_rest},
      {"at rest nothing is held", "P7", nothing_is_held_at_rest},
  };
  for (auto more : {lease_invariants(), report_invariants()})
    for (Invariant& row : more) all.push_back(std::move(row));
  return all;
}

}  // namespace framemill::sim
