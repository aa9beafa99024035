// Random walks through everything that can happen to a worker, with the promises checked after every step.
#include <rapidcheck.h>
#include <map>

#include "tests/worker_core/bench.h"

namespace framemill::worker {
namespace {

using bench::attempt;
using bench::Bench;
using bench::lease;
using jobs::Outcome;

constexpr std::uint32_t kSlots = 2;

// The world around the core, as plain as it can be: executors and children that do what they are told, or die.
struct World {
  Bench b{kSlots};
  std::uint64_t granted = 0;
  std::map<SlotIndex, bool> up;  // slot -> ready
  std::map<AttemptId, SlotIndex> in_executor, in_child;
  std::map<AttemptId, int> ended;
  std::uint64_t connected_reports = 0;

  World() { follow(); }

  void follow() {
    for (const Effect& effect : Effects(b.effects)) {
      if (const auto* e = std::get_if<StartExecutor>(&effect)) {
        RC_ASSERT(!up.contains(e->slot));
        up[e->slot] = false;
      } else if (const auto* in = std::get_if<StartInExecutor>(&effect)) {
        RC_ASSERT(up.contains(in->slot) && up[in->slot]);
        for (const auto& [id, slot] : in_child) RC_ASSERT(slot != in->slot);
        in_executor[in->attempt] = in->slot;
      } else if (const auto* child = std::get_if<StartChild>(&effect)) {
        for (const auto& [id, slot] : in_executor) RC_ASSERT(slot != child->slot);
        for (const auto& [id, slot] : in_child) RC_ASSERT(slot != child->slot);
        in_child[child->attempt] = child->slot;
      }
    }
  }
  void happen(const Event& event) {
    b.happen(event);
    follow();
  }
  void end(const AttemptId& id, Outcome outcome) {
    in_executor.erase(id);
    in_child.erase(id);
    EndedAttempt e;
    e.attempt = id;
    e.outcome = outcome;
    happen(AttemptEnded{e});
  }
  void kill(SlotIndex slot) {
    if (!up.contains(slot)) return;
    Death death = bench::signalled(9);
    death.started = up[slot];
    up.erase(slot);
    std::erase_if(in_executor, [&](const auto& entry) { return entry.second == slot; });
    happen(ExecutorDied{slot, death, "", {}});
  }
  void listen() {
    b.report();
    for (const ReportItem& item : b.last_report.items)
      if (const auto* e = std::get_if<EndedAttempt>(&item)) ++ended[e->attempt];
    ReplyReceived reply;
    reply.acked_report = b.last_report.sequence;
    reply.lease_proof = true;
    happen(reply);
  }
};

TEST_CASE("whatever happens, every lease ends exactly once and no slot runs what it must not") {
  CHECK(rc::check([] {
    World w;
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 12), rc::gen::inRange(0, 1000)));
    for (const auto& [what, n] : steps) {
      const auto slot = static_cast<SlotIndex>(n % static_cast<int>(kSlots));
      const AttemptId some = attempt(w.granted == 0 ? 1 : 1 + static_cast<std::uint64_t>(n) % w.granted);
      switch (what) {
        case 0:
        case 1: {
          ReplyReceived reply;
          reply.grants = {lease(++w.granted, slot, n % 5 == 0 ? Runner::Program : Runner::Executor)};
          reply.grants[0].timeout = n % 3 == 0 ? base::seconds(30) : base::Duration{0};
          w.happen(reply);
          break;
        }
        case 2:
        case 3:
          w.happen(StagingPrepared{some, {}, "", ""});
          break;
        case 4:
          if (w.up.contains(slot) && !w.up[slot]) {
            w.up[slot] = true;
            w.happen(ExecutorReady{slot, "cpu"});
          }
          break;
        case 5:
          if (w.in_executor.contains(some) || w.in_child.contains(some))
            w.end(some, n % 2 == 0 ? Outcome::Ok : Outcome::Failed);
          break;
        case 6:
          w.kill(slot);
          break;
        case 7:
          w.b.now = w.b.now + base::milliseconds(n * 40);
          w.happen(TimePassed{});
          break;
        case 8: {
          ReplyReceived reply;
          reply.revokes = {{some, n % 2 == 0 ? jobs::RevokeReason::Cancelled : jobs::RevokeReason::Unknown, {}}};
          w.happen(reply);
          break;
        }
        case 9:
          w.happen(LinkConnected{});
          break;
        default:
          w.listen();
          break;
      }
      RC_ASSERT(w.b.core.lease_count() <= Worker::kLeasesMax);
    }
    // Bring it all to an end: then everything that was granted has been told of once.
    for (std::uint64_t i = 1; i <= w.granted; ++i) w.happen(StagingPrepared{attempt(i), {}, "", ""});
    w.happen(StopRequested{});
    w.happen(StopRequested{});
    for (SlotIndex slot = 0; slot < kSlots; ++slot) w.kill(slot);
    for (const auto& [id, slot] : std::map<AttemptId, SlotIndex>(w.in_child)) w.end(id, Outcome::Revoked);
    w.listen();
    RC_ASSERT(w.b.core.lease_count() == 0u);
    for (std::uint64_t i = 1; i <= w.granted; ++i) RC_ASSERT(w.ended[attempt(i)] == 1);
  }));
}

}  // namespace
}  // namespace framemill::worker
