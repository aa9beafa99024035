#include "jobs/canonical_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

namespace framemill::jobs {
namespace {

// Depth is bounded by what our own rooms build.
boost::json::value sorted(const boost::json::value& value) {
  if (const auto* array = value.if_array()) {
    boost::json::array out;
    out.reserve(array->size());
    for (const auto& element : *array) out.push_back(sorted(element));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  std::vector<const boost::json::key_value_pair*> members;
  for (const auto& member : *object) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
  boost::json::object out;
  out.reserve(members.size());
  for (const auto* member : members) out.emplace(member->key(), sorted(member->value()));
  return out;
}

}  // namespace

std::string canonical_text(const boost::json::value& value) {
  return boost::json::serialize(sorted(value));
}

}  // namespace framemill::jobs
