// The names that other programs of the field give to what a spec's keys and words say: diffusers, ComfyUI, OpenCue,
// Deadline, Tractor, Flamenco, ffmpeg. For suggestions. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace framemill::jobs {

// What to write instead of an unknown key: one of `known`, the keys that belong there, or a sentence about a thing that
// is not a key here (the picture's size, a sampler). Empty when nothing is known and no key is near.
std::string suggested_key(std::string_view key, const std::vector<std::string>& known);

// The same for a word outside a closed list.
std::string suggested_word(std::string_view word, const std::vector<std::string>& words);

}  // namespace framemill::jobs
