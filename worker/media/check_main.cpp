// framemill-check: opens what a program wrote, as framemill-media check does, where all of it is simple frame files. It
// starts at once: it is not linked to OpenImageIO. When it meets any other file it becomes framemill-media.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "worker/media/check_call.h"
#include "worker/media/quick_reader.h"

namespace framemill::media {
namespace {

int leave_it_to(const std::string& media, const CheckCall& call) {
  std::vector<std::string> arguments{media, "check", call.request, "--staging", call.staging};
  for (const std::string& root : call.roots) {
    arguments.emplace_back("--root");
    arguments.push_back(root);
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(media.c_str(), argv.data());
  return complain({"host.installation", fmt::format("start {}: {}", media, std::strerror(errno)), "", ""});
}

int check(const std::string& media, const CheckCall& call) {
  QuickReader reader;
  const auto reply = carry_out(call, reader);
  if (!reply.ok()) return complain(reply.error());
  if (reader.gave_up()) return leave_it_to(media, call);
  const auto written = write_reply(call, *reply);
  return written.ok() ? 0 : complain(written.error());
}

}  // namespace
}  // namespace framemill::media

int main(int argc, char** argv) {
  CLI::App app{"Checks simple frame files that a program wrote; a child of framemill-worker."};
  app.set_version_flag("--version", "framemill-check " FRAMEMILL_VERSION);
  app.footer("Example: framemill-media digest frames/hb_0010.1001.exr");
  framemill::media::CheckCall call;
  std::string media;
  app.add_option("request", call.request, "file with a serialised request")->required();
  app.add_option("--media", media, "framemill-media, for all other files")->required();
  app.add_option("--root", call.roots, "name=path of a root");
  app.add_option("--staging", call.staging, "the attempt's staging directory")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 2: bad usage
  }
  return framemill::media::check(media, call);
}
