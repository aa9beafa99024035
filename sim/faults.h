// What goes wrong in a simulated farm: a table. A row names a fault, says how often it strikes a farm that suffers from
// it, and strikes. Every seed draws the rows that its farm suffers from. To add a fault: add a row.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"

namespace framemill::sim {

class Random;
class World;

struct Fault {
  std::string_view name;
  std::uint32_t farms_permille;  // that suffer from it
  base::Duration every;          // on average
  void (*strike)(World&, Random&);
};
std::span<const Fault> faults();

}  // namespace framemill::sim
