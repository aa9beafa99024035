// framemill-sim policy: what the farm's policy, or another one, makes of a trace.
#pragma once

#include <CLI/CLI.hpp>

namespace framemill::sim {

// Declares the subcommand. Its exit status, once it has run: 0, or 2 with a message where the trace cannot be read.
class PolicyCommand {
 public:
  explicit PolicyCommand(CLI::App& program);
  bool chosen() const { return app_->parsed(); }
  int run() const;

 private:
  CLI::App* app_;
  std::string file_, farm_, policy_ = "framemill";
  std::uint64_t random_ = 0, seed_ = 1;
  double scale_ = 1;
  bool json_ = false, write_ = false, list_ = false;
  CLI::Option* random_option_;
};

}  // namespace framemill::sim
