#include "gpu/torch/load/load_generator.h"

#include "gpu/torch/demo_generator.h"
#include "models/package.h"

namespace framemill::gpu {

base::Result<std::unique_ptr<Generator>> load_torch_generator(const std::filesystem::path& package_directory,
                                                              const DeviceSpec& device, const GeneratorHooks&) {
  FM_ASSIGN(models::Package package, models::open_package(package_directory));
  const models::Component* denoiser = package.manifest.component(models::ComponentRole::Denoiser);
  if (denoiser == nullptr || denoiser->architecture != models::kDemoClips)
    return base::Error{"model.unsupported", package.manifest.id() + ": its denoiser does not run here", "", ""};
  return load_demo_generator(std::move(package), device);
}

}  // namespace framemill::gpu
