// A PreviewPort that has what a test put into it, and may keep silent as storage that hangs. For tests.
#pragma once

#include <map>
#include <mutex>
#include <tuple>

#include "scheduler/http/preview_port.h"

namespace framemill::scheduler::testing {

class FakePreviews : public PreviewPort {
 public:
  static std::string frame_name() { return std::string(64, 'a') + ".jpg"; }
  static std::string strip_text(std::uint32_t phase, std::uint32_t task, const std::string& frames) {
    return "strip_" + std::to_string(phase) + "_" + std::to_string(task) + "_3-00f1e2d3c4b5a697-17_256x144x16_" +
           frames + ".jpg";
  }

  std::mutex mutex;  // guards what follows
  std::set<std::string> roots{"renders"};
  std::vector<PreviewStrip> strips{strip(0, 0, "1001-1016"), strip(0, 1, "1017-1032")};
  std::map<std::tuple<JobId, std::string, std::string>, PreviewFile> files{
      {{JobId(1), "renders", frame_name()}, {"\xff\xd8 a frame", "7-1", {5'000}}}};
  std::optional<PreviewFile> newest = PreviewFile{"\xff\xd8 the newest", "7-2", {6'000}};
  bool hangs = false;
  int reads = 0;

  static PreviewStrip strip(std::uint32_t phase, std::uint32_t task, const std::string& frames) {
    PreviewStrip strip = *read_strip_name(strip_text(phase, task, frames));
    strip.root = "renders";
    return strip;
  }

  std::set<std::string> served(const std::set<std::string>& wanted) const override {
    std::set<std::string> served;
    for (const std::string& root : wanted)
      if (roots.contains(root)) served.insert(root);
    return served;
  }
  void list(JobId, const std::set<std::string>&, Reply<std::vector<PreviewStrip>> reply) override {
    const std::lock_guard lock(mutex);
    if (!hangs) reply(strips);
  }
  void read(JobId job, const std::string& root, const std::string& name, Reply<PreviewFile> reply) override {
    const std::lock_guard lock(mutex);
    ++reads;
    const auto file = files.find({job, root, name});
    if (file == files.end()) return reply(base::Error{"preview.unknown", "there is no such preview", "name", ""});
    if (!hangs) reply(file->second);
  }
  void latest(JobId, const std::set<std::string>&, Reply<std::optional<PreviewFile>> reply) override {
    const std::lock_guard lock(mutex);
    if (!hangs) reply(newest);
  }
};

}  // namespace framemill::scheduler::testing
