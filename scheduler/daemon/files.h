// What the scheduler's host asks its file system, as a port: storage may hang, lie or be away, and tests must be able to
// make it so. Any thread.
#pragma once

#include <filesystem>

namespace framemill::scheduler {

class Files {
 public:
  virtual ~Files() = default;
  // False also where it cannot be told. May take for ever.
  virtual bool exists(const std::filesystem::path& path) const = 0;
};

class HostFiles final : public Files {
 public:
  bool exists(const std::filesystem::path& path) const override {
    std::error_code error;
    return std::filesystem::exists(path, error);
  }
};

}  // namespace framemill::scheduler
