// The statements of a scenario in which workers tell of their work.
#include "script.h"

#include <algorithm>
#include <utility>

namespace framemill::scheduler::stage {

void Script::finish(const Statement& s) {
  Player& player = stage().player(s.word(1));
  const TaskRange tasks = tasks_of(s.word(3));
  for (TaskIndex t = tasks.first; t < tasks.end(); ++t)
    stage().finish(player, attempt_of(player, phase_of(last_job(s), s.word(2)), t), t);
  if (s.has("took"))
    for (TaskFinished& finished : player.next.finished) finished.duration_us = 1'000'000 * s.number("took", 0);
  FileRecord& file = player.next.finished.back().files.at(0);
  file.path = s.text("path", file.path);
  file.staged = s.text("staged", file.staged);
  if (s.has("contents")) file.sha256 = base::sha256(s.text("contents", ""));
  if (s.has("samples")) file.samples_sha256 = base::sha256(s.text("samples", ""));
  if (s.has("odd")) player.next.finished.back().odd.emplace_back(std::stoi(s.text("odd", "")), "it_is_small");
  stage().report(s.word(1));
}

void Script::finished_by(const Statement& s) {
  TaskFinished finished;
  finished.attempt = {{static_cast<std::uint32_t>(s.number("epoch", 1)), s.number("nonce", 77)},
                      std::stoull(s.word(1))};
  finished.phase = phase_of(last_job(s), s.word(3));
  finished.task = tasks_of(s.word(4)).first;
  stage().player(s.word(2)).next.finished.push_back(finished);
  stage().report(s.word(2));
}

void Script::staged(const Statement& s) {
  StagedAttempt staged;
  staged.attempt = {{static_cast<std::uint32_t>(s.number("epoch", 1)), 77}, std::stoull(s.word(1))};
  staged.phase = phase_of(last_job(s), s.word(3));
  const TaskRange tasks = tasks_of(s.word(4));
  for (TaskIndex task = tasks.first; task < tasks.end(); ++task) staged.tasks.push_back(task);
  stage().player(s.word(2)).next.staged.push_back(staged);
  stage().report(s.word(2));
}

void Script::end(const Statement& s) {
  Player& player = stage().player(s.word(1));
  AttemptEnded ended;
  const auto outcome = jobs::outcome_from_code(s.word(3));
  if (!outcome) throw Wrong("no such outcome");
  ended.outcome = *outcome;
  ended.alone = s.text("alone", "no") == "yes";
  ended.code = s.text("code", "");
  ended.message = s.text("message", "");
  if (s.has("frame")) ended.frame = std::stoi(s.text("frame", ""));
  ended.usage.model_loads = static_cast<std::uint32_t>(s.number("loads", 0));
  ended.usage.steps = static_cast<std::uint32_t>(s.number("steps", 0));
  ended.usage.peak_bytes = s.number("peak_mib", 0) << 20;
  ended.usage.batch_max = static_cast<std::uint32_t>(s.number("batch", 1));
  for (const std::string& task : split(s.text("task", ""), ','))
    ended.failed_tasks.push_back(static_cast<TaskIndex>(std::stoul(task)));
  std::optional<TaskIndex> task;
  if (!ended.failed_tasks.empty()) task = ended.failed_tasks.front();
  stage().end(player, attempt_of(player, phase_of(last_job(s), s.word(2)), task), ended);
  stage().report(s.word(1));
}

// stands_still WORKER: it names its attempts, and they make no progress until goes_on WORKER.
void Script::stands_still(const Statement& s) {
  stage().player(s.word(1)).stands_still = s.word(0) == "stands_still";
}

void Script::misses(const Statement& s) {
  stage().player(s.word(1)).misses_revokes = s.word(2) == "revokes";
}

void Script::lose(const Statement& s) {
  Player& player = stage().player(s.word(1));
  const AttemptId id = attempt_of(player, phase_of(last_job(s), s.word(2)), {});
  player.running.erase(id);
  player.left.erase(id);
}

void Script::undeliverable(const Statement& s) {
  const auto error = jobs::attempt_error_from_code("grant." + s.word(3));
  if (!error) throw Wrong("no such reason: " + s.word(3));
  Player& player = stage().player(s.word(1));
  const AttemptId id = attempt_of(player, phase_of(last_job(s), s.word(2)), {});
  player.running.erase(id);
  player.left.erase(id);
  stage().apply(GrantUndeliverable{id, *error, "It could not be sent."});
}

void Script::looks(const Statement& s) {
  Player& player = stage().player(s.word(1));
  const PhaseId phase = phase_of(last_job(s), s.word(2));
  for (const WatchedFiles& watched : player.watched) {
    if (watched.phase != phase) continue;
    FilesLookedFor looked;
    looked.phase = phase;
    looked.input = watched.input;
    looked.readable = !s.has("problem");
    looked.problem = s.text("problem", "");
    if (s.word(3) != "none") looked.there = jobs::FrameSet::parse(s.word(3)).value();
    if (s.has("refused")) {
      looked.refused_frame = std::stoi(s.text("refused", ""));
      looked.refused_message = "it leads out of every root";
    }
    player.next.looked_for.push_back(std::move(looked));
  }
  stage().report(s.word(1));
}

void Script::publish(const Statement& s) {
  stage().publish_all(stage().player(s.word(1)));
  stage().report(s.word(1));
}

void Script::publish_fails(const Statement& s) {
  Player& player = stage().player(s.word(1));
  for (const OrderPublish& order : std::exchange(player.duties, {}))
    player.next.publish_failed.push_back({order.phase, order.tasks, s.word(2), "another file is there"});
  stage().report(s.word(1));
}

void Script::drops(const Statement& s) {
  stage().player(s.word(1)).duties.clear();
  stage().player(s.word(1)).manifests.clear();
}

void Script::keeps(const Statement& s) {
  Player& player = stage().player(s.word(1));
  if (s.word(2) == "manifests") player.writes_manifests = false;
  if (s.word(2) == "publishing") player.tells_publishing = true;
  if (s.word(2) == "order") player.one_by_one = true;
}

void Script::manifests(const Statement& s) {
  stage().answer_manifests(stage().player(s.word(1)), s.size() > 2 ? s.word(2) : "");
  stage().report(s.word(1));
}

void Script::run_all(const Statement& s) {
  for (int round = 0; round < 10'000; ++round) {
    bool moved = false;
    for (const std::string& name : s.words_from(1)) {
      Player& player = stage().player(name);
      const auto left = player.left;
      for (const auto& [attempt, tasks] : left)
        for (const TaskIndex task : tasks) stage().finish(player, attempt, task);
      moved = moved || !left.empty() || !player.duties.empty();
      stage().publish_all(player);
      stage().report(name);
      if (!stage().fault().empty()) return;
    }
    if (!moved) return;
  }
  throw Wrong("it never comes to an end");
}

}  // namespace framemill::scheduler::stage
