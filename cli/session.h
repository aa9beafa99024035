// One run of the program as the verbs see it: where they print, what the terminal can show, the settings, the server.
// Made by run_program, lives for one verb, one thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/api.h"
#include "cli/exit_code.h"
#include "cli/settings.h"
#include "cli/spec_source.h"
#include "cli/terminal.h"

namespace framemill::cli {

// What the process gives the program; tests give strings and a fixed terminal.
struct Host {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  Terminal terminal;
  int terminal_descriptor = -1;  // asked again for its size while a display is live; -1: never
  Environment environment;
  std::function<bool()> keep_going;  // false after Ctrl-C
  std::string program_directory;     // where this program and its siblings lie
  int input_descriptor = -1;         // what `in` reads, where it is read as it comes; -1: `in` alone
};

struct CommonFlags {
  bool json = false;
  SettingFlags settings;
};

class Session {
 public:
  Session(Host& host, CommonFlags flags) : host_(host), flags_(std::move(flags)) {}

  Host& host() { return host_; }
  std::ostream& out() { return host_.out; }
  std::ostream& err() { return host_.err; }
  StandardInput standard_input() { return {host_.in, host_.input_descriptor}; }
  const Terminal& terminal() const { return host_.terminal; }
  bool json() const { return flags_.json; }

  base::Result<Settings> settings();
  // The server, opened at the first call; the token is read then.
  base::Result<Api*> api();
  int last_status() const { return api_ ? api_->last_status() : 0; }

  // "12", or "last": the newest job of the caller.
  base::Result<std::int64_t> job_id(const std::string& text);
  // "/api/v1/jobs/12" + rest.
  base::Result<std::string> job_target(const std::string& job, std::string_view rest = {});

  void print_json(const json::value& value);
  void print_error(const base::Error& error);

 private:
  Host& host_;
  CommonFlags flags_;
  std::optional<Api> api_;
};

}  // namespace framemill::cli
