// Prompts of packages with conditioning "text": cleaned, cut into tokens by the package's tokeniser, and checked against
// the number of tokens that its text encoder takes.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "models/manifest.h"
#include "models/text/tokenizer.h"

namespace framemill::models {

// The tokeniser of a package in `directory` whose conditioning is "text". Errors: model.tokenizer, file.*.
base::Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const std::filesystem::path& directory,
                                                              const Manifest& manifest);

// Checks prompts against a package's limit, for a shelf that lives long: the tokeniser is opened when the first prompt
// comes and is kept (10 MB for umT5's). Threads may share it.
class PromptChecker {
 public:
  PromptChecker(std::filesystem::path directory, Manifest manifest)
      : directory_(std::move(directory)), manifest_(std::move(manifest)) {}

  // Errors: prompt.too_long, with the number of tokens, the limit and the words between which it would be cut; those of
  // open_tokenizer.
  base::Status check(std::string_view prompt);

 private:
  std::filesystem::path directory_;
  Manifest manifest_;
  std::mutex mutex_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace framemill::models
