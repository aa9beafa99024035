// What the executor needs of whatever runs models: gpu/torch in the program, fakes in tests. The step loop's thread
// owns it and everything it makes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/generator.h"
#include "jobs/package_facts.h"

namespace framemill::worker {

struct FoundPackage {
  std::filesystem::path directory;
  jobs::PackageFacts facts;
  gpu::CarryDtype carry_dtype = gpu::CarryDtype::F32;  // of latents files
};

class Engine {
 public:
  virtual ~Engine() = default;
  // The package "name@version" in the first directory that has it. Errors: model.not_found and what reading its manifest
  // says.
  virtual base::Result<FoundPackage> find(const std::vector<std::filesystem::path>& directories,
                                          const std::string& id) = 0;
  // Checks every file that it loads against its digest. Errors: model.digest_mismatch and what loading says.
  virtual base::Result<std::unique_ptr<gpu::Generator>> load(const std::filesystem::path& package_directory,
                                                             const gpu::DeviceSpec& device,
                                                             const gpu::GeneratorHooks& hooks) = 0;
  virtual std::string device_class(const gpu::DeviceSpec& device) = 0;
  virtual double matmul_gflops(const gpu::DeviceSpec& device) = 0;
};

}  // namespace framemill::worker
