#include "models/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/nearest.h"
#include "base/unicode.h"
#include "models/prompt_words.h"

namespace framemill::models {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Reads words left to right and fills slots. Holds what waits for its noun.
class Reader {
 public:
  Reader(const Vocabulary& vocabulary, PromptUse use) : vocabulary_(vocabulary), use_(use) {
    condition_.indices.assign(vocabulary.condition_size(), 0);
    for (std::size_t i = 0; i < vocabulary.slots.size(); ++i) {
      if (vocabulary.slots[i].name == "kind") kind_slot_ = i;
      if (vocabulary.slots[i].name == "motion") motion_slot_ = i;
      if (vocabulary.slots[i].name == "camera") camera_slot_ = i;
      if (vocabulary.slots[i].name == "weather") weather_slot_ = i;
    }
  }

  // `next`: the word after it in its phrase, or nothing.
  base::Status read(const PromptWord& word, const PromptWord* next) {
    if (!weather_falls(word, next)) FM_TRY(read_meaning(word.text));
    if (const auto meaning = meaning_of(word.text)) previous_slot_ = meaning->slot;
    if (word.ends_phrase) end_phrase();
    return {};
  }

  base::Result<Condition> finish() {
    end_phrase();
    if (!waiting_.empty() || waiting_motion_) {
      const std::string& text = waiting_.empty() ? waiting_motion_->text : waiting_.front().text;
      return base::Error{"prompt.binding", "'" + text + "' describes nothing: no object follows it", "prompt",
                         "put an object behind it, as in '" + text + " " + some_object() + "'"};
    }
    FM_TRY(check_motions());
    if (use_ == PromptUse::Positive && said_anything_) {
      for (int i = objects_; i < vocabulary_.objects_max; ++i) condition_.indices[object_index(i, kind_slot_)] = 1;
    }
    return condition_;
  }

  bool knows(const std::string& text) const {
    return (camera_slot_ && contains(vocabulary_.camera_words, text)) || contains(vocabulary_.ignored, text) ||
           meaning_of(text).has_value();
  }

 private:
  struct Meaning {
    std::size_t slot;
    int value;  // 1-based
    std::string text;
  };

  std::size_t object_index(int object, std::size_t slot) const {
    return vocabulary_.scene_slots() + static_cast<std::size_t>(object) * vocabulary_.object_slots() +
           (slot - vocabulary_.scene_slots());
  }

  std::optional<Meaning> meaning_of(const std::string& text) const {
    for (std::size_t s = 0; s < vocabulary_.slots.size(); ++s) {
      if (camera_slot_ && s == *camera_slot_) continue;
      for (std::size_t v = 0; v < vocabulary_.slots[s].values.size(); ++v) {
        if (s == kind_slot_ && v == 0) continue;  // "none" is never said
        if (contains(vocabulary_.slots[s].values[v].words, text)) return Meaning{s, static_cast<int>(v) + 1, text};
      }
    }
    return std::nullopt;
  }

  // "falling snow" and "snow falling" say nothing that snow does not; "ball falling" does.
  bool weather_falls(const PromptWord& word, const PromptWord* next) const {
    const auto motion = meaning_of(word.text);
    if (!weather_slot_ || !motion || motion->slot != motion_slot_) return false;
    if (vocabulary_.slots[motion_slot_].values[static_cast<std::size_t>(motion->value - 1)].name != "down")
      return false;
    const auto after = next ? meaning_of(next->text) : std::nullopt;
    if (after) return after->slot == *weather_slot_;
    return previous_slot_ == weather_slot_;
  }

  base::Status read_meaning(const std::string& text) {
    if (camera_slot_ && contains(vocabulary_.camera_words, text)) {
      camera_speaks_ = true;
      if (waiting_motion_ && last_in_phrase_ < 0) return give_camera(*std::exchange(waiting_motion_, {}));
      return {};
    }
    if (contains(vocabulary_.ignored, text)) return {};
    const auto meaning = meaning_of(text);
    FM_CHECK(meaning.has_value(), "unknown words are reported before any is read");
    said_anything_ = true;
    if (vocabulary_.slots[meaning->slot].scope == SlotScope::Scene) {
      camera_speaks_ = false;
      if (!waiting_.empty())
        return base::Error{"prompt.binding",
                           "'" + waiting_.front().text + "' binds to '" + text + "', which takes no " +
                               vocabulary_.slots[waiting_.front().slot].name,
                           "prompt", "put it before an object"};
      return put(meaning->slot, *meaning);
    }
    if (meaning->slot == kind_slot_) return begin_object(*meaning);
    if (meaning->slot == motion_slot_) return read_motion(*meaning);
    camera_speaks_ = false;
    waiting_.push_back(*meaning);
    return {};
  }

  base::Status read_motion(const Meaning& motion) {
    if (camera_speaks_) return give_camera(motion);
    if (last_in_phrase_ >= 0) return put(object_index(last_in_phrase_, motion_slot_), motion);
    if (waiting_motion_)
      return base::Error{"prompt.conflict", "'" + waiting_motion_->text + "' and '" + motion.text + "' are both said",
                         "prompt", "leave one of the two out"};
    waiting_motion_ = motion;
    return {};
  }

  base::Status give_camera(const Meaning& motion) {
    camera_speaks_ = false;
    const std::string& name = vocabulary_.slots[motion_slot_].values[static_cast<std::size_t>(motion.value - 1)].name;
    const auto& values = vocabulary_.slots[*camera_slot_].values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].name == name) {
        said_anything_ = true;
        return put(*camera_slot_, {*camera_slot_, static_cast<int>(i) + 1, motion.text});
      }
    }
    return base::Error{"prompt.binding", "the camera cannot move '" + motion.text + "'", "prompt", ""};
  }

  base::Status begin_object(const Meaning& kind) {
    camera_speaks_ = false;
    if (objects_ == vocabulary_.objects_max)
      return base::Error{
          "prompt.too_many",
          fmt::format("'{}' is one object more than the {} this model draws", kind.text, vocabulary_.objects_max),
          "prompt", ""};
    last_in_phrase_ = last_ = objects_++;
    FM_TRY(put(object_index(last_, kind_slot_), kind));
    for (const Meaning& quality : std::exchange(waiting_, {})) FM_TRY(put(object_index(last_, quality.slot), quality));
    if (waiting_motion_) FM_TRY(put(object_index(last_, motion_slot_), *std::exchange(waiting_motion_, {})));
    return {};
  }

  // A motion that met no object in its phrase is said of the object before the phrase.
  void end_phrase() {
    camera_speaks_ = false;
    if (waiting_motion_ && last_in_phrase_ < 0 && last_ >= 0 &&
        condition_.indices[object_index(last_, motion_slot_)] == 0) {
      condition_.indices[object_index(last_, motion_slot_)] = waiting_motion_->value;
      waiting_motion_.reset();
    }
    last_in_phrase_ = -1;
    previous_slot_.reset();
  }

  base::Status put(std::size_t index, const Meaning& meaning) {
    int& place = condition_.indices[index];
    if (place != 0 && place != meaning.value) {
      const auto& values = vocabulary_.slots[meaning.slot].values;
      return base::Error{
          "prompt.conflict",
          "'" + meaning.text + "' contradicts '" + values[static_cast<std::size_t>(place - 1)].name + "'", "prompt",
          "leave one of the two out"};
    }
    place = meaning.value;
    return {};
  }

  base::Status check_motions() const {
    for (int i = 0; i < objects_; ++i) {
      const int kind = condition_.indices[object_index(i, kind_slot_)],
                motion = condition_.indices[object_index(i, motion_slot_)];
      if (kind == 0 || motion == 0) continue;
      const std::string& name = vocabulary_.slots[kind_slot_].values[static_cast<std::size_t>(kind - 1)].name;
      const std::string& way = vocabulary_.slots[motion_slot_].values[static_cast<std::size_t>(motion - 1)].name;
      for (const auto& [limited, ways] : vocabulary_.motion_limits) {
        if (limited != name || contains(ways, way)) continue;
        std::string list;
        for (const std::string& allowed : ways) list += (list.empty() ? "" : ", ") + allowed;
        return base::Error{"prompt.binding", "a " + name + " does not move '" + way + "' here", "prompt",
                           "a " + name + " can be: " + list};
      }
    }
    return {};
  }

  const std::string& some_object() const {
    const auto& kinds = vocabulary_.slots[kind_slot_].values;
    return kinds.back().name;
  }

  const Vocabulary& vocabulary_;
  PromptUse use_;
  Condition condition_;
  std::size_t kind_slot_ = 0, motion_slot_ = 0;
  std::optional<std::size_t> camera_slot_, weather_slot_;
  std::optional<std::size_t> previous_slot_;  // of the last word of the phrase that says something
  int objects_ = 0, last_ = -1, last_in_phrase_ = -1;
  bool camera_speaks_ = false, said_anything_ = false;
  std::vector<Meaning> waiting_;           // colours and sizes before their noun
  std::optional<Meaning> waiting_motion_;  // a motion before its noun
};

// Every unknown word at once, each once: its author has one round to mend them.
base::Status check_known(const Vocabulary& vocabulary, const Reader& reader, const std::vector<PromptWord>& words) {
  constexpr std::size_t kToldMax = 8;
  std::vector<std::string> unknown;
  std::string list, hint;
  for (const PromptWord& word : words) {
    if (reader.knows(word.text) || contains(unknown, word.text)) continue;
    unknown.push_back(word.text);
    if (unknown.size() > kToldMax) continue;
    list += (list.empty() ? "" : ", ") + described(word);
    std::string near;
    for (const std::string& known : nearest_words(vocabulary, word.text, 3)) near += (near.empty() ? "" : ", ") + known;
    if (!near.empty()) hint += (hint.empty() ? "" : "; ") + ("nearest to " + described(word) + ": ") + near;
  }
  if (unknown.empty()) return {};
  if (unknown.size() > kToldMax) list += fmt::format(" and {} more", unknown.size() - kToldMax);
  return base::Error{"prompt.unknown_word",
                     list + (unknown.size() == 1 ? " is not a word" : " are not words") + " of the model's vocabulary",
                     "prompt", hint};
}

}  // namespace

std::vector<std::string> nearest_words(const Vocabulary& vocabulary, std::string_view word, std::size_t count) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const VocabularySlot& slot : vocabulary.slots) {
    for (const VocabularyValue& value : slot.values) {
      for (const std::string& known : value.words) {
        const std::size_t distance = base::edit_distance(word, known);
        if (known != "none" && distance <= base::edits_max(word)) ranked.emplace_back(distance, known);
      }
    }
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.erase(std::unique(ranked.begin(), ranked.end()), ranked.end());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < ranked.size() && i < count; ++i) out.push_back(ranked[i].second);
  return out;
}

base::Result<Condition> parse_prompt(const Vocabulary& vocabulary, std::string_view prompt, PromptUse use) {
  if (prompt.size() > kPromptBytesMax)
    return base::Error{"prompt.length",
                       fmt::format("the prompt has {} bytes; the limit is {}", prompt.size(), kPromptBytesMax),
                       "prompt", "shorten it"};
  FM_ASSIGN(const std::vector<PromptWord> words, prompt_words(prompt));
  Reader reader(vocabulary, use);
  FM_TRY(check_known(vocabulary, reader, words));
  for (auto word = words.begin(); word != words.end(); ++word) {
    const bool last = word->ends_phrase || std::next(word) == words.end();
    FM_TRY(reader.read(*word, last ? nullptr : &*std::next(word)));
  }
  return reader.finish();
}

std::string prompt_from(const Vocabulary& vocabulary, const Condition& condition) {
  FM_CHECK(condition.indices.size() == vocabulary.condition_size(), "a condition of another vocabulary");
  const auto name = [&](std::size_t slot, std::size_t at) -> std::string {
    const int value = condition.indices[at];
    return value == 0 ? std::string() : vocabulary.slots[slot].values[static_cast<std::size_t>(value - 1)].name;
  };
  std::string out;
  const auto phrase = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  const std::size_t scene = vocabulary.scene_slots();
  for (std::size_t slot = 0; slot < scene; ++slot) {
    const std::string value = name(slot, slot);
    if (value.empty()) continue;
    phrase(vocabulary.slots[slot].name == "camera" ? "camera " + value : value);
  }
  for (int object = 0; object < vocabulary.objects_max; ++object) {
    std::string before, noun, after;
    for (std::size_t slot = scene; slot < vocabulary.slots.size(); ++slot) {
      const std::string value =
          name(slot, scene + static_cast<std::size_t>(object) * vocabulary.object_slots() + (slot - scene));
      if (value.empty()) continue;
      if (vocabulary.slots[slot].name == "kind")
        noun = value;
      else if (vocabulary.slots[slot].name == "motion")
        after = " " + value;
      else
        before += value + " ";
    }
    if (!noun.empty() && noun != "none") phrase(before + noun + after);
  }
  return out;
}

}  // namespace framemill::models
