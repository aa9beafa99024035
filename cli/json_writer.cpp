#include "cli/json_writer.h"

#include <fmt/format.h>

#include "cli/text.h"

namespace framemill::cli {
namespace {

namespace json = boost::json;
enum class Layout { Line, Indented };

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Character next = next_character(text);
    const char32_t code = next.code;
    if (code == '"' || code == '\\')
      out.append(1, '\\').append(1, static_cast<char>(code));
    else if (code == '\n')
      out += "\\n";
    else if (!next.valid)
      out += "\xEF\xBF\xBD";
    else if (is_harmful(code))
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));  // all of them are below U+10000
    else
      out.append(text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
  out += '"';
}

// Keys stay in the server's order.
void append(std::string& out, const json::value& value, Layout layout, std::size_t depth) {
  const bool lines = layout == Layout::Indented;
  const auto new_line = [&](std::size_t indent) {
    if (lines) out.append(1, '\n').append(indent * 2, ' ');
  };
  const char* separator = "";
  if (const json::object* object = value.if_object(); object && !object->empty()) {
    out += '{';
    for (const auto& item : *object) {
      out += separator;
      new_line(depth + 1);
      append_string(out, {item.key().data(), item.key().size()});
      out += lines ? ": " : ":";
      append(out, item.value(), layout, depth + 1);
      separator = ",";
    }
    new_line(depth);
    out += '}';
  } else if (const json::array* array = value.if_array(); array && !array->empty()) {
    out += '[';
    for (const json::value& item : *array) {
      out += separator;
      new_line(depth + 1);
      append(out, item, layout, depth + 1);
      separator = ",";
    }
    new_line(depth);
    out += ']';
  } else if (const json::string* text = value.if_string()) {
    append_string(out, {text->data(), text->size()});
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string json_line(const json::value& value) {
  std::string out;
  append(out, value, Layout::Line, 0);
  return out;
}

std::string json_document(const json::value& value) {
  std::string out;
  append(out, value, Layout::Indented, 0);
  return out += '\n';
}

}  // namespace framemill::cli
