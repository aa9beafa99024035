#include <catch2/catch.hpp>
#include <string>

#include "tests/scheduler_core/script.h"

namespace framemill::scheduler {
namespace {

const std::string kHeld =
    "package demo@1\n"
    "worker w1 class=a\n"
    "submit A\n"
    "  layer boards generate frames=1-16\n"
    "pause A for_s=120\n"
    "expect job A paused\n";

TEST_CASE("a hold with an end is lifted then, and the job resumes by itself") {
  CHECK(stage::run_script(kHeld + "pass 119s w1\n"
                                  "expect job A paused\n"
                                  "explain A paused says=in\n"
                                  "pass 2s w1\n"
                                  "expect holds A\n"
                                  "expect job A running\n") == "");
}

TEST_CASE("a restart of the scheduler keeps the end of a hold, and one that was over meanwhile is lifted") {
  CHECK(stage::run_script(kHeld + "pass 60s w1\n"
                                  "restart farm\n"
                                  "expect holds A pause:ana\n"
                                  "pass 50s w1\n"
                                  "expect job A paused\n"
                                  "pass 20s w1\n"
                                  "expect job A running\n") == "");
}

TEST_CASE("the end of one hold leaves the job to the others") {
  CHECK(stage::run_script(kHeld + "pause A by=ben\n"
                                  "pass 125s w1\n"
                                  "expect holds A pause:ben\n"
                                  "expect job A paused\n"
                                  "resume A\n"
                                  "expect job A running\n") == "");
}

TEST_CASE("a hold that is placed again has the newer end, and resuming the job forgets it") {
  CHECK(stage::run_script(kHeld + "pause A for_s=60\n"
                                  "expect holds A pause:ana\n"
                                  "pass 61s w1\n"
                                  "expect job A running\n"
                                  "pause A for_s=60\n"
                                  "resume A\n"
                                  "pause A\n"
                                  "pass 120s w1\n"
                                  "expect job A paused\n") == "");
}

TEST_CASE("a hold waits for room on the disk before it is lifted, and ends then") {
  CHECK(stage::run_script(kHeld + "disk full\n"
                                  "pass 130s w1\n"
                                  "expect holds A pause:ana\n"
                                  "disk ok\n"
                                  "pass 61s w1\n"
                                  "expect job A running\n") == "");
}

TEST_CASE("a hold has to end in the future") {
  CHECK(stage::run_script("package demo@1\n"
                          "worker w1 class=a\n"
                          "submit A\n"
                          "  layer boards generate frames=1-16\n"
                          "pause A for_s=0\n"
                          "expect error job.hold_is_over\n"
                          "expect job A running\n") == "");
}

}  // namespace
}  // namespace framemill::scheduler
