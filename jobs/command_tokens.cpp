#include "jobs/command_tokens.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace framemill::jobs {
namespace {

constexpr std::array<std::string_view, 6> kNumberTokens{"frame", "chunk_first", "chunk_last",
                                                        "step",  "version",     "variant"};

bool is_input_word(std::string_view word) {
  return !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

// The token that "{inside}" is; its `token` is empty when it is none.
ArgumentPart token_of(std::string_view written, std::string_view inside) {
  ArgumentPart part{written, {}, {}, 0};
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : inside.substr(colon + 1);
  const auto& names = command_tokens();
  if (std::find(names.begin(), names.end(), name) == names.end()) return part;
  if (colon == std::string_view::npos) {
    part.token = name;
  } else if (name == "input") {
    if (!is_input_word(rest)) return part;
    part.token = name;
    part.input = rest;
  } else if (std::find(kNumberTokens.begin(), kNumberTokens.end(), name) != kNumberTokens.end()) {
    if (rest.size() != 2 || rest[0] != '0' || rest[1] < '1' || rest[1] > '9') return part;
    part.token = name;
    part.width = rest[1] - '0';
  }
  return part;
}

}  // namespace

const std::vector<std::string>& command_tokens() {
  static const std::vector<std::string> kTokens{"frame",   "frames", "step",     "chunk_first", "chunk_last", "input",
                                                "output",  "show",   "sequence", "shot",        "layer",      "version",
                                                "variant", "seed",   "prompt",   "job"};
  return kTokens;
}

std::vector<ArgumentPart> parts_of(std::string_view argument) {
  std::vector<ArgumentPart> parts;
  const auto add_text = [&](std::string_view text) {
    if (text.empty()) return;
    if (!parts.empty() && parts.back().token.empty())  // goes on where the text before it ended
      parts.back().text = {parts.back().text.data(), parts.back().text.size() + text.size()};
    else
      parts.push_back({text, {}, {}, 0});
  };
  while (!argument.empty()) {
    const std::size_t open = argument.find('{');
    add_text(argument.substr(0, open));
    if (open == std::string_view::npos) break;
    argument.remove_prefix(open);
    const std::size_t close = argument.find_first_of("{}", 1);
    ArgumentPart token;
    if (close != std::string_view::npos && argument[close] == '}')
      token = token_of(argument.substr(0, close + 1), argument.substr(1, close - 1));
    if (token.token.empty()) {
      add_text(argument.substr(0, 1));
      argument.remove_prefix(1);
    } else {
      parts.push_back(token);
      argument.remove_prefix(close + 1);
    }
  }
  return parts;
}

std::optional<std::size_t> input_of_token(std::string_view reference, const std::vector<std::string>& names) {
  if (reference.empty()) return names.size() == 1 ? std::optional<std::size_t>(0) : std::nullopt;
  const auto named = std::find(names.begin(), names.end(), reference);
  if (named != names.end()) return static_cast<std::size_t>(named - names.begin());
  std::size_t index = 0;
  const auto [end, fault] = std::from_chars(reference.data(), reference.data() + reference.size(), index);
  const bool whole = fault == std::errc() && end == reference.data() + reference.size();
  return whole && index < names.size() ? std::optional(index) : std::nullopt;
}

std::optional<std::int32_t> step_of(const FrameSet& frames) {
  if (frames.count() <= 1) return 1;
  const std::int64_t step = std::int64_t{frames.nth(1)} - frames.first();
  // Spans are canonical: evenly spaced frames are one span, but for two alone.
  if (frames.spans().size() == 1 || frames.count() == 2) return static_cast<std::int32_t>(step);
  return std::nullopt;
}

}  // namespace framemill::jobs
