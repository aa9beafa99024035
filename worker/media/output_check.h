// Opens what a program wrote before it is committed: is each file what its name says, whole, and a picture of the size
// that the layer wants? EXR and PNG files lose what an input's header said about another layer and get this layer's
// recipe instead. Runs in a process of its own with limits of time and memory, so that a hostile file harms one task.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.h"
#include "wire/media.pb.h"
#include "worker/frames/root_file.h"
#include "worker/media/file_reader.h"

namespace framemill::media {

inline constexpr const char* kCheckReplyName = "check.reply";  // in the staging directory

// Told before each file: its number and how many there are. When the process dies, the last one was at work.
using CheckProgress = std::function<void(std::size_t file, std::size_t files)>;

// `staging`: where the files lie; `roots`: for the inputs and for frames that are published already.
wire::CheckReply check_outputs(const wire::CheckRequest& request, const frames::Roots& roots,
                               const std::filesystem::path& staging, FileReader& reader, const CheckProgress& progress);

}  // namespace framemill::media
