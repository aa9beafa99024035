#include "gpu/torch/load/load_generator.h"

#include "gpu/torch/demo_generator.h"
#include "gpu/torch/wan/wan_facts.h"
#include "gpu/torch/wan/wan_generator.h"
#include "models/package.h"

namespace framemill::gpu {

base::Result<std::unique_ptr<Generator>> load_torch_generator(const std::filesystem::path& package_directory,
                                                              const DeviceSpec& device, const GeneratorHooks& hooks) {
  FM_ASSIGN(models::Package package, models::open_package(package_directory));
  if (is_wan(package.manifest)) return load_wan_generator(std::move(package), device, hooks);
  return load_demo_generator(std::move(package), device);
}

}  // namespace framemill::gpu
