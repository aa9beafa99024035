#include "worker/media/picture_shapes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "jobs/file_kind.h"
#include "worker/frames/frame_format.h"

namespace framemill::media {
namespace {

using jobs::FileKind;

constexpr std::size_t kHeaderBytes = 64 << 10;  // most headers end before; of the others the whole file is read
constexpr std::int64_t kSiblingsLookedFor = 64, kFirstFrames = 8;
constexpr std::size_t kSiblingsMax = 8;

std::optional<Shape> shape_of_frame_file(const frames::Roots& roots, const wire::InputFile& input, FileReader& reader) {
  const auto beginning = roots.read_beginning(input, kHeaderBytes);
  if (!beginning.ok()) return std::nullopt;
  if (const auto facts = reader.frame_facts(*beginning); facts.ok()) return shape_of(*facts);
  if (beginning->size() < kHeaderBytes) return std::nullopt;
  wire::InputFile any = input;
  any.clear_sha256();  // it was compared before the program ran
  const auto bytes = roots.read(any, frames::kFrameFileBytesMax);
  if (!bytes.ok()) return std::nullopt;
  const auto facts = reader.frame_facts(*bytes);
  return facts.ok() ? std::optional(shape_of(*facts)) : std::nullopt;
}

}  // namespace

Shape shape_of(const frames::FrameFacts& facts) {
  return {facts.width, facts.height, facts.channels, facts.is_grey, facts.has_picture};
}

Shape shape_of(const ProbedSize& picture) {
  const bool is_grey = picture.channels == "Y" || picture.channels == "Y A";
  return {picture.width, picture.height, picture.channels, is_grey, picture.width > 0};
}

std::optional<Shape> shape_of_input(const frames::Roots& roots, const wire::InputFile& input, FileReader& reader) {
  const FileKind kind = jobs::file_kind(input.path());
  if (kind == FileKind::FrameFile) return shape_of_frame_file(roots, input, reader);
  if (kind != FileKind::Picture) return std::nullopt;
  const auto file = roots.open(input);
  if (!file) return std::nullopt;
  const auto found = reader.probe_picture_header(fmt::format("/proc/self/fd/{}", *file),
                                                 std::filesystem::path(input.path()).extension().string());
  ::close(*file);
  return found && found->width > 0 ? std::optional(shape_of(*found)) : std::nullopt;
}

Siblings::Siblings(const wire::CheckRequest& request, const frames::Roots& roots, FileReader& reader)
    : request_(request), roots_(roots), reader_(reader) {
  auto frames = jobs::FrameSet::parse(request.recipe().frames());
  if (frames.ok()) frames_ = std::move(*frames);
  for (const wire::CheckFile& file : request.files()) own_.insert(file.frame());
}

std::vector<Ballot> Siblings::around(jobs::Frame frame) {
  std::vector<Ballot> found;
  const std::int64_t here = frames_.count_below(frame);
  for (std::int64_t i = 0; i < std::min(frames_.count(), kSiblingsLookedFor) && found.size() < kSiblingsMax; ++i)
    add(here + (i % 2 == 0 ? i / 2 + 1 : -(i / 2 + 1)), found);  // alternately after and before it, from near to far
  for (std::int64_t i = 0; i < kFirstFrames; ++i) add(i, found);
  return found;
}

void Siblings::add(std::int64_t position, std::vector<Ballot>& to) {
  if (position < 0 || position >= frames_.count()) return;
  const jobs::Frame frame = frames_.nth(position);
  const bool known = std::any_of(to.begin(), to.end(), [&](const Ballot& ballot) { return ballot.frame == frame; });
  if (known || own_.contains(frame)) return;
  if (const auto shape = shape_at(frame)) to.push_back({frame, *shape});
}

std::optional<Shape> Siblings::shape_at(jobs::Frame frame) {
  const auto known = shapes_.find(frame);
  if (known != shapes_.end()) return known->second;
  std::optional<Shape> shape;
  wire::InputFile file;
  file.set_root(request_.recipe().root());
  if (const auto path = frames::path_of_frame(request_.recipe().output_printf(), frame); path.ok()) {
    file.set_path(*path);
    shape = shape_of_input(roots_, file, reader_);
  }
  shapes_.emplace(frame, shape);
  return shape;
}

}  // namespace framemill::media
