#include "cli/toml_file.h"

#include <fmt/format.h>

#include <sstream>

#include <toml++/toml.h>

#include "base/file.h"
#include "cli/exit_code.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kFileBytesMax = 256 * 1024;

json::value to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    json::object out;
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    json::array out;
    for (const auto& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (const auto text = node.value_exact<std::string>()) return json::string(*text);
  if (const auto number = node.value_exact<std::int64_t>()) return *number;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto flag = node.value_exact<bool>()) return *flag;
  std::ostringstream text;
  if (const auto date = node.value_exact<toml::date>()) text << *date;
  if (const auto time = node.value_exact<toml::time>()) text << *time;
  if (const auto moment = node.value_exact<toml::date_time>()) text << *moment;
  return json::string(text.str());
}

}  // namespace

base::Result<std::string> read_settings_text(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return base::error_of(ConfigError::Missing, fmt::format("{} does not exist", path.string()));
  if (!std::filesystem::is_regular_file(path, ignored))  // a pipe or a device may never end
    return base::error_of(ConfigError::Unreadable, fmt::format("{} is not a plain file", path.string()));
  auto text = base::read_file(path, kFileBytesMax);
  if (!text.ok()) return base::error_of(ConfigError::Unreadable, text.error().message, {}, text.error().hint);
  return text;
}

base::Result<json::object> read_toml_file(const std::filesystem::path& path) {
  FM_ASSIGN(const std::string text, read_settings_text(path));
  try {
    return to_json(toml::parse(text)).as_object();
  } catch (const toml::parse_error& error) {
    return base::error_of(ConfigError::Syntax,
                          fmt::format("{}:{}:{}: {}", path.string(), error.source().begin.line,
                                      error.source().begin.column, printable(error.description())));
  }
}

}  // namespace framemill::cli
