// Reading the keys of a layer that its kind alone has.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "jobs/command_tokens.h"
#include "jobs/nearest.h"
#include "jobs/spec_draft.h"
#include "jobs/spec_values.h"

namespace framemill::jobs {
namespace {

void read_model(TableReader& table, GenerateSpec& work) {
  table.require("model", "a package such as demo-clips@1");
  const auto model = table.text("model", TextRule::Line);
  if (!model) return;
  const std::size_t at = model->find('@');
  const bool good =
      at != std::string::npos && is_safe_word(model->substr(0, at)) && is_safe_word(model->substr(at + 1));
  // A name without its version is kept, so that the package that was meant can be found.
  if (good || is_safe_word(*model)) work.model = *model;
  if (!good)
    table.fail("model", "bad_model", fmt::format("\"{}\" does not name a model package", printable(*model)),
               "name@version, as in demo-clips@1");
}

// `variants = N` takes seed, seed+1 ..; a list names the seeds.
void read_variants(TableReader& table, GenerateSpec& work) {
  const SpecNode* variants = table.take("variants");
  if (variants != nullptr && variants->type == SpecNode::Type::Array) {
    if (variants->items.empty() || variants->items.size() > kVariantsMax)
      return table.fail("variants", "out_of_range", fmt::format("{} variants", variants->items.size()),
                        fmt::format("1 to {} seeds", kVariantsMax));
    if (table.has("seed"))
      return table.fail("variants", "conflicting_keys", "a list of variants names its seeds, and \"seed\" is given too",
                        "one of the two");
    std::set<std::uint64_t> seen;
    for (const SpecNode& item : variants->items) {
      if (item.type == SpecNode::Type::BigInteger)
        return table.fail("variants", "out_of_range", fmt::format("{} is not a seed", printable(item.text)),
                          fmt::format("integers, 0 to {}", INT64_MAX));
      if (item.type != SpecNode::Type::Integer)
        return table.fail("variants", "wrong_type", fmt::format("a seed is {}", jobs::name(item.type)),
                          "seeds are integers from 0");
      if (item.integer < 0)
        return table.fail("variants", "out_of_range", fmt::format("{} is not a seed", item.integer),
                          "seeds are integers from 0");
      if (!seen.insert(static_cast<std::uint64_t>(item.integer)).second)
        return table.fail("variants", "duplicate_seed", fmt::format("seed {} is given twice", item.integer),
                          "each variant has its own seed");
      work.variant_seeds.push_back(static_cast<std::uint64_t>(item.integer));
    }
    work.seed = work.variant_seeds.front();
    return;
  }
  const auto count = table.integer("variants", 1, kVariantsMax).value_or(1);
  if (work.seed > static_cast<std::uint64_t>(INT64_MAX) - static_cast<std::uint64_t>(count - 1))
    return table.fail("seed", "out_of_range", "the last variant's seed is beyond 2^63-1", "a smaller seed");
  for (std::int64_t i = 0; i < count; ++i) work.variant_seeds.push_back(work.seed + static_cast<std::uint64_t>(i));
}

GenerateSpec read_generate(TableReader& table) {
  GenerateSpec work;
  read_model(table, work);
  work.prompt = table.text("prompt", TextRule::Prose).value_or("");
  work.negative_prompt = table.text("negative_prompt", TextRule::Prose).value_or("");
  work.seed = static_cast<std::uint64_t>(table.integer("seed", 0, INT64_MAX).value_or(1));
  if (const auto steps = table.integer("steps", 1, 10'000)) work.steps = static_cast<std::uint32_t>(*steps);
  work.guidance = table.number("guidance", 0, 1'000);
  work.plan = table.choice_of("plan", {PlanStrategy::Independent, PlanStrategy::Chain}).value_or(work.plan);
  work.format = table.choice_of("format", {FrameFormat::Exr, FrameFormat::Png}).value_or(work.format);
  read_variants(table, work);
  return work;
}

// Braces that are no token are the program's own business; a word that is nearly a token is a slip.
void check_argument(const TableReader& table, const std::string& argument, std::size_t index) {
  for (const ArgumentPart& part : parts_of(argument)) {
    if (!part.token.empty()) continue;
    const std::string_view text = part.text;
    for (std::size_t open = 0; (open = text.find('{', open)) != std::string_view::npos; ++open) {
      const std::size_t close = text.find_first_of("{}", open + 1);
      if (close == std::string_view::npos) break;
      const std::string_view word = text.substr(open + 1, close - open - 1);
      const bool is_word = text[close] == '}' && std::all_of(word.begin(), word.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || c == '_' || c == ':' || (c >= '0' && c <= '9');
                           });
      const std::string meant = is_word ? nearest(word.substr(0, word.find(':')), command_tokens()) : std::string();
      if (meant.empty()) continue;
      table.fail(fmt::format("argv[{}]", index), "unknown_token",
                 fmt::format("{{{}}} is not a token of a command", printable(word)),
                 fmt::format("{{{}}}", fmt::join(command_tokens(), "} {")), meant);
    }
  }
}

// The last part of a path, if that could be a program's name.
std::string program_meant(const std::string& path) {
  const std::string name = path.substr(path.find_last_of("/\\") + 1);  // npos + 1 is the whole
  return is_safe_word(name) ? name : std::string();
}

// "all", or "-1..+1": frames around those that a task writes.
void read_needs_frames(TableReader& table, CommandSpec& work) {
  const auto written = table.text("needs_frames", TextRule::Line);
  if (!written) return;
  FrameReach reach;
  reach.all = *written == "all";
  const auto number = [](std::string_view text, std::int32_t& out) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && fault == std::errc() && end == text.data() + text.size();
  };
  const std::size_t dots = written->find("..");
  const std::string_view text = *written;
  const bool is_range =
      dots != std::string::npos && number(text.substr(0, dots), reach.lo) && number(text.substr(dots + 2), reach.hi);
  if (!reach.all && !is_range)
    return table.fail("needs_frames", "bad_frames",
                      fmt::format("\"{}\" does not say which frames of the input a task reads", printable(*written)),
                      "\"-1..+1\" for its own frame and its neighbours, or \"all\"");
  if (reach.lo > 0 || reach.hi < 0 || reach.lo < -kFrameReachMax || reach.hi > kFrameReachMax)
    return table.fail("needs_frames", "out_of_range",
                      fmt::format("\"{}\" is not a range around the frame itself", printable(*written)),
                      fmt::format("from -{0}..0 to 0..+{0}", kFrameReachMax));
  work.needs_frames = reach;
}

// "1920x1080"
std::optional<PictureSize> read_picture_size(TableReader& table) {
  const auto text = table.text("size", TextRule::Line);
  if (!text) return std::nullopt;
  PictureSize size;
  const char* end = text->data() + text->size();
  const auto width = std::from_chars(text->data(), end, size.width);
  const bool crossed = width.ec == std::errc() && width.ptr != end && (*width.ptr == 'x' || *width.ptr == 'X');
  const auto height = crossed ? std::from_chars(width.ptr + 1, end, size.height) : width;
  const auto fits = [](std::int32_t extent) { return extent >= 1 && extent <= 16'384; };
  if (crossed && height.ec == std::errc() && height.ptr == end && fits(size.width) && fits(size.height)) return size;
  table.fail("size", "bad_size", fmt::format("\"{}\" is not a picture size", printable(*text)),
             "\"WIDTHxHEIGHT\" in pixels, as in \"1920x1080\", up to 16384 each way");
  return std::nullopt;
}

CommandSpec read_command(TableReader& table) {
  constexpr std::size_t kArgumentsMax = 256;
  CommandSpec work;
  work.size = read_picture_size(table);
  table.require("argv", "a program and its arguments, as an array of strings");
  auto argv = table.texts("argv", TextRule::Argument, kArgumentsMax);
  read_needs_frames(table, work);
  if (const auto task = table.choice("task", {"frame", "all"})) work.one_task = *task == 1;
  if (!argv) return work;
  work.argv = std::move(*argv);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < work.argv.size(); ++i) {
    bytes += work.argv[i].size() + 1;
    if (i > 0) check_argument(table, work.argv[i], i);
  }
  if (bytes > kSpecStringBytesMax)
    table.fail("argv", "too_large", fmt::format("the arguments are longer than {} bytes", kSpecStringBytesMax));
  const SpecNode* node = table.take("argv");
  if (node->items.empty())
    table.fail("argv", "missing_program", "there is no program", "a program that the workers' configuration names");
  else if (!work.argv.empty() && node->items.size() == work.argv.size() && !is_safe_word(work.argv.front()))
    table.fail("argv[0]", "bad_program", fmt::format("\"{}\" is not a program's name", printable(work.argv.front())),
               "a name that the workers' configuration lists under [commands], never a path",
               program_meant(work.argv.front()));
  return work;
}

EncodeSpec read_encode(TableReader& table) {
  static const std::vector<std::string_view> kBurnIn{"show", "sequence", "shot", "layer", "version", "frame"};
  EncodeSpec work;
  work.fps = read_rate(table, "fps");
  table.choice("codec", {"h264"});  // the only one so far
  work.scale = static_cast<std::int32_t>(table.integer("scale", 1, 16).value_or(work.scale));
  if (auto words = table.texts("burn_in", TextRule::Line, kBurnIn.size())) {
    for (std::size_t i = 0; i < words->size(); ++i) {
      const std::string& word = (*words)[i];
      if (std::find(kBurnIn.begin(), kBurnIn.end(), word) == kBurnIn.end())
        table.fail(fmt::format("burn_in[{}]", i), "unknown_value",
                   fmt::format("\"{}\" cannot be burnt in", printable(word)),
                   "show, sequence, shot, layer, version, frame", nearest(word, {kBurnIn.begin(), kBurnIn.end()}));
    }
    work.burn_in = std::move(*words);
  }
  return work;
}

SheetSpec read_sheet(TableReader& table) {
  SheetSpec work;
  work.every = static_cast<std::int32_t>(table.integer("every", 1, 100'000).value_or(work.every));
  work.tile = static_cast<std::int32_t>(table.integer("tile", 64, 1'024).value_or(work.tile));
  return work;
}

}  // namespace

std::optional<FrameRate> read_rate(TableReader& table, std::string_view key) {
  const SpecNode* node = table.take(key);
  if (node == nullptr) return std::nullopt;
  const bool is_number = node->type == SpecNode::Type::Integer || node->type == SpecNode::Type::Float;
  if (!is_number && node->type != SpecNode::Type::String && !node->raw) {
    table.fail(key, "wrong_type", fmt::format("this is {}", jobs::name(node->type)), "24, 23.98 or \"24000/1001\"");
    return std::nullopt;
  }
  auto rate = node->type == SpecNode::Type::Integer ? FrameRate::from_number(static_cast<double>(node->integer))
              : node->type == SpecNode::Type::Float
                  ? FrameRate::from_number(node->real)
                  : FrameRate::parse(node->type == SpecNode::Type::String ? printable(node->text) : *node->raw);
  if (rate.ok()) return *rate;
  table.fail(key, rate.error().code.substr(5), rate.error().message, rate.error().hint);
  return std::nullopt;
}

Work read_work(LayerKind kind, TableReader& table) {
  switch (kind) {
    case LayerKind::Generate:
      return read_generate(table);
    case LayerKind::Command:
      return read_command(table);
    case LayerKind::Encode:
      return read_encode(table);
    case LayerKind::Sheet:
      return read_sheet(table);
  }
  return {};
}

}  // namespace framemill::jobs
