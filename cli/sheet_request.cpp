#include "cli/sheet_request.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "base/sha256.h"
#include "cli/kind_traits.h"
#include "jobs/file_kind.h"
#include "jobs/frame_range.h"
#include "wire/farm.pb.h"

namespace framemill::cli {
namespace {

struct Chosen {
  std::string layer;
  std::int64_t variant = 0;
  auto operator<=>(const Chosen&) const = default;
};

// What the sheet tells of a layer beside its frames, from the canonical spec.
struct LayerText {
  std::string prompt, model;
};

struct SpecTexts {
  std::map<std::string, LayerText> layers;
  std::set<Chosen> chosen;  // variants that a generate layer starts from
};

base::Status take_inputs(JsonReader& layer, SpecTexts& texts) {
  for (const json::value& item : layer.list("input")) {
    JsonReader input(item, "input");
    const std::string from = input.text_or_empty("layer");
    const std::int64_t variant = input.optional_integer("variant").value_or(0);
    FM_TRY(input.status());
    if (!from.empty()) texts.chosen.insert({from, variant});
  }
  return {};
}

base::Result<SpecTexts> read_spec(const json::value& spec) {
  SpecTexts texts;
  JsonReader reader(spec, "spec");
  for (const json::value& item : reader.list("layer")) {
    JsonReader layer(item, "layer");
    const std::string name = layer.text("name"), kind = layer.text("kind");
    if (layer_is(kind, &jobs::LayerTraits::uses_model)) {
      texts.layers[name] = {layer.text_or_empty("prompt"), layer.text_or_empty("model")};
      if (const json::object* object = item.if_object(); object && object->contains("input"))
        FM_TRY(take_inputs(layer, texts));
    }
    FM_TRY(layer.status());
  }
  FM_TRY(reader.status());
  return texts;
}

base::Result<std::map<std::string, base::Sha256>> read_models(const json::array& list) {
  std::map<std::string, base::Sha256> models;
  for (const json::value& item : list) {
    JsonReader reader(item, "model");
    const std::string id = reader.text("id");
    const auto digest = base::Sha256::from_hex(reader.text("digest"));
    FM_TRY(reader.status());
    if (digest) models[id] = *digest;
  }
  return models;
}

// First frames of the windows after the first, as far as the frames reach.
void add_joins(const json::value& grid, const jobs::FrameSet& frames, wire::SheetRow& row) {
  if (grid.is_null() || frames.empty()) return;
  JsonReader reader(grid, "grid");
  const std::int64_t origin = reader.integer("origin"), context = reader.integer("context_frames");
  const std::int64_t stride = reader.integer("window_frames") - context, windows = reader.integer("windows");
  if (!reader.status().ok() || stride < 1) return;
  for (std::int64_t w = 1; w < windows; ++w) {
    const std::int64_t first = origin + w * stride + context;
    if (first > frames.last()) break;
    if (first > frames.first()) row.add_window_joins(static_cast<std::int32_t>(first));
  }
}

// One row per variant whose frames the plan writes; none for a command that makes one file of all frames.
base::Status add_layer(JsonReader& layer, const SpecTexts& texts, const std::map<std::string, base::Sha256>& models,
                       std::int64_t version, wire::SheetRecipe& sheet) {
  const std::string name = layer.text("name"), shot = layer.text("shot");
  const std::int64_t index = layer.integer("index");
  const json::array& seeds = layer.list("seeds");
  const json::value& grid = layer.field("grid");
  for (const json::value& item : layer.list("phases")) {
    JsonReader phase(item, "phase");
    const std::string kind = phase.text("kind");
    const std::int64_t variant = phase.integer("variant");
    const std::string written = phase.text_or_empty("frames");
    FM_TRY(phase.status());
    if (!phase_is(kind, &jobs::PhaseTraits::writes_frames) || written.empty()) continue;
    const auto frames = jobs::FrameSet::parse(written);
    if (!frames.ok()) return frames.error();
    wire::SheetRow& row = *sheet.add_rows();
    row.set_shot(shot);
    row.set_layer(name);
    row.set_layer_index(static_cast<std::uint32_t>(index));
    row.set_variant(static_cast<std::uint32_t>(variant));
    row.set_version(static_cast<std::uint32_t>(version));
    row.set_frames(frames->text());
    row.set_chosen(texts.chosen.contains({name, variant}));
    if (variant >= 0 && static_cast<std::size_t>(variant) < seeds.size() &&
        seeds[static_cast<std::size_t>(variant)].is_number())
      row.set_seed(seeds[static_cast<std::size_t>(variant)].to_number<std::uint64_t>());
    if (const auto text = texts.layers.find(name); text != texts.layers.end()) {
      row.set_prompt(text->second.prompt);
      row.set_model(text->second.model);
      if (const auto model = models.find(text->second.model); model != models.end())
        row.set_model_digest(model->second.bytes.data(), model->second.bytes.size());
    }
    add_joins(grid, *frames, row);
  }
  return layer.status();
}

// A tile says "missing" or shows its frame: what cannot be shown is refused instead.
base::Status check_formats(const std::vector<FrameView>& frames, const std::map<std::string, std::string>& shots) {
  for (const FrameView& frame : frames) {
    if (frame.kind != "frame" || frame.state != "published" || !shots.contains(frame.layer)) continue;
    if (jobs::file_kind(frame.path) == jobs::FileKind::FrameFile) continue;
    return base::Error{"sheet.format",
                       fmt::format("the frames of layer '{}' are neither EXR nor PNG files ({})",
                                   printable(frame.layer), printable(frame.path)),
                       "--layer", "name another layer"};
  }
  return {};
}

void add_inputs(const std::vector<FrameView>& frames, const std::map<std::string, std::string>& shots,
                std::int64_t version, wire::Grant& grant) {
  for (const FrameView& frame : frames) {
    const auto shot = shots.find(frame.layer);
    if (frame.kind != "frame" || frame.state != "published" || !frame.frame || shot == shots.end()) continue;
    wire::InputFile& input = *grant.add_inputs();
    input.set_role(wire::InputFile::FRAME);
    input.set_root(frame.root);
    input.set_path(frame.path);
    input.set_size_bytes(static_cast<std::uint64_t>(frame.size_bytes));
    if (const auto digest = base::Sha256::from_hex(frame.sha256))
      input.set_sha256(digest->bytes.data(), digest->bytes.size());
    input.set_frame(static_cast<std::int32_t>(*frame.frame));
    input.set_for_all_tasks(true);
    input.set_layer(frame.layer);
    input.set_variant(static_cast<std::uint32_t>(frame.variant));
    input.set_shot(shot->second);
    input.set_version(static_cast<std::uint32_t>(version));
  }
}

}  // namespace

base::Result<std::string> sheet_request(const json::value& plan, const std::vector<FrameView>& frames,
                                        const SheetWish& wish) {
  JsonReader reader(plan, "plan");
  const std::int64_t version = reader.integer("version");
  const json::array& layers = reader.list("layers");
  FM_ASSIGN(const auto models, read_models(reader.list("models")));
  FM_ASSIGN(const SpecTexts texts, read_spec(reader.field("spec")));
  FM_TRY(reader.status());

  wire::Grant grant;
  grant.mutable_tasks()->set_count(1);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show(wish.show);
  recipe.set_layer("sheet");
  recipe.set_version(static_cast<std::uint32_t>(version));
  recipe.set_output_printf(kSheetFileName);
  wire::SheetRecipe& sheet = *recipe.mutable_sheet();
  sheet.set_every(static_cast<std::int32_t>(wish.every));
  sheet.set_tile(static_cast<std::int32_t>(wish.tile));
  std::map<std::string, std::string> shots;  // of the layers shown
  for (const json::value& item : layers) {
    JsonReader layer(item, "layer");
    const std::string name = layer.text("name");
    if (layer_is(layer.text("kind"), &jobs::LayerTraits::takes_frames) && (wish.layer.empty() || wish.layer == name)) {
      shots[name] = layer.text("shot");
      FM_TRY(add_layer(layer, texts, models, version, sheet));
    }
    FM_TRY(layer.status());
  }
  if (sheet.rows_size() == 0)
    return base::Error{"sheet.nothing",
                       wish.layer.empty() ? "the job has no layer that makes frames"
                                          : fmt::format("no layer '{}' makes frames", printable(wish.layer)),
                       "--layer",
                       {}};
  FM_TRY(check_formats(frames, shots));
  add_inputs(frames, shots, version, grant);
  return grant.SerializeAsString();
}

}  // namespace framemill::cli
