// The JSON files that models are published with (config.json, model_index.json, scheduler_config.json), read field by
// field. They come from outside: size and depth are bounded, the first field of a wrong type is the error, and a field
// that is not known must be empty, because it may change what the network computes.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

// Errors: file.*, model.import with the file's name: not JSON, not an object.
base::Result<boost::json::object> read_json_file(const std::filesystem::path& path);

class ConfigReader {
 public:
  // `file` names it in errors: "transformer/config.json". The object outlives the reader.
  ConfigReader(const boost::json::object& object, std::string file) : object_(object), file_(std::move(file)) {}

  // Leaves `out` as it is where the key is absent or null. Whole numbers are those of an int, not negative.
  void integer(std::string_view key, int& out);
  void number(std::string_view key, double& out);
  void flag(std::string_view key, bool& out);
  void text(std::string_view key, std::string& out);
  void integers(std::string_view key, std::vector<int>& out);
  void flags(std::string_view key, std::vector<bool>& out);
  void numbers(std::string_view key, std::vector<double>& out);

  bool has(std::string_view key) const;  // and is not null
  void ignore(std::initializer_list<std::string_view> keys);
  // What Framemill computes in one way only: another value is refused. Absent and null are `only`.
  void expect(std::string_view key, std::string_view only);
  void fail(std::string message);

  const std::string& file() const { return file_; }
  // The first error; else, for a key that nobody asked for and that is neither empty nor begins with "_": model.import.
  base::Status finish() const;
  base::Status status() const { return error_; }  // the same, of the keys that were asked for alone

 private:
  const boost::json::value* take(std::string_view key);
  void wrong(std::string_view key, std::string_view expected);
  template <class T, class Read>
  void list(std::string_view key, std::vector<T>& out, std::string_view expected, Read read);

  const boost::json::object& object_;
  std::string file_;
  std::vector<std::string> known_;
  base::Status error_;
};

}  // namespace framemill::models
