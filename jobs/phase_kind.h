// The kinds of phases and what is true of each: one row per kind (jobs/kinds/table.cpp). Code outside jobs/kinds asks for
// a property of a phase and never for its kind by name, so that a new kind is a row and not a search through the tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace framemill::jobs {

// Generate layers become Denoise (latents per window, and in a chain the carry) and Decode (frames); the others have
// one phase. Latents are saved before decoding, so what was denoised is never lost to a decoder.
enum class PhaseKind : std::uint8_t { Denoise, Decode, Command, Encode, Sheet };
inline constexpr int kPhaseKindCount = 5;

// What makes a phase's files on a worker.
enum class Runner : std::uint8_t {
  Executor,  // the slot's executor, which holds a model: many attempts at once
  Program,   // a program that the worker's configuration names: a child process, alone in its slot
  Media      // framemill-media: a child process, too
};

// What a file that a task writes is. The numbers are those of the wire and of the store.
enum class OutputKind : std::uint8_t { FrameFile, Latents, Movie, Sheet, Other };
inline constexpr int kOutputKindCount = 5;

struct PhaseTraits {
  PhaseKind kind;
  std::string_view name;  // "denoise": in plans, in the store, on the wire and for people
  Runner runner;
  OutputKind output;   // of its files; a program's are FrameFile or, where it makes one file of all frames, Other
  bool writes_frames;  // a file per frame, or what stands for frames: see is_framewise in jobs/plan.h
  bool intermediate;   // its files are for other phases alone: no name of the user's, swept when the job is done
  bool windowed;       // a task stands for a window of the layer's grid; a model makes it from the variant's seed
  bool stepped;        // what a task takes grows with the layer's steps
  bool waits_for_end;  // starts when what it reads has ended, well or not, and shows what is missing
  bool exclusive;      // an attempt holds its slot alone
  std::string_view activity;  // what the worker reports while it runs: "encoding"; empty: what runs it reports itself
};
const PhaseTraits& traits(PhaseKind kind);
std::string_view name(PhaseKind kind);
std::optional<PhaseKind> phase_kind_from_name(std::string_view name);

std::string_view name(OutputKind kind);  // "frame", "latents", "movie", "sheet", "other"

}  // namespace framemill::jobs
