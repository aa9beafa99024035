// A model package on disk: a directory with model.toml, weights and a vocabulary. Opening reads the manifest and the
// vocabulary and checks that they fit together; verifying hashes every file. Nothing here needs LibTorch: the
// scheduler, the worker and `framemill check --models` use it too.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/package_facts.h"
#include "models/manifest.h"
#include "models/prompt.h"

namespace framemill::models {

struct Package {
  std::filesystem::path directory;
  Manifest manifest;
  Vocabulary vocabulary;
  base::Sha256 root_digest;
};

// A trainer opens a package whose weights it is about to make.
enum class Completeness { Whole, WithoutWeights };

// Errors: file.*, model.manifest, model.vocabulary, model.network, model.package (a link, a size that differs, a
// directory named otherwise than name@version).
base::Result<Package> open_package(const std::filesystem::path& directory,
                                   Completeness completeness = Completeness::Whole);

// Hashes every file against the manifest. Errors: model.digest_mismatch, file.*.
base::Status verify(const Package& package);

// Everything for which the executor would refuse to load the package: files that differ from the manifest, weights that do
// not parse or are not the manifest's network (weights.h). Reads all files. Empty: it loads.
std::vector<base::Error> faults(const Package& package);

jobs::PackageFacts facts(const Package& package);

// Whether a text has the form of an SPDX licence expression: "CC0-1.0", "MIT OR (Apache-2.0 AND CC-BY-4.0)",
// "LicenseRef-studio". That the licence exists is not checked.
bool is_licence_expression(std::string_view text);

// What a person should know of a package: its faults and what is missing or left over, as sentences; empty when there is
// nothing to say.
std::vector<std::string> lint(const Package& package);

class PromptChecker;

// All packages below some directories (each holds name@version directories), for planning. A package that does not open
// is left out and told of in problems().
class PackageShelf final : public jobs::PackageCatalogue {
 public:
  static PackageShelf open(const std::vector<std::filesystem::path>& roots);

  const jobs::PackageFacts* find(std::string_view id) const override;
  std::vector<std::string> ids() const override;
  base::Status check_prompt(std::string_view id, std::string_view prompt) const override;

  const Package* package(std::string_view id) const;
  const std::vector<base::Error>& problems() const { return problems_; }

 private:
  struct Entry {
    Package package;
    jobs::PackageFacts facts;
    std::shared_ptr<PromptChecker> prompts;  // of a package whose conditioning is text
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<base::Error> problems_;
};

}  // namespace framemill::models
