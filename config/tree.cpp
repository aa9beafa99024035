#include "config/tree.h"

#include <algorithm>

namespace framemill::config {

const Node* Node::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

std::string_view name(Node::Type type) {
  switch (type) {
    case Node::Type::Null:
      return "null";
    case Node::Type::Bool:
      return "a boolean";
    case Node::Type::Integer:
      return "an integer";
    case Node::Type::BigInteger:
      return "an integer beyond 64 bits";
    case Node::Type::Float:
      return "a fractional number";
    case Node::Type::String:
      return "a string";
    case Node::Type::DateTime:
      return "a date or time";
    case Node::Type::Array:
      return "an array";
    case Node::Type::Table:
      return "a table";
  }
  return "nothing";
}

}  // namespace framemill::config
