#include "models/import/weight_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/nearest.h"
#include "base/relative_path.h"
#include "models/import/config_json.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPartsMax = 200;  // a package has at most 256 files
constexpr std::size_t kEntriesMax = 4096;
constexpr std::size_t kNamesShownMax = 10;
constexpr std::string_view kSafetensors = ".safetensors", kIndex = ".safetensors.index.json";

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code ec;
  for (auto it = fs::directory_iterator(directory, ec); !ec && it != fs::directory_iterator(); it.increment(ec)) {
    names.push_back(it->path().filename().string());
    if (names.size() == kEntriesMax) break;
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> ending_in(const std::vector<std::string>& names, std::string_view ending) {
  std::vector<std::string> out;
  std::copy_if(names.begin(), names.end(), std::back_inserter(out),
               [ending](const std::string& name) { return name.ends_with(ending); });
  return out;
}

// The parts that an index names; each is a name in the index's own directory.
base::Result<std::vector<std::string>> parts_of(const fs::path& index, const std::string& shown) {
  FM_ASSIGN(const boost::json::object object, read_json_file(index));
  const auto bad = [&shown](std::string why) {
    return base::Error{"model.import", shown + ": " + std::move(why), "", "fetch the file again"};
  };
  const auto* map = object.if_contains("weight_map");
  if (map == nullptr || !map->is_object()) return bad("\"weight_map\" is not an object");
  std::set<std::string> parts;
  for (const auto& entry : map->get_object()) {
    const std::string tensor(entry.key());
    if (!entry.value().is_string()) return bad("the file of tensor '" + tensor + "' is not a text");
    const std::string part(entry.value().get_string());
    if (base::path_flaw(part) || part.find('/') != std::string::npos || !part.ends_with(kSafetensors))
      return bad("the file of tensor '" + tensor + "' is not the name of a safetensors file beside it");
    parts.insert(part);
    if (parts.size() > kPartsMax) return bad(fmt::format("it names more than {} files", kPartsMax));
  }
  if (parts.empty()) return bad("it names no files");
  return std::vector<std::string>(parts.begin(), parts.end());
}

// Which of the safetensors are the weights, where no index says so.
std::vector<std::string> choose(const std::vector<std::string>& names, const std::string& folder,
                                std::vector<std::string>& problems) {
  std::vector<std::string> files = ending_in(names, kSafetensors);
  if (files.size() <= 1) return files;
  const auto is_part = [](const std::string& name) { return part_name(name).has_value(); };
  if (std::all_of(files.begin(), files.end(), is_part)) {
    for (const std::string& missing : missing_parts(files)) problems.push_back(folder + ": " + missing);
    return files;
  }
  // "diffusion_pytorch_model.fp16.safetensors" beside the plain one is another precision of the same weights.
  for (const std::string& name : files) {
    if (std::count(name.begin(), name.end(), '.') == 1 && !is_part(name)) return {name};
  }
  problems.push_back(fmt::format("{} has {} files of weights and no index: {}", folder, files.size(),
                                 base::listed(files, kNamesShownMax)));
  return {};
}

}  // namespace

std::optional<PartName> part_name(const std::string& file_name) {
  if (!file_name.ends_with(kSafetensors)) return std::nullopt;
  const std::string name = file_name.substr(0, file_name.size() - kSafetensors.size());
  const auto of = name.rfind("-of-");
  const auto dash = of == std::string::npos || of == 0 ? std::string::npos : name.rfind('-', of - 1);
  if (dash == std::string::npos) return std::nullopt;
  PartName part{name.substr(0, dash), 0, 0};
  const auto read = [&name](std::size_t from, std::size_t to, int& out) {
    const auto [end, ec] = std::from_chars(name.data() + from, name.data() + to, out);
    return ec == std::errc{} && end == name.data() + to;
  };
  const bool good = read(dash + 1, of, part.number) && read(of + 4, name.size(), part.count);
  if (!good || part.number < 1 || part.count < part.number || part.count > static_cast<int>(kPartsMax))
    return std::nullopt;
  return part;
}

std::vector<std::string> missing_parts(const std::vector<std::string>& file_names) {
  std::map<std::pair<std::string, int>, std::set<int>> sets;
  for (const std::string& name : file_names) {
    if (const auto part = part_name(name)) sets[{part->stem, part->count}].insert(part->number);
  }
  std::vector<std::string> out;
  for (const auto& [set, have] : sets) {
    std::vector<std::string> missing;
    for (int i = 1; i <= set.second; ++i) {
      if (!have.contains(i)) missing.push_back(std::to_string(i));
    }
    if (!missing.empty())
      out.push_back(fmt::format("{} of {} parts of {} are missing: {}", missing.size(), set.second, set.first,
                                base::listed(missing, kNamesShownMax)));
  }
  return out;
}

base::Result<std::vector<FoundFile>> find_weight_files(const fs::path& root, const std::string& folder,
                                                       std::vector<std::string>& problems) {
  const fs::path directory = root / folder;
  const std::vector<std::string> names = names_in(directory);
  std::vector<std::string> indexes = ending_in(names, kIndex), chosen;
  if (!indexes.empty()) {
    // The shortest is the one without a variant in its name ("...fp16...").
    const auto plain = std::min_element(indexes.begin(), indexes.end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
    FM_ASSIGN(chosen, parts_of(directory / *plain, folder + "/" + *plain));
    std::vector<std::string> missing;
    std::error_code ignored;
    std::erase_if(chosen, [&](const std::string& name) {
      const bool absent = fs::symlink_status(directory / name, ignored).type() == fs::file_type::not_found;
      if (absent) missing.push_back(name);
      return absent;
    });
    if (!missing.empty()) problems.push_back(fmt::format("{} lacks {}", folder, base::listed(missing, kNamesShownMax)));
  } else {
    chosen = choose(names, folder, problems);
    const bool has_reason = !problems.empty() && problems.back().starts_with(folder);
    if (chosen.empty() && !has_reason) {
      // What is there instead: a pickle is refused as one.
      for (const std::string& name : names) {
        if (auto found = find_file(directory / name, name); !found.ok() && found.error().code == "model.pickle")
          return found.error();
      }
      problems.push_back(folder + " has no safetensors file");
    }
  }
  std::vector<FoundFile> files;
  for (const std::string& name : chosen) {
    FM_ASSIGN(FoundFile file, find_file(directory / name, package_path(folder, name)));
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace framemill::models
