#include "worker/supervisor/preview_budget.h"

#include <catch2/catch.hpp>
#include <cstdint>

using framemill::base::Instant;
using framemill::base::milliseconds;
using framemill::base::seconds;
using framemill::worker::PreviewBudget;

TEST_CASE("previews may use what was saved up, and then their share") {
  Instant now{1'000'000};
  PreviewBudget budget(0.02, 10, now);  // 200 ms of processor time each second
  CHECK(budget.wait(now).ms == 0);
  budget.spend(12'000'000, now);  // a minute's savings
  CHECK(budget.wait(now).ms <= 1);
  budget.spend(1'000'000, now);
  CHECK(budget.wait(now).ms == 5001);
  CHECK(budget.wait(now + seconds(4)).ms == 1001);
  CHECK(budget.wait(now + milliseconds(5001)).ms == 0);
}

TEST_CASE("savings end at a minute, whatever the pause") {
  Instant now{0};
  PreviewBudget budget(0.01, 1, now);
  budget.spend(600'000 + 100'000, now + seconds(86'400));
  CHECK(budget.wait(now + seconds(86'400)).ms == 10'001);
}

TEST_CASE("over any span the cost stays within the share, a minute's savings and one order") {
  constexpr double kShare = 0.02;
  constexpr std::size_t kProcessors = 4;
  constexpr std::uint64_t kOrderUsMax = 900'000;
  std::uint64_t state = 7;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  Instant now{5};
  PreviewBudget budget(kShare, kProcessors, now);
  const Instant began = now;
  std::uint64_t spent_us = 0;
  for (int i = 0; i < 20'000; ++i) {
    now = now + milliseconds(static_cast<std::int64_t>(random(300)));
    if (budget.wait(now).ms > 0) continue;
    const std::uint64_t order_us = random(kOrderUsMax);
    spent_us += order_us;
    budget.spend(order_us, now);
    const auto ms = static_cast<double>((now - began).ms + PreviewBudget::kSavedMax.ms);
    const double earned = kShare * kProcessors * 1000 * ms;
    REQUIRE(static_cast<double>(spent_us) <= earned + kOrderUsMax);
  }
  // It was asked for more than there was, and nearly all that was earned was used.
  CHECK(static_cast<double>(spent_us) >= 0.9 * kShare * kProcessors * 1000 * static_cast<double>((now - began).ms));
}
