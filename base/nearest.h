// "Did you mean": the nearest of some words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace framemill::base {

// Edits (insert, delete, replace, swap of neighbours) of characters that make one word the other.
std::size_t edit_distance(std::string_view a, std::string_view b);
// How many edits still leave a word near: a third of its characters, one at least and three at most; none of a single
// character.
std::size_t edits_max(std::string_view word);

// The candidate that `word` most likely meant, or empty when none is near. Case, width and invisible characters do not
// count. Words of more than 64 bytes are not looked at.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "did you mean "prompt"?", for a hint; empty where there is no such word.
std::string did_you_mean(std::string_view word);

// "a, b, c and 670 more": at most `shown_max` of the words, and how many there are besides.
std::string listed(const std::vector<std::string>& words, std::size_t shown_max);

}  // namespace framemill::base
