#include "sim/policy/outcome.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::sim {
namespace {

constexpr double kMiB = 1 << 20;

double over_bound(const PolicyOutcome& outcome, const LowerBound& bound) {
  return bound.makespan_s > 0 ? outcome.makespan_s / bound.makespan_s : 1;
}

}  // namespace

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

std::string outcome_text(const PolicyOutcome& o, const LowerBound& bound, const RunCost& cost) {
  std::string text = fmt::format(
      "{}: {} tasks in {:.1f} s, {:.3f} of the lower bound ({:.1f} s, {}); slots busy {:.1f} %, loading {:.1f} %, "
      "lost {:.2f} %\n",
      o.policy, o.tasks, o.makespan_s, over_bound(o, bound), bound.makespan_s, bound.by, o.utilisation() * 100,
      o.slot_s > 0 ? o.load_s / o.slot_s * 100 : 0, o.slot_s > 0 ? o.lost_s / o.slot_s * 100 : 0);
  for (const auto& [show, waits] : o.waits_s)
    text += fmt::format("  {}: {} jobs waited for their first task, p50 {:.1f} s, p90 {:.1f} s\n", show, waits.size(),
                        quantile(waits, 0.5), quantile(waits, 0.9));
  if (o.deadlines > 0) text += fmt::format("  deadlines met: {} of {}\n", o.deadlines_met, o.deadlines);
  if (o.jobs_unfinished > 0)
    text += fmt::format("  {} jobs did not finish: no worker can take some of their work\n", o.jobs_unfinished);
  text += fmt::format(
      "  simulated in {:.2f} s of processor time: {:.0f} tasks/s, {} leases, {} events; peak memory {:.0f} MiB\n",
      cost.seconds, cost.seconds > 0 ? static_cast<double>(o.tasks) / cost.seconds : 0, o.leases, o.events,
      static_cast<double>(cost.memory_bytes) / kMiB);
  return text;
}

std::string outcome_json(const PolicyOutcome& o, const LowerBound& bound, const RunCost& cost) {
  std::string waits;
  for (const auto& [show, of_show] : o.waits_s)
    waits += fmt::format("{}\"{}\": {{\"jobs\": {}, \"p50_s\": {:.3f}, \"p90_s\": {:.3f}}}", waits.empty() ? "" : ", ",
                         show, of_show.size(), quantile(of_show, 0.5), quantile(of_show, 0.9));
  return fmt::format(
      "{{\"policy\": \"{}\", \"tasks\": {}, \"makespan_s\": {:.3f}, \"lower_bound_s\": {:.3f}, \"lower_bound\": \"{}\", "
      "\"ratio\": {:.4f}, \"utilisation\": {:.4f}, \"load_s\": {:.3f}, \"lost_s\": {:.3f}, \"waits\": {{{}}}, "
      "\"deadlines\": {}, \"deadlines_met\": {}, \"jobs_unfinished\": {}, \"leases\": {}, \"events\": {}, "
      "\"seconds\": {:.3f}, \"memory_bytes\": {}}}",
      o.policy, o.tasks, o.makespan_s, bound.makespan_s, bound.by, over_bound(o, bound), o.utilisation(), o.load_s,
      o.lost_s, waits, o.deadlines, o.deadlines_met, o.jobs_unfinished, o.leases, o.events, cost.seconds,
      cost.memory_bytes);
}

}  // namespace framemill::sim
