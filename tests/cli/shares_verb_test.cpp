#include <catch2/catch.hpp>

#include "fake_scheduler.h"
#include "run.h"

namespace framemill::cli {
namespace {

using namespace testing;

struct SharesFarm {
  FakeScheduler scheduler;
  Program program{scheduler.url()};
};

}  // namespace

TEST_CASE("shares shows the tree, and sets weights, guarantees and caps") {
  SharesFarm farm;
  const std::string atlas =
      R"({"path":"features/atlas","is_user":false,"weight":3,"guarantee":4,"slots_max":40,"entitled":0.75,"used":0.6,"used_s":90.5,)"
      R"("slots":6,"tasks_ready":12,"why":"next","last_change":{"principal":"root","time":null,"reason":"Friday"}})";
  const std::string boreal =
      R"({"path":"boreal","is_user":false,"weight":0.5,"guarantee":0,"slots_max":null,"entitled":0.25,"used":0,"used_s":0,)"
      R"("slots":0,"tasks_ready":0,"why":"","last_change":null})";
  farm.scheduler.on("GET /api/v1/shares", "{\"items\":[" + boreal + "," + atlas + "]}");
  const auto done = farm.program.run({"shares"});
  INFO(done.err);
  CHECK(done.out ==
        "SHARE    WEIGHT  ENTITLED    USED  SLOTS  GUARANTEE  CAP  READY  \n"
        "boreal      0.5         -   0.0 %      0          -    -      0\n"
        "  atlas       3    75.0 %  60.0 %      6          4   40     12  next\n"
        "\n  features/atlas was set by root: Friday\n");
  farm.scheduler.on("POST /api/v1/shares", atlas);
  const auto set = farm.program.run({"shares", "set", "features/atlas", "--weight", "3", "--reason", "Friday"});
  INFO(set.err);
  CHECK(set.out == "share features/atlas has weight 3, 4 guaranteed slots, at most 40 slots\n");
  CHECK(farm.scheduler.requests().back().body.find("\"weight\":3") != std::string::npos);
  farm.program.run({"shares", "set", "features/atlas", "--slots-max", "40"});
  CHECK(farm.scheduler.requests().back().body.find("\"slots_max\":40") != std::string::npos);
  CHECK(farm.program.run({"shares", "set", "features/atlas"}).err.find("[usage.shares]") != std::string::npos);
  CHECK(farm.program.run({"shares", "set", "atlas", "--weight", "x"}).err.find("[usage.weight]") != std::string::npos);
}

}  // namespace framemill::cli
