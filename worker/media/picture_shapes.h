// The shapes of pictures that lie in roots, from their headers: of a task's inputs, and of the published frames that a
// new one is compared with.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "jobs/frame_range.h"
#include "wire/media.pb.h"
#include "worker/frames/frame_facts.h"
#include "worker/frames/root_file.h"
#include "worker/media/file_reader.h"
#include "worker/media/picture_vote.h"

namespace framemill::media {

Shape shape_of(const frames::FrameFacts& facts);
Shape shape_of(const ProbedSize& picture);
// Nothing: it cannot be read, or is no picture.
std::optional<Shape> shape_of_input(const frames::Roots& roots, const wire::InputFile& input, FileReader& reader);

// Published frames of the layer: those near a frame, and its first ones, which were made when there was nothing to
// compare them with.
class Siblings {
 public:
  Siblings(const wire::CheckRequest& request, const frames::Roots& roots, FileReader& reader);
  std::vector<Ballot> around(jobs::Frame frame);
  std::int64_t frames_of_layer() const { return frames_.count(); }

 private:
  void add(std::int64_t position, std::vector<Ballot>& to);
  std::optional<Shape> shape_at(jobs::Frame frame);

  const wire::CheckRequest& request_;
  const frames::Roots& roots_;
  FileReader& reader_;
  jobs::FrameSet frames_;
  std::set<jobs::Frame> own_;
  std::map<jobs::Frame, std::optional<Shape>> shapes_;
};

}  // namespace framemill::media
