#include "worker/executor/usage_meter.h"

namespace framemill::worker {

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

wire::Usage UsageMeter::usage(const std::string& device_class) const {
  const auto whole = [](double us) { return static_cast<std::uint64_t>(us); };  // down: sums stay below the wall
  wire::Usage usage;
  usage.set_load_us(whole(load_us_));
  usage.set_compute_us(whole(compute_us_));
  usage.set_write_us(whole(write_us_));
  usage.set_lost_us(whole(lost_us_));
  usage.set_model_loads(model_loads_);
  usage.set_steps(steps_);
  usage.set_batch_max(batch_max_);
  for (const std::string& mate : mates_) usage.add_batch_mates(mate);
  usage.set_peak_bytes(peak_bytes_);
  usage.set_device_class(device_class);
  usage.set_wall_us(whole(microseconds_since(started_)));
  return usage;
}

}  // namespace framemill::worker
