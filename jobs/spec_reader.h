// Typed reading of one table of a tree: every key is asked for by name, every fault becomes a SpecError with its
// place, and keys nobody asked for are unknown. Private to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/spec_tree.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {

inline constexpr std::size_t kSpecErrorsMax = 100;

// All findings of one spec, in the order they were made; bounded.
class SpecErrors {
 public:
  explicit SpecErrors(SpecLanguage language = SpecLanguage::Toml) : language_(language) {}

  // What the spec is written in: how a message shows what to write.
  SpecLanguage language() const { return language_; }
  void add(std::string code, const SpecPosition& at, std::string field, std::string message, std::string expected = {},
           std::string suggestion = {});  // code without "spec."
  void add(SpecError error);
  bool empty() const { return list_.empty(); }
  // True when no more will be told: what costs time to find out need not be found out.
  bool full() const { return list_.size() >= kSpecErrorsMax; }
  // True when a finding is about the field, whose value has no quotes: what to write then is written in quotes.
  bool add_quotes(std::string_view field, const SpecPosition& at);
  std::vector<SpecError> take() { return std::move(list_); }

 private:
  SpecLanguage language_;
  std::vector<SpecError> list_;
};

// Values that were mended are errors of their own, unless more was wrong with them.
void report_mends(const SpecNode& node, const std::string& field, SpecErrors& errors);

class TableReader {
 public:
  // `path` is empty for the root, else the field that the table stands in. Both must outlive the reader.
  TableReader(const SpecNode& table, std::string path, SpecErrors& errors)
      : table_(table), path_(std::move(path)), errors_(errors) {}

  bool has(std::string_view key) const { return table_.find(key) != nullptr; }
  SpecErrors& errors() const { return errors_; }
  std::string field(std::string_view key) const;
  SpecPosition position(std::string_view key) const;  // of the key, or of the table where it is absent
  void fail(std::string_view key, std::string code, std::string message, std::string expected = {},
            std::string suggestion = {}) const;

  // The value under `key`, and the key is known from now on; nullptr when absent.
  const SpecNode* take(std::string_view key);
  // A fault, unless the key is there.
  void require(std::string_view key, std::string_view expected);

  std::optional<std::string> text(std::string_view key, TextRule rule);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<double> number(std::string_view key, double min, double max);
  std::optional<std::vector<std::string>> texts(std::string_view key, TextRule rule, std::size_t count_max);
  std::optional<FrameSet> frames(std::string_view key);
  std::optional<FrameSpan> frame_span(std::string_view key);
  std::optional<std::uint64_t> size(std::string_view key);
  // The index of the word among `words`.
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& words);
  template <class Enum>
  std::optional<Enum> choice_of(std::string_view key, std::initializer_list<Enum> values) {
    std::vector<std::string_view> words;
    for (const Enum value : values) words.push_back(jobs::name(value));
    const auto index = choice(key, words);
    return index ? std::optional(*(values.begin() + *index)) : std::nullopt;
  }
  const SpecNode* table(std::string_view key);
  const SpecNode* array(std::string_view key, std::size_t count_max);

  // The value under a key, which stays unknown; nullptr when absent.
  const SpecNode* value(std::string_view key) const { return table_.find(key); }
  // A key that may be there and is not looked at here.
  void allow(std::string_view key) { known_.emplace_back(key); }
  // Reports what was not asked for. `elsewhere`: keys that other kinds have, with the kind.
  void finish(const std::vector<std::pair<std::string_view, std::string_view>>& elsewhere = {});

  // Text rules for a value that is not directly under a key; `key` is how the field is named.
  std::optional<std::string> text_of(const SpecNode& value, std::string_view key, TextRule rule) const;

 private:
  void wrong_type(std::string_view key, const SpecNode& value, std::string_view expected,
                  std::string suggestion = {}) const;
  void fail_forbidden(std::string_view key, std::string_view text, std::string_view character) const;
  // How the value would be written as a string under the key.
  std::string as_string(std::string_view key, const SpecNode& value) const;
  // How the words of a string would be written as an array under the key.
  std::string as_array(std::string_view key, const SpecNode& value) const;

  const SpecNode& table_;
  std::string path_;
  SpecErrors& errors_;
  std::vector<std::string> known_;
};

}  // namespace framemill::jobs
