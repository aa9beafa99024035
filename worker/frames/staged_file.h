// Writing a task's files into its directory of the staging tree so that they survive a power cut: all bytes first, then
// fsync of each file (the first one carries most of the journal's work), then of the directory and its parent. Everything
// is reached by handles of the directories, through no link below the root: a name that is exchanged for a link in
// mid-job leads nowhere. The caller owns the staging directory; one thread at a time per task.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace framemill::frames {

class StagedDirectory {
 public:
  // Makes `<staging>/<task>`, empty: what an attempt cut short left there is removed. Errors, here and below:
  // storage_full, storage_failed and host.* (base/os_error.h: never the task's fault), frames.stage (a path too long).
  static base::Result<StagedDirectory> make(const std::filesystem::path& staging, std::uint32_t task);

  StagedDirectory(StagedDirectory&& other) noexcept;
  StagedDirectory& operator=(StagedDirectory&&) = delete;
  ~StagedDirectory();

  // `name` is one path component. The file is not yet durable.
  base::Status write(const std::string& name, std::string_view bytes);
  // A file that another program wrote into this directory: made durable by sync(), like the others.
  base::Status adopt(const std::string& name);
  // fsync of every file written here, of this directory and of the staging directory above it.
  base::Status sync();
  // A file in the staging directory above, durable, whole or not at all.
  base::Status write_above(const std::string& name, std::string_view bytes);
  // The working directory of this process, for programs that it starts: they name their files without a path.
  base::Status enter() const;

  std::string relative(const std::string& name) const;  // "<task>/<name>", as OutputFile.staged wants it

 private:
  StagedDirectory(int above, int directory, std::string task)
      : above_(above), directory_(directory), task_(std::move(task)) {}
  base::Status failed(const char* what, const std::string& name) const;

  int above_ = -1, directory_ = -1;
  std::string task_;
  std::vector<std::pair<std::string, int>> unsynced_;  // name and open descriptor
};

inline constexpr std::size_t kStagedFilesMax = 4096;  // of one task

// The last component of a final path inside a root. Errors: frames.path for an empty one, "." or "..".
base::Result<std::string> file_name_of(const std::string& final_path);

}  // namespace framemill::frames
