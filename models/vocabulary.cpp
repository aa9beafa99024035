// parse_vocabulary: the strict reader of vocabulary.toml.
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "models/prompt.h"

#include <fmt/format.h>

namespace framemill::models {
namespace {

constexpr std::size_t kSlotsMax = 32, kValuesMax = 256, kWordsMax = 64, kWordBytesMax = 32;

base::Error bad_vocabulary(std::string reason, std::string field = "") {
  return {"model.vocabulary", "vocabulary: " + std::move(reason), std::move(field), ""};
}

base::Status check_keys(const toml::table& table, const std::set<std::string_view>& known, const std::string& field) {
  for (const auto& [key, node] : table) {
    if (!known.contains(key.str())) return bad_vocabulary("unknown key '" + std::string(key.str()) + "'", field);
  }
  return {};
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kWordBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '\''; });
}

base::Result<std::vector<std::string>> read_words(const toml::node* node, const std::string& field, std::size_t max) {
  const toml::array* array = node ? node->as_array() : nullptr;
  if (!array) return bad_vocabulary("'" + field + "' must be a list of words", field);
  if (array->size() > max) return bad_vocabulary(fmt::format("'{}' has more than {} words", field, max), field);
  std::vector<std::string> words;
  for (const toml::node& entry : *array) {
    const auto word = entry.value<std::string>();
    if (!word || !is_word(*word))
      return bad_vocabulary("'" + field + "' holds something that is not a lower-case word", field);
    words.push_back(*word);
  }
  return words;
}

base::Result<VocabularySlot> read_slot(const toml::node& node, const std::string& field) {
  const toml::table* table = node.as_table();
  if (!table) return bad_vocabulary("a slot is a table", field);
  FM_TRY(check_keys(*table, {"name", "scope", "values"}, field));
  VocabularySlot slot;
  slot.name = (*table)["name"].value_or(std::string());
  const std::string scope = (*table)["scope"].value_or(std::string());
  if (!is_word(slot.name)) return bad_vocabulary("a slot wants a name", field);
  if (scope != "scene" && scope != "object") return bad_vocabulary("scope is 'scene' or 'object'", field + ".scope");
  slot.scope = scope == "scene" ? SlotScope::Scene : SlotScope::Object;
  const toml::array* values = (*table)["values"].as_array();
  if (!values || values->empty() || values->size() > kValuesMax)
    return bad_vocabulary("a slot must have 1 to 256 values", field);
  for (const toml::node& value : *values) {
    FM_ASSIGN(std::vector<std::string> words, read_words(&value, field + ".values", kWordsMax));
    if (words.empty()) return bad_vocabulary("a value wants a name", field + ".values");
    slot.values.push_back({words.front(), std::move(words)});
  }
  return slot;
}

const VocabularySlot* slot_named(const Vocabulary& vocabulary, std::string_view name) {
  for (const VocabularySlot& slot : vocabulary.slots) {
    if (slot.name == name) return &slot;
  }
  return nullptr;
}

// Words mean one thing, the slots the grammar needs are there, motion limits name what exists.
base::Status check_whole(const Vocabulary& vocabulary) {
  std::set<std::string> seen;
  bool object_seen = false;
  for (const VocabularySlot& slot : vocabulary.slots) {
    if (slot.scope == SlotScope::Object) object_seen = true;
    if (slot.scope == SlotScope::Scene && object_seen) return bad_vocabulary("scene slots come before object slots");
    if (slot.name == "camera") continue;  // shares its words with motion: the grammar tells them apart
    for (const VocabularyValue& value : slot.values) {
      for (const std::string& word : value.words) {
        if (!seen.insert(word).second) return bad_vocabulary("'" + word + "' has two meanings");
      }
    }
  }
  for (std::string_view name : {"kind", "motion"}) {
    const VocabularySlot* slot = slot_named(vocabulary, name);
    if (!slot || slot->scope != SlotScope::Object)
      return bad_vocabulary("an object slot '" + std::string(name) + "' is needed");
  }
  if (slot_named(vocabulary, "kind")->values.front().name != "none")
    return bad_vocabulary("the first value of kind is 'none'");
  const auto has = [&](std::string_view slot, const std::string& value) {
    const auto& values = slot_named(vocabulary, slot)->values;
    return std::any_of(values.begin(), values.end(), [&](const VocabularyValue& v) { return v.name == value; });
  };
  for (const auto& [kind, motions] : vocabulary.motion_limits) {
    if (!has("kind", kind)) return bad_vocabulary("motion_limits names the unknown kind '" + kind + "'");
    for (const std::string& motion : motions) {
      if (!has("motion", motion)) return bad_vocabulary("motion_limits names the unknown motion '" + motion + "'");
    }
  }
  return {};
}

}  // namespace

std::size_t Vocabulary::scene_slots() const {
  return static_cast<std::size_t>(
      std::count_if(slots.begin(), slots.end(), [](const VocabularySlot& s) { return s.scope == SlotScope::Scene; }));
}

std::size_t Vocabulary::object_slots() const {
  return slots.size() - scene_slots();
}

base::Result<Vocabulary> parse_vocabulary(std::string_view text) {
  if (text.size() > kVocabularyBytesMax) return bad_vocabulary("larger than 256 KiB");
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return bad_vocabulary(fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
  FM_TRY(check_keys(root, {"format", "objects_max", "ignored", "camera_words", "slot", "motion_limits"}, ""));
  if (root["format"].value_or(0) != 1) return bad_vocabulary("format 1 is the one that is known", "format");
  Vocabulary vocabulary;
  vocabulary.objects_max = static_cast<int>(root["objects_max"].value_or(std::int64_t{-1}));
  if (vocabulary.objects_max < 0 || vocabulary.objects_max > 16)
    return bad_vocabulary("objects_max is 0 to 16", "objects_max");
  FM_ASSIGN(vocabulary.ignored, read_words(root.get("ignored"), "ignored", 1024));
  FM_ASSIGN(vocabulary.camera_words, read_words(root.get("camera_words"), "camera_words", kWordsMax));
  const toml::array* slots = root["slot"].as_array();
  if (!slots || slots->empty() || slots->size() > kSlotsMax) return bad_vocabulary("1 to 32 slots are needed", "slot");
  for (std::size_t i = 0; i < slots->size(); ++i) {
    FM_ASSIGN(VocabularySlot slot, read_slot((*slots)[i], fmt::format("slot[{}]", i)));
    vocabulary.slots.push_back(std::move(slot));
  }
  if (const toml::table* limits = root["motion_limits"].as_table()) {
    for (const auto& [key, node] : *limits) {
      const std::string kind(key.str());
      FM_ASSIGN(std::vector<std::string> motions, read_words(&node, "motion_limits." + kind, kWordsMax));
      vocabulary.motion_limits.emplace_back(kind, std::move(motions));
    }
  }
  FM_TRY(check_whole(vocabulary));
  return vocabulary;
}

}  // namespace framemill::models
