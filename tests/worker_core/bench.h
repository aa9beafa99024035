// A worker's core on a bench: events in by short calls, the effects of the last turn kept. Tests only.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "worker/core/worker.h"

namespace framemill::worker::bench {

inline AttemptId attempt(std::uint64_t counter) {
  return {{3, 77}, counter};
}
inline Lease lease(std::uint64_t counter, SlotIndex slot = 0, Runner work = Runner::Executor,
                   TaskRange tasks = {0, 4}) {
  return {attempt(counter), {JobId(1), 0}, tasks, slot, work, base::seconds(120), base::Duration{0}, {}, "main"};
}

struct Bench {
  explicit Bench(std::uint32_t slots = 1, base::Duration drain = base::seconds(60)) : core(settings(slots, drain)) {
    happen(TimePassed{});
  }
  static WorkerSettings settings(std::uint32_t slots, base::Duration drain) {
    WorkerSettings s;
    s.slots = slots;
    s.drain_timeout = drain;
    return s;
  }

  Effects& happen(const Event& event) {
    effects = core.apply(event, now);
    return effects;
  }
  Effects& pass(base::Duration time) {
    now = now + time;
    return happen(TimePassed{});
  }
  template <class E>
  std::vector<E> got() const {
    std::vector<E> found;
    for (const Effect& effect : effects)
      if (const auto* e = std::get_if<E>(&effect)) found.push_back(*e);
    return found;
  }
  template <class E>
  std::size_t count() const {
    return got<E>().size();
  }

  void all_ready() {
    for (SlotIndex i = 0; i < core.slots().size(); ++i) happen(ExecutorReady{i, "cpu test"});
  }
  Report report() {
    last_report = core.make_report(now);
    for (const ReportItem& item : last_report.items)
      if (const auto* ended = std::get_if<EndedAttempt>(&item)) told_ends.push_back(*ended);
    return last_report;
  }
  // A report goes out and its reply proves all leases.
  void exchange(std::vector<Lease> grants = {}) {
    report();
    ReplyReceived reply;
    reply.acked_report = last_report.sequence;
    reply.lease_proof = true;
    reply.next_report = base::seconds(1);
    reply.grants = std::move(grants);
    happen(reply);
  }
  void grant(const Lease& granted) {
    exchange({granted});
    happen(StagingPrepared{granted.attempt, {}, "", ""});
  }
  void revoke(std::uint64_t counter, jobs::RevokeReason reason, TaskRange keep = {}) {
    ReplyReceived reply;
    reply.revokes.push_back({attempt(counter), reason, keep});
    happen(reply);
  }
  void finish_task(std::uint64_t counter, TaskIndex task) {
    happen(TaskFinished{{attempt(counter), {JobId(1), 0}, task, 1, 0, "bytes"}});
  }
  void end(std::uint64_t counter, jobs::Outcome outcome) {
    EndedAttempt ended;
    ended.attempt = attempt(counter);
    ended.outcome = outcome;
    happen(AttemptEnded{ended});
  }
  void die(SlotIndex slot, Death death) { happen(ExecutorDied{slot, std::move(death), "last words", {}}); }

  // What has been told of an attempt's end, up to a report made now.
  EndedAttempt told_end(std::uint64_t counter) {
    report();
    for (const EndedAttempt& ended : told_ends)
      if (ended.attempt == attempt(counter)) return ended;
    FAIL("no end of attempt " << counter << " is told");
    return {};
  }

  Worker core;
  base::Instant now{1'000'000};
  Effects effects;
  Report last_report;
  std::vector<EndedAttempt> told_ends;
};

inline Death signalled(int number) {
  Death death;
  death.signal = number;
  return death;
}
inline Death exited(int status) {
  Death death;
  death.exit_status = status;
  return death;
}

}  // namespace framemill::worker::bench
