#include "worker/link/usage.h"

#include <algorithm>

#include "base/text.h"

namespace framemill::worker {
namespace {

constexpr int kMatesMax = 16, kBatchSizesMax = 64;
constexpr std::size_t kMateBytesMax = 64;
constexpr std::size_t kDeviceClassBytesMax = 512;

}  // namespace

Usage usage_from_wire(const wire::Usage& in) {
  Usage usage;
  usage.load_us = in.load_us();
  usage.compute_us = in.compute_us();
  usage.lost_us = in.lost_us();
  usage.write_us = in.write_us();
  usage.wall_us = in.wall_us();
  usage.model_loads = in.model_loads();
  usage.steps = in.steps();
  usage.batch_max = in.batch_max();
  usage.peak_bytes = in.peak_bytes();
  for (int i = 0; i < std::min(in.batch_mates_size(), kMatesMax); ++i)
    usage.batch_mates.push_back(base::clean_text(in.batch_mates(i), kMateBytesMax));
  for (int i = 0; i < std::min(in.batch_sizes_size(), kBatchSizesMax); ++i)
    usage.batch_sizes.emplace_back(in.batch_sizes(i).windows(), in.batch_sizes(i).calls());
  usage.device_class = base::clean_text(in.device_class(), kDeviceClassBytesMax);
  return usage;
}

void usage_numbers_to_wire(const Usage& usage, wire::Usage& out) {
  out.set_load_us(usage.load_us);
  out.set_compute_us(usage.compute_us);
  out.set_lost_us(usage.lost_us);
  out.set_write_us(usage.write_us);
  out.set_wall_us(usage.wall_us);
  out.set_model_loads(usage.model_loads);
  out.set_steps(usage.steps);
  out.set_batch_max(usage.batch_max);
  out.set_peak_bytes(usage.peak_bytes);
}

void usage_to_wire(const Usage& usage, wire::Usage& out) {
  usage_numbers_to_wire(usage, out);
  for (const std::string& mate : usage.batch_mates) out.add_batch_mates(mate);
  for (const auto& [windows, calls] : usage.batch_sizes) {
    wire::BatchSize& size = *out.add_batch_sizes();
    size.set_windows(windows);
    size.set_calls(calls);
  }
  out.set_device_class(usage.device_class);
}

}  // namespace framemill::worker
