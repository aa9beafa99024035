#include "models/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace framemill::models {

const PackageFile* Manifest::file(FileRole role) const {
  for (const PackageFile& candidate : files) {
    if (candidate.role == role) return &candidate;
  }
  return nullptr;
}

const PackageFile* Manifest::file(std::string_view path) const {
  for (const PackageFile& candidate : files) {
    if (candidate.path == path) return &candidate;
  }
  return nullptr;
}

const Component* Manifest::component(ComponentRole role) const {
  for (const Component& candidate : components) {
    if (candidate.role == role) return &candidate;
  }
  return nullptr;
}

Component* Manifest::component(ComponentRole role) {
  return const_cast<Component*>(std::as_const(*this).component(role));
}

const NetworkShape& Manifest::network() const {
  const Component* denoiser = component(ComponentRole::Denoiser);
  FM_CHECK(denoiser != nullptr && std::holds_alternative<NetworkShape>(denoiser->config),
           "a package of another architecture has no network of the demo model");
  return std::get<NetworkShape>(denoiser->config);
}

base::Sha256 root_digest(const Manifest& manifest, std::string_view manifest_text) {
  struct Entry {
    std::string path, line;
  };
  std::vector<Entry> entries;
  const auto add = [&entries](const std::string& path, const base::Sha256& digest, std::uint64_t size) {
    entries.push_back({path, fmt::format("{} {} {}\n", digest.hex(), size, path)});
  };
  add("model.toml", base::sha256(manifest_text), manifest_text.size());
  for (const PackageFile& file : manifest.files) add(file.path, file.sha256, file.size_bytes);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  std::string list = "framemill package 1\n";
  for (const Entry& entry : entries) list += entry.line;
  return base::sha256(list);
}

}  // namespace framemill::models
