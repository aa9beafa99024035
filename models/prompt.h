// From plain words to what a network is conditioned on, without any network. A vocabulary (vocabulary.toml of a
// package) has slots: scene slots (ground, time, weather, camera) and object slots (kind, colour, motion, size), the
// latter once per object. A prompt fills slots; the filled slots, as indices, are the condition. Used by the generator,
// by the scheduler and by `framemill check --models`.
//
// How words bind: phrases come in any order. Colour and size bind to the next object noun. A motion binds to the object
// before it in its phrase (phrases end at commas), else to the next object of the phrase, else to the object before the
// phrase; after a camera word it is the camera's. Snow and rain may fall: "down" beside a weather word says nothing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::models {

enum class SlotScope { Scene, Object };

struct VocabularyValue {
  std::string name;                // "hills"; also a word unless it is implied (kind "none")
  std::vector<std::string> words;  // every word that means it, the name among them; lower case
};

struct VocabularySlot {
  std::string name;  // "ground"
  SlotScope scope = SlotScope::Scene;
  std::vector<VocabularyValue> values;
};

struct Vocabulary {
  std::vector<VocabularySlot> slots;  // scene slots first
  int objects_max = 0;
  std::vector<std::string> ignored;       // words that say nothing: "a", "with", "moving"
  std::vector<std::string> camera_words;  // after these a motion is the camera's
  // Kinds that move in some ways only: {"boat", {"still", "left", "right"}}.
  std::vector<std::pair<std::string, std::vector<std::string>>> motion_limits;

  std::size_t scene_slots() const;
  std::size_t object_slots() const;
  std::size_t condition_size() const { return scene_slots() + objects_max * object_slots(); }
};

// Slot indices: scene slots, then for each object its slots. 0 = unspecified, 1 + i = values[i].
struct Condition {
  std::vector<int> indices;
  bool operator==(const Condition&) const = default;
};

inline constexpr std::size_t kPromptBytesMax = 4096;
inline constexpr std::size_t kVocabularyBytesMax = 256 * 1024;

// Errors: model.vocabulary.
base::Result<Vocabulary> parse_vocabulary(std::string_view toml);

enum class PromptUse {
  Positive,  // an object slot that is not mentioned is filled with kind "none"
  Negative,  // what is not mentioned stays unspecified
};

// The empty prompt leaves everything unspecified. Errors: prompt.unknown_word (names the nearest words),
// prompt.binding, prompt.conflict, prompt.too_many, prompt.length.
base::Result<Condition> parse_prompt(const Vocabulary& vocabulary, std::string_view prompt,
                                     PromptUse use = PromptUse::Positive);

// Words for a condition, such that parse_prompt gives it back.
std::string prompt_from(const Vocabulary& vocabulary, const Condition& condition);

// The words of the vocabulary that are near to `word` by edit distance (base/nearest.h), best first; none where none is.
std::vector<std::string> nearest_words(const Vocabulary& vocabulary, std::string_view word, std::size_t count);

}  // namespace framemill::models
