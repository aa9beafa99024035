#include "share_farm.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "jobs/check.h"
#include "sim/samples.h"

namespace framemill::scheduler::stage {
namespace {

constexpr std::int64_t kTick_ms = 500;

FileRecord file_of(const jobs::PhasePlan& plan, TaskIndex task) {
  const jobs::Frame frame = jobs::task_frames(plan, task).first();
  const std::string path = jobs::output_path(plan, frame);
  return {0, std::to_string(task) + "/" + path.substr(path.rfind('/') + 1), path, 10, {}, {}, frame};
}

}  // namespace

ShareFarm::ShareFarm(std::uint32_t workers, std::uint32_t slots, FarmSettings settings)
    : settings_(std::move(settings)) {
  settings_.epoch = {1, 77};
  farm_ = std::make_unique<Farm>(settings_);
  workers_.resize(workers);
  carry_out(farm_->begin(now_));
  for (std::uint32_t w = 0; w < workers; ++w) {
    Worker& worker = workers_[w];
    worker.key = fmt::format("key {}", w);
    worker.slots.resize(slots);
    Inventory inventory;
    inventory.name = fmt::format("w{}", w);
    inventory.devices = {{"cpu0", "cpu", "a", DeviceKind::Cpu, 1ull << 33, 1ull << 33, 64}};
    for (std::uint32_t i = 0; i < slots; ++i) inventory.slots.push_back({i, fmt::format("s{}", i), 0, {}, true});
    inventory.roots = {{"main", true, 1ull << 40, true}};
    inventory.commands = {"true", "other"};
    worker.inventory = worker.next.inventory.emplace(std::move(inventory));
    report(worker);
  }
}

JobId ShareFarm::submit(const Work& work) {
  const std::string shot = fmt::format("x{}", ++submits_);
  const std::string layer = fmt::format(
      "[[layer]]\nname = \"a\"\nkind = \"command\"\nargv = [\"{}\"]\noutput = \"{{frame}}.png\"\n"
      "frames = \"1-{}\"\nchunk = {}",
      work.argv, work.tasks, work.chunk);
  JobSubmitted event;
  event.request = ++requests_;
  event.spec = sim::sample_spec(shot, layer, fmt::format("priority = {}\n{}", work.priority, work.keys), work.show);
  event.cause = {work.user, now_.wall, ""};
  answers_.clear();
  const JobId expected(submits_);
  task_ms_[expected] = static_cast<std::int64_t>(work.task_s * 1000);
  charged_to_[expected] = {work.show, work.show + "/" + work.user};
  apply(std::move(event));
  FM_CHECK(answers_.size() == 1 && answers_[0].value.ok(), "a job of a test is refused");
  const JobId job = std::get<Submitted>(answers_[0].value.value()).job;
  FM_CHECK(job == expected, "jobs are numbered as they come");
  return job;
}

base::Result<AnswerValue> ShareFarm::ask(Event event) {
  answers_.clear();
  std::visit(
      [&](auto& asked) {
        if constexpr (requires { asked.request; }) asked.request = ++requests_;
      },
      event);
  apply(std::move(event));
  FM_CHECK(answers_.size() == 1, "a question without an answer");
  return answers_[0].value;
}

void ShareFarm::apply(Event event) {
  carry_out(farm_->apply(std::move(event), now_));
}

void ShareFarm::use(JobId job, std::int64_t ms) {
  for (const std::string& share : {charged_to_.at(job).first, charged_to_.at(job).second})
    used_us_[share] += static_cast<double>(ms) * 1000;
}

void ShareFarm::carry_out(Effects effects) {
  store_.write(effects.persist);
  for (const Record& record : effects.persist.puts) share_rows_ += std::holds_alternative<ShareUsageRecord>(record);
  for (const GrantLease& grant : effects.grants) {
    Lease lease{grant, {}, 0};
    for (TaskIndex t = grant.tasks.first; t < grant.tasks.end(); ++t) lease.left.push_back(t);
    workers_[grant.worker.value - 1].slots[grant.slot].leases.push_back(std::move(lease));
  }
  for (const RevokeLease& revoke : effects.revokes)
    for (Slot& slot : workers_[revoke.worker.value - 1].slots)
      for (auto lease = slot.leases.begin(); lease != slot.leases.end(); ++lease) {
        if (lease->grant.attempt != revoke.attempt) continue;
        if (revoke.keep.empty()) {
          if (lease == slot.leases.begin()) slot.task_began_ms.reset();
          slot.leases.erase(lease);
        } else {
          lease->grant.tasks = revoke.keep;
          std::erase_if(lease->left, [&](TaskIndex task) { return !revoke.keep.contains(task); });
        }
        break;
      }
  for (const OrderPublish& order : effects.publishes) {
    Worker& worker = workers_[order.worker.value - 1];
    worker.next.published.push_back({order.phase, order.tasks});
    worker.has_news = true;
  }
  for (const OrderManifest& order : effects.manifests) {
    Worker& worker = workers_[order.worker.value - 1];
    worker.next.manifests.push_back({order.job, order.number, order.revision, "", ""});
    worker.has_news = true;
  }
  for (const OrderDiscard& order : effects.discards) {
    Worker& worker = workers_[order.worker.value - 1];
    worker.next.discarded.push_back(order.job);
    worker.has_news = true;
  }
  for (const AcknowledgeReport& ack : effects.acknowledgements)
    if (Worker& worker = workers_[ack.worker.value - 1]; ack.send_inventory) worker.next.inventory = worker.inventory;
  answers_.insert(answers_.end(), effects.answers.begin(), effects.answers.end());
}

void ShareFarm::advance(Worker& worker) {
  for (Slot& slot : worker.slots)
    while (!slot.leases.empty()) {
      Lease& lease = slot.leases.front();
      const JobId job = lease.grant.phase.job;
      if (!slot.task_began_ms) {
        slot.task_began_ms = now_.monotonic.ms;
        started_s_.try_emplace(job, now_s());
      }
      const std::int64_t ends = *slot.task_began_ms + task_ms(job);
      if (ends > now_.monotonic.ms) break;
      use(job, task_ms(job));
      lease.used_us += static_cast<std::uint64_t>(task_ms(job)) * 1000;
      const TaskIndex task = lease.left.front();
      lease.left.pop_front();
      const jobs::PhasePlan& plan = farm_->job(job)->plan->phases.at(lease.grant.phase.index);
      worker.next.finished.push_back({lease.grant.attempt,
                                      lease.grant.phase,
                                      task,
                                      static_cast<std::uint64_t>(task_ms(job)) * 1000,
                                      {file_of(plan, task)},
                                      {}});
      slot.task_began_ms = ends;
      worker.has_news = true;
      if (!lease.left.empty()) continue;
      AttemptEnded ended;
      ended.attempt = lease.grant.attempt;
      ended.usage.compute_us = ended.usage.wall_us = lease.used_us;
      worker.next.ended.push_back(std::move(ended));
      slot.leases.pop_front();
      if (slot.leases.empty())
        slot.task_began_ms.reset();
      else
        started_s_.try_emplace(slot.leases.front().grant.phase.job, static_cast<double>(ends) / 1000);
    }
}

void ShareFarm::report(Worker& worker) {
  WorkerReported report = std::exchange(worker.next, {});
  worker.has_news = false;
  report.key = worker.key;
  report.incarnation = 1;
  report.sequence = ++worker.sequence;
  for (const Slot& slot : worker.slots)
    for (const Lease& lease : slot.leases) {
      const bool runs = &lease == &slot.leases.front() && slot.task_began_ms;
      AttemptRunning running;
      running.attempt = lease.grant.attempt;
      running.task = lease.left.front();
      running.tasks = lease.grant.tasks;
      running.moves = worker.sequence + 1;
      if (runs) {
        running.usage.compute_us =
            lease.used_us + static_cast<std::uint64_t>(now_.monotonic.ms - *slot.task_began_ms) * 1000;
        running.usage.wall_us = running.usage.compute_us + 1;
      }
      report.running.push_back(std::move(running));
    }
  apply(std::move(report));
}

void ShareFarm::pass(double seconds) {
  const std::int64_t until = now_.monotonic.ms + static_cast<std::int64_t>(seconds * 1000);
  while (now_.monotonic.ms < until) {
    const std::int64_t tick = std::min(until, now_.monotonic.ms + kTick_ms);
    now_.wall.unix_ms += tick - now_.monotonic.ms;
    now_.monotonic.ms = tick;
    if (farm_->next_deadline() <= now_.monotonic) apply(TimePassed{});
    for (Worker& worker : workers_) {
      advance(worker);
      if (worker.has_news || now_.monotonic.ms % 1000 == 0) report(worker);
    }
  }
}

void ShareFarm::restart() {
  settings_.epoch = {settings_.epoch.number + 1, settings_.epoch.nonce * 31 + 7};
  farm_ = std::make_unique<Farm>(settings_);
  for (const Record& record : store_.load()) farm_->put(record);
  carry_out(farm_->begin(now_));
}

double ShareFarm::used_s(const std::string& share) const {
  const auto used = used_us_.find(share);
  return used == used_us_.end() ? 0 : used->second / 1e6;
}

std::optional<double> ShareFarm::first_started_s(JobId job) const {
  const auto started = started_s_.find(job);
  return started == started_s_.end() ? std::nullopt : std::optional(started->second);
}

std::string ShareFarm::fault() const {
  return farm_->sanity_check();
}

}  // namespace framemill::scheduler::stage
