#include "worker/media/output_check.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/digest_bytes.h"
#include "base/file.h"
#include "base/os_error.h"
#include "jobs/file_kind.h"
#include "worker/frames/exr_attributes.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_facts.h"
#include "worker/frames/plate.h"
#include "worker/frames/png_chunks.h"
#include "worker/frames/samples_digest.h"
#include "worker/media/picture_probe.h"
#include "worker/media/picture_vote.h"

namespace framemill::media {
namespace {

using jobs::FileKind;

// What was found out about one file of the request.
struct Looked {
  Shape shape;
  std::string samples_sha256;
  std::optional<base::Error> error;
};

base::Error output_error(const char* what, std::string message) {
  return {fmt::format("output.{}", what), std::move(message), "", ""};
}

base::Status replace_file(const std::filesystem::path& file, const std::string& bytes) {
  const std::filesystem::path temporary = file.parent_path() / ".framemill-check";
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  // The worker syncs it when it takes the file's digest.
  errno = 0;
  std::ofstream out(temporary, std::ios::binary);
  if (!out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
    return base::os_error(errno, "storage_failed", "write " + temporary.string());
  std::error_code failed;
  std::filesystem::rename(temporary, file, failed);
  if (failed) return base::os_error(failed.value(), "storage_failed", "replace " + file.string());
  return {};
}

// A new file, never a change of the old one: that may be a hard link to an input.
base::Status put_attributes(const wire::CheckRequest& request, const wire::CheckFile& file, const std::string& bytes,
                            const std::filesystem::path& path) {
  const auto attributes = frames::frame_attributes(request.recipe(), file.frame(), "");
  auto changed = frames::is_exr(bytes) ? frames::with_exr_attributes(bytes, attributes)
                                       : frames::with_png_attributes(bytes, attributes);
  if (!changed.ok()) return changed.error();
  return replace_file(path, *changed);
}

base::Result<Looked> look_at_frame(const wire::CheckRequest& request, const wire::CheckFile& file,
                                   const std::filesystem::path& path) {
  FM_ASSIGN(const std::string bytes, base::read_file(path, frames::kFrameFileBytesMax));
  if (bytes.empty()) return output_error("empty", "the file is empty");
  const auto facts = frames::frame_facts(bytes);
  if (!facts.ok()) return output_error("unreadable", facts.error().message);
  const bool named_exr = file.path().ends_with("r") || file.path().ends_with("R");  // .exr, not .png
  if (named_exr != frames::is_exr(bytes))
    return output_error("unreadable", fmt::format("it holds {}", frames::is_exr(bytes) ? "an EXR" : "a PNG"));
  const auto digests = frames::digest_of_bytes(bytes);
  if (!digests.ok()) return output_error("unreadable", digests.error().message);
  if (const auto whole = frames::check_frame_is_whole(bytes); !whole.ok())
    return output_error("unreadable", whole.error().message);
  const auto marked = put_attributes(request, file, bytes, path);
  if (!marked.ok() && marked.error().code == "frames.unreadable")
    return output_error("unreadable", marked.error().message);
  FM_TRY(marked);
  return Looked{{facts->width, facts->height, facts->channels, facts->is_grey, facts->has_picture},
                base::raw_bytes(digests->samples),
                std::nullopt};
}

base::Result<Looked> look_at_other(FileKind kind, const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::file_size(path, failed) == 0 && !failed) return output_error("empty", "the file is empty");
  FM_ASSIGN(const ProbedSize size, kind == FileKind::Movie ? probe_movie(path) : probe_picture(path));
  Looked looked;
  looked.shape = {size.width, size.height, size.channels, size.channels == "Y" || size.channels == "Y A",
                  kind == FileKind::Picture && size.width > 0};
  return looked;
}

// Nothing: it cannot be read, or is no frame file.
std::optional<Shape> shape_of_input(const frames::Roots& roots, wire::InputFile input) {
  input.clear_sha256();  // it was compared before the program ran
  const auto bytes = roots.read(input, frames::kFrameFileBytesMax);
  if (!bytes.ok()) return std::nullopt;
  const auto facts = frames::frame_facts(*bytes);
  if (!facts.ok()) return std::nullopt;
  return Shape{facts->width, facts->height, facts->channels, facts->is_grey, facts->has_picture};
}

// Published frames of the layer near this one, by their headers.
class Siblings {
 public:
  Siblings(const wire::CheckRequest& request, const frames::Roots& roots) : request_(request), roots_(roots) {
    auto frames = jobs::FrameSet::parse(request.recipe().frames());
    if (frames.ok()) frames_ = std::move(*frames);
    for (const wire::CheckFile& file : request.files()) own_.insert(file.frame());
  }
  std::vector<Ballot> near(jobs::Frame frame) {
    std::vector<Ballot> found;
    for (std::int64_t i = 0; i < frames_.count() && i < kSiblingsLookedFor; ++i) {
      // Alternately after and before the frame, from near to far.
      const std::int64_t at = frames_.count_below(frame) + (i % 2 == 0 ? i / 2 + 1 : -(i / 2 + 1));
      if (at < 0 || at >= frames_.count() || found.size() >= kSiblingsMax) continue;
      const jobs::Frame other = frames_.nth(at);
      if (own_.contains(other)) continue;
      if (const auto shape = shape_of(other)) found.push_back({other, *shape});
    }
    return found;
  }

 private:
  static constexpr std::int64_t kSiblingsLookedFor = 64;
  static constexpr std::size_t kSiblingsMax = 8;

  std::optional<Shape> shape_of(jobs::Frame frame) {
    const auto known = shapes_.find(frame);
    if (known != shapes_.end()) return known->second;
    std::optional<Shape> shape;
    wire::InputFile file;
    file.set_root(request_.recipe().root());
    if (const auto path = frames::path_of_frame(request_.recipe().output_printf(), frame); path.ok()) {
      file.set_path(*path);
      shape = shape_of_input(roots_, file);
    }
    shapes_.emplace(frame, shape);
    return shape;
  }

  const wire::CheckRequest& request_;
  const frames::Roots& roots_;
  jobs::FrameSet frames_;
  std::set<jobs::Frame> own_;
  std::map<jobs::Frame, std::optional<Shape>> shapes_;
};

// The input that a file is compared with: that of its own frame, else the first of its task.
const wire::InputFile* input_of(const wire::CheckRequest& request, const wire::CheckFile& file) {
  const wire::InputFile* first = nullptr;
  for (const wire::InputFile& input : request.inputs()) {
    if (!input.for_all_tasks() && input.task() != file.task()) continue;
    if (jobs::file_kind(input.path()) != FileKind::Frame) continue;
    if (input.frame() == file.frame() && file.has_frame()) return &input;
    if (first == nullptr) first = &input;
  }
  return first;
}

void compare(const wire::CheckRequest& request, const frames::Roots& roots,
             std::vector<std::optional<Looked>>& looked) {
  Siblings siblings(request, roots);
  std::vector<Ballot> own;
  for (std::size_t i = 0; i < looked.size(); ++i)
    if (looked[i] && !looked[i]->error && looked[i]->shape.width > 0)
      own.push_back({request.files(static_cast<int>(i)).frame(), looked[i]->shape});
  for (std::size_t i = 0; i < looked.size(); ++i) {
    if (!looked[i] || looked[i]->error || looked[i]->shape.width == 0) continue;
    const wire::CheckFile& file = request.files(static_cast<int>(i));
    const Ballot self{file.frame(), looked[i]->shape};
    const wire::CommandRecipe& command = request.recipe().command();
    if (command.width() > 0) {
      looked[i]->error = against_stated(self, command.width(), command.height());
      continue;
    }
    if (jobs::file_kind(file.path()) == FileKind::Movie) continue;  // its size is the encoder's affair
    const wire::InputFile* input = input_of(request, file);
    if (const auto shape = input == nullptr ? std::nullopt : shape_of_input(roots, *input)) {
      looked[i]->error = against_input(self, *shape, frames::plate_label(*input));
      continue;
    }
    std::vector<Ballot> ballots = own;
    const auto published = siblings.near(file.frame());
    ballots.insert(ballots.end(), published.begin(), published.end());
    looked[i]->error = against_majority(self, ballots);
  }
}

base::Status check_frame_is_sound(const std::string& bytes) {
  const auto digests = frames::digest_of_bytes(bytes);
  if (!digests.ok()) return digests.error();
  if (!digests->has_samples) return frames::unreadable_frame("neither an EXR nor a PNG file");
  return frames::check_frame_is_whole(bytes);
}

void check_inputs_whole(const wire::CheckRequest& request, const frames::Roots& roots, wire::CheckReply& reply) {
  for (const wire::InputFile& promised : request.inputs()) {
    if (jobs::file_kind(promised.path()) != FileKind::Frame) continue;
    wire::InputFile input = promised;
    input.clear_sha256();  // it was compared before the program ran
    const auto bytes = roots.read(input, frames::kFrameFileBytesMax);
    if (!bytes.ok() || (!request.inputs_only() && !frames::looks_like_frame(*bytes))) continue;
    // A program that failed may have met what only decoding finds.
    const auto whole = request.inputs_only() ? check_frame_is_sound(*bytes) : frames::check_frame_is_whole(*bytes);
    if (whole.ok() || whole.error().code != "frames.unreadable") continue;
    reply.set_input_code("input.unreadable");
    reply.set_input_message(fmt::format("{}: {}", frames::plate_label(input), whole.error().message));
    reply.set_input_frame(input.frame());
    return;
  }
}

}  // namespace

wire::CheckReply check_outputs(const wire::CheckRequest& request, const frames::Roots& roots,
                               const std::filesystem::path& staging, const CheckProgress& progress) {
  wire::CheckReply reply;
  check_inputs_whole(request, roots, reply);
  if (request.inputs_only()) return reply;
  std::vector<std::optional<Looked>> looked(static_cast<std::size_t>(request.files_size()));
  for (std::size_t i = 0; i < looked.size(); ++i) {
    const wire::CheckFile& file = request.files(static_cast<int>(i));
    const std::filesystem::path path = staging / file.staged();
    const FileKind kind = jobs::file_kind(file.path());
    std::error_code ignored;
    // What is no file is found missing by the worker.
    if (kind == FileKind::Other || !std::filesystem::is_regular_file(std::filesystem::symlink_status(path, ignored)))
      continue;
    progress(i, looked.size());
    auto found = kind == FileKind::Frame ? look_at_frame(request, file, path) : look_at_other(kind, path);
    Looked& one = looked[i].emplace();
    if (found.ok())
      one = *std::move(found);
    else
      one.error = found.error();
  }
  compare(request, roots, looked);
  for (std::size_t i = 0; i < looked.size(); ++i) {
    if (!looked[i]) continue;
    const wire::CheckFile& file = request.files(static_cast<int>(i));
    wire::CheckedFile& checked = *reply.add_files();
    checked.set_file(static_cast<std::uint32_t>(i));
    checked.set_samples_sha256(looked[i]->samples_sha256);
    if (!looked[i]->error) continue;
    const std::string name = file.path().substr(file.path().rfind('/') + 1);
    checked.set_code(looked[i]->error->code);
    const std::string which = file.has_frame() ? fmt::format("frame {} ({})", file.frame(), name) : name;
    const base::Error error = looked[i]->error->wrapped(which);
    checked.set_message(error.hint.empty() ? error.message : fmt::format("{} ({})", error.message, error.hint));
  }
  return reply;
}

}  // namespace framemill::media
