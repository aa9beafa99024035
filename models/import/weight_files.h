// The files of one component's weights in a directory: one safetensors file, or the parts that an index names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/import/found_model.h"

namespace framemill::models {

// `folder` is the component's directory inside `root`. What is missing or ambiguous is added to `problems` as sentences;
// the files are those that are there. Errors: those of find_file, and an index that is not one.
base::Result<std::vector<FoundFile>> find_weight_files(const std::filesystem::path& root, const std::string& folder,
                                                       std::vector<std::string>& problems);

// "model-00002-of-00005.safetensors" -> {"model", 2, 5}; nothing for other names.
struct PartName {
  std::string stem;
  int number = 0, count = 0;
};
std::optional<PartName> part_name(const std::string& file_name);

// For each set of numbered parts that is not whole, what is missing: "2 of 5 parts of model are missing: 3, 4".
std::vector<std::string> missing_parts(const std::vector<std::string>& file_names);

}  // namespace framemill::models
