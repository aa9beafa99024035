// Typed reading of one table of a tree: every key is asked for by name, every mistake becomes a finding with its place,
// and keys nobody asked for are unknown. Settings and manifests read through config/settings.h, job specs through
// jobs/spec_table.h, which both stand on this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/text_rules.h"
#include "config/tree.h"

namespace framemill::config {

inline constexpr std::size_t kFindingsMax = 100;

// All findings of one text, in the order they were made; bounded.
class Findings {
 public:
  explicit Findings(Language language = Language::Toml) : language_(language) {}

  // What the text is written in: how a message shows what to write.
  Language language() const { return language_; }
  void add(std::string code, const Position& at, std::string field, std::string message, std::string expected = {},
           std::string suggestion = {});
  void add(Finding finding);
  bool empty() const { return list_.empty(); }
  // True when no more will be reported: what costs time to find out need not be found out.
  bool full() const { return list_.size() >= kFindingsMax; }
  // True when a finding is about the field, whose value has no quotes: what to write then is written in quotes.
  bool add_quotes(std::string_view field, const Position& at);
  std::vector<Finding> take() { return std::move(list_); }

 private:
  Language language_;
  std::vector<Finding> list_;
};

// Values that were mended are findings of their own, unless more was wrong with them.
void report_mends(const Node& node, const std::string& field, Findings& findings);

// Every read leaves the key known. What is absent or wrong is nullopt or nullptr; only what is wrong is a finding.
class TableReader {
 public:
  // `path` is empty for the root, else the field that the table stands in. The table and the findings outlive the reader.
  TableReader(const Node& table, std::string path, Findings& findings)
      : table_(table), path_(std::move(path)), findings_(findings) {}
  virtual ~TableReader() = default;

  std::vector<std::string> keys() const;
  bool has(std::string_view key) const { return table_.find(key) != nullptr; }
  Findings& findings() const { return findings_; }
  std::string field(std::string_view key) const;
  Position position(std::string_view key) const;  // of the key, or of the table where it is absent
  void fail(std::string_view key, std::string code, std::string message, std::string expected = {},
            std::string suggestion = {}) const;

  const Node* take(std::string_view key);
  // A finding, unless the key is there.
  void require(std::string_view key, std::string_view expected);

  std::optional<std::string> text(std::string_view key, TextRule rule);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<double> number(std::string_view key, double min, double max);
  std::optional<std::vector<std::string>> texts(std::string_view key, TextRule rule, std::size_t count_max);
  std::optional<std::uint64_t> size(std::string_view key);  // in bytes, of the grammar of base/units.h
  // The index of the word among `words`.
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& words);
  const Node* table(std::string_view key);
  const Node* array(std::string_view key, std::size_t count_max);

  // The value under a key, which stays unknown; nullptr when absent.
  const Node* value(std::string_view key) const { return table_.find(key); }
  // A key that may be there and is not looked at here.
  void allow(std::string_view key) { known_.emplace_back(key); }
  // Reports what was not asked for. `elsewhere`: keys that other kinds of table have, with the kind.
  void finish(const std::vector<std::pair<std::string_view, std::string_view>>& elsewhere = {});

  // Text rules for a value that is not directly under a key; `key` is how the field is named.
  std::optional<std::string> text_of(const Node& value, std::string_view key, TextRule rule) const;

 protected:
  void wrong_type(std::string_view key, const Node& value, std::string_view expected,
                  std::string suggestion = {}) const;
  void fail_forbidden(std::string_view key, std::string_view text, std::string_view character) const;
  // How the value would be written as a string under the key.
  std::string as_string(std::string_view key, const Node& value) const;

  // "Did you mean": what to write instead of an unknown key or of a word outside a closed list. Here the nearest one.
  virtual std::string suggested_key(std::string_view key, const std::vector<std::string>& known) const;
  virtual std::string suggested_word(std::string_view word, const std::vector<std::string>& words) const;
  // How a value that is not an array would be written as one under the key; empty when nobody can tell.
  virtual std::string as_array(std::string_view key, const Node& value) const;
  // The elements of `value`, a string, as an array.
  std::string split_as_array(std::string_view key, std::string_view value, std::string_view separators) const;

 private:
  const Node& table_;
  std::string path_;
  Findings& findings_;
  std::vector<std::string> known_;
};

}  // namespace framemill::config
