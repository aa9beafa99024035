// What a scenario may expect: effects of the last turn, answers, and the farm as people see it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "script.h"

namespace framemill::scheduler::stage {

void Script::require(bool holds, const std::string& found) {
  if (!holds) throw Wrong("found: " + found);
}

void Script::expect(const Statement& s) {
  const std::string& what = s.word(1);
  if (what == "grants" || what == "grant" || what == "batch_max") return expect_grants(s);
  if (what == "revoke" || what == "publish" || what == "watch" || what == "manifest" || what == "discard" ||
      what == "refused" || what == "no" || what == "sweeps")
    return expect_orders(s);
  if (what == "error" || what == "ok" || what == "repeated" || what == "changed" || what == "changed_jobs" ||
      what == "warns" || what == "warnings")
    return expect_answer(s);
  if (what == "worker" || what == "quarantined" || what == "trusted" || what == "booked" || what == "aside" ||
      what == "drain" || what == "plan")
    return expect_worker(s);
  if (what == "event") return expect_event(s);
  if (what == "limit") return expect_limit(s);
  if (what == "share") return expect_share(s);
  expect_job(s);
}

void Script::expect_grants(const Statement& s) {
  const auto& grants = stage().last().grants;
  if (s.word(1) == "grants") return require(grants.size() == std::stoul(s.word(2)), grants_text());
  if (s.word(1) == "batch_max")
    return require(!grants.empty() && grants.back().batch_max == std::stoul(s.word(2)), grants_text());
  const Words place = split(s.word(2), '/');
  const PhaseId phase = phase_of(last_job(s), s.word(3));
  const bool found = std::any_of(grants.begin(), grants.end(), [&](const GrantLease& grant) {
    return grant.worker == worker_id(place[0]) && (place.size() < 2 || grant.slot == std::stoul(place[1])) &&
           grant.phase == phase && grant.tasks == tasks_of(s.word(4));
  });
  require(found, grants_text());
}

void Script::expect_orders(const Statement& s) {
  const Effects& last = stage().last();
  const std::string& what = s.word(1);
  if (what == "no") {
    if (s.word(2) == "revokes") return require(last.revokes.empty(), "a revoke");
    if (s.word(2) == "manifest") return require(stage().player(s.word(3)).manifests.empty(), "a manifest order");
    if (s.word(2) == "watch") return require(stage().player(s.word(3)).watched.empty(), "files to look for");
    if (s.word(2) == "publish") return require(last.publishes.empty(), "publish orders");
    for (const GrantLease& grant : last.grants) require(grant.phase != phase_of(last_job(s), s.word(3)), grants_text());
  } else if (what == "revoke") {
    std::string found = "revokes:";
    bool there = false;
    const std::string keeps = s.text("keeps", "");
    for (const RevokeLease& revoke : last.revokes) {
      const std::string reason(jobs::revoke_row(revoke.reason).code);
      found += fmt::format(" {} of {} tasks from {}", reason, revoke.keep.count, revoke.keep.first);
      there = there || (revoke.worker == worker_id(s.word(2)) && reason == s.word(3) &&
                        revoke.keep == (keeps.empty() ? TaskRange{} : tasks_of(keeps)));
    }
    require(there, found);
  } else if (what == "publish") {
    const bool there = std::any_of(last.publishes.begin(), last.publishes.end(), [&](const OrderPublish& order) {
      return order.worker == worker_id(s.word(2)) && order.phase == phase_of(last_job(s), s.word(3)) &&
             order.tasks == tasks_of(s.word(4));
    });
    require(there, std::to_string(last.publishes.size()) + " other publish orders");
  } else if (what == "watch") {
    std::string found = "watched:";
    bool there = false;
    for (const WatchedFiles& watched : stage().player(s.word(2)).watched) {
      found += " " + watched.root + ":" + watched.path_printf + " " + watched.frames.text();
      there = there || (watched.phase == phase_of(last_job(s), s.word(3)) && watched.frames.text() == s.word(4));
    }
    require(there, found);
  } else if (what == "manifest") {
    std::string found = "manifest orders:";
    bool there = false;
    for (const OrderManifest& order : stage().player(s.word(2)).manifests) {
      found += " " + std::to_string(order.revision);
      there = there || (order.job == job_id(s.word(3)) && order.revision == std::stoul(s.word(4)));
    }
    require(there, found);
  } else if (what == "discard") {
    const bool there = std::any_of(last.discards.begin(), last.discards.end(), [&](const OrderDiscard& order) {
      return order.worker == worker_id(s.word(2)) && order.job == job_id(s.word(3));
    });
    require(there, std::to_string(last.discards.size()) + " discards");
  } else if (what == "sweeps") {
    require(last.discards.empty(), "a discard");
  } else {
    const bool there = std::any_of(last.acknowledgements.begin(), last.acknowledgements.end(), [&](const auto& ack) {
      return ack.worker == worker_id(s.word(2)) && !ack.refused.empty();
    });
    require(there, "the report was taken");
  }
}

void Script::expect_answer(const Statement& s) {
  if (!answer_) throw Wrong("nothing was asked");
  const std::string found = answer_->ok() ? "ok" : answer_->error().code + ": " + answer_->error().message;
  const std::string& what = s.word(1);
  if (what == "error") return require(!answer_->ok() && answer_->error().code == s.word(2), found);
  require(answer_->ok(), found);
  if (what == "warns" || what == "warnings") {
    const auto& warnings = std::get<Submitted>(answer_->value()).warnings;
    std::string all;
    for (const std::string& warning : warnings) all += warning + "; ";
    if (what == "warnings") return require(warnings.size() == std::stoul(s.word(2)), all);
    return require(all.find(s.word(2)) != std::string::npos, all);
  }
  if (what == "repeated") require(std::get<Submitted>(answer_->value()).repeated, "a new job");
  if (what == "changed_jobs") {
    const auto& jobs = std::get<JobsChanged>(answer_->value());
    return require(jobs.changed == std::stoul(s.word(2)) && jobs.skipped == s.number("skipped", 0),
                   fmt::format("{} skipped={}", jobs.changed, jobs.skipped));
  }
  if (what == "changed") {
    const std::uint32_t tasks = std::get<Changed>(answer_->value()).tasks;
    require(tasks == std::stoul(s.word(2)), std::to_string(tasks));
  }
}

void Script::expect_share(const Statement& s) {
  for (const ShareView& view : stage().farm().list_shares()) {
    if (view.path != s.word(2)) continue;
    require(!s.has("slots") || view.slots == s.number("slots", 0), fmt::format("{} slots", view.slots));
    require(!s.has("ready") || view.tasks_ready == s.number("ready", 0), fmt::format("{} ready", view.tasks_ready));
    require(!s.has("guarantee") || view.guarantee == s.number("guarantee", 0), fmt::format("{} slots", view.guarantee));
    require(!s.has("slots_max") || view.slots_max == s.number("slots_max", 0), fmt::format("{} slots", view.slots_max));
    const std::string weight = fmt::format("{:g}", view.weight);
    require(s.text("weight", weight) == weight, "weight " + weight);
    require(view.why.find(s.text("says", "")) != std::string::npos, view.why);
    return;
  }
  throw Wrong("no share " + s.word(2));
}

void Script::expect_worker(const Statement& s) {
  const Words place = split(s.word(2), '/');
  for (const WorkerView& view : stage().farm().list_workers(stage().now())) {
    if (view.id != worker_id(place[0])) continue;
    if (s.word(1) == "worker") return require_state(view.state, s.word(3));
    if (s.word(1) == "plan")
      return require((view.drain_at.unix_ms != 0) == (s.word(3) == "yes"), std::to_string(view.drain_at.unix_ms));
    if (s.word(1) == "drain") {
      const std::string found = fmt::format("taken_back={} held={}", view.tasks_taken_back, view.tasks_held);
      return require(found == fmt::format("taken_back={} held={}", s.number("taken_back", 0), s.number("held", 0)),
                     found);
    }
    if (s.word(1) == "quarantined") return require(view.quarantined, "it is not");
    if (s.word(1) == "trusted")
      return require(!view.quarantined && view.set_aside.empty(),
                     view.quarantined ? view.last_change.reason : view.set_aside.front().reason);
    if (s.word(1) == "aside") {
      std::string found;
      for (const SetAside& aside : view.set_aside) {
        if (aside.job == job_id(s.word(3)) && aside.layer == s.word(4) &&
            aside.reason.find(s.text("says", "")) != std::string::npos)
          return;
        found += aside.layer + ": " + aside.reason + "; ";
      }
      throw Wrong("found: " + found);
    }
    const std::uint64_t mib = view.slots.at(std::stoul(place.at(1))).booked_bytes >> 20;
    return require(mib == std::stoull(s.word(3)), std::to_string(mib) + " MiB");
  }
  throw Wrong("no such worker");
}

void Script::expect_limit(const Statement& s) {
  for (const LimitView& limit : stage().farm().list_limits()) {
    if (limit.name != s.word(2)) continue;
    const std::string found = fmt::format("count={} in_use={} waiting={}", limit.count, limit.in_use, limit.waiting);
    return require(s.number("count", limit.count) == limit.count && s.number("in_use", limit.in_use) == limit.in_use &&
                       s.number("waiting", limit.waiting) == limit.waiting,
                   found);
  }
  throw Wrong("no such limit");
}

void Script::expect_event(const Statement& s) {
  std::string found;
  for (const FarmEvent& event : stage().last().happened) {
    if (what_of(event) == s.word(2) && detail_of(event).find(s.text("says", "")) != std::string::npos) return;
    found += std::string(what_of(event)) + ": " + detail_of(event) + "; ";
  }
  throw Wrong("found: " + found);
}

void Script::expect_tally(const Statement& s, const JobView& view) {
  if (s.word(1) == "tally") {
    bool any = false, all = true;
    for (const auto& [key, found] : {std::pair<const char*, std::uint64_t>{"attempts", view.attempts},
                                     {"retries", view.retries},
                                     {"loads", view.model_loads},
                                     {"twice", view.windows_run_twice}}) {
      any = any || s.has(key);
      all = all && s.number(key, found) == found;
    }
    return require(any && all, "attempts=" + std::to_string(view.attempts) + " retries=" +
                                   std::to_string(view.retries) + " loads=" + std::to_string(view.model_loads) +
                                   " twice=" + std::to_string(view.windows_run_twice));
  }
  std::string found;
  for (const FailureGroup& group : view.failures) {
    const std::string frame = group.first_frame ? std::to_string(*group.first_frame) : "none";
    if (group.code == s.word(3) && group.count == s.number("count", 1) && frame == s.text("frame", frame)) return;
    found += group.code + " count=" + std::to_string(group.count) + " frame=" + frame + "; ";
  }
  throw Wrong("found: " + found);
}

void Script::expect_job(const Statement& s) {
  const std::string& what = s.word(1);
  const JobView view = stage().farm().show_job(job_id(s.word(2))).value();
  if (what == "job") return require_state(view.state, s.word(3));
  if (what == "condition") {
    const std::string kind =
        view.condition.kind == Condition::Kind::None ? "none" : std::string(name(view.condition.kind));
    return require(kind == s.word(3) && view.condition.layer == s.text("layer", view.condition.layer) &&
                       view.condition.reason.find(s.text("says", "")) != std::string::npos,
                   kind + " " + view.condition.layer + ": " + view.condition.reason);
  }
  if (what == "deadline") {
    const std::string found = view.deadline.unix_ms == 0 ? "none" : view.deadline_at_risk ? "at_risk" : "far";
    return require(found == s.word(3), found);
  }
  if (what == "holds") {  // "pause:ana", or none
    std::string found;
    for (const Hold& hold : view.holds)
      found += (found.empty() ? "" : " ") + std::string(jobs::name(hold.kind)) + ":" + hold.placed.principal;
    std::string wanted;
    for (const std::string& word : s.words_from(3)) wanted += (wanted.empty() ? "" : " ") + word;
    return require(found == wanted, found);
  }
  if (what == "version") return require(view.version == std::stoul(s.word(3)), std::to_string(view.version));
  if (what == "device_ms")
    return require(view.device_us == std::stoull(s.word(3)) * 1000, std::to_string(view.device_us) + " us");
  if (what == "tally" || what == "failure") return expect_tally(s, view);
  if (what == "frames_published")
    return require(view.frames_published == std::stoul(s.word(3)), std::to_string(view.frames_published));
  if (what == "remade") {
    std::string found;
    for (const RemakeView& remake : view.remakes)
      for (const RemadeView& file : remake.files) {
        const std::string frame = file.frame ? std::to_string(*file.frame) : "none";
        if (frame == s.word(3) && file.outcome == s.word(4)) return;
        found += frame + " " + file.outcome + "; ";
      }
    throw Wrong("found: " + found);
  }
  if (what == "task") {
    const PhaseId phase = phase_of(s.word(2), s.word(3));
    const TaskRange tasks = tasks_of(s.word(4));
    for (TaskIndex t = tasks.first; t < tasks.end(); ++t)
      require_state(stage().farm().task_state(phase, t).value(), s.word(5));
    return;
  }
  for (const LayerView& layer : view.layers) {
    if (layer.name != s.word(3)) continue;
    if (what == "layer") return require_state(layer.state, s.word(4));
    if (what == "tries")
      return require(layer.tries_charged == std::stoul(s.word(4)), std::to_string(layer.tries_charged));
    if (what == "retried") return require(layer.retried == std::stoul(s.word(4)), std::to_string(layer.retried));
  }
  throw Wrong("no such expectation");
}

void Script::diagnose(const Statement& s) {
  const base::Result<DiagnosisView> view = stage().farm().diagnose(job_id(s.word(1)), stage().now());
  require(view->sentence.find(s.text("says", "")) != std::string::npos, view->sentence);
  if (s.word(2) == "nothing") return require(view->findings.empty(), view->sentence);
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  std::string found = view->sentence;
  for (const Finding& finding : view->findings) {
    std::string on, next;
    for (const Finding::Tries& tries : finding.workers)
      on += fmt::format("{}{}:{}", on.empty() ? "" : ",", tries.worker, tries.tasks);
    for (const std::string& text : finding.next) next += text + " ; ";
    found += fmt::format("\n  {} {} blame={} tasks={} frames={} code={} on={} waits={} because: {} next: {}",
                         name(finding.kind), finding.layer, name(finding.blame), finding.tasks, finding.frames.text(),
                         finding.code, on, finding.waiting, finding.because, next);
    if (name(finding.kind) == s.word(2) && (s.words_from(3).empty() || finding.layer == s.word(3)) &&
        name(finding.blame) == s.text("blame", std::string(name(finding.blame))) &&
        finding.tasks == s.number("tasks", finding.tasks) &&
        finding.frames.text() == s.text("frames", finding.frames.text()) &&
        finding.code == s.text("code", finding.code) && on == s.text("on", on) &&
        contains(finding.waiting, s.text("waits", "")) && contains(finding.because, s.text("because", "")) &&
        contains(next, s.text("next", "")))
      return;
  }
  throw Wrong("found: " + found);
}

void Script::explain(const Statement& s) {
  std::optional<std::uint32_t> variant;
  std::optional<jobs::Frame> frame;
  if (s.has("variant")) variant = static_cast<std::uint32_t>(std::stoul(s.text("variant", "")));
  if (s.has("frame")) frame = std::stoi(s.text("frame", ""));
  const auto view = stage().farm().explain(job_id(s.word(1)), s.text("layer", ""), variant, frame, stage().now());
  if (s.has("error")) return require(!view.ok() && view.error().code == s.text("error", ""), "another end");
  if (!view.ok()) throw Wrong(view.error().message);
  const Words reasons = s.words_from(2);
  std::multiset<std::string> wanted(reasons.begin(), reasons.end()), found;
  const bool never = wanted.erase("never") > 0;
  std::string all = view->sentence;
  for (const SlotReason& reason : view->reasons) {
    found.insert(std::string(name(reason.reason)));
    all += "\n  " + std::string(name(reason.reason)) + " on " + std::to_string(reason.slots) +
           " slots: " + reason.because + " -> " + reason.remedy;
  }
  require(found == wanted, all);
  require(view->can_never_run == never, all + (never ? "\n  it may run" : "\n  it can never run"));
  if (s.has("says")) require(all.find(s.text("says", "")) != std::string::npos, all);
}

}  // namespace framemill::scheduler::stage
