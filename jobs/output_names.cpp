#include "jobs/output_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/check.h"
#include "base/relative_path.h"

namespace framemill::jobs {
namespace {

constexpr std::size_t kCollisionsTold = 64;

base::Error name_error(std::string code, std::string message, std::string hint = {}) {
  return {"spec." + std::move(code), std::move(message), "", std::move(hint)};
}

struct Token {
  std::string_view name;
  std::optional<int> width;
};

// "frame:04" -> {frame, 4}; the width is written with its zero, as it pads with zeros.
std::optional<Token> parse_token(std::string_view inside) {
  const std::size_t colon = inside.find(':');
  Token token{inside.substr(0, colon), std::nullopt};
  if (colon == std::string_view::npos) return token;
  const std::string_view width = inside.substr(colon + 1);
  if (width.size() != 2 || width[0] != '0' || width[1] < '1' || width[1] > '9') return std::nullopt;
  token.width = width[1] - '0';
  return token;
}

base::Result<std::string> token_value(const Token& token, const OutputTokens& tokens) {
  const auto text = [&](std::string_view value) -> base::Result<std::string> {
    if (token.width) return name_error("bad_token", fmt::format("{{{}}} is a word and takes no width", token.name));
    return std::string(value);
  };
  if (token.name == "show") return text(tokens.show);
  if (token.name == "sequence") return text(tokens.sequence);
  if (token.name == "shot") return text(tokens.shot);
  if (token.name == "layer") return text(tokens.layer);
  if (token.name == "variant") return fmt::format("{:0{}}", tokens.variant, token.width.value_or(1));
  if (token.name == "version") return fmt::format("{:0{}}", tokens.version, token.width.value_or(1));
  if (token.name == "frame") return token.width ? fmt::format("%0{}d", *token.width) : std::string("%d");
  return name_error("unknown_token", fmt::format("{{{}}} is not a token", token.name),
                    "tokens are show sequence shot layer variant version frame");
}

// The length of "%d" or "%04d" at the beginning of the text, 0 where there is none.
std::size_t conversion_length(std::string_view text) {
  if (text.starts_with("%d")) return 2;
  return text.size() >= 4 && text.starts_with("%0") && text[2] >= '1' && text[2] <= '9' && text[3] == 'd' ? 4 : 0;
}

enum class NameOf { Output, Input };
base::Status check_path(std::string_view path, NameOf what);

bool is_number_part(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

// True when the fixed name is what the pattern gives for one of the frames.
bool matches(std::string_view fixed, std::string_view resolved, const FrameSet& frames) {
  const FramePattern pattern = split_pattern(resolved);
  if (!pattern.width) return fixed == resolved;
  if (fixed.size() <= pattern.prefix.size() + pattern.suffix.size() || !fixed.starts_with(pattern.prefix) ||
      !fixed.ends_with(pattern.suffix))
    return false;
  const std::string_view middle =
      fixed.substr(pattern.prefix.size(), fixed.size() - pattern.prefix.size() - pattern.suffix.size());
  Frame frame = 0;
  const auto [end, failure] = std::from_chars(middle.data(), middle.data() + middle.size(), frame);
  return failure == std::errc() && end == middle.data() + middle.size() && frames.contains(frame) &&
         frame_path(resolved, frame) == fixed;
}

// A fixed name that the pattern needs as a directory.
bool is_directory_of(std::string_view fixed, std::string_view resolved) {
  const std::string_view prefix = split_pattern(resolved).prefix;
  return prefix.size() > fixed.size() && prefix.starts_with(fixed) && prefix[fixed.size()] == '/';
}

}  // namespace

bool has_token(std::string_view pattern, std::string_view token) {
  return pattern.find(fmt::format("{{{}}}", token)) != std::string_view::npos ||
         pattern.find(fmt::format("{{{}:", token)) != std::string_view::npos;
}

namespace {

base::Result<std::string> resolve(std::string_view pattern, const OutputTokens& tokens, NameOf what) {
  std::string out;
  std::size_t frame_tokens = 0;
  std::string remaining(pattern);
  if (tokens.sequence.empty()) {  // a part that is nothing but the missing sequence is left out
    constexpr std::string_view kPart = "{sequence}/";
    for (std::size_t at = 0; (at = remaining.find(kPart, at)) != std::string::npos;) {
      if (at == 0 || remaining[at - 1] == '/')
        remaining.erase(at, kPart.size());
      else
        at += kPart.size();
    }
  }
  for (std::string_view rest = remaining; !rest.empty();) {
    const std::size_t brace = rest.find_first_of("{}%");
    out += rest.substr(0, brace);
    if (brace == std::string_view::npos) break;
    const std::size_t close = rest.find('}', brace);
    if (rest[brace] == '%') {
      const bool is_conversion = conversion_length(rest.substr(brace)) > 0;
      if (what == NameOf::Output || is_conversion)
        return name_error("unsafe_path",
                          fmt::format("\"%{}\" cannot be part of {} name", is_conversion ? "d" : "",
                                      what == NameOf::Output ? "an output" : "an input"),
                          "write {frame:04} for the frame");
      out += '%';
      rest.remove_prefix(brace + 1);
      continue;
    }
    if (rest[brace] == '}' || close == std::string_view::npos)
      return name_error("bad_token", "a \"{\" or \"}\" that is not part of a token", "tokens look like {frame:04}");
    const auto token = parse_token(rest.substr(brace + 1, close - brace - 1));
    if (!token)
      return name_error("bad_token", fmt::format("\"{}\" has no legal width", rest.substr(brace, close - brace + 1)),
                        "a width is 01..09, as in {frame:04}");
    FM_ASSIGN(const std::string value, token_value(*token, tokens));
    if (token->name == "frame" && ++frame_tokens > 1)
      return name_error("bad_token", "{frame} may stand only once in a name");
    out += value;
    rest.remove_prefix(close + 1);
  }
  FM_TRY(check_path(frame_tokens == 0 ? out : frame_path(out, -kFrameMax), what));
  return out;
}

// What to do about a path that could leave its root.
std::string_view advice(base::PathFlaw flaw) {
  switch (flaw) {
    case base::PathFlaw::Absolute:
      return "begin with a directory of the root; root = NAME says which root";
    case base::PathFlaw::Backslash:
      return "write / between directories";
    case base::PathFlaw::EmptyPart:
      return "delete one of the two slashes, or the last one";
    case base::PathFlaw::DotPart:
    case base::PathFlaw::ParentPart:
      return "write the directory's own name";
    default:
      return "";
  }
}

base::Status check_path(std::string_view path, NameOf what) {
  const auto unsafe = [](std::string message, std::string_view hint = {}) {
    return name_error("unsafe_path", std::move(message), std::string(hint));
  };
  if (const auto flaw = base::path_flaw(path, kPathLengthMax, kPathComponentMax))
    return unsafe("the path " + base::describe(*flaw, kPathLengthMax, kPathComponentMax), advice(*flaw));
  if (what == NameOf::Output && path.find('%') != std::string_view::npos)
    return unsafe("the path holds a \"%\"", "write {frame:04} for the frame");
  const std::vector<std::string_view> parts = base::path_parts(path);
  if (std::find(parts.begin(), parts.end(), ".framemill") != parts.end())
    return unsafe("\".framemill\" is the farm's own directory", "choose another name");
  if (what == NameOf::Output && parts.back().starts_with("manifest.") && parts.back().ends_with(".json"))
    return unsafe("manifests are written by the farm beside the outputs", "choose another name");
  return {};
}

}  // namespace

base::Result<std::string> resolve_output(std::string_view pattern, const OutputTokens& tokens) {
  return resolve(pattern, tokens, NameOf::Output);
}

base::Result<std::string> resolve_input(std::string_view pattern) {
  return resolve(pattern, {}, NameOf::Input);
}

base::Status check_safe_path(std::string_view path) {
  return check_path(path, NameOf::Output);
}

FramePattern split_pattern(std::string_view resolved) {
  std::size_t percent = 0, length = 0;
  while (length == 0) {
    percent = resolved.find('%', percent);
    if (percent == std::string_view::npos) return {resolved, {}, std::nullopt};
    length = conversion_length(resolved.substr(percent));
    if (length == 0) ++percent;  // of a directory's own name
  }
  const int width = length == 2 ? 0 : resolved[percent + 2] - '0';
  return {resolved.substr(0, percent), resolved.substr(percent + length), width};
}

std::string frame_path(std::string_view resolved, Frame frame) {
  const FramePattern pattern = split_pattern(resolved);
  if (!pattern.width) return std::string(resolved);
  return fmt::format("{}{:0{}}{}", pattern.prefix, frame, *pattern.width, pattern.suffix);
}

bool may_collide(std::string_view resolved_a, const FrameSet& frames_a, std::string_view resolved_b,
                 const FrameSet& frames_b) {
  const FramePattern a = split_pattern(resolved_a), b = split_pattern(resolved_b);
  if (!a.width && is_directory_of(resolved_a, resolved_b)) return true;
  if (!b.width && is_directory_of(resolved_b, resolved_a)) return true;
  if (!a.width) return matches(resolved_a, resolved_b, frames_b);
  if (!b.width) return matches(resolved_b, resolved_a, frames_a);
  if (a.prefix == b.prefix && a.suffix == b.suffix) {
    const FrameSet both = frames_a.intersection(frames_b);
    if (*a.width == *b.width || std::max(*a.width, *b.width) <= 1) return !both.empty();
    // With two widths a frame has one name only where it fills the wider of them by itself.
    Frame wide = 1;
    for (int digit = 1; digit < std::min(std::max(*a.width, *b.width), 8); ++digit) wide *= 10;
    return !both.within(wide, kFrameMax).empty() || !both.within(-kFrameMax, -(wide / 10)).empty();
  }
  // "a_%d" and "a_1%d" meet at a_15: the one's literal digits may be the other's frame.
  const auto [short_prefix, long_prefix] =
      std::minmax(a.prefix, b.prefix, [](auto x, auto y) { return x.size() < y.size(); });
  const auto [short_suffix, long_suffix] =
      std::minmax(a.suffix, b.suffix, [](auto x, auto y) { return x.size() < y.size(); });
  return long_prefix.starts_with(short_prefix) && is_number_part(long_prefix.substr(short_prefix.size())) &&
         long_suffix.ends_with(short_suffix) &&
         is_number_part(long_suffix.substr(0, long_suffix.size() - short_suffix.size())) && !frames_a.empty() &&
         !frames_b.empty();
}

std::vector<std::pair<std::size_t, std::size_t>> colliding_outputs(const std::vector<NamedOutput>& outputs) {
  // Two frame patterns can meet only if they are alike but for the digits round the frame; a fixed name is held against
  // everything in its root.
  const auto trimmed_key = [](const NamedOutput& output) {
    FramePattern pattern = split_pattern(output.resolved);
    while (!pattern.prefix.empty() && is_number_part(pattern.prefix.substr(pattern.prefix.size() - 1)))
      pattern.prefix.remove_suffix(1);
    while (!pattern.suffix.empty() && is_number_part(pattern.suffix.substr(0, 1))) pattern.suffix.remove_prefix(1);
    return fmt::format("{}\n{}\n{}", output.root, pattern.prefix, pattern.suffix);
  };
  std::map<std::string, std::vector<std::size_t>> alike;
  std::vector<std::size_t> fixed;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (split_pattern(outputs[i].resolved).width)
      alike[trimmed_key(outputs[i])].push_back(i);
    else
      fixed.push_back(i);
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> told;
  std::vector<std::pair<std::size_t, std::size_t>> found;
  const auto compare = [&](std::size_t a, std::size_t b) {
    if (a > b) std::swap(a, b);
    if (a == b || outputs[a].root != outputs[b].root || found.size() >= kCollisionsTold) return;
    const std::pair layers{outputs[a].layer, outputs[b].layer};
    if (told.contains(layers)) return;
    if (!may_collide(outputs[a].resolved, *outputs[a].frames, outputs[b].resolved, *outputs[b].frames)) return;
    told.insert(layers);
    found.emplace_back(a, b);
  };
  for (const auto& [key, members] : alike)
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = i + 1; j < members.size(); ++j) compare(members[i], members[j]);
  for (const std::size_t name : fixed)
    for (std::size_t other = 0; other < outputs.size(); ++other)
      if (split_pattern(outputs[other].resolved).width || name < other) compare(name, other);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace framemill::jobs
