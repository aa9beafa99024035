#include "worker/media/check_call.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/os_error.h"
#include "base/text.h"
#include "worker/media/output_check.h"
#include "worker/media/request.h"

namespace framemill::media {
namespace {

constexpr std::uint64_t kCheckRequestBytesMax = 64ull << 20;

}  // namespace

base::Result<wire::CheckReply> carry_out(const CheckCall& call, FileReader& reader) {
  FM_ASSIGN(const std::string bytes, base::read_file(call.request, kCheckRequestBytesMax));
  wire::CheckRequest request;
  if (!request.ParseFromString(bytes))
    return base::Error{"media.request", call.request + " is not a serialised request", "", ""};
  FM_ASSIGN(const frames::Roots roots, read_roots(call.roots));
  fmt::print("progress 0 0\n");  // it has started: what happens from now on is the files' doing
  std::fflush(stdout);
  return check_outputs(request, roots, call.staging, reader, [](std::size_t file, std::size_t files) {
    fmt::print("progress {} {}\n", file, files);
    std::fflush(stdout);
  });
}

base::Status write_reply(const CheckCall& call, const wire::CheckReply& reply) {
  const std::filesystem::path file = std::filesystem::path(call.staging) / kCheckReplyName;
  const std::string bytes = reply.SerializeAsString();
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  if (!out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
    return base::os_error(errno, "storage_failed", "write " + file.string());
  return {};
}

int complain(const base::Error& error) {
  // One line, whatever a library quotes: the worker takes the last one.
  const std::string message = base::clean_text(error.message, 4096);
  const std::string root = base::root_of(error);
  fmt::print(stderr, "{}{}: {}{}\n", error.code, root.empty() ? "" : " in " + root, message,
             error.hint.empty() ? "" : " (" + error.hint + ")");
  return 1;
}

}  // namespace framemill::media
