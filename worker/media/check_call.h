// The check of a program's output as a process is asked for it: a serialised wire::CheckRequest in a file, roots and the
// staging directory on the command line; the answer goes into the staging directory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "wire/media.pb.h"
#include "worker/media/file_reader.h"

namespace framemill::media {

struct CheckCall {
  std::string request, staging;
  std::vector<std::string> roots;  // "name=path"
};

// Progress goes to standard output: "progress 0 0" once before any file is opened, then "progress FILE FILES". Errors: media.request, those of reading the request.
base::Result<wire::CheckReply> carry_out(const CheckCall& call, FileReader& reader);
// Not synced: the worker on this host reads it and nobody else. Errors: storage_full, storage_failed.
base::Status write_reply(const CheckCall& call, const wire::CheckReply& reply);

// The error as the last line of standard error, where the worker looks for it. Returns the exit status.
int complain(const base::Error& error);

}  // namespace framemill::media
