// The tokens in a command's arguments: {frame}, {input:plate} ... An argument is cut into its tokens and the text between
// them; braces that are no token are text and reach the program as they are. Pure; the spec's check and the worker share
// it, so that what is accepted can be filled in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/plan.h"
#include "jobs/spec.h"

namespace framemill::jobs {

struct ArgumentPart {
  std::string_view text;   // as written, of a token with its braces
  std::string_view token;  // "frame", "input" ...; empty: text
  std::string_view input;  // of {input:plate} "plate", of {input} empty
  int width = 0;           // of {frame:04} 4; zeros in front
};
std::vector<ArgumentPart> parts_of(std::string_view argument);

// The names of all tokens, in the order of the documentation.
const std::vector<std::string>& command_tokens();

// The input that {input:REFERENCE} means, by its name or else its index; {input} means the only one. `names`: of the
// layer's inputs, empty where one has none. Nothing when there is no such input.
std::optional<std::size_t> input_of_token(std::string_view reference, const std::vector<std::string>& names);

// How many tasks from `first` on, at most `count`, a lease of a layer's phase may take: a program that is given its frames
// as first to last would render what lies in a gap.
std::uint32_t tasks_in_one_run(const LayerSpec& layer, const PhasePlan& phase, TaskIndex first, std::uint32_t count);

// The distance between the frames; 1 for a lone frame, nothing where it changes.
std::optional<std::int32_t> step_of(const FrameSet& frames);

}  // namespace framemill::jobs
