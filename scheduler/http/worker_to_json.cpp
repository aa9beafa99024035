// Workers as the API shows them.
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

json::object lease_json(const SlotActivity::Lease& lease) {
  return {{"attempt", lease.attempt.text()},
          {"job", lease.job.value},
          {"layer", text_json(lease.layer)},
          {"model", text_json(lease.model)},
          {"variant", lease.variant},
          {"phase", text_json(lease.phase)},
          {"tasks", json::object{{"first", lease.tasks.first}, {"count", lease.tasks.count}}},
          {"task", lease.task},
          {"step", lease.step},
          {"steps", lease.steps},
          {"batch", lease.batch},
          {"model_warm", lease.model_warm},
          {"loading_model", lease.loading_model},
          {"detail", text_json(lease.detail)}};
}

json::object slot_json(const SlotActivity& slot) {
  json::array leases;
  for (const auto& lease : slot.leases) leases.emplace_back(lease_json(lease));
  return {{"index", slot.index},         {"name", text_json(slot.name)},      {"usable", slot.usable},
          {"leases", std::move(leases)}, {"booked_bytes", slot.booked_bytes}, {"budget_bytes", slot.budget_bytes}};
}

json::object device_json(const DeviceState& device) {
  return {{"id", text_json(device.id)},
          {"name", text_json(device.name)},
          {"device_class", text_json(device.device_class)},
          {"kind", device.kind == DeviceKind::Cuda ? "cuda" : "cpu"},
          {"memory_bytes_total", device.memory_bytes_total},
          {"memory_bytes_budget", device.memory_bytes_budget},
          {"cpus", device.cpus}};
}

}  // namespace

json::object worker_json(const WorkerView& worker) {
  json::array devices, slots, packages, roots, conditions;
  for (const HostCondition& condition : worker.conditions)
    conditions.emplace_back(json::object{
        {"code", condition.code}, {"message", text_json(condition.message)}, {"root", text_json(condition.root)}});
  for (const auto& device : worker.devices) devices.emplace_back(device_json(device));
  for (const auto& slot : worker.slots) slots.emplace_back(slot_json(slot));
  for (const auto& package : worker.packages) {
    packages.emplace_back(json::object{{"id", text_json(package.id)}, {"digest", package.root_digest.hex()}});
  }
  for (const auto& root : worker.roots) {
    roots.emplace_back(json::object{{"name", text_json(root.name)},
                                    {"usable", root.usable},
                                    {"readable", root.readable},
                                    {"read_only", root.read_only},
                                    {"free_bytes", root.free_bytes},
                                    {"id", text_json(root.id)},
                                    {"problem", text_json(root.problem)}});
  }
  json::array set_aside;
  for (const SetAside& aside : worker.set_aside)
    set_aside.emplace_back(json::object{{"job", aside.job.value},
                                        {"layer", text_json(aside.layer)},
                                        {"reason", text_json(aside.reason)},
                                        {"since", time_json(aside.since)},
                                        {"next_try_ms", aside.next_try_ms}});
  return {
      {"id", worker.id.value},
      {"name", text_json(worker.name)},
      {"key", text_json(worker.key)},
      {"version", text_json(worker.version)},
      {"address", text_json(worker.address)},
      {"other_address", text_json(worker.other_address)},
      {"state", jobs::name(worker.state)},
      {"last_change", cause_json(worker.last_change)},
      {"quarantined", worker.quarantined},
      {"drain_at", time_json(worker.drain_at)},
      {"drain_planned", worker.drain_at.unix_ms == 0 ? json::value() : json::value(cause_json(worker.drain_planned))},
      {"set_aside", std::move(set_aside)},
      {"silent_ms", worker.silent_ms},
      {"tasks_held", worker.tasks_held},
      {"tasks_taken_back", worker.tasks_taken_back},
      {"devices", std::move(devices)},
      {"slots", std::move(slots)},
      {"packages", std::move(packages)},
      {"roots", std::move(roots)},
      {"commands", texts_json(worker.commands)},
      {"conditions", std::move(conditions)},
      {"confinement", text_json(worker.confinement)},
      {"command_confinement", jobs::name(worker.command_confinement)}};
}

}  // namespace framemill::scheduler
