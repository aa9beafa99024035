#include "wire/convert.h"

#include <catch2/catch.hpp>

using namespace framemill;

TEST_CASE("how commands are confined is the same value on both sides, and a later version's is unknown") {
  using jobs::CommandConfinement;
  for (const CommandConfinement level :
       {CommandConfinement::Unknown, CommandConfinement::Off, CommandConfinement::Enforced,
        CommandConfinement::Incomplete, CommandConfinement::Refused}) {
    CHECK(wire::confinement_from_wire(wire::confinement_to_wire(level)) == level);
    CHECK(jobs::command_confinement_from_name(jobs::name(level)) == level);
  }
  CHECK(wire::confinement_from_wire(static_cast<wire::CommandConfinement>(77)) == CommandConfinement::Unknown);
  CHECK_FALSE(jobs::command_confinement_from_name("commands refused"));
}
