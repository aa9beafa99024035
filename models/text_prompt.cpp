#include "models/text_prompt.h"

#include <fmt/format.h>

#include "base/text.h"
#include "models/text/clean_prompt.h"

namespace framemill::models {
namespace {

constexpr std::size_t kShownBytes = 40;  // of the text on each side of a cut

}  // namespace

base::Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const std::filesystem::path& directory,
                                                              const Manifest& manifest) {
  const Component* component = manifest.component(ComponentRole::Tokenizer);
  if (component == nullptr || component->files.empty())
    return base::Error{"model.tokenizer", manifest.id() + " has no tokeniser", "component", ""};
  auto opened = Tokenizer::open(directory / component->files.front());
  if (!opened.ok()) return opened.error().wrapped(manifest.id());
  return opened;
}

base::Status PromptChecker::check(std::string_view prompt) {
  {
    const std::scoped_lock lock(mutex_);
    if (!tokenizer_) {
      FM_ASSIGN(tokenizer_, open_tokenizer(directory_, manifest_));
    }
  }
  const std::string clean = clean_prompt(prompt);
  const auto limit = static_cast<std::size_t>(manifest_.conditioning.max_tokens);
  const Tokenizer::Cut cut = tokenizer_->encode(clean, limit);
  if (cut.cut_at_byte == Tokenizer::npos) return {};
  const std::string_view before = std::string_view(clean).substr(0, cut.cut_at_byte);
  const std::string_view after = std::string_view(clean).substr(cut.cut_at_byte);
  return base::Error{
      "prompt.too_long",
      fmt::format("the prompt has {} tokens and {} takes {}: it would be cut between \"{}\" and \"{}\"", cut.tokens,
                  manifest_.id(), limit, base::last_bytes(before, kShownBytes), base::first_bytes(after, kShownBytes)),
      "prompt", ""};
}

}  // namespace framemill::models
