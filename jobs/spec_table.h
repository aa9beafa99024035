// One table of a job spec: what every table is read with (config/table_reader.h), and what only specs have: frames, words
// of enums, and the names that other programs of the field give to our keys. Private to this room.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/table_reader.h"
#include "jobs/spec.h"

namespace framemill::jobs {

using config::Findings;
using config::forbidden_character;
using config::is_safe_word;
using config::Language;
using config::Node;
using config::printable;
using config::TextRule;

class SpecTable : public config::TableReader {
 public:
  using TableReader::TableReader;

  std::optional<FrameSet> frames(std::string_view key);
  std::optional<FrameSpan> frame_span(std::string_view key);
  template <class Enum>
  std::optional<Enum> choice_of(std::string_view key, std::initializer_list<Enum> values) {
    std::vector<std::string_view> words;
    for (const Enum value : values) words.push_back(jobs::name(value));
    const auto index = choice(key, words);
    return index ? std::optional(*(values.begin() + *index)) : std::nullopt;
  }

 private:
  std::string suggested_key(std::string_view key, const std::vector<std::string>& known) const override;
  std::string suggested_word(std::string_view word, const std::vector<std::string>& words) const override;
  std::string as_array(std::string_view key, const Node& value) const override;
};

}  // namespace framemill::jobs
