// framemill workers: the farm's workers and what their slots do.
#include <fmt/format.h>

#include <map>
#include <ostream>

#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "cli/verbs/worker_change.h"
#include "cli/views.h"
#include "jobs/command_confinement.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kReasonWidth = 40;  // --json has all of it

Table::Cell state_cell(const WorkerView& worker) {
  if (!worker.other_address.empty())
    return {fmt::format("{}, {} shows its key too and is refused (it is at {})", worker.state, worker.other_address,
                        worker.address),
            Tone::Bad};
  if (worker.quarantined) return {worker.state + ", quarantined", Tone::Bad};
  if (worker.state == "silent") return {"silent " + clock_text(worker.silent_ms), Tone::Warning};
  if (worker.state == "up") return {worker.state, Tone::Good};
  // A person's doing: whose, and why.
  const ChangeView& change = worker.last_change;
  const bool told = !change.principal.empty() && change.principal != "scheduler";
  return {worker.state + (told ? " by " + change.principal : "") +
              (change.reason.empty() || !told ? "" : ": " + cut_to(change.reason, kReasonWidth)),
          Tone::Warning};
}

std::string work_of(const SlotView& slot) {
  if (!slot.usable) return "not usable";
  if (slot.leases.empty()) return "idle";
  const LeaseView& lease = slot.leases.front();
  std::string out = fmt::format("job {} {} t{} {}", lease.job, lease.layer, lease.variant, lease.phase);
  if (lease.steps > 0) out += fmt::format(" step {}/{}", lease.step, lease.steps);
  if (slot.leases.size() > 1) out += fmt::format(" and {} more", slot.leases.size() - 1);
  return out;
}

std::string memory_of(const SlotView& slot) {
  if (slot.budget_bytes <= 0) return "-";
  return fmt::format("{} of {}", bytes_text(static_cast<std::uint64_t>(slot.booked_bytes)),
                     bytes_text(static_cast<std::uint64_t>(slot.budget_bytes)));
}

// Why it is in quarantine, and the layers of which it gets no more.
std::string doubts_text(const WorkerView& worker) {
  std::string text;
  if (worker.quarantined)
    text += fmt::format(
        "  {} has been in quarantine since {}: {}\n    a task is tried there now and then; `framemill "
        "undrain {} --clear-quarantine` ends it at once\n",
        worker.name, worker.last_change.time, worker.last_change.reason, worker.name);
  for (const SetAsideView& aside : worker.set_aside)
    text += fmt::format("  {} gets no more of job {} {}: {}\n    one task is tried there in {}\n", worker.name,
                        aside.job, aside.layer, aside.reason, clock_text(aside.next_try_ms));
  return text;
}

// "enforced (Landlock 7, read-only view)"; empty where the worker does not say.
std::string confinement_text(const WorkerView& worker) {
  const auto level = jobs::command_confinement_from_name(worker.command_confinement);
  if (!level || *level == jobs::CommandConfinement::Unknown) return worker.confinement;
  return worker.confinement.empty() ? worker.command_confinement
                                    : fmt::format("{} ({})", worker.command_confinement, worker.confinement);
}

// A line for each level that some worker has, after the table: hosts of one farm mostly are alike.
std::string confinement_lines(const std::vector<WorkerView>& workers) {
  std::map<std::string, std::string> names;
  for (const WorkerView& worker : workers)
    if (std::string text = confinement_text(worker); !text.empty()) {
      std::string& list = names[std::move(text)];
      list += (list.empty() ? "" : ", ") + worker.name;
    }
  std::string lines;
  for (const auto& [confinement, list] : names) lines += fmt::format("confinement of {}: {}\n", list, confinement);
  return lines;
}

base::Result<ExitCode> run(Session& session) {
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get("/api/v1/workers"));
  FM_ASSIGN(const std::vector<WorkerView> workers, read_workers(answer));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  Table table({{"ID", Align::Right}, {"SLOT"}, {"STATE"}, {"BOOKED"}, {"WORK", Align::Left, true}});
  for (const WorkerView& worker : workers) {
    if (worker.slots.empty()) table.add({std::to_string(worker.id), worker.name, state_cell(worker), "-", "no slots"});
    for (const SlotView& slot : worker.slots)
      table.add({std::to_string(worker.id), worker.name + "/" + slot.name, state_cell(worker), memory_of(slot),
                 work_of(slot)});
  }
  std::string drains;
  for (const WorkerView& worker : workers)
    if (worker.state == "draining" || (worker.state == "drained" && worker.tasks_taken_back > 0))
      drains += fmt::format("  {}: {}\n", worker.name, drain_text(worker.tasks_taken_back, worker.tasks_held));
    else if (!worker.drain_at.empty())
      drains += fmt::format("  {}: drains at {}, as planned by {}{}\n", worker.name, worker.drain_at,
                            worker.drain_planned.principal,
                            worker.drain_planned.reason.empty() ? "" : ": " + worker.drain_planned.reason);
  std::string roots;
  for (const WorkerView& worker : workers)
    for (const RootSeenView& root : worker.roots)
      if (!root.usable && !root.read_only && worker.state != "silent")
        roots += fmt::format("  {}: {}\n", worker.name,
                             root.problem.empty() ? fmt::format("cannot use root {}", root.name) : root.problem);
  session.out() << (table.empty() ? std::string("no workers have been seen\n")
                                  : table.text(session.terminal()) + confinement_lines(workers));
  std::string doubts;
  for (const WorkerView& worker : workers) {
    doubts += doubts_text(worker);
    for (const std::string& condition : worker.conditions)
      doubts += fmt::format("  {}: {}\n    it gets new work again after a pause\n", worker.name, condition);
  }
  if (!doubts.empty())
    session.out() << '\n' << paint(session.terminal(), Tone::Warning, "in trouble") << '\n' << doubts;
  if (!drains.empty()) session.out() << '\n' << paint(session.terminal(), Tone::Faint, "drains") << '\n' << drains;
  if (!roots.empty()) session.out() << '\n' << paint(session.terminal(), Tone::Warning, "roots") << '\n' << roots;
  return ExitCode::Ok;
}

}  // namespace

void declare_workers(Arguments& program) {
  Arguments verb = program.verb("workers", "List workers and what their slots do", "framemill workers");
  verb.run(run);
}

}  // namespace framemill::cli
