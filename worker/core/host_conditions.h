// What is wrong with this host, as its attempts found it: no descriptors, processes or memory to spare, or storage that
// fails. A condition keeps new work away, from the whole host or from one root, for a pause that grows each time the
// next attempt finds it again; it ends when work succeeds. So a sick host costs a task of others now and then, and not
// sixty in a second. What was begun before and what others do in the root tells nothing of the rest: making files,
// reading inputs and giving files their names are watched apart. Pure; owned by the Worker.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace framemill::worker {

enum class Doing {
  Work,     // attempts, in their staging directories
  Reading,  // inputs of a root: told, but it keeps nothing away; each layer has its own pause on this host
  Naming,   // giving finished files their final names
};

struct HostCondition {
  std::string code;            // base/os_error.h: "host.descriptors", "storage_failed"
  std::string text;            // what was met, for people
  std::string root;            // of storage; empty: the whole host
  base::Instant since, until;  // first met; new work is kept away until
  base::Duration pause;
  Doing doing = Doing::Work;
};

class HostConditions {
 public:
  static constexpr base::Duration kPauseFirst = base::seconds(2);
  static constexpr base::Duration kPauseMax = base::seconds(60);
  static constexpr base::Duration kForgetAfter = base::seconds(600);  // without news: nothing came to try it with

  // Whether an attempt's code speaks of the host, or of the root's storage, and not of the work.
  static bool is_condition(std::string_view code);

  static constexpr std::uint32_t kNamingFailuresMax = 3;  // in a row: one directory may be closed to this worker

  // An attempt met it. Whether that changed what is kept away or told.
  bool met(const std::string& code, const std::string& text, const std::string& root, base::Instant now,
           Doing doing = Doing::Work);
  // Work succeeded, with files in `root`. Whether a condition ended.
  bool works(const std::string& root);
  // Storage refused a name in `root`. Whether that changed what is kept away: it takes kNamingFailuresMax in a row.
  bool naming_failed(const std::string& code, const std::string& text, const std::string& root, base::Instant now);
  // Files in `root` have got their names. Whether a condition ended.
  bool naming_works(const std::string& root);
  // What keeps new work for `root` away now; nullptr: nothing does.
  const HostCondition* blocking(const std::string& root, base::Instant now) const;
  // When a pause ends, or a condition is forgotten; kNever: none will.
  base::Instant next_change(base::Instant now) const;
  void forget_old(base::Instant now);
  std::vector<HostCondition> list() const;

 private:
  using Key = std::pair<std::string, Doing>;
  std::map<Key, HostCondition> found_;                    // at most one for the host and three for each root
  std::map<std::string, std::uint32_t> naming_failures_;  // in a row
};

}  // namespace framemill::worker
