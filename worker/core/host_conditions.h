// What is wrong with this host, as its attempts found it: no descriptors, processes or memory to spare, or storage that
// fails. A condition keeps new work away, from the whole host or from one root, for a pause that grows each time the
// next attempt finds it again; it ends when work succeeds. So a sick host costs a task of others now and then, and not
// sixty in a second. Pure; owned by the Worker.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace framemill::worker {

struct HostCondition {
  std::string code;  // base/os_error.h: "host.descriptors", "storage_failed"
  std::string text;  // what was met, for people
  std::string root;  // of storage; empty: the whole host
  base::Instant since, until;  // first met; new work is kept away until
  base::Duration pause;
};

class HostConditions {
 public:
  static constexpr base::Duration kPauseFirst = base::seconds(2);
  static constexpr base::Duration kPauseMax = base::seconds(60);
  static constexpr base::Duration kForgetAfter = base::seconds(600);  // without news: nothing came to try it with

  // Whether an attempt's code speaks of the host, or of the root's storage, and not of the work.
  static bool is_condition(std::string_view code);

  // An attempt met it. Whether that changed what is kept away.
  bool met(const std::string& code, const std::string& text, const std::string& root, base::Instant now);
  // Work succeeded, with files in `root`. Whether a condition ended.
  bool works(const std::string& root);
  // What keeps new work for `root` away now; nullptr: nothing does.
  const HostCondition* blocking(const std::string& root, base::Instant now) const;
  // When a pause ends, or a condition is forgotten; kNever: none will.
  base::Instant next_change(base::Instant now) const;
  void forget_old(base::Instant now);
  std::vector<HostCondition> list() const;

 private:
  std::map<std::string, HostCondition> by_root_;  // at most one for the host and one for each root
};

}  // namespace framemill::worker
