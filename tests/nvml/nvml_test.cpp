#include "gpu/nvml/nvml.h"

#include <catch2/catch.hpp>
#include <cstdlib>

namespace framemill::gpu::nvml {
namespace {

TEST_CASE("a machine without the driver's library has no devices, and that is no error") {
  const auto devices = find_devices("libnvidia-ml-that-is-not-there.so");
  REQUIRE(devices.ok());
  CHECK(devices->empty());
}

TEST_CASE("devices come with their UUID, name, memory and near CPUs") {
  const auto devices = find_devices(FAKE_NVML);
  REQUIRE(devices.ok());
  REQUIRE(devices->size() == 2);
  CHECK((*devices)[0].uuid == "GPU-0");
  CHECK((*devices)[0].name == "Fake H100");
  CHECK((*devices)[0].memory_bytes_total == 80ull << 30);
  CHECK((*devices)[0].near_cpus == std::vector<int>{0, 2, 64});
  CHECK((*devices)[1].near_cpus.empty());
}

TEST_CASE("a driver that does not answer is an error that says what to look at") {
  ::setenv("FAKE_NVML_FAILS", "1", 1);
  const auto devices = find_devices(FAKE_NVML);
  ::unsetenv("FAKE_NVML_FAILS");
  REQUIRE_FALSE(devices.ok());
  CHECK(devices.error().code == "nvml.failed");
  CHECK(devices.error().hint.find("nvidia-smi") != std::string::npos);
}

TEST_CASE("a library without the functions is an error and not a crash") {
  CHECK(find_devices("libm.so.6").error().code == "nvml.failed");
}

}  // namespace
}  // namespace framemill::gpu::nvml
