#include "scheduler/store/latest.h"

#include <optional>
#include <unordered_set>

namespace framemill::scheduler::store {
namespace {

struct Key {
  std::size_t kind = 0;  // index in Record
  std::uint32_t a = 0, b = 0;
  std::uint64_t c = 0;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    std::uint64_t mixed = key.c * 0x9E3779B97F4A7C15ull + ((std::uint64_t{key.a} << 32) | key.b) + key.kind;
    mixed ^= mixed >> 29;
    return mixed * 0xBF58476D1CE4E5B9ull;
  }
};

const std::size_t kTroubleKind = Record(TaskTroubleRecord{}).index();

struct KeyOf {
  std::size_t kind;
  std::optional<Key> operator()(const JobRecord& job) const { return Key{kind, job.id.value, 0, 0}; }
  std::optional<Key> operator()(const PhaseRecord& phase) const {
    return Key{kind, phase.id.job.value, phase.id.index, 0};
  }
  std::optional<Key> operator()(const TaskPageRecord& page) const {
    return Key{kind, page.phase.job.value, page.phase.index, page.page};
  }
  std::optional<Key> operator()(const TaskTroubleRecord& trouble) const {
    return Key{kind, trouble.phase.job.value, trouble.phase.index, trouble.task};
  }
  std::optional<Key> operator()(const AttemptRecord& attempt) const {
    return Key{kind, attempt.id.epoch.number, 0, attempt.id.counter};
  }
  std::optional<Key> operator()(const RemakeRecord& remade) const {
    return Key{kind, remade.phase.job.value, remade.phase.index, remade.task};
  }
  std::optional<Key> operator()(const WorkerRecord& worker) const { return Key{kind, worker.id.value, 0, 0}; }
  std::optional<Key> operator()(const CountersRecord&) const { return Key{kind, 0, 0, 0}; }
  template <class Other>
  std::optional<Key> operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::vector<Change> latest_changes(std::span<const Persist* const> turns) {
  std::vector<Change> changes;
  for (const Persist* turn : turns) {
    for (const auto& [phase, task] : turn->troubles_erased) changes.emplace_back(TroubleErased{phase, task});
    for (const auto& [phase, task] : turn->commits_withdrawn) changes.emplace_back(CommitWithdrawn{phase, task});
    for (const Record& record : turn->puts) changes.emplace_back(&record);
  }
  if (turns.size() < 2) return changes;  // the core has coalesced a turn's records already

  std::unordered_set<Key, KeyHash> seen;
  std::vector<Change> kept;
  kept.reserve(changes.size());
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    std::optional<Key> key;
    if (const auto* erased = std::get_if<TroubleErased>(&*change))
      key = Key{kTroubleKind, erased->phase.job.value, erased->phase.index, erased->task};
    else if (std::holds_alternative<const Record*>(*change))
      key = std::visit(KeyOf{std::get<const Record*>(*change)->index()}, *std::get<const Record*>(*change));
    if (!key || seen.insert(*key).second) kept.push_back(*change);
  }
  return {kept.rbegin(), kept.rend()};
}

}  // namespace framemill::scheduler::store
