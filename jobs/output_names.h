// Names of the files that a layer makes: patterns with tokens as users write them, the same patterns with all but the
// frame filled in (printf form, as they stand in a plan), and whether two of them could ever give one name. Pure
// values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jobs/frame_range.h"

namespace framemill::jobs {

inline constexpr std::size_t kPathLengthMax = 1'024;   // bytes of a resolved path inside its root
inline constexpr std::size_t kPathComponentMax = 200;  // bytes; leaves room below the usual 255 for temporary suffixes

// What the tokens of an output pattern stand for. An empty sequence drops a path part that is nothing but {sequence}.
struct OutputTokens {
  std::string_view show, sequence, shot, layer;
  std::uint32_t variant = 0;
  std::uint32_t version = 1;
};

// "{shot}.{frame:04}.exr" -> "hb_0010.%04d.exr". Errors: spec.unknown_token, spec.bad_token, spec.unsafe_path.
base::Result<std::string> resolve_output(std::string_view pattern, const OutputTokens& tokens);
// The same of an input in a root, whose directories may have a "%" in their names. {frame} is its only token.
base::Result<std::string> resolve_input(std::string_view pattern);

// True when the pattern has the token, with or without a width.
bool has_token(std::string_view pattern, std::string_view token);

// Refuses what could leave its root or surprise a file system: absolute paths, "..", empty parts, control characters,
// backslashes, "%" outside our own frame token, our staging directory and manifests (manifest.json,
// manifest.job12.json). Error: spec.unsafe_path.
base::Status check_safe_path(std::string_view path);

// A resolved pattern taken apart.
struct FramePattern {
  std::string_view prefix, suffix;  // without a frame token all of it is the prefix
  std::optional<int> width;         // of the frame token: 0 for %d
};
FramePattern split_pattern(std::string_view resolved);
std::string frame_path(std::string_view resolved, Frame frame);

// Whether two files made from these patterns, each over its own frames, could have one name; answers yes where telling
// would mean trying frame after frame.
bool may_collide(std::string_view resolved_a, const FrameSet& frames_a, std::string_view resolved_b,
                 const FrameSet& frames_b);

// The outputs of one phase, for the check of a whole job.
struct NamedOutput {
  std::uint32_t layer = 0;
  std::string_view root;
  std::string_view resolved;
  const FrameSet* frames = nullptr;
};
// Pairs (a, b), a < b, of outputs that could give one name; at most one pair per two layers, at most 64 in all.
std::vector<std::pair<std::size_t, std::size_t>> colliding_outputs(const std::vector<NamedOutput>& outputs);

}  // namespace framemill::jobs
