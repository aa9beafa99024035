// "Did you mean": the nearest of some words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace framemill::jobs {

// Edits (insert, delete, replace, swap of neighbours) that make one word the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that `word` most likely meant, or empty when none is near: at most a third of its letters wrong, and
// never more than three. Words of more than 64 bytes are not looked at.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace framemill::jobs
