// Records by kind and key, where a later one takes the place of an earlier one: what a restart was given, in any order.
// Pure.
#pragma once

#include <map>
#include <tuple>
#include <utility>
#include <variant>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

template <class R>
using RecordKey = decltype(std::declval<const R&>().record_key());

class RecordSet {
 public:
  template <class R>
  using Map = std::map<RecordKey<R>, R>;

  void put(Record record) {
    std::visit([this]<class R>(R&& kind) { of<R>().insert_or_assign(kind.record_key(), std::move(kind)); },
               std::move(record));
  }
  template <class R>
  Map<R>& of() {
    return std::get<Map<R>>(maps_);
  }
  template <class R>
  const Map<R>& of() const {
    return std::get<Map<R>>(maps_);
  }

  // Kind by kind, each in the order of its keys.
  template <class Use>
  void each(Use use) const {
    std::apply([&use](const auto&... map) { (use_each(map, use), ...); }, maps_);
  }

 private:
  static void use_each(const auto& map, auto& use) {
    for (const auto& [key, record] : map) use(record);
  }

  template <class Kinds>
  struct MapsOf;
  template <class... R>
  struct MapsOf<std::variant<R...>> {
    using type = std::tuple<Map<R>...>;
  };
  typename MapsOf<Record>::type maps_;
};

}  // namespace framemill::scheduler
