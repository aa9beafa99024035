// parse_vocabulary: the strict reader of vocabulary.toml.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/settings.h"
#include "config/text_rules.h"
#include "models/prompt.h"

namespace framemill::models {
namespace {

using config::SettingsTable;

constexpr std::size_t kSlotsMax = 32, kValuesMax = 256, kWordsMax = 64, kWordBytesMax = 32, kIgnoredMax = 1024;

base::Error bad_vocabulary(std::string reason, std::string field = "") {
  return {"model.vocabulary", "vocabulary: " + std::move(reason), std::move(field), ""};
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kWordBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '\''; });
}

void check_words(SettingsTable& table, const std::string& key, const std::vector<std::string>& words, std::size_t max) {
  if (words.size() > max) table.fail(key, "too_large", fmt::format("{} words; the limit is {}", words.size(), max));
  for (const std::string& word : words)
    if (!is_word(word))
      table.fail(key, "bad_word", fmt::format("\"{}\" is not a lower-case word", config::printable(word)),
                 fmt::format("1 to {} of a-z, - and '", kWordBytesMax));
}

std::vector<std::string> read_words(SettingsTable& table, const std::string& key, std::size_t max) {
  std::vector<std::string> words;
  table.texts(key, words);
  check_words(table, key, words, max);
  return words;
}

VocabularySlot read_slot(SettingsTable& table) {
  VocabularySlot slot;
  table.require("name", "a lower-case word");
  table.text("name", slot.name);
  if (!slot.name.empty()) check_words(table, "name", {slot.name}, 1);
  table.require("scope", "scene or object");
  slot.scope = table.choice("scope", {"scene", "object"}) == 1u ? SlotScope::Object : SlotScope::Scene;
  table.require("values", fmt::format("an array of 1 to {} arrays of words", kValuesMax));
  std::vector<std::vector<std::string>> values;
  table.lists("values", kValuesMax, values);
  if (values.empty() && table.has("values")) table.fail("values", "out_of_range", "there are no values");
  for (std::size_t i = 0; i < values.size(); ++i) {
    check_words(table, fmt::format("values[{}]", i), values[i], kWordsMax);
    if (values[i].empty())
      table.fail(fmt::format("values[{}]", i), "out_of_range", "there are no words", "the name of the value first");
    else
      slot.values.push_back({values[i].front(), std::move(values[i])});
  }
  return slot;
}

void read_vocabulary(SettingsTable& root, Vocabulary& vocabulary) {
  root.require("format", "format = 1");
  root.integer("format", 1, 1);
  root.require("objects_max", "an integer, 0 to 16");
  vocabulary.objects_max = static_cast<int>(root.integer("objects_max", 0, 16).value_or(0));
  root.require("ignored", "an array of words");
  vocabulary.ignored = read_words(root, "ignored", kIgnoredMax);
  root.require("camera_words", "an array of words");
  vocabulary.camera_words = read_words(root, "camera_words", kWordsMax);
  root.require("slot", fmt::format("1 to {} [[slot]]", kSlotsMax));
  root.tables("slot", kSlotsMax, [&](SettingsTable& table) { vocabulary.slots.push_back(read_slot(table)); });
  if (vocabulary.slots.empty() && root.has("slot")) root.fail("slot", "out_of_range", "there are no slots");
  root.table("motion_limits", [&](SettingsTable& limits) {
    for (const std::string& kind : limits.keys())
      vocabulary.motion_limits.emplace_back(kind, read_words(limits, kind, kWordsMax));
  });
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
  Vocabulary vocabulary;
  const config::SettingsForm form{.code = "model.vocabulary",
                                  .lists = {"slot"},
                                  .bytes_max = kVocabularyBytesMax,
                                  .unknown_key_hint = "see docs/model-package.md"};
  const base::Status read =
      config::read_settings(text, form, [&](SettingsTable& root) { read_vocabulary(root, vocabulary); });
  if (!read.ok()) return read.error().wrapped("vocabulary");
  FM_TRY(check_whole(vocabulary));
  return vocabulary;
}

}  // namespace framemill::models
