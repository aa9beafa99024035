// A loop whose time a test sets: what was posted and put off is called in the order of its moment, and nothing waits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/loop.h"

namespace framemill::test {

class VirtualLoop : public base::Loop {
 public:
  base::Now now() const override { return {now_, base::WallTime{1'800'000'000'000 + now_.ms}}; }
  void post(std::function<void()> function) override { at(now_, std::move(function)); }
  base::Timer call_after(base::Duration delay, std::function<void()> function) override {
    auto call = std::make_shared<Call>();
    at(now_ + std::max(delay, base::Duration{}), [call, function = std::move(function)] {
      if (!std::exchange(call->over, true)) function();
    });
    return base::Timer(call);
  }

  // Runs whatever is due until then, also what that begins.
  void run_for(base::Duration time) {
    const base::Instant end = now_ + time;
    while (!waiting_.empty() && waiting_.begin()->first.first <= end) {
      auto first = waiting_.extract(waiting_.begin());
      now_ = std::max(now_, first.key().first);
      first.mapped()();
    }
    now_ = end;
  }
  void run() { run_for({}); }
  // Nobody runs for so long: what was due meanwhile comes late.
  void sleep(base::Duration time) { now_ = now_ + time; }

 private:
  struct Call : base::Timer::Call {
    void cancel() override {}  // it is over: its turn comes to nothing
  };
  void at(base::Instant when, std::function<void()> function) {
    waiting_.emplace(std::pair{when, ++announced_}, std::move(function));
  }

  base::Instant now_{1'000'000};
  std::map<std::pair<base::Instant, std::uint64_t>, std::function<void()>> waiting_;
  std::uint64_t announced_ = 0;
};

}  // namespace framemill::test
