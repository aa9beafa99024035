// The tables of kinds: one row per kind of layer, one per kind of phase. A new kind begins here (CONTRIBUTING.md).
#include <array>

#include "base/check.h"
#include "jobs/kinds/kinds.h"

namespace framemill::jobs {
namespace {

constexpr bool kYes = true, kNo = false;

// clang-format off
constexpr std::array<LayerTraits, kLayerKindCount> kLayerKinds{{
    // kind, name, first phase, output phase: takes frames, uses a model, reads pictures, reads all variants
    {LayerKind::Generate, "generate", PhaseKind::Denoise, PhaseKind::Decode,  kYes, kYes, kYes, kNo},
    {LayerKind::Command,  "command",  PhaseKind::Command, PhaseKind::Command, kYes, kNo,  kNo,  kNo},
    {LayerKind::Encode,   "encode",   PhaseKind::Encode,  PhaseKind::Encode,  kNo,  kNo,  kYes, kNo},
    {LayerKind::Sheet,    "sheet",    PhaseKind::Sheet,   PhaseKind::Sheet,   kNo,  kNo,  kYes, kYes},
}};

constexpr std::array<PhaseTraits, kPhaseKindCount> kPhaseKinds{{
    // kind, name, runner, output: writes frames, intermediate, windowed, stepped, waits for the end, exclusive; activity
    {PhaseKind::Denoise, "denoise", Runner::Executor, OutputKind::Latents,
     kNo,  kYes, kYes, kYes, kNo,  kNo,  ""},
    {PhaseKind::Decode, "decode", Runner::Executor, OutputKind::FrameFile,
     kYes, kNo,  kYes, kNo,  kNo,  kNo,  ""},
    {PhaseKind::Command, "command", Runner::Program, OutputKind::FrameFile,
     kYes, kNo,  kNo,  kNo,  kNo,  kYes, ""},
    {PhaseKind::Encode, "encode", Runner::Media, OutputKind::Movie,
     kNo,  kNo,  kNo,  kNo,  kNo,  kYes, "encoding"},
    {PhaseKind::Sheet, "sheet", Runner::Media, OutputKind::Sheet,
     kNo,  kNo,  kNo,  kNo,  kYes, kYes, "drawing the sheet"},
}};
// clang-format on

constexpr std::array<std::string_view, kOutputKindCount> kOutputKinds{"frame", "latents", "movie", "sheet", "other"};

template <class Row, std::size_t N, class Kind>
const Row& row_of(const std::array<Row, N>& rows, Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  FM_CHECK(index < N && rows[index].kind == kind, "a kind outside its table");
  return rows[index];
}

template <class Row, std::size_t N>
auto kind_called(const std::array<Row, N>& rows, std::string_view name) -> std::optional<decltype(rows[0].kind)> {
  for (const Row& row : rows)
    if (row.name == name) return row.kind;
  return std::nullopt;
}

// The objects, in the order of kLayerKinds.
constexpr std::array kKinds{generate_kind, command_kind, encode_kind, sheet_kind};
static_assert(kKinds.size() == kLayerKindCount);

}  // namespace

const Kind& kind_of(LayerKind kind) {
  return kKinds.at(static_cast<std::size_t>(kind))();
}
std::span<const LayerKind> layer_kinds() {
  static const std::array kinds = [] {
    std::array<LayerKind, kLayerKindCount> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = kLayerKinds[i].kind;
    return all;
  }();
  return kinds;
}

const LayerTraits& traits(LayerKind kind) {
  return row_of(kLayerKinds, kind);
}
std::string_view name(LayerKind kind) {
  return traits(kind).name;
}
std::optional<LayerKind> layer_kind_from_name(std::string_view text) {
  return kind_called(kLayerKinds, text);
}

const PhaseTraits& traits(PhaseKind kind) {
  return row_of(kPhaseKinds, kind);
}
std::string_view name(PhaseKind kind) {
  return traits(kind).name;
}
std::optional<PhaseKind> phase_kind_from_name(std::string_view text) {
  return kind_called(kPhaseKinds, text);
}

std::string_view name(OutputKind kind) {
  return kOutputKinds.at(static_cast<std::size_t>(kind));
}

}  // namespace framemill::jobs
