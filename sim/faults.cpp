#include "sim/faults.h"

#include <array>

#include "sim/world.h"

namespace framemill::sim {
namespace {

using base::Duration;
using base::milliseconds;
using base::seconds;

std::size_t any_worker(const World& world, Random& random) {
  return static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(world.workers.size()) - 1));
}

worker::SlotIndex any_slot(World& world, std::size_t worker, Random& random) {
  return static_cast<worker::SlotIndex>(random.between(0, world.workers[worker]->workshop().slots() - 1));
}

void change_weather(World& world, Random& random, Weather weather) {
  world.network.change_weather(any_worker(world, random), weather, random.between(seconds(2), seconds(30)));
}

// For a while; the calm ends it, too.
template <class Value>
void for_a_while(World& world, Value& value, Value then, Duration length) {
  const Value before = std::exchange(value, then);
  world.time.after(length, [&value, before, then] {
    if (value == then) value = before;
  });
}

constexpr std::array<Fault, 28> kFaults{{
    {"messages are lost", 500, seconds(20),
     [](World& w, Random& r) {
       change_weather(w, r, {static_cast<std::uint32_t>(r.between(50, 700)), 0, 0, Duration{1}, Duration{20}});
     }},
    {"messages come twice", 500, seconds(20),
     [](World& w, Random& r) { change_weather(w, r, {0, 400, 0, Duration{1}, Duration{20}}); }},
    {"messages are late", 500, seconds(20),
     [](World& w, Random& r) { change_weather(w, r, {0, 0, 0, Duration{50}, r.between(seconds(1), seconds(9))}); }},
    {"messages overtake others", 500, seconds(20),
     [](World& w, Random& r) { change_weather(w, r, {0, 0, 500, Duration{1}, seconds(3)}); }},
    {"a line is cut", 400, seconds(30),
     [](World& w, Random& r) { w.network.cut(any_worker(w, r), r.between(milliseconds(100), seconds(40))); }},
    {"a line swallows what is sent", 400, seconds(40),
     [](World& w, Random& r) { w.network.swallow(any_worker(w, r), r.between(seconds(1), seconds(45))); }},
    {"a late word, and then silence", 400, seconds(35),
     [](World& w, Random& r) {
       const std::size_t worker = any_worker(w, r);
       w.network.change_weather(worker, {0, 0, 0, Duration{1}, Duration{20}, r.between(seconds(3), seconds(9))},
                                seconds(5));
       w.time.after(seconds(5), [&w, worker, length = r.between(seconds(15), seconds(45))] {
         w.network.swallow(worker, length);
         w.workers[worker]->workshop().hang_programs();
       });
     }},
    {"the scheduler is killed", 500, seconds(35),
     [](World& w, Random& r) {
       w.scheduler.kill();
       w.scheduler.begin_after(r.between(milliseconds(50), seconds(r.chance(200) ? 60 : 5)));
     }},
    {"the scheduler stands still", 200, seconds(45),
     [](World& w, Random& r) { w.scheduler_process.stand_still(r.between(milliseconds(500), seconds(30))); }},
    {"a worker is killed", 500, seconds(30),
     [](World& w, Random& r) {
       WorkerHost& worker = *w.workers[any_worker(w, r)];
       worker.kill();
       worker.begin_after(r.between(milliseconds(50), seconds(r.chance(200) ? 60 : 5)));
     }},
    {"a worker is asked to stop", 200, seconds(60),
     [](World& w, Random& r) {
       WorkerHost& worker = *w.workers[any_worker(w, r)];
       worker.ask_to_stop();
       worker.begin_after(seconds(90));
       if (!r.chance(300)) return;
       w.time.after(r.between(seconds(1), seconds(20)), [&worker] { worker.ask_to_stop(); });
     }},
    {"a worker stands still", 200, seconds(45),
     [](World& w, Random& r) { w.workers[any_worker(w, r)]->stand_still(r.between(milliseconds(500), seconds(40))); }},
    {"commits stall", 500, seconds(25),
     [](World& w, Random& r) { w.journal.stall(r.between(milliseconds(100), seconds(15))); }},
    {"a commit stalls and the scheduler is killed", 400, seconds(50),
     [](World& w, Random& r) {
       w.journal.stall(seconds(3));
       w.time.after(r.between(milliseconds(100), seconds(3)), [&w] {
         w.scheduler.kill();
         w.scheduler.begin_after(seconds(2));
       });
     }},
    {"the scheduler's disk is full", 200, seconds(60),
     [](World& w, Random& r) { w.journal.fill(r.between(seconds(1), seconds(25))); }},
    {"an executor dies", 500, seconds(20),
     [](World& w, Random& r) {
       const std::size_t worker = any_worker(w, r);
       worker::Death death;
       death.signal = r.chance(500) ? 11 : 9;
       w.workers[worker]->workshop().die(any_slot(w, worker, r), death);
     }},
    {"programs hang", 200, seconds(40),
     [](World& w, Random& r) { w.workers[any_worker(w, r)]->workshop().hang_programs(); }},
    {"an executor hangs", 200, seconds(45),
     [](World& w, Random& r) {
       const std::size_t worker = any_worker(w, r);
       w.workers[worker]->workshop().hang(any_slot(w, worker, r));
     }},
    {"attempts end badly", 600, seconds(20),
     [](World& w, Random& r) {
       for_a_while(w, w.workers[any_worker(w, r)]->workshop().bad_permille,
                   static_cast<std::uint32_t>(r.between(50, 600)), r.between(seconds(5), seconds(40)));
     }},
    {"cancelled attempts go on", 200, seconds(20),
     [](World& w, Random& r) {
       for_a_while(w, w.workers[any_worker(w, r)]->workshop().deaf_permille, 500u, r.between(seconds(5), seconds(40)));
     }},
    {"a worker's storage is full", 250, seconds(40),
     [](World& w, Random& r) {
       for_a_while(w, w.workers[any_worker(w, r)]->sight().full, true, r.between(seconds(1), seconds(30)));
     }},
    {"a worker's storage is slow", 250, seconds(40),
     [](World& w, Random& r) {
       for_a_while(w, w.workers[any_worker(w, r)]->sight().slow, true, r.between(seconds(5), seconds(30)));
     }},
    {"a worker loses the root", 200, seconds(45),
     [](World& w, Random& r) {
       WorkerHost& worker = *w.workers[any_worker(w, r)];
       worker.lose_root(true);
       w.time.after(r.between(seconds(1), seconds(40)), [&worker] { worker.lose_root(false); });
     }},
    {"staged files vanish", 200, seconds(45),
     [](World& w, Random& r) {
       const std::vector<AttemptId> staged = w.root.staged();
       if (w.plan.reproducible && !staged.empty()) w.root.lose(r.pick(staged));
     }},
    {"the wall clock jumps", 300, seconds(30),
     [](World& w, Random& r) { w.scheduler_process.wall_jumps(r.between(seconds(-7200), seconds(7200))); }},
    {"people change their minds", 600, seconds(12), [](World& w, Random&) { w.people.do_something(); }},
    // Not the first, which can do everything that a job may want, nor one whose device class work may be bound to. It has
    // orders in hand when it goes.
    {"a worker leaves for good", 250, seconds(70),
     [](World& w, Random& r) {
       WorkerHost& worker = *w.workers[any_worker(w, r)];
       if (&worker == w.workers.front().get() || worker.plan().device_class != w.plan.hosts.front().device_class)
         return;
       worker.sight().slow = true;
       w.time.after(seconds(8), [&worker] { worker.leave(); });
     }},
    {"everybody starts again", 150, seconds(70),
     [](World& w, Random& r) {
       w.scheduler.kill();
       w.scheduler.begin_after(r.between(milliseconds(50), seconds(5)));
       for (auto& worker : w.workers) {
         worker->kill();
         worker->begin_after(r.between(milliseconds(50), seconds(5)));
       }
     }},
}};

}  // namespace

std::span<const Fault> faults() {
  return kFaults;
}

}  // namespace framemill::sim
