#include "jobs/spec_overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "base/text.h"

namespace framemill::jobs {
namespace {

using config::Findings;
using config::Node;
using config::printable;

config::Finding override_error(std::string code, const std::string& path, std::string message,
                               std::string suggestion = {}) {
  return {std::move(code),      std::nullopt,       std::nullopt,
          printable(path),      std::move(message), "KEY=VALUE, as in layer.boards.prompt=...",
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

bool is_mended(const Node& node) {
  return node.mend != nullptr || std::any_of(node.items.begin(), node.items.end(), is_mended) ||
         std::any_of(node.members.begin(), node.members.end(), [](const auto& m) { return is_mended(m.second); });
}

// What the text means as a TOML value; a text that is none is a plain string.
Node value_of(const std::string& text) {
  Node value;
  config::TreeResult parsed = config::tree_from_toml("v = " + text);
  if (parsed.root && parsed.root->members.size() == 1 && parsed.findings.empty())
    value = std::move(parsed.root->members.front().second);
  if (value.type == Node::Type::Null || is_mended(value)) {
    value = {};
    value.type = Node::Type::String;
    value.text = text;
  }
  value.raw = text;
  return value;
}

void forget_positions(Node& node) {
  node.position = {};
  for (Node& item : node.items) forget_positions(item);
  for (auto& [key, member] : node.members) forget_positions(member);
}

Node* member(Node& table, std::string_view key) {
  return const_cast<Node*>(table.find(key));
}

// The layer that the override names, by its name or else by its index.
Node* find_layer(Node& root, const std::string& wanted, std::vector<std::string>& names) {
  Node* layers = member(root, "layer");
  if (layers == nullptr || layers->type != Node::Type::Array) return nullptr;
  for (Node& layer : layers->items) {
    const Node* layer_name = layer.find("name");
    if (layer_name == nullptr || layer.type != Node::Type::Table) continue;
    if (layer_name->text == wanted) return &layer;
    names.push_back(layer_name->text);
  }
  std::size_t index = 0;
  const auto [end, fault] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  const bool is_index = fault == std::errc() && end == wanted.data() + wanted.size() && index < layers->items.size();
  return is_index && layers->items[index].type == Node::Type::Table ? &layers->items[index] : nullptr;
}

void apply(Node& root, const std::string& path, const std::string& text, Findings& findings) {
  if (!base::is_utf8(path) || !base::is_utf8(text)) {
    findings.add(override_error("bad_utf8", path, "the key or the value is not UTF-8"));
    return;
  }
  const std::vector<std::string> parts = split(path);
  if (path.size() > 256 || parts.size() > 8 || std::find(parts.begin(), parts.end(), "") != parts.end()) {
    findings.add(override_error("bad_override", path, "this does not name a key of a spec"));
    return;
  }
  if (text.size() > config::kStringBytesMax) {
    findings.add(override_error("too_large", path, fmt::format("more than {} bytes", config::kStringBytesMax)));
    return;
  }
  Node* table = &root;
  std::size_t at = 0;
  if (parts[0] == "layer") {
    std::vector<std::string> names;
    if (parts.size() >= 3) table = find_layer(root, parts[1], names);
    if (parts.size() < 3) {
      findings.add(override_error("bad_override", path, "say which key of which layer"));
      return;
    }
    if (table == nullptr) {
      findings.add(override_error("unknown_layer", path, fmt::format("layer \"{}\" not found", printable(parts[1])),
                                  base::nearest(parts[1], names)));
      return;
    }
    at = 2;
  }
  for (; at + 1 < parts.size(); ++at) {
    Node* inner = member(*table, parts[at]);
    if (inner == nullptr) {
      Node made;
      made.type = Node::Type::Table;
      inner = &table->members.emplace_back(parts[at], std::move(made)).second;
    }
    if (inner->type != Node::Type::Table) {
      findings.add(override_error("bad_override", path, fmt::format("\"{}\" is not a table", printable(parts[at]))));
      return;
    }
    table = inner;
  }
  Node value = value_of(text);
  forget_positions(value);
  if (Node* existing = member(*table, parts[at]))
    *existing = std::move(value);
  else
    table->members.emplace_back(parts[at], std::move(value));
}

}  // namespace

void apply_overrides(Node& root, const SpecOverrides& overrides, Findings& findings) {
  if (overrides.size() > 256) {
    findings.add(override_error("too_large", "", "more than 256 overrides"));
    return;
  }
  for (const auto& [path, text] : overrides) apply(root, path, text, findings);
}

}  // namespace framemill::jobs
