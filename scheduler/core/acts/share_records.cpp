#include "scheduler/core/acts/share_records.h"

#include <fmt/format.h>

#include <utility>

#include "scheduler/core/acts/audit.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kWrittenEvery = base::seconds(1);

}  // namespace

void join_share(FarmState& farm, JobEntry& job) {
  const std::size_t known = farm.shares.all().size();
  job.share = farm.shares.leaf_of(job.record.spec->show, job.record.submitted.principal);
  if (farm.shares.all().size() != known) farm.views.shares_changed = true;
}

void write_share_usage(FarmState& farm) {
  std::set<ShareId>& unwritten = farm.shares.unwritten();
  if (unwritten.empty() || (farm.shares_written.ms != INT64_MIN && farm.now() < farm.shares_written + kWrittenEvery))
    return;
  farm.shares_written = farm.now();
  for (const ShareId leaf : std::exchange(unwritten, {})) {
    ShareUsageRecord record = farm.shares.usage_record(leaf, farm.turn.now);
    farm.turn.put(record);
    farm.shares.keep(leaf, std::move(record));
  }
}

base::Result<Changed> change_share(FarmState& farm, const ShareChangeRequested& asked) {
  if (!farm.shares.find(asked.path))
    return base::error_of(Refusal::ShareUnknown, fmt::format("share {} not found", asked.path), "path",
                          "`framemill shares` lists them; one is there once a job names its show and user, or when "
                          "scheduler.toml names it");
  const auto& [weight, guarantee, slots_max] = asked.rules;
  if (weight && !(*weight >= kShareWeightLeast && *weight <= kShareWeightMost))
    return base::error_of(Refusal::SpecOutOfRange,
                          fmt::format("a weight is a number from {} to {}", kShareWeightLeast, kShareWeightMost),
                          "weight");
  if (guarantee && *guarantee > kShareSlotsMost)
    return base::error_of(Refusal::SpecOutOfRange,
                          fmt::format("a guarantee is a number of slots up to {}", kShareSlotsMost), "guarantee");
  if (slots_max && *slots_max > kShareSlotsMost)
    return base::error_of(Refusal::SpecOutOfRange,
                          fmt::format("a cap is a number of slots up to {}, or 0 for none", kShareSlotsMost),
                          "slots_max");
  ShareRulesRecord record{asked.path, {}, asked.cause};
  const auto known = farm.shares.rule_records().find(asked.path);
  if (known != farm.shares.rule_records().end() && !asked.reset) record.rules = known->second.rules;
  if (weight) record.rules.weight = weight;
  if (guarantee) record.rules.guarantee = guarantee;
  if (slots_max) record.rules.slots_max = slots_max;
  farm.shares.put(record);
  farm.caps.recount(farm.shares, farm.shares.find(asked.path), farm.leases);
  farm.turn.put(std::move(record));
  farm.match_wanted = true;
  farm.views.shares_changed = true;
  audit(farm, asked.cause, asked.reset ? "share_reset" : "share_set", "share " + asked.path);
  return Changed{};
}

void recall_shares(FarmState& farm, const RecordSet& records) {
  for (const auto& [path, rules] : records.of<ShareRulesRecord>()) {
    farm.shares.put(rules);
    farm.caps.recount(farm.shares, farm.shares.find(path), farm.leases);
  }
  for (const auto& [key, usage] : records.of<ShareUsageRecord>()) farm.shares.restore(usage, farm.turn.now);
}

}  // namespace framemill::scheduler
