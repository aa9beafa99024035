// Tables of what bounds and divides the farm: limits and shares (tables.h says how a table is written).
#pragma once

#include <string_view>

#include "scheduler/core/state/records.h"
#include "scheduler/store/columns.h"

namespace framemill::scheduler::store {

// Columns that several tables share.
void list_last_change(auto& column, auto& cause) {
  column("changed_by", cause.principal);
  column("changed_ms", cause.time);
  column("change_reason", cause.reason);
}

struct LimitsTable {
  using Row = LimitRecord;
  static constexpr std::string_view kName = "limits";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& limit) {
    column.key("name", limit.name);
    column("count", limit.count);
    column("configured", limit.configured);
    list_last_change(column, limit.cause);
  }
};

struct ShareUsageTable {
  using Row = ShareUsageRecord;
  static constexpr std::string_view kName = "share_usage";
  static constexpr Write kWrite = Write::Update;
  static void list(auto& column, auto& usage) {
    column.key("show", usage.show);
    column.key("user", usage.user);
    column("used_us", usage.used_us);
    column("at_ms", usage.at);
  }
};

struct ShareRulesTable {
  using Row = ShareRulesRecord;
  static constexpr std::string_view kName = "share_rules";
  static constexpr Write kWrite = Write::Replace;
  static void list(auto& column, auto& share) {
    column.key("path", share.path);
    column("weight", share.rules.weight);
    column("guarantee", share.rules.guarantee);
    column("slots_max", share.rules.slots_max);
    list_last_change(column, share.last_change);
  }
};

}  // namespace framemill::scheduler::store
