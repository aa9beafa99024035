#include "stage.h"

#include <algorithm>
#include <utility>

namespace framemill::scheduler::stage {
namespace {

constexpr std::uint64_t kNextProcess = 1000;  // between the numbers of a worker's processes

}  // namespace

Stage::Stage(FarmSettings settings) : settings_(settings), farm_(std::make_unique<Farm>(settings)) {
  if (settings_.epoch.number == 0) {
    settings_.epoch = {1, 77};
    farm_ = std::make_unique<Farm>(settings_);
  }
  carry_out(farm_->begin(now_));
}

Player* Stage::player_of(WorkerId id) {
  const WorkerRecord* record = farm_->worker(id);
  if (record == nullptr) return nullptr;
  for (auto& [name, player] : players_)
    if (player.key == record->key) return &player;
  return nullptr;
}

void Stage::take_back(Player& player, const RevokeLease& revoke) {
  const auto held = player.running.find(revoke.attempt);
  if (player.misses_revokes || held == player.running.end()) return;
  if (!revoke.keep.empty()) {
    held->second.tasks = revoke.keep;
    std::erase_if(player.left[revoke.attempt], [&](TaskIndex task) { return !revoke.keep.contains(task); });
    return;
  }
  player.running.erase(held);
  player.left.erase(revoke.attempt);
}

void Stage::carry_out(Effects effects) {
  store_.write(effects.persist);
  for (const GrantLease& grant : effects.grants)
    if (Player* player = player_of(grant.worker)) {
      player->running[grant.attempt] = grant;
      for (TaskIndex t = grant.tasks.first; t < grant.tasks.end(); ++t) player->left[grant.attempt].insert(t);
    }
  for (const RevokeLease& revoke : effects.revokes)
    if (Player* player = player_of(revoke.worker)) take_back(*player, revoke);
  for (const OrderPublish& order : effects.publishes)
    if (Player* player = player_of(order.worker)) player->duties.push_back(order);
  for (const OrderManifest& order : effects.manifests)
    if (Player* player = player_of(order.worker)) player->manifests.push_back(order);
  for (const WatchFiles& watch : effects.watches)
    if (Player* player = player_of(watch.worker)) player->watched = watch.files;
  for (const OrderDiscard& order : effects.discards)
    if (Player* player = player_of(order.worker)) player->sweeps.push_back(order.job);
  for (const AcknowledgeReport& ack : effects.acknowledgements)
    if (Player* player = player_of(ack.worker); player != nullptr && ack.send_inventory) player->inventory_due = true;
  last_ = std::move(effects);
  check();
}

// No slot more than a limit has, or, where it was lowered, than used it before.
std::string Stage::limit_exceeded() {
  for (const LimitView& limit : farm_->list_limits()) {
    const std::uint32_t before = std::exchange(limits_in_use_[limit.name], limit.in_use);
    if (limit.in_use > std::max(before, limit.count)) return "limit " + limit.name + " is exceeded";
  }
  return {};
}

void Stage::check() {
  if (!fault_.empty()) return;
  fault_ = farm_->sanity_check();
  if (fault_.empty()) fault_ = limit_exceeded();
  if (fault_.empty()) fault_ = store_.fault();
  if (!fault_.empty() || !compare_rebuilt) return;
  Farm rebuilt(settings_);
  for (const Record& record : store_.load()) rebuilt.put(record);
  rebuilt.begin(now_);
  fault_ = rebuilt.sanity_check();
  if (!fault_.empty()) {
    fault_ = "rebuilt: " + fault_;
    return;
  }
  const std::vector<Record> live = farm_->records(), again = rebuilt.records();
  for (std::size_t i = 0; i < std::max(live.size(), again.size()); ++i) {
    if (i < live.size() && i < again.size() && is_same(live[i], again[i])) continue;
    const std::string a = i < live.size() ? text_of(live[i]) : "nothing";
    const std::string b = i < again.size() ? text_of(again[i]) : "nothing";
    fault_ = "live:    " + a + "\nrebuilt: " + b;
    return;
  }
}

void Stage::apply(Event event) {
  std::function<bool()> pass_is_over;
  if (grants_per_turn > 0) pass_is_over = [left = grants_per_turn]() mutable { return --left == 0; };
  carry_out(farm_->apply(std::move(event), now_, std::move(pass_is_over)));
}

template <class E>
base::Result<AnswerValue> Stage::ask_any(E event) {
  event.request = ++requests_;
  if (event.cause.principal.empty()) event.cause = {"ana", now_.wall, ""};
  apply(std::move(event));
  for (const Answer& answer : last_.answers)
    if (answer.request == requests_) return answer.value;
  return base::Error{"test.no_answer", "the farm did not answer", "", ""};
}
base::Result<AnswerValue> Stage::ask(JobSubmitted event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(JobChangeRequested event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(LimitChangeRequested event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(JobsChangeRequested event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(WorkerChangeRequested event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(ShareChangeRequested event) {
  return ask_any(std::move(event));
}

void Stage::report(const std::string& name) {
  Player& p = player(name);
  WorkerReported report = std::exchange(p.next, {});
  report.key = p.key;
  report.incarnation = p.incarnation;
  report.sequence = ++p.sequence;
  report.draining = p.draining;
  if (p.inventory_due) report.inventory = p.inventory;
  p.inventory_due = false;
  std::set<std::uint32_t> busy;
  for (const auto& [id, grant] : p.running) {
    AttemptRunning running;
    running.attempt = id;
    running.task = p.left[id].empty() ? grant.tasks.first : *p.left[id].begin();
    running.step = busy.insert(grant.slot).second || !p.one_by_one ? 1 : 0;
    running.steps = 20;
    running.tasks = grant.tasks;
    running.moves = p.stands_still ? 1 : ++p.moves + 1;
    running.usage.lost_us = 2'500'000;  // what it would have on record if it were never heard of again
    report.running.push_back(running);
  }
  for (const JobId job : std::exchange(p.sweeps, {})) report.discarded.push_back(job);
  if (p.tells_publishing) {
    report.publishing.emplace();
    for (const OrderPublish& order : p.duties) report.publishing->push_back({order.phase, order.tasks});
  }
  apply(std::move(report));
  write_manifests(p);
}

namespace {
template <class T>
void prepend(std::vector<T>& to, std::vector<T>& before) {
  to.insert(to.begin(), before.begin(), before.end());
}
}  // namespace

// What both reports brought about is told as one.
void Stage::write_manifests(Player& p) {
  if (!p.writes_manifests || p.manifests.empty() || !p.next.manifests.empty()) return;
  answer_manifests(p, "");
  Effects before = std::move(last_);
  WorkerReported report = std::exchange(p.next, {});
  report.key = p.key;
  report.incarnation = p.incarnation;
  report.sequence = p.sequence;  // an old one: of what it runs it says nothing
  apply(std::move(report));
  prepend(last_.grants, before.grants);
  prepend(last_.revokes, before.revokes);
  prepend(last_.publishes, before.publishes);
  prepend(last_.discards, before.discards);
  prepend(last_.manifests, before.manifests);
  prepend(last_.acknowledgements, before.acknowledgements);
}

void Stage::answer_manifests(Player& player, const std::string& code) {
  for (const OrderManifest& order : std::exchange(player.manifests, {}))
    player.next.manifests.push_back({order.job, order.number, order.revision, code, ""});
}

void Stage::pass(base::Duration time, const std::vector<std::string>& reporting) {
  const base::Instant until = now_.monotonic + time;
  const base::Instant start = now_.monotonic;
  for (std::int64_t second = 1;; ++second) {
    const base::Instant tick = std::min(until, start + base::seconds(second));
    // Each step is taken when the farm asks for it, as the shell does.
    while (farm_->next_deadline() <= tick) {
      const base::Instant due = std::max(farm_->next_deadline(), now_.monotonic);
      now_.wall.unix_ms += (due - now_.monotonic).ms;
      now_.monotonic = due;
      apply(TimePassed{});
      if (!fault_.empty()) return;
    }
    now_.wall.unix_ms += (tick - now_.monotonic).ms;
    now_.monotonic = tick;
    for (const std::string& worker : reporting) report(worker);
    if (tick == until) return;
  }
}

void Stage::restart_farm() {
  settings_.epoch = {settings_.epoch.number + 1, settings_.epoch.nonce * 31 + 7};
  farm_ = std::make_unique<Farm>(settings_);
  for (const Record& record : store_.load()) farm_->put(record);
  carry_out(farm_->begin(now_));
}

void Stage::late_report(const std::string& name) {
  WorkerReported report;
  report.key = player(name).key;
  report.incarnation = player(name).incarnation - kNextProcess;
  report.sequence = 99;
  apply(std::move(report));
}

void Stage::restart_worker(const std::string& name) {
  Player& p = player(name);
  p.incarnation += kNextProcess;
  p.sequence = 0;
  p.inventory_due = true;
  p.running.clear();
  p.left.clear();
  p.duties.clear();
  p.manifests.clear();
  p.watched.clear();
  report(name);
}

std::vector<FileRecord> Stage::files_of(PhaseId phase, TaskIndex task) const {
  const jobs::PhasePlan& plan = farm_->job(phase.job)->plan->phases.at(phase.index);
  const auto file = [&](const std::string& path, jobs::Frame frame) {
    return FileRecord{0, std::to_string(task) + "/" + path.substr(path.rfind('/') + 1), path, 10, {}, {}, frame};
  };
  if (plan.kind == jobs::PhaseKind::Denoise) return {file(latents_path(phase, task), 0)};
  if (plan.kind == jobs::PhaseKind::Encode || plan.kind == jobs::PhaseKind::Sheet)
    return {file(jobs::output_path(plan, 0), 0)};
  const jobs::FrameSet frames = jobs::task_frames(plan, task);
  if (frames.empty()) return {file(jobs::output_path(plan, 0), 0)};  // one file of all frames
  return {file(jobs::output_path(plan, frames.first()), frames.first())};
}

void Stage::finish(Player& player, AttemptId attempt, TaskIndex task) {
  const GrantLease& grant = player.running.at(attempt);
  TaskFinished finished;
  finished.attempt = attempt;
  finished.phase = grant.phase;
  finished.task = task;
  finished.duration_us = 500'000;
  finished.files = files_of(grant.phase, task);
  player.next.finished.push_back(std::move(finished));
  player.left[attempt].erase(task);
  if (!player.left[attempt].empty()) return;
  AttemptEnded ended;
  ended.usage.steps = 20;
  ended.usage.batch_max = std::min(grant.batch_max, grant.tasks.count);
  end(player, attempt, ended);
}

void Stage::end(Player& player, AttemptId attempt, AttemptEnded ended) {
  ended.attempt = attempt;
  player.next.ended.push_back(std::move(ended));
  player.running.erase(attempt);
  player.left.erase(attempt);
}

void Stage::publish_all(Player& player) {
  for (const OrderPublish& order : std::exchange(player.duties, {}))
    player.next.published.push_back({order.phase, order.tasks});
}

}  // namespace framemill::scheduler::stage
