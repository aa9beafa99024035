#include "jobs/spec_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "jobs/nearest.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {
namespace {

SpecError override_error(std::string code, const std::string& path, std::string message, std::string suggestion = {}) {
  return {"spec." + std::move(code), std::nullopt,       std::nullopt,
          printable(path),           std::move(message), "KEY=VALUE, as in layer.boards.prompt=...",
          std::move(suggestion)};
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = path.find('.');
    parts.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    path.remove_prefix(dot + 1);
  }
}

bool is_mended(const SpecNode& node) {
  return node.mend != nullptr || std::any_of(node.items.begin(), node.items.end(), is_mended) ||
         std::any_of(node.members.begin(), node.members.end(), [](const auto& m) { return is_mended(m.second); });
}

// What the text means as a TOML value; a text that is none is a plain string.
SpecNode value_of(const std::string& text) {
  SpecNode value;
  TreeResult parsed = tree_from_toml("v = " + text);
  if (parsed.root && parsed.root->members.size() == 1 && parsed.findings.empty())
    value = std::move(parsed.root->members.front().second);
  if (value.type == SpecNode::Type::Null || is_mended(value)) {
    value = {};
    value.type = SpecNode::Type::String;
    value.text = text;
  }
  value.raw = text;
  return value;
}

void forget_positions(SpecNode& node) {
  node.position = {};
  for (SpecNode& item : node.items) forget_positions(item);
  for (auto& [key, member] : node.members) forget_positions(member);
}

SpecNode* member(SpecNode& table, std::string_view key) {
  return const_cast<SpecNode*>(table.find(key));
}

// The layer that the override names, by its name or else by its index.
SpecNode* find_layer(SpecNode& root, const std::string& wanted, std::vector<std::string>& names) {
  SpecNode* layers = member(root, "layer");
  if (layers == nullptr || layers->type != SpecNode::Type::Array) return nullptr;
  for (SpecNode& layer : layers->items) {
    const SpecNode* layer_name = layer.find("name");
    if (layer_name == nullptr || layer.type != SpecNode::Type::Table) continue;
    if (layer_name->text == wanted) return &layer;
    names.push_back(layer_name->text);
  }
  std::size_t index = 0;
  const auto [end, fault] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  const bool is_index = fault == std::errc() && end == wanted.data() + wanted.size() && index < layers->items.size();
  return is_index && layers->items[index].type == SpecNode::Type::Table ? &layers->items[index] : nullptr;
}

void apply(SpecNode& root, const std::string& path, const std::string& text, std::vector<SpecError>& errors) {
  if (!base::is_utf8(path) || !base::is_utf8(text)) {
    errors.push_back(override_error("bad_utf8", path, "the key or the value is not UTF-8"));
    return;
  }
  const std::vector<std::string> parts = split(path);
  if (path.size() > 256 || parts.size() > 8 || std::find(parts.begin(), parts.end(), "") != parts.end()) {
    errors.push_back(override_error("bad_override", path, "this does not name a key of a spec"));
    return;
  }
  if (text.size() > kSpecStringBytesMax) {
    errors.push_back(override_error("too_large", path, fmt::format("more than {} bytes", kSpecStringBytesMax)));
    return;
  }
  SpecNode* table = &root;
  std::size_t at = 0;
  if (parts[0] == "layer") {
    std::vector<std::string> names;
    if (parts.size() >= 3) table = find_layer(root, parts[1], names);
    if (parts.size() < 3) {
      errors.push_back(override_error("bad_override", path, "say which key of which layer"));
      return;
    }
    if (table == nullptr) {
      errors.push_back(override_error("unknown_layer", path, fmt::format("layer \"{}\" not found", printable(parts[1])),
                                      nearest(parts[1], names)));
      return;
    }
    at = 2;
  }
  for (; at + 1 < parts.size(); ++at) {
    SpecNode* inner = member(*table, parts[at]);
    if (inner == nullptr) {
      SpecNode made;
      made.type = SpecNode::Type::Table;
      inner = &table->members.emplace_back(parts[at], std::move(made)).second;
    }
    if (inner->type != SpecNode::Type::Table) {
      errors.push_back(
          override_error("bad_override", path, fmt::format("\"{}\" is not a table", printable(parts[at]))));
      return;
    }
    table = inner;
  }
  SpecNode value = value_of(text);
  forget_positions(value);
  if (SpecNode* existing = member(*table, parts[at]))
    *existing = std::move(value);
  else
    table->members.emplace_back(parts[at], std::move(value));
}

}  // namespace

const SpecNode* SpecNode::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

std::string_view name(SpecNode::Type type) {
  switch (type) {
    case SpecNode::Type::Null:
      return "null";
    case SpecNode::Type::Bool:
      return "a boolean";
    case SpecNode::Type::Integer:
      return "an integer";
    case SpecNode::Type::BigInteger:
      return "an integer beyond 64 bits";
    case SpecNode::Type::Float:
      return "a fractional number";
    case SpecNode::Type::String:
      return "a string";
    case SpecNode::Type::DateTime:
      return "a date or time";
    case SpecNode::Type::Array:
      return "an array";
    case SpecNode::Type::Table:
      return "a table";
  }
  return "nothing";
}

void apply_overrides(SpecNode& root, const SpecOverrides& overrides, std::vector<SpecError>& errors) {
  if (overrides.size() > 256) {
    errors.push_back(override_error("too_large", "", "more than 256 overrides"));
    return;
  }
  for (const auto& [path, text] : overrides) apply(root, path, text, errors);
}

}  // namespace framemill::jobs
