#include "cli/toml_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include <toml++/toml.h>

#include "base/file.h"
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

// The place of the key that the field names: "layer[1].needs.cpus". The nearest enclosing one where it is not written.
std::optional<toml::source_position> place_of(const toml::table& document, std::string_view field) {
  const toml::node* at = &document;
  std::optional<toml::source_position> place;
  while (!field.empty() && at) {
    const std::size_t end = std::min(field.find_first_of(".["), field.size());
    const std::string_view name = field.substr(0, end);
    field.remove_prefix(end);
    const toml::table* table = at->as_table();
    if (!name.empty()) {
      const auto found = table ? table->find(name) : toml::table::const_iterator();
      if (!table || found == table->end()) break;
      place = found->first.source().begin;
      at = &found->second;
    }
    if (field.starts_with('[')) {
      std::size_t index = 0;
      const auto [stop, error] = std::from_chars(field.data() + 1, field.data() + field.size(), index);
      const toml::array* array = at->as_array();
      if (error != std::errc() || !array || index >= array->size()) break;
      at = array->get(index);
      place = at->source().begin;
      field.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(stop - field.data()) + 1, field.size()));
    }
    if (field.starts_with('.')) field.remove_prefix(1);
  }
  return place;
}

}  // namespace

void place_spec_errors(std::string_view toml_text, std::vector<jobs::SpecError>& errors) {
  try {
    const toml::table document = toml::parse(toml_text);
    for (jobs::SpecError& error : errors) {
      if (error.line) continue;
      const auto place = place_of(document, error.field);
      if (!place || place->line == 0) continue;
      error.line = place->line;
      error.column = place->column;
    }
  } catch (const toml::parse_error&) {
    // Then the error is about the syntax, and has its place.
  }
}

base::Result<json::object> read_toml_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return base::Error{"config.missing", fmt::format("{} does not exist", path.string()), {}, {}};
  auto text = base::read_file(path, kFileBytesMax);
  if (!text.ok()) return base::Error{"config.unreadable", text.error().message, {}, text.error().hint};
  try {
    return to_json(toml::parse(*text)).as_object();
  } catch (const toml::parse_error& error) {
    return base::Error{"config.syntax",
                       fmt::format("{}:{}:{}: {}", path.string(), error.source().begin.line,
                                   error.source().begin.column, printable(error.description())),
                       {},
                       {}};
  }
}

}  // namespace framemill::cli
