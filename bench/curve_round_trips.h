// The primitive under the link: round trips per second of 200-byte messages between one CURVE ROUTER and a number of
// CURVE DEALERs, over TCP loopback, with a number of messages under way in all; through the project's own sockets and
// loops, the dealers on one thread and the router on another, as in the farm's measurement.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace framemill::bench {

base::Result<double> curve_round_trips_per_second(std::uint32_t dealers, std::uint32_t window,
                                                  std::chrono::milliseconds time);

}  // namespace framemill::bench
