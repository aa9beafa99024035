#include "scheduler/loop/durability_gate.h"

#include <rapidcheck.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace framemill::scheduler {
namespace {

// Turns with a number: what changed something puts a record of that name.
Persist change(std::uint64_t turn) {
  Persist persist;
  persist.puts.push_back(RootRecord{std::to_string(turn), ""});
  return persist;
}
Deferred effects(std::uint64_t turn) {
  Deferred deferred;
  deferred.acknowledgements.emplace_back().sequence = turn;
  return deferred;
}
std::vector<std::uint64_t> turns_of(const std::vector<Persist>& batch) {
  std::vector<std::uint64_t> turns;
  for (const Persist& persist : batch) turns.push_back(std::stoull(std::get<RootRecord>(persist.puts.at(0)).name));
  return turns;
}
// The turns that came out since the last call.
std::vector<std::uint64_t> out_of(DurabilityGate& gate) {
  std::vector<std::uint64_t> turns;
  while (const auto released = gate.next_released())
    for (const AcknowledgeReport& ack : released->effects.acknowledgements) turns.push_back(ack.sequence);
  return turns;
}
using Turns = std::vector<std::uint64_t>;

TEST_CASE("what a turn says comes out when its batch is durable, not when it is on its way") {
  DurabilityGate gate;
  gate.add(change(1), effects(1));
  CHECK(out_of(gate).empty());
  const auto batch = gate.next_batch();
  REQUIRE(batch);
  CHECK(turns_of(*batch) == Turns{1});
  CHECK(out_of(gate).empty());
  gate.batch_is_durable(7);
  CHECK(gate.durable_sequence() == 7);
  CHECK(out_of(gate) == Turns{1});
  CHECK_FALSE(gate.next_batch());
}

TEST_CASE("a turn that changed nothing comes out at once where nothing is on its way") {
  DurabilityGate gate(3);
  gate.add({}, effects(1));
  const auto released = gate.next_released();
  REQUIRE(released);
  CHECK(released->durable_sequence == 3);
  CHECK_FALSE(gate.next_batch());
}

TEST_CASE("a turn that changed nothing waits for those that it builds on, wherever they are") {
  DurabilityGate gate;
  gate.add(change(1), effects(1));
  gate.add({}, effects(2));  // behind what gathers
  REQUIRE(gate.next_batch());
  gate.add({}, effects(3));  // behind what is on its way
  CHECK(out_of(gate).empty());
  gate.add(change(4), effects(4));
  REQUIRE(gate.next_batch());
  gate.add({}, effects(5));  // behind the newer of two
  gate.batch_is_durable(1);
  CHECK(out_of(gate) == Turns{1, 2, 3});
  gate.batch_is_durable(2);
  CHECK(out_of(gate) == Turns{4, 5});
}

TEST_CASE("two batches are on their way at most, and what comes meanwhile is the third") {
  DurabilityGate gate;
  for (std::uint64_t turn : {1, 2}) {
    gate.add(change(turn), effects(turn));
    CHECK(gate.next_batch());
  }
  for (std::uint64_t turn : {3, 4, 5}) {
    gate.add(change(turn), effects(turn));
    CHECK_FALSE(gate.next_batch());
  }
  CHECK(gate.batches_in_flight() == 2);
  gate.batch_is_durable(1);
  const auto third = gate.next_batch();
  REQUIRE(third);
  CHECK(turns_of(*third) == Turns{3, 4, 5});
  CHECK_FALSE(gate.next_batch());
}

TEST_CASE("a turn that says nothing has nothing to let out") {
  DurabilityGate gate;
  gate.add({}, {});
  CHECK_FALSE(gate.next_released());
  gate.add(change(1), {});
  REQUIRE(gate.next_batch());
  gate.batch_is_durable(1);
  CHECK_FALSE(gate.next_released());
}

TEST_CASE("every kind of effect that waits is let out, behind what waited before") {
  DurabilityGate gate;
  for (std::uint32_t i : {1u, 2u}) {
    Deferred all;
    all.revokes.emplace_back().worker = WorkerId(i);
    all.publishes.emplace_back().worker = WorkerId(i);
    all.manifests.emplace_back().worker = WorkerId(i);
    all.discards.emplace_back().worker = WorkerId(i);
    all.acknowledgements.emplace_back().worker = WorkerId(i);
    all.answers.push_back({i, AnswerValue(Changed{})});
    all.happened.push_back(LayerEvent{LayerEvent::What::Changed, JobId(1), i, "", {}});
    CHECK_FALSE(all.empty());
    gate.add(change(i), std::move(all));
  }
  REQUIRE(gate.next_batch());
  gate.batch_is_durable(1);
  const auto released = gate.next_released();
  REQUIRE(released);
  const Deferred& out = released->effects;
  const WorkerId first(1), second(2);
  REQUIRE((out.revokes.size() == 2 && out.publishes.size() == 2 && out.manifests.size() == 2));
  REQUIRE((out.discards.size() == 2 && out.acknowledgements.size() == 2));
  REQUIRE((out.answers.size() == 2 && out.happened.size() == 2));
  CHECK((out.revokes[0].worker == first && out.revokes[1].worker == second));
  CHECK((out.publishes[0].worker == first && out.publishes[1].worker == second));
  CHECK((out.manifests[0].worker == first && out.manifests[1].worker == second));
  CHECK((out.discards[0].worker == first && out.discards[1].worker == second));
  CHECK((out.acknowledgements[0].worker == first && out.acknowledgements[1].worker == second));
  CHECK((out.answers[0].request == 1 && out.answers[1].request == 2));
  CHECK((layer_of(out.happened[0]) == 1 && layer_of(out.happened[1]) == 2));
}

// Against a model that knows the turns alone: what has come out is all turns before the first whose change is not
// durable, in their order.
TEST_CASE("nothing is visible before its batch is durable, nothing later than that, and order is kept") {
  CHECK(rc::check("gate", [] {
    DurabilityGate gate;
    std::vector<bool> changes;           // of each turn, from 1
    std::vector<Turns> on_their_way;     // batches
    std::uint64_t durable = 0, out = 0;  // the last turn that is durable; the last that came out
    std::uint64_t handed = 0;
    const auto first_not_durable = [&]() -> std::uint64_t {
      for (std::uint64_t turn = durable + 1; turn <= changes.size(); ++turn)
        if (changes[turn - 1]) return turn;
      return changes.size() + 1;
    };
    const int steps = *rc::gen::inRange(0, 60);
    for (int i = 0; i < steps; ++i) {
      const int step = *rc::gen::inRange(0, 4);
      if (step <= 1) {
        changes.push_back(step == 0);
        const std::uint64_t turn = changes.size();
        gate.add(step == 0 ? change(turn) : Persist{}, effects(turn));
      } else if (step == 2) {
        if (const auto batch = gate.next_batch()) {
          const Turns turns = turns_of(*batch);
          RC_ASSERT(!turns.empty());
          for (const std::uint64_t turn : turns) {
            for (++handed; handed < turn; ++handed) RC_ASSERT(!changes[handed - 1]);
            RC_ASSERT(handed == turn);
          }
          on_their_way.push_back(turns);
          RC_ASSERT(on_their_way.size() <= DurabilityGate::kBatchesInFlightMax);
        } else {
          const bool all_handed =
              std::find(changes.begin() + static_cast<long>(handed), changes.end(), true) == changes.end();
          RC_ASSERT(all_handed || on_their_way.size() == DurabilityGate::kBatchesInFlightMax);
        }
      } else if (!on_their_way.empty()) {
        durable = on_their_way.front().back();
        on_their_way.erase(on_their_way.begin());
        gate.batch_is_durable(durable);
      }
      for (const std::uint64_t turn : out_of(gate)) RC_ASSERT(turn == ++out);
      RC_ASSERT(out + 1 == first_not_durable());
    }
  }));
}

}  // namespace
}  // namespace framemill::scheduler
