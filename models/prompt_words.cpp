#include "models/prompt_words.h"

#include <algorithm>
#include <array>

#include "base/unicode.h"

namespace framemill::models {
namespace {

using base::CharacterClass;

constexpr std::size_t kWordShownBytesMax = 40;

template <std::size_t N>
bool one_of(const std::array<char32_t, N>& characters, char32_t code) {
  return std::find(characters.begin(), characters.end(), code) != characters.end();
}

// Apostrophes as keyboards, word processors and wide fonts write them.
bool is_apostrophe(char32_t code) {
  return one_of(std::to_array<char32_t>({U'\'', U'\u2019', U'\u2018', U'\u02BC', U'\uFF07'}), code);
}

// Commas, semicolons, full stops and ellipses: Latin, full width, half width, CJK, Arabic.
bool ends_a_phrase(char32_t code) {
  return one_of(std::to_array<char32_t>({U',', U';', U'.', U'\uFF0C', U'\uFF1B', U'\uFF0E', U'\u3001', U'\u3002',
                                         U'\uFF61', U'\uFF64', U'\u060C', U'\u061B', U'\u06D4', U'\u2026', U'\u2022'}),
                code);
}

class WordSplitter {
 public:
  base::Status add(char32_t code, std::string_view bytes) {
    switch (base::class_of(code)) {
      case CharacterClass::Control:
        return base::Error{"prompt.characters", "the prompt holds " + base::code_point_name(code), "prompt",
                           "delete this character"};
      case CharacterClass::Invisible:
        note_dropped(code);
        return {};
      case CharacterClass::Space:
        flush();
        return {};
      case CharacterClass::LineBreak:
        flush();
        end_phrase();
        return {};
      case CharacterClass::Punctuation:
        if (is_apostrophe(code)) return append("'");
        flush();
        if (ends_a_phrase(code)) end_phrase();
        return {};
      default:
        return append(is_apostrophe(code) ? std::string_view("'") : bytes);
    }
  }

  std::vector<PromptWord> finish() {
    flush();
    return std::move(words_);
  }

 private:
  base::Status append(std::string_view bytes) {
    current_ += bytes;
    dropped_ += std::exchange(waiting_, {});
    return {};
  }
  // Counts only when more of the same word follows: at its edges nobody could mistake it.
  void note_dropped(char32_t code) {
    if (!current_.empty() && waiting_.size() + dropped_.size() < 64)
      waiting_ += (dropped_.empty() && waiting_.empty() ? "" : ", ") + base::code_point_name(code);
  }
  void flush() {
    const std::size_t first = current_.find_first_not_of('\'');
    if (first != std::string::npos) {
      const std::size_t last = current_.find_last_not_of('\'');
      words_.push_back({base::folded(std::string_view(current_).substr(first, last - first + 1)), false, dropped_});
    }
    current_.clear();
    dropped_.clear();
    waiting_.clear();
  }
  void end_phrase() {
    if (!words_.empty()) words_.back().ends_phrase = true;
  }

  std::vector<PromptWord> words_;
  std::string current_, dropped_, waiting_;
};

}  // namespace

base::Result<std::vector<PromptWord>> prompt_words(std::string_view prompt) {
  WordSplitter splitter;
  while (!prompt.empty()) {
    const auto next = base::first_code_point(prompt);
    if (!next)
      return base::Error{"prompt.characters", "the prompt holds bytes that are not UTF-8", "prompt",
                         "save the text as UTF-8"};
    FM_TRY(splitter.add(next->value, prompt.substr(0, next->bytes)));
    prompt.remove_prefix(next->bytes);
  }
  return splitter.finish();
}

std::string described(const PromptWord& word) {
  std::string shown, foreign;
  bool has_latin = false;
  for (std::string_view rest = word.text; !rest.empty();) {
    const auto next = base::first_code_point(rest);
    if (!next) break;
    if (shown.size() + next->bytes > kWordShownBytesMax) {
      shown += "...";
      break;
    }
    shown += rest.substr(0, next->bytes);
    has_latin = has_latin || (next->value >= 'a' && next->value <= 'z');
    if (next->value >= 0x80 && foreign.size() < 40)
      foreign += (foreign.empty() ? "" : ", ") + base::code_point_name(next->value);
    rest.remove_prefix(next->bytes);
  }
  std::string out = "'" + shown + "'";
  // A letter of another script that looks like a Latin one cannot be seen; its number can.
  if (has_latin && !foreign.empty()) out += " (with " + foreign + ")";
  if (!word.dropped.empty()) out += " (" + word.dropped + " inside it was dropped)";
  return out;
}

}  // namespace framemill::models
