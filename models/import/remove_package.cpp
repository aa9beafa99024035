#include "models/import/remove_package.h"

#include <fmt/format.h>

#include <set>

#include "base/file.h"
#include "base/nearest.h"
#include "base/os_error.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kOthersShownMax = 5;

std::vector<std::string> other_files(const Package& package) {
  std::set<std::string> declared{"model.toml"};
  for (const PackageFile& file : package.manifest.files) declared.insert(file.path);
  std::vector<std::string> others;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(package.directory, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    std::string path = it->path().lexically_relative(package.directory).string();
    if (it->symlink_status(ec).type() != fs::file_type::directory && !declared.contains(path))
      others.push_back(std::move(path));
  }
  return others;
}

}  // namespace

base::Status remove_package(const Package& package, OtherFiles others) {
  const std::vector<std::string> undeclared = other_files(package);
  if (others == OtherFiles::Refused && !undeclared.empty())
    return base::Error{"model.other_files",
                       fmt::format("{} holds files that its manifest does not name: {}", package.directory.string(),
                                   base::listed(undeclared, kOthersShownMax)),
                       "", "move them away, or give --force to remove them too"};
  std::error_code ec;
  const fs::path doomed = package.directory.parent_path() / fmt::format(".removing-{:016x}", base::random_u64());
  fs::rename(package.directory, doomed, ec);
  if (ec) return base::os_error(ec.value(), "file.remove", "remove " + package.directory.string());
  fs::remove_all(doomed, ec);
  if (ec) return base::os_error(ec.value(), "file.remove", "remove " + doomed.string());
  return {};
}

}  // namespace framemill::models
