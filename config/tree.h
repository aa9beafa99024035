// A text of TOML or JSON as a tree of plain values with the places they came from: the one form that specs, manifests
// and settings are turned into before anything is checked. The libraries that read the texts end here. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/finding.h"
#include "config/limits.h"
#include "config/mending.h"

namespace framemill::config {

struct Node {
  enum class Type { Null, Bool, Integer, BigInteger, Float, String, DateTime, Array, Table };
  using Member = std::pair<std::string, Node>;

  Type type = Type::Null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  // Of a String; a DateTime as it would be written in RFC 3339; the digits of a BigInteger, which 64 bits cannot hold.
  std::string text;
  std::string written;               // of a Bool, Integer, Float or DateTime: as it is written in the text
  std::vector<Node> items;           // of an Array
  std::vector<Member> members;       // of a Table
  Position position;                 // of the value, or of its key where it has one; empty for JSON and overrides
  std::optional<std::string> raw;    // of an override: the text as it was given
  std::shared_ptr<const Mend> mend;  // of a String that was written without quotes, or in others

  const Node* find(std::string_view key) const;
};

std::string_view name(Node::Type type);  // "a string", for messages

// Either a root table, or the first error of syntax or of a limit that could not be mended. In both cases the findings
// about what was mended, except for nodes that carry their own mend.
struct TreeResult {
  std::optional<Node> root;
  std::optional<Finding> error;
  std::vector<Finding> findings;
};
// What a kind of TOML file has of its own: the keys that are written [[key]], and how many keys it may have.
struct TomlForm {
  std::vector<std::string_view> lists{};
  std::size_t keys_max = kKeysMax;
};
TreeResult tree_from_toml(std::string_view text, const TomlForm& form = {});
TreeResult tree_from_json(std::string_view text);

}  // namespace framemill::config
