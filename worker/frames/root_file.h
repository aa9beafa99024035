// Reading a task's inputs below their roots: by root name and relative path, through links as long as they lead into one
// of the roots (base/open_below.h), with the size and digest that the grant promised. A published file may be late on a network file
// system: `input_not_visible` says "try again for a while", every other error is final. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "wire/recipe.pb.h"

namespace framemill::frames {

class Roots {
 public:
  void set(std::string name, std::filesystem::path path) { paths_[std::move(name)] = std::move(path); }
  const std::filesystem::path* find(const std::string& name) const;

  // The whole file. Errors: input_not_visible (not there, another size or digest than promised), input.path (no
  // path inside a root, or an unknown root), input.link (leads out of every root), input.unreadable, input.too_large,
  // input.read; storage_failed with the root as its field, host.descriptors and host.memory, which say nothing about the
  // task.
  base::Result<std::string> read(const wire::InputFile& input, std::uint64_t size_bytes_max) const;
  // At most so many bytes of its beginning, whatever size and digest were promised. Errors: as read().
  base::Result<std::string> read_beginning(const wire::InputFile& input, std::size_t bytes) const;
  // An open descriptor, the caller's to close; nothing where it cannot be read.
  std::optional<int> open(const wire::InputFile& input) const;

 private:
  base::Result<int> open_regular(const wire::InputFile& input, const std::string& label) const;

  std::map<std::string, std::filesystem::path> paths_;
};

// An output pattern with the frame put in: the pattern holds at most one printf token of the form %d or %0Nd (N up to
// 9) and "%%" for a percent sign. Errors: frames.path.
base::Result<std::string> path_of_frame(std::string_view pattern, std::int32_t frame);

}  // namespace framemill::frames
