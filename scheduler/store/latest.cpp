#include "scheduler/store/latest.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "scheduler/core/state/record_set.h"

namespace framemill::scheduler::store {
namespace {

std::size_t mixed(std::size_t seed, std::size_t value) {
  const std::uint64_t both = (std::uint64_t{seed} ^ value) * 0x9E3779B97F4A7C15ull;
  return static_cast<std::size_t>(both ^ (both >> 29));
}

// Of the keys that records have: ids, numbers, names, and several of them.
struct KeyHash {
  std::size_t operator()(std::monostate) const noexcept { return 0; }
  std::size_t operator()(const AttemptId& id) const noexcept { return mixed(id.epoch.number, id.counter); }
  std::size_t operator()(const auto& key) const noexcept { return std::hash<std::decay_t<decltype(key)>>{}(key); }
  template <class A, class B>
  std::size_t operator()(const std::pair<A, B>& key) const noexcept {
    return mixed((*this)(key.first), (*this)(key.second));
  }
  template <class... Parts>
  std::size_t operator()(const std::tuple<Parts...>& key) const noexcept {
    std::size_t hash = 0;
    std::apply([&](const auto&... part) { ((hash = mixed(hash, (*this)(part))), ...); }, key);
    return hash;
  }
};

// Keys of each kind of record that were seen.
class Seen {
 public:
  template <class R>
  bool insert(const RecordKey<R>& key) {  // false: it was
    return std::get<Keys<R>>(kinds_).keys.insert(key).second;
  }

 private:
  template <class R>
  struct Keys {
    std::unordered_set<RecordKey<R>, KeyHash> keys;
  };
  template <class Kinds>
  struct KeysOf;
  template <class... R>
  struct KeysOf<std::variant<R...>> {
    using type = std::tuple<Keys<R>...>;
  };
  typename KeysOf<Record>::type kinds_;
};

// Whether nothing that came later has taken its place.
bool is_latest(const Change& change, Seen& seen) {
  if (const auto* erased = std::get_if<TroubleErased>(&change))
    return seen.insert<TaskTroubleRecord>({erased->phase, erased->task});
  if (!std::holds_alternative<const Record*>(change)) return true;
  return std::visit(
      [&seen]<class R>(const R& record) {
        if constexpr (HistoryRecord<R>)
          return true;
        else
          return seen.insert<R>(record.record_key());
      },
      *std::get<const Record*>(change));
}

}  // namespace

std::vector<Change> latest_changes(std::span<const Persist* const> turns) {
  std::vector<Change> changes;
  for (const Persist* turn : turns) {
    for (const auto& [phase, task] : turn->troubles_erased) changes.emplace_back(TroubleErased{phase, task});
    for (const auto& [phase, task] : turn->commits_withdrawn) changes.emplace_back(CommitWithdrawn{phase, task});
    for (const Record& record : turn->puts) changes.emplace_back(&record);
  }
  if (turns.size() < 2) return changes;  // the core has coalesced a turn's records already

  Seen seen;
  std::vector<Change> kept;
  kept.reserve(changes.size());
  for (auto change = changes.rbegin(); change != changes.rend(); ++change)
    if (is_latest(*change, seen)) kept.push_back(*change);
  return {kept.rbegin(), kept.rend()};
}

}  // namespace framemill::scheduler::store
