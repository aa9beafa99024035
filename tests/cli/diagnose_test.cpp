#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct Farm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

TEST_CASE("diagnose prints what failed, where, whose fault it is, and what to type next") {
  Farm farm;
  farm.scheduler.on("GET /api/v1/jobs/12/diagnosis", R"json({"job":12,"state":"failed",
    "sentence":"job 12 (harbor) is failed: 2 tasks of boards failed: exit status 1 [command.exit]",
    "findings":[{"kind":"failure","layer":"boards","tasks":2,"frames":"1-2","code":"command.exit",
      "message":"exit status 1","blame":"work","because":"the work is to blame: it failed on each of 2 workers that tried it",
      "workers":[{"worker":"w1","tasks":2},{"worker":"w2","tasks":1}],"attempt":"1-aa-3",
      "log_line":"KeyError: 'plate'","waiting":"cut (1 task)",
      "next":["framemill logs 12 --layer boards --frame 1","framemill retry 12 --layer boards"]
}]
})json");
  const auto done = farm.program.run({"diagnose", "12"});
  CHECK(done.code == 0);
  CHECK(done.out ==
        "job 12 (harbor) is failed: 2 tasks of boards failed: exit status 1 [command.exit]\n"
        "\n"
        "failure: 2 tasks of boards (frames 1-2)\n"
        "  exit status 1 [command.exit]\n"
        "  on w1 (2 tasks), w2 (1 task)\n"
        "  the work is to blame: it failed on each of 2 workers that tried it\n"
        "  log: KeyError: 'plate'\n"
        "  waits for it: cut (1 task)\n"
        "  next: framemill logs 12 --layer boards --frame 1\n"
        "  then: framemill retry 12 --layer boards\n");
}

}  // namespace
}  // namespace framemill::cli
