#include "models/text/pipeline.h"

#include <algorithm>
#include <type_traits>

#include "base/text.h"
#include "base/unicode.h"

namespace framemill::models {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";
constexpr std::size_t kGraphemeBytesMax = 6;  // a grapheme of that many bytes is normalised character by character

// What text has at `byte`, as one character: at least one byte, also of text that is not UTF-8.
std::string_view character_at(std::string_view text, std::size_t byte) {
  return text.substr(byte, std::max<std::size_t>(base::utf8_length(text.substr(byte)), 1));
}

bool is_blank(std::string_view character) {
  const auto point = base::first_code_point(character);
  return point && base::is_white_space(point->value);
}

// The library looks up whole graphemes first, and of the rules that fit takes the one with the shortest key, so that a
// full-width A with an accent becomes an A without. Odd, and what networks have been trained with.
MappedText mapped(const Charsmap& rules, const MappedText& from) {
  MappedText out;
  const std::string_view text = from.text();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t grapheme = base::grapheme_length(text.substr(at));
    if (grapheme < kGraphemeBytesMax)
      if (const auto rule = rules.shortest(text.substr(at, grapheme))) {
        out.append(rule->replacement, from.origin(at));
        at += grapheme;
        continue;
      }
    for (const std::size_t end = at + grapheme; at < end;) {
      const std::string_view character = character_at(text, at);
      const auto rule = rules.shortest(character);
      out.append(rule ? rule->replacement : character, from.origin(at));
      at += character.size();
    }
  }
  return out;
}

MappedText replaced(const ReplaceText& step, const MappedText& from) {
  MappedText out;
  const std::string_view text = from.text();
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(step.from)) {
      out.append(step.to, from.origin(at));
      at += step.from.size();
    } else {
      out.append(text.substr(at, 1), from.origin(at));
      ++at;
    }
  }
  return out;
}

MappedText collapsed(const CollapseBlanks& step, const MappedText& from) {
  MappedText out;
  const std::string_view text = from.text();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(' ', at), text.size());
    if (end - at >= 2)
      out.append(step.to, from.origin(at));
    else
      out.append(text.substr(at, 1), from.origin(at));
    at = std::max(end, at + 1);
  }
  return out;
}

MappedText part_of(const MappedText& from, std::size_t begin, std::size_t end) {
  MappedText out;
  for (std::size_t i = begin; i < end; ++i) out.append(from.text().substr(i, 1), from.origin(i));
  return out;
}

MappedText stripped(const StripBlanks& step, const MappedText& from) {
  const std::string_view text = from.text();
  std::size_t first = text.size(), last = 0;  // of what is not blank
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = character_at(text, at);
    if (!is_blank(character)) {
      first = std::min(first, at);
      last = at + character.size();
    }
    at += character.size();
  }
  return part_of(from, step.left ? first : 0, step.right ? std::max(last, step.left ? first : 0) : text.size());
}

MappedText after_step(const NormalizeStep& step, const MappedText& from) {
  return std::visit(
      [&](const auto& s) {
        using Step = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<Step, Charsmap>)
          return mapped(s, from);
        else if constexpr (std::is_same_v<Step, ReplaceText>)
          return replaced(s, from);
        else if constexpr (std::is_same_v<Step, CollapseBlanks>)
          return collapsed(s, from);
        else
          return stripped(s, from);
      },
      step);
}

// Bytes that are not UTF-8 as U+FFFD: the library gets texts that are.
MappedText as_utf8(std::string_view text, std::size_t begin, std::size_t end) {
  MappedText out;
  for (std::size_t at = begin; at < end;) {
    const std::size_t bytes = base::utf8_length(text.substr(at, end - at));
    out.append(bytes == 0 ? kReplacementCharacter : text.substr(at, bytes), at);
    at += std::max<std::size_t>(bytes, 1);
  }
  return out;
}

std::vector<MappedText> words_of(const MappedText& text) {
  std::vector<MappedText> words;
  std::size_t begin = 0;
  const auto finish = [&](std::size_t end) {
    if (end > begin) words.push_back(part_of(text, begin, end));
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = character_at(text.text(), at);
    if (is_blank(character)) {
      finish(at);
      begin = at + character.size();
    }
    at += character.size();
  }
  finish(text.size());
  return words;
}

}  // namespace

// `word` ends before byte `after` of the original.
void PipelineSegmenter::split_word(const MappedText& word, std::size_t after, std::vector<Token>& tokens) const {
  const MappedText blanks = replaced({" ", pipeline_.blank}, word);
  const std::string_view text = blanks.text();
  const bool needs_prefix = pipeline_.prefix == BlankPrefix::Always ||
                            (pipeline_.prefix == BlankPrefix::First && !blanks.empty() && blanks.origin(0) == 0);
  MappedText whole;
  if (needs_prefix && !text.empty() && !text.starts_with(pipeline_.blank))
    whole.append(pipeline_.blank, blanks.origin(0));
  for (std::size_t i = 0; i < text.size(); ++i) whole.append(text.substr(i, 1), blanks.origin(i));

  const std::size_t first = tokens.size();
  for (std::size_t begin = 0; begin < whole.size();) {
    std::size_t end = whole.size();
    if (pipeline_.split_before_blank)
      end = std::min(whole.text().find(pipeline_.blank, begin + (whole.text().substr(begin).starts_with(pipeline_.blank)
                                                                     ? pipeline_.blank.size()
                                                                     : 1)),
                     end);
    unigram_.encode(whole.text().substr(begin, end - begin), begin, tokens);
    begin = end;
  }
  const auto place = [&](std::size_t byte) { return byte < whole.size() ? whole.origin(byte) : after; };
  for (std::size_t i = first; i < tokens.size(); ++i)
    tokens[i] = {tokens[i].id, place(tokens[i].begin), place(tokens[i].end)};
}

void PipelineSegmenter::split_part(std::string_view text, std::size_t begin, std::size_t end,
                                   std::vector<Token>& tokens) const {
  MappedText part = as_utf8(text, begin, end);
  for (const NormalizeStep& step : pipeline_.normalize) part = after_step(step, part);
  if (!pipeline_.split_at_blanks) {
    split_word(part, end, tokens);
    return;
  }
  const std::vector<MappedText> words = words_of(part);
  for (std::size_t i = 0; i < words.size(); ++i)
    split_word(words[i], i + 1 < words.size() ? words[i + 1].origin(0) : end, tokens);
}

std::vector<Token> PipelineSegmenter::split(std::string_view text) const {
  std::vector<Token> tokens;
  std::size_t begin = 0;  // of the part before the next added token
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* found = nullptr;
    for (const AddedToken& added : pipeline_.added)
      if (text[at] == added.text[0] && text.substr(at).starts_with(added.text) &&
          (found == nullptr || added.text.size() > found->text.size()))
        found = &added;
    if (found == nullptr) {
      ++at;
      continue;
    }
    std::size_t from = at, to = at + found->text.size();
    if (found->strip_left)
      while (from > begin && text[from - 1] == ' ') --from;
    if (found->strip_right)
      while (to < text.size() && text[to] == ' ') ++to;
    split_part(text, begin, from, tokens);
    tokens.push_back({found->id, from, to});
    begin = at = to;
  }
  split_part(text, begin, text.size(), tokens);
  return tokens;
}

}  // namespace framemill::models
