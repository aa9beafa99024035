// What a user asks for, as pure values: the job spec of api "framemill/v1" (docs/job-spec.md). Parsing and checking
// turn a TOML or JSON text into a JobSpec or into every error at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "jobs/frame_range.h"
#include "jobs/frame_rate.h"
#include "jobs/ids.h"
#include "jobs/layer_kind.h"
#include "jobs/package_facts.h"

namespace framemill::jobs {

enum class PlanStrategy { Independent, Chain };
enum class Reproducibility { Exact, Stable, Fast };
enum class DevicePreference { Any, Cpu, Cuda };
enum class FrameFormat { Exr, Png };
enum class OutputCheck { Auto, None };     // whether files are opened before they are committed, as their names promise
std::string_view name(PlanStrategy plan);  // the spec's words: "chain", "stable", "cuda", "exr"
std::string_view name(Reproducibility level);
std::string_view name(DevicePreference device);
std::string_view name(FrameFormat format);
std::string_view name(OutputCheck check);

inline constexpr std::size_t kLayersMax = 128;
inline constexpr std::uint32_t kVariantsMax = 1'024;           // of one layer
inline constexpr std::int64_t kInputFramesPerTaskMax = 4'096;  // read by one task of encode, sheet or command

struct Needs {
  DevicePreference device = DevicePreference::Any;
  std::optional<std::uint64_t> device_memory_bytes;  // default: the package's prior
  std::optional<std::uint64_t> host_memory_bytes;
  std::optional<std::uint32_t> cpus;
  bool operator==(const Needs&) const = default;
};

// Data a layer reads: frames of another layer's variant, or files of a root.
struct LayerInput {
  std::string layer;                     // empty: from a root
  std::optional<std::uint32_t> variant;  // default 0, for a sheet all; index of the variant, not its seed
  std::string root, pattern;             // when layer is empty; pattern with {frame} or {frame:04}
  std::optional<FrameSet> frames;        // default: all of the layer's frames; of a root without: one file
  std::string name;                      // for {input:NAME}; may be empty
  bool operator==(const LayerInput&) const = default;
};

struct PictureSize {
  std::int32_t width = 0, height = 0;  // 1..16,384 each
  std::string text() const;            // "832x480"
  bool operator==(const PictureSize&) const = default;
};
// What a layer chooses instead of the size, length and rate of its package; within the package's limits.
struct WindowChoice {
  std::optional<PictureSize> size;
  std::optional<std::int32_t> frames;  // that one window makes
  std::optional<FrameRate> fps;        // of movies that show the layer
  bool operator==(const WindowChoice&) const = default;
};
struct GenerateSpec {
  std::string model;                    // "demo-clips@1"
  std::string prompt, negative_prompt;  // default: those of the layer it starts from
  std::uint64_t seed = 1;               // 0..2^63-1
  std::optional<std::uint32_t> steps;   // default: the package's
  std::optional<double> guidance;
  WindowChoice window;
  PlanStrategy plan = PlanStrategy::Independent;
  std::vector<std::uint64_t> variant_seeds;  // one per variant, never empty: seed.. or the list given
  FrameFormat format = FrameFormat::Exr;
  bool operator==(const GenerateSpec&) const = default;
};
// Which frames of an input a task reads, by the frames that it writes.
struct FrameReach {
  bool all = false;             // every frame of the input
  std::int32_t lo = 0, hi = 0;  // else from lo to hi around each frame it writes; lo <= 0 <= hi
  std::string text() const;     // "all", "-1..+1"
  bool operator==(const FrameReach&) const = default;
};
inline constexpr std::int32_t kFrameReachMax = 1'000;

struct CommandSpec {
  std::vector<std::string> argv;  // tokens: jobs/command_tokens.h; never a shell
  FrameReach needs_frames;
  bool one_task = false;            // task = "all": one run of the program for all frames; else one task a frame
  std::optional<PictureSize> size;  // of the pictures it writes; none: as its input's, else as the layer's others
  bool operator==(const CommandSpec&) const = default;
};
struct EncodeSpec {
  std::optional<FrameRate> fps;  // default: see ordered_rate
  std::string codec = "h264";
  std::int32_t scale = 1;            // whole-number enlargement of the picture, nearest pixel: 1..16
  std::vector<std::string> burn_in;  // of "show" "sequence" "shot" "layer" "version" "frame": a strip below the picture
  bool operator==(const EncodeSpec&) const = default;
};
struct SheetSpec {
  std::int32_t every = 8;   // every n-th frame of a shot
  std::int32_t tile = 192;  // least tile width in pixels: 64..1024
  bool operator==(const SheetSpec&) const = default;
};

struct LayerSpec {
  std::string name;
  std::string shot;          // default: the job's (decision 0002)
  FrameSpan shot_range;      // fixes the layer's grid; handles included; default: the job's
  std::int32_t handles = 0;  // already applied to shot_range and frames
  LayerKind kind{};
  std::vector<std::string> after;
  std::vector<LayerInput> inputs;
  FrameSet frames;                        // what is written; empty for encode and sheet
  std::uint32_t retries = 3;              // charged tries per task
  std::optional<base::Duration> timeout;  // per attempt
  // How long files of roots may be missing before a task that reads them fails; default: the farm's.
  std::optional<base::Duration> missing_after;
  Needs needs;
  std::vector<std::string> limits;     // of the farm, one of each while a slot has work of it; sorted, each once
  std::optional<std::uint32_t> chunk;  // absent: "auto"
  std::string output;                  // pattern with tokens, inside `root`
  std::string root;                    // root name
  Reproducibility reproducibility = Reproducibility::Stable;
  OutputCheck check = OutputCheck::Auto;
  std::variant<GenerateSpec, CommandSpec, EncodeSpec, SheetSpec> work;
  bool operator==(const LayerSpec&) const = default;

  // What the rest of the tree asks of a layer instead of its kind.
  bool makes_frames() const;          // a file per frame; one that makes a single file of all its frames does not
  bool makes_movie() const;           // and so has a frame rate
  const std::string& model() const;   // the package that makes its pictures; empty: none does
  const std::string& prompt() const;  // of that model; empty
  std::optional<std::uint32_t> steps() const;       // likewise; empty: the package's
  const WindowChoice& window() const;               // likewise
  const std::vector<std::uint64_t>& seeds() const;  // one per variant; empty: nothing is drawn from a seed
  std::uint32_t variant_count() const;
  std::optional<std::uint64_t> task_count() const;  // where the windows of a model do not decide
  const std::string& program() const;               // that its tasks run, a name of the workers' configuration; empty
};

// A job that has to be over before this one begins: by its number, or else by its name in the job's show.
struct JobReference {
  std::uint32_t job = 0;                 // 0: by name
  std::string name;                      // of the newest that matches
  std::optional<std::uint32_t> version;  // absent: any
  std::string shot;                      // that it writes; empty: any
  bool any_end = false;                  // also when it fails or is cancelled
  bool operator==(const JobReference&) const = default;
};
inline constexpr std::size_t kAfterJobsMax = 64;

struct JobSpec {
  std::string name, show;
  std::string sequence, shot;    // may be empty; each layer has a shot then
  std::optional<FrameRate> fps;  // of movies whose layer gives none
  std::int32_t priority = 50;    // 0..100, higher first
  std::optional<base::WallTime> deadline;
  // Nothing of it begins before: a moment, or so long after the submit. At most one of the two.
  std::optional<base::WallTime> start_after;
  std::optional<base::Duration> start_delay;
  std::vector<JobReference> after_jobs;  // at most kAfterJobsMax
  std::vector<std::string> tags;
  FrameSpan shot_range;                  // default of the layers'; handles already included
  std::int32_t handles = 0;              // frames added at both ends, already applied to shot_range and frames
  std::optional<std::uint32_t> version;  // absent: "next"
  std::vector<LayerSpec> layers;

  bool operator==(const JobSpec&) const = default;
  const LayerSpec* find_layer(std::string_view layer_name) const;
};

// The layer with a model, and which of its variants, that a layer's pictures come from: the first one that its inputs lead
// to, through commands too. `find`: the layer of a name. No layer: they come from elsewhere.
struct PictureSource {
  const LayerSpec* layer = nullptr;
  std::uint32_t variant = 0;
};
using FindLayer = std::function<const LayerSpec*(const std::string& name)>;
PictureSource picture_source(const LayerSpec& layer, const FindLayer& find);

// The shots that the job writes, in order of first use: its version is reserved for each of them.
std::vector<std::string> shots_of(const JobSpec& spec);

// A place in a TOML text, from 1; empty for JSON and for what an override set.
struct SpecPosition {
  std::optional<std::uint32_t> line, column;
  bool operator==(const SpecPosition&) const = default;
};

// One finding in a spec. TOML: line and column from 1. JSON: null for semantic errors.
struct SpecError {
  std::string code;  // "spec.unknown_key" ...
  std::optional<std::uint32_t> line, column;
  std::string field;  // "layer[1].frames"
  std::string message, expected, suggestion;
};

enum class SpecFormat { Detect, Toml, Json };

struct ParsedSpec {
  std::optional<JobSpec> spec;  // present exactly when errors is empty
  JobSpec readable;             // otherwise what could be read, for checks that find more errors
  std::vector<SpecError> errors;
  std::map<std::string, SpecPosition> positions;  // field -> place, for errors that are found later
  std::vector<LayerIndex> plans_left_out;         // generate layers that give no `plan`
  std::vector<LayerIndex> ranges_left_out;        // generate layers for which no shot_range is given anywhere
};

// spec.bad_utf8 where the text is not UTF-8, with what it seems to be: such a text cannot even be sent.
std::optional<SpecError> encoding_error(std::string_view text);

// JSON or TOML, by the first character of the text: a TOML document cannot begin with "{".
SpecFormat detected_format(std::string_view text);

// Fills in the line and column of errors that later checks found, by their field.
void locate(std::vector<SpecError>& errors, const std::map<std::string, SpecPosition>& positions);

// Overrides from the command line: "layer.boards.prompt" -> TOML value text or plain string.
using SpecOverrides = std::vector<std::pair<std::string, std::string>>;

// Parses and checks form: every error at once, those of values that lack their quotes too; a text that cannot be read
// even so gives the first error of syntax. Limits: 256 KiB, depth 32,
// 10,000 keys, strings 64 KiB, 10 M frames.
ParsedSpec parse_spec(std::string_view text, SpecFormat format = SpecFormat::Detect,
                      const SpecOverrides& overrides = {});

// A spec as the store keeps it (canonical_json), also one that an older version wrote: what that version accepted keeps
// its meaning, whatever is refused by now.
ParsedSpec parse_stored_spec(std::string_view json);

// Checks what only the packages know: model known, prompt in its vocabulary, steps and guidance in range.
std::vector<SpecError> check_against_packages(const JobSpec& spec, const PackageCatalogue& packages);

// The spec as canonical JSON (keys sorted, defaults spelled out): what is stored; parse_spec of it gives an equal spec.
std::string canonical_json(const JobSpec& spec);

// Errors as a JSON array of {code, line, column, field, message, expected, suggestion}.
std::string errors_json(const std::vector<SpecError>& errors);

}  // namespace framemill::jobs
