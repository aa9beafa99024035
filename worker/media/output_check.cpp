#include "worker/media/output_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include "base/digest_bytes.h"
#include "base/error_text.h"
#include "base/file.h"
#include "base/os_error.h"
#include "base/text.h"
#include "jobs/attempt_error.h"
#include "jobs/file_kind.h"
#include "wire/recipe_kind.h"
#include "worker/frames/exr_attributes.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_facts.h"
#include "worker/frames/plate.h"
#include "worker/frames/png_chunks.h"
#include "worker/media/picture_shapes.h"
#include "worker/media/picture_vote.h"

namespace framemill::media {
namespace {

using jobs::AttemptError;
using jobs::FileKind;

// What was found out about one file of the request.
struct Looked {
  Shape shape;
  std::string samples_sha256;
  std::optional<base::Error> error;
};

// A library's message may quote the file's bytes.
std::string message_of(const base::Error& error) {
  constexpr std::size_t kMessageBytesMax = 1024;
  return base::clean_text(base::text_with_hint(error), kMessageBytesMax);
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

// One reading of all samples: for their digest, and so that none of them is cut or damaged.
base::Result<Looked> look_at_frame(const wire::CheckRequest& request, const wire::CheckFile& file,
                                   const std::filesystem::path& path, FileReader& reader) {
  FM_ASSIGN(const std::string bytes, base::read_file(path, frames::kFrameFileBytesMax));
  if (bytes.empty()) return base::error_of(AttemptError::OutputEmpty, "the file is empty");
  const auto facts = reader.frame_facts(bytes);
  if (!facts.ok()) return base::error_of(AttemptError::OutputUnreadable, facts.error().message);
  const bool named_exr = file.path().ends_with("r") || file.path().ends_with("R");  // .exr, not .png
  if (named_exr != frames::is_exr(bytes))
    return base::error_of(AttemptError::OutputUnreadable,
                          fmt::format("it holds {}", frames::is_exr(bytes) ? "an EXR" : "a PNG"));
  const auto samples = reader.samples_digest(bytes);
  if (!samples.ok()) return base::error_of(AttemptError::OutputUnreadable, samples.error().message);
  // A PNG's last chunk has no samples; of an EXR all parts have been read.
  const auto whole = frames::is_exr(bytes) ? base::Status{} : reader.check_frame_is_whole(bytes);
  if (!whole.ok()) return base::error_of(AttemptError::OutputUnreadable, whole.error().message);
  const auto marked = put_attributes(request, file, bytes, path);
  if (is(marked, AttemptError::FrameUnreadable))
    return base::error_of(AttemptError::OutputUnreadable, marked.error().message);
  FM_TRY(marked);
  return Looked{shape_of(*facts), base::raw_bytes(*samples), std::nullopt};
}

base::Result<Looked> look_at_other(FileKind kind, const std::filesystem::path& path, FileReader& reader) {
  std::error_code failed;
  if (std::filesystem::file_size(path, failed) == 0 && !failed)
    return base::error_of(AttemptError::OutputEmpty, "the file is empty");
  FM_ASSIGN(const ProbedSize size,
            kind == FileKind::Movie ? reader.probe_movie(path) : reader.probe_picture(path, path.extension().string()));
  Looked looked;
  looked.shape = shape_of(size);
  looked.shape.has_picture = kind == FileKind::Picture && size.width > 0;
  return looked;
}

// The input that a file is compared with: that of its own frame, else the first of its task.
const wire::InputFile* input_of(const wire::CheckRequest& request, const wire::CheckFile& file) {
  const wire::InputFile* first = nullptr;
  for (const wire::InputFile& input : request.inputs()) {
    if (!input.for_all_tasks() && input.task() != file.task()) continue;
    const FileKind kind = jobs::file_kind(input.path());
    if (kind != FileKind::FrameFile && kind != FileKind::Picture) continue;
    if (input.frame() == file.frame() && file.has_frame()) return &input;
    if (first == nullptr) first = &input;
  }
  return first;
}

// What a file without a stated size and without an input is held to: the other frames of its layer.
class LayerVote {
 public:
  LayerVote(const wire::CheckRequest& request, const frames::Roots& roots, FileReader& reader,
            const std::vector<std::optional<Looked>>& looked)
      : siblings_(request, roots, reader) {
    for (std::size_t i = 0; i < looked.size(); ++i)
      if (looked[i] && !looked[i]->error && looked[i]->shape.width > 0)
        own_.push_back({request.files(static_cast<int>(i)).frame(), looked[i]->shape});
  }
  std::optional<base::Error> against(const Ballot& self) {
    const std::vector<Ballot> published = siblings_.around(self.frame);
    std::vector<Ballot> ballots = own_;
    ballots.insert(ballots.end(), published.begin(), published.end());
    // What was published before there was a majority may turn out to be the odd one.
    for (const Ballot& other : published)
      if (const auto differs = against_majority(other, ballots)) odd_.try_emplace(other.frame, *differs);
    if (auto error = against_majority(self, ballots)) return error;
    const bool all = static_cast<std::int64_t>(ballots.size()) == siblings_.frames_of_layer();
    return all ? against_any(self, ballots) : std::nullopt;
  }
  void tell_odd(wire::CheckReply& reply) const {
    constexpr int kOddMax = 16;
    for (const auto& [frame, differs] : odd_) {
      if (reply.odd_size() >= kOddMax) return;
      wire::CheckedOther& other = *reply.add_odd();
      other.set_frame(frame);
      other.set_message(message_of(differs.wrapped(fmt::format("frame {}, which is published", frame))));
    }
  }

 private:
  Siblings siblings_;
  std::vector<Ballot> own_;
  std::map<jobs::Frame, base::Error> odd_;
};

void compare(const wire::CheckRequest& request, const frames::Roots& roots, FileReader& reader,
             std::vector<std::optional<Looked>>& looked, wire::CheckReply& reply) {
  LayerVote vote(request, roots, reader, looked);
  for (std::size_t i = 0; i < looked.size(); ++i) {
    if (!looked[i] || looked[i]->error || looked[i]->shape.width == 0) continue;
    const wire::CheckFile& file = request.files(static_cast<int>(i));
    const Ballot self{file.frame(), looked[i]->shape};
    if (const auto size = wire::stated_size(request.recipe())) {
      looked[i]->error = against_stated(self, size->width, size->height);
      continue;
    }
    if (jobs::file_kind(file.path()) == FileKind::Movie) continue;  // its size is the encoder's affair
    const wire::InputFile* input = input_of(request, file);
    const auto shape = input == nullptr ? std::nullopt : shape_of_input(roots, *input, reader);
    looked[i]->error = shape ? against_input(self, *shape, frames::plate_label(*input)) : vote.against(self);
  }
  vote.tell_odd(reply);
}

base::Status check_frame_is_sound(const std::string& bytes, FileReader& reader) {
  const auto samples = reader.samples_digest(bytes);
  if (!samples.ok()) return samples.error();
  return reader.check_frame_is_whole(bytes);
}

// Errors: what is wrong with the file itself; nothing where it is not there, or is of a kind that is not opened.
base::Status check_input(const wire::InputFile& promised, const frames::Roots& roots, FileReader& reader,
                         bool after_failure) {
  const FileKind kind = jobs::file_kind(promised.path());
  if (kind == FileKind::Picture && after_failure) {
    const auto file = roots.open(promised);
    if (!file) return {};
    const auto found = reader.probe_picture(fmt::format("/proc/self/fd/{}", *file),
                                            std::filesystem::path(promised.path()).extension().string());
    ::close(*file);
    return found.ok() ? base::Status{} : base::Status(frames::unreadable_frame(found.error().message));
  }
  if (kind != FileKind::FrameFile) return {};
  wire::InputFile input = promised;
  input.clear_sha256();  // it was compared before the program ran
  const auto bytes = roots.read(input, frames::kFrameFileBytesMax);
  if (!bytes.ok() || (!after_failure && !frames::looks_like_frame(*bytes))) return {};
  // A program that failed may have met what only decoding finds.
  return after_failure ? check_frame_is_sound(*bytes, reader) : reader.check_frame_is_whole(*bytes);
}

void check_inputs_whole(const wire::CheckRequest& request, const frames::Roots& roots, FileReader& reader,
                        wire::CheckReply& reply) {
  for (const wire::InputFile& input : request.inputs()) {
    const auto whole = check_input(input, roots, reader, request.inputs_only());
    if (!is(whole, AttemptError::FrameUnreadable)) continue;
    reply.set_input_code(std::string(text_of(AttemptError::InputUnreadable)));
    reply.set_input_message(message_of(whole.error().wrapped(frames::plate_label(input))));
    reply.set_input_frame(input.frame());
    return;
  }
}

}  // namespace

wire::CheckReply check_outputs(const wire::CheckRequest& request, const frames::Roots& roots,
                               const std::filesystem::path& staging, FileReader& reader,
                               const CheckProgress& progress) {
  wire::CheckReply reply;
  const bool unchecked = request.recipe().unchecked();  // for headers and digests alone
  if (!unchecked) check_inputs_whole(request, roots, reader, reply);
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
    if (unchecked && kind != FileKind::FrameFile) continue;
    progress(i, looked.size());
    auto found =
        kind == FileKind::FrameFile ? look_at_frame(request, file, path, reader) : look_at_other(kind, path, reader);
    if (unchecked && !found.ok()) continue;
    Looked& one = looked[i].emplace();
    if (found.ok())
      one = *std::move(found);
    else
      one.error = found.error();
  }
  if (!unchecked) compare(request, roots, reader, looked, reply);
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
    checked.set_message(message_of(looked[i]->error->wrapped(which)));
  }
  return reply;
}

}  // namespace framemill::media
