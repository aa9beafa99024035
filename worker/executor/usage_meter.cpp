#include "worker/executor/usage_meter.h"

namespace framemill::worker {

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

wire::Usage UsageMeter::usage(const std::string& device_class) const {
  // Down: sums stay below the wall.
  const auto whole = [](double us) { return static_cast<std::uint64_t>(std::max(0.0, us)); };
  wire::Usage usage;
  usage.set_load_us(whole(load_us_));
  usage.set_compute_us(whole(compute_us_));
  usage.set_write_us(whole(write_us_));
  usage.set_lost_us(whole(lost_us_));
  usage.set_model_loads(model_loads_);
  usage.set_steps(steps_);
  usage.set_batch_max(batch_max_);
  for (const std::string& mate : mates_) usage.add_batch_mates(mate);
  for (const auto& [windows, calls] : batch_sizes_) {
    wire::BatchSize& size = *usage.add_batch_sizes();
    size.set_windows(windows);
    size.set_calls(calls);
  }
  usage.set_peak_bytes(peak_bytes_);
  usage.set_device_class(device_class);
  usage.set_wall_us(whole(microseconds_since(started_)));
  return usage;
}

}  // namespace framemill::worker
