// The whole way from a text to a job spec or its errors: limits, tree, overrides, then one pass that collects
// everything.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "config/encoding.h"
#include "jobs/kind.h"
#include "jobs/spec_overrides.h"

namespace framemill::jobs {
namespace {

constexpr std::string_view kApi = "framemill/v1";

void read_identity(SpecTable& table, JobSpec& job) {
  table.require("api", "api = \"framemill/v1\"");
  const auto api = table.text("api", TextRule::Line);
  if (api && *api != kApi)
    table.fail("api", "not_an_api",
               fmt::format("\"{}\" is not an API version that this farm supports", printable(*api)), std::string(kApi));
  table.require("name", "the job's name");
  const std::optional<std::string> name = table.text("name", TextRule::Line);
  job.name = name.value_or("");
  constexpr std::size_t kNameMax = 128;
  if (name && name->find_first_not_of(' ') == std::string::npos)
    table.fail("name", "out_of_range", "the name is empty", "a name that people will recognise in the list of jobs");
  if (table.has("name") && job.name.size() > kNameMax)
    table.fail("name", "out_of_range",
               fmt::format("the name has {} bytes; the limit is {}", job.name.size(), kNameMax));
  table.require("show", "the show's short name");
  job.show = table.text("show", TextRule::Word).value_or("");
  job.sequence = table.text("sequence", TextRule::Word).value_or("");
  job.shot = table.text("shot", TextRule::Word).value_or("");
}

void read_version(SpecTable& table, JobSpec& job) {
  constexpr std::int64_t kVersionMax = 999'999;
  const Node* version = table.take("version");
  if (version == nullptr) return;
  if (version->type == Node::Type::String) {
    if (version->text != "next")
      table.fail("version", "unknown_value", fmt::format("\"{}\" is not a version", printable(version->text)),
                 "an integer from 1, or \"next\"");
  } else if (const auto number = table.integer("version", 1, kVersionMax)) {
    job.version = static_cast<std::uint32_t>(*number);
  }
}

void read_rest(SpecTable& table, JobDraft& draft, Findings& errors) {
  JobSpec& job = draft.job;
  job.priority = static_cast<std::int32_t>(table.integer("priority", 0, 100).value_or(job.priority));
  read_when(table, job, errors);
  job.fps = read_rate(table, "fps");
  job.tags = table.texts("tags", TextRule::Line, 64).value_or(job.tags);
  for (std::size_t i = 0; i < job.tags.size(); ++i)
    if (job.tags[i].size() > 128)
      table.fail(fmt::format("tags[{}]", i), "out_of_range", "a tag is longer than 128 bytes");
  draft.own_range = table.frame_span("shot_range");
  draft.frames_failed = table.has("shot_range") && !draft.own_range;
  job.handles = read_handles(table).value_or(0);
  read_version(table, job);
}

void read_layers(SpecTable& table, JobDraft& draft, Findings& errors) {
  // One [layer] with single brackets, or "layers", is an error; what is in it is checked all the same.
  const Node* single = table.has("layer") ? table.value("layer") : nullptr;
  if (single != nullptr && single->type == Node::Type::Table)
    draft.layers.push_back(read_layer(*single, 0, draft.job, errors));
  const Node* misnamed = table.has("layer") ? nullptr : table.value("layers");
  if (misnamed != nullptr && misnamed->type == Node::Type::Array && !misnamed->items.empty())
    table.allow("layer");
  else
    misnamed = nullptr;
  const Node* layers = misnamed != nullptr ? misnamed : table.array("layer", kLayersMax);
  if (layers == nullptr || layers->items.empty()) {
    if (!table.has("layer") || layers != nullptr)
      table.fail("layer", "no_layers", "a job needs at least one layer", "[[layer]]");
    return;
  }
  for (std::size_t i = 0; i < std::min(layers->items.size(), kLayersMax); ++i) {
    const Node& item = layers->items[i];
    if (item.type == Node::Type::Table)
      draft.layers.push_back(read_layer(item, i, draft.job, errors));
    else
      errors.add("wrong_type", item.position, fmt::format("layer[{}]", i),
                 fmt::format("this is {}", config::name(item.type)), "a table");
  }
}

void keep_old_meaning(Node& root) {
  const auto layers =
      std::find_if(root.members.begin(), root.members.end(), [](auto& m) { return m.first == "layer"; });
  if (layers == root.members.end()) return;
  for (Node& layer : layers->second.items) {
    const Node* word = layer.find("kind");
    const auto kind = word == nullptr ? std::nullopt : layer_kind_from_name(word->text);
    if (kind) kind_of(*kind).keep_old_meaning(layer);
  }
}

void check_tree(const Node& root, JobDraft& draft, Findings& errors) {
  SpecTable table(root, "", errors);
  read_identity(table, draft.job);
  draft.has_shot_key = table.has("shot");
  read_rest(table, draft, errors);
  read_layers(table, draft, errors);
  table.finish();
  settle_ranges(draft, errors);
  check_links(draft, errors);
  settle_inherited(draft, errors);
  check_outputs(draft, errors);
}

void gather_positions(const Node& node, const std::string& field, std::map<std::string, SpecPosition>& out) {
  if (node.position.line) out.emplace(field, SpecPosition{node.position.line, node.position.column});
  for (std::size_t i = 0; i < node.items.size(); ++i)
    gather_positions(node.items[i], fmt::format("{}[{}]", field, i), out);
  for (const auto& [key, member] : node.members) gather_positions(member, field.empty() ? key : field + "." + key, out);
}

// What was found, as errors of a spec.
SpecError spec_error(config::Finding&& finding) {
  return {"spec." + finding.code,
          finding.line,
          finding.column,
          std::move(finding.field),
          std::move(finding.message),
          std::move(finding.expected),
          std::move(finding.suggestion)};
}

std::vector<SpecError> spec_errors(Findings& findings) {
  std::vector<SpecError> errors;
  for (config::Finding& finding : findings.take()) errors.push_back(spec_error(std::move(finding)));
  return errors;
}

ParsedSpec refused(Findings& findings) {
  ParsedSpec out;
  out.errors = spec_errors(findings);
  return out;
}

}  // namespace

void locate(std::vector<SpecError>& errors, const std::map<std::string, SpecPosition>& positions) {
  for (SpecError& error : errors) {
    if (error.line || error.field.empty()) continue;
    // What is not written in the text (a default, an override) is told at the layer or table around it.
    std::string field = error.field;
    auto found = positions.find(field);
    for (std::size_t end = field.find_last_of(".["); found == positions.end() && end != std::string::npos && end > 0;
         end = field.find_last_of(".[")) {
      field.resize(end);
      found = positions.find(field);
    }
    if (found == positions.end()) continue;
    error.line = found->second.line;
    error.column = found->second.column;
  }
}

SpecFormat detected_format(std::string_view text) {
  text = config::without_bom(text);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' ? SpecFormat::Json : SpecFormat::Toml;
}

std::optional<SpecError> encoding_error(std::string_view text) {
  auto finding = config::encoding_error(text);
  return finding ? std::optional(spec_error(*std::move(finding))) : std::nullopt;
}

namespace {
ParsedSpec parse(std::string_view text, SpecFormat format, const SpecOverrides& overrides, bool is_stored) {
  text = config::without_bom(text);  // which editors leave
  if (format == SpecFormat::Detect) format = detected_format(text);
  Findings errors(format == SpecFormat::Json ? Language::Json : Language::Toml);
  if (text.size() > config::kBytesMax) {
    errors.add("too_large", {}, "",
               fmt::format("the spec has {} bytes; the limit is {}", text.size(), config::kBytesMax));
    return refused(errors);
  }
  if (auto error = config::encoding_error(text)) {
    errors.add(*std::move(error));
    return refused(errors);
  }
  config::TreeResult tree =
      format == SpecFormat::Json ? config::tree_from_json(text) : config::tree_from_toml(text, {.lists = {"layer"}});
  if (tree.error) errors.add(std::move(*tree.error));
  for (config::Finding& finding : tree.findings) errors.add(std::move(finding));
  if (!tree.root) return refused(errors);
  apply_overrides(*tree.root, overrides, errors);
  if (is_stored) keep_old_meaning(*tree.root);
  JobDraft draft;
  draft.is_stored = is_stored;
  check_tree(*tree.root, draft, errors);
  config::report_mends(*tree.root, "", errors);

  ParsedSpec out;
  gather_positions(*tree.root, "", out.positions);
  out.errors = spec_errors(errors);
  for (LayerDraft& layer : draft.layers) {
    const auto index = static_cast<LayerIndex>(draft.job.layers.size());
    const bool in_windows = layer.kind_known && traits(layer.layer.kind).uses_model;
    if (in_windows && layer.node->find("plan") == nullptr) out.plans_left_out.push_back(index);
    if (in_windows && !layer.own_range && !draft.own_range) out.ranges_left_out.push_back(index);
    draft.job.layers.push_back(std::move(layer.layer));
  }
  if (out.errors.empty())
    out.spec = std::move(draft.job);
  else
    out.readable = std::move(draft.job);
  return out;
}

}  // namespace

ParsedSpec parse_spec(std::string_view text, SpecFormat format, const SpecOverrides& overrides) {
  return parse(text, format, overrides, false);
}

ParsedSpec parse_stored_spec(std::string_view json) {
  return parse(json, SpecFormat::Json, {}, true);
}

}  // namespace framemill::jobs
