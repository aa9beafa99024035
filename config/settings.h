// The one reader of our TOML files: worker.toml, scheduler.toml, tokens.toml, the command line's config.toml, and the
// manifest and vocabulary of a model package. Strict and helpful: every mistake at once, each with its line and what to
// write instead, also behind values without quotes, keys given twice, other encodings and invisible characters. Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/tree.h"

namespace framemill::config {

class SettingsReader;

// One table of a settings file. A key is known once it was asked for; values that are absent or wrong leave `out` as it
// is. Every mistake becomes a finding of the file.
class SettingsTable {
 public:
  explicit SettingsTable(SettingsReader& table) : table_(table) {}

  enum class Empty { Refused, Allowed };
  // One line, no invisible characters.
  void text(std::string_view key, std::string& out, Empty empty = Empty::Refused);
  // Sentences: line breaks may be in it; not empty.
  void prose(std::string_view key, std::string& out, std::size_t bytes_max);
  void name(std::string_view key, std::string& out);  // safe in file names: letters, digits, "_", "." and "-"
  // Paths are built where they are asked for: this room knows no file system.
  void path(std::string_view key, std::filesystem::path& out, const std::filesystem::path& directory) {
    std::string value;
    text(key, value);
    if (!value.empty()) out = (directory / value).lexically_normal();
  }
  void word(std::string_view key, std::string& out, std::initializer_list<std::string_view> words);
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& words);  // its index
  void flag(std::string_view key, bool& out);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<double> number(std::string_view key, double least, double most);  // an integer is a number
  void duration(std::string_view key, base::Duration& out, base::Duration least, base::Duration most);  // "250ms", "5m"
  void size(std::string_view key, std::uint64_t& out);                                                  // "8GiB", not 0
  void moment(std::string_view key, std::optional<base::WallTime>& out);  // with an offset
  void texts(std::string_view key, std::vector<std::string>& out);
  void paths(std::string_view key, std::vector<std::filesystem::path>& out, const std::filesystem::path& directory) {
    std::vector<std::string> values;
    texts(key, values);
    for (const std::string& value : values) out.push_back((directory / value).lexically_normal());
  }
  void numbers(std::string_view key, std::vector<int>& out, int most);  // each 0 to `most`
  void decimals(std::string_view key, std::vector<double>& out);        // finite; an integer is a number
  void flags(std::string_view key, std::vector<bool>& out);
  // An array of arrays of words: values = [["red", "crimson"], ["blue"]].
  void lists(std::string_view key, std::size_t count_max, std::vector<std::vector<std::string>>& out);

  using ReadTable = std::function<void(SettingsTable&)>;
  void table(std::string_view key, const ReadTable& read);                          // [key]
  void tables(std::string_view key, std::size_t count_max, const ReadTable& read);  // [[key]]
  // [key] with names of its owner's choice; each is asked for by the function, as a key of the table that it gets.
  using ReadEntry = std::function<void(SettingsTable&, const std::string& name)>;
  void entries(std::string_view key, const ReadEntry& read);

  std::vector<std::string> keys() const;  // that the table has, known or not
  bool has(std::string_view key) const;
  bool is_table(std::string_view key) const;
  // `expected` tells what belongs there, and is what to do.
  void require(std::string_view key, std::string_view expected);
  void fail(std::string_view key, std::string code, std::string message, std::string expected = {}) const;

 private:
  SettingsReader& table_;
};

// The name that other programs, or people, give to one of a file's keys or words: {"ram", "host_memory"}.
struct OtherName {
  std::string_view other, ours;
};

struct SettingsForm {
  std::string code_prefix = "config";       // of errors: config.unknown_key
  std::string code{};                       // not empty: every error has this one
  std::vector<std::string_view> lists{};    // keys that are written [[key]]
  std::vector<std::string_view> secrets{};  // keys whose values no message shows
  std::vector<OtherName> other_names{};     // what "did you mean" asks before it looks for the nearest word
  std::size_t bytes_max = kBytesMax, keys_max = kKeysMax;
  std::string unknown_key_hint{};  // where no known key is near: "see docs/worker-toml.md"
};

// Lets `read` take the keys of the root table. The error has the code and field of the first mistake, and in its message
// one line each: "line 3: unknown key "drain_timout" (did you mean "drain_timeout"?)".
// Codes behind the prefix: too_large, too_deep, bad_utf8, syntax, duplicate_key, unquoted, control_character,
// missing_key, unknown_key, wrong_type, unknown_value, out_of_range, bad_name, bad_duration, bad_size, bad_deadline (a
// moment), too_many_errors, and what `read` fails with.
base::Status read_settings(std::string_view text, const SettingsForm& form, const SettingsTable::ReadTable& read);

// The tree of a file that its owner judges, for a look at some of its keys. Errors: as read_settings, where the text
// does not parse.
base::Result<Node> settings_tree(std::string_view text, const SettingsForm& form);

// What the first line of such a message says, and how many more there are: for a log.
std::string first_line(std::string_view message);

}  // namespace framemill::config
