// What the scheduler has not yet acknowledged: finished tasks, ended attempts, publish results. Every item is told
// again until the report that carried it last is acknowledged (a later one proves nothing: this one may have been
// refused), on each new connection at once, otherwise with growing pauses. Pure; owned by the Worker. Bounded by
// kItemsMax: the worker takes no grant beyond it.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "worker/core/values.h"

namespace framemill::worker {

class Outbox {
 public:
  static constexpr std::size_t kItemsMax = 65'536;
  // What one report may hold, with room left for the rest of the message (wire/limits.h).
  static constexpr std::size_t kReportBytesMax = 600 << 10;
  static constexpr std::uint32_t kReportFilesMax = 4096;
  static constexpr std::size_t kReportItemsMax = 1000;
  static constexpr base::Duration kRepeatFirst = base::seconds(3);
  static constexpr base::Duration kRepeatMax = base::seconds(60);

  void add(ReportItem item);
  // The items that are due, in the order they were added, as many as one report holds; they count as sent in it.
  std::vector<ReportItem> take(std::uint64_t sequence, base::Instant now);
  // Removes what these reports carried last, and hands it out.
  std::vector<ReportItem> acknowledge(const std::vector<std::uint64_t>& sequences);
  // The same for all reports up to `sequence`: what an older scheduler means.
  std::vector<ReportItem> acknowledge_up_to(std::uint64_t sequence);
  void connection_lost();

  bool due(base::Instant now) const { return next_due() <= now; }
  base::Instant next_due() const;                                               // kNever: nothing to tell
  bool holds(const PublishDuty& duty) const { return duties_.contains(duty); }  // its result is not acknowledged
  const std::set<PublishDuty>& duties() const { return duties_; }               // those whose results are not
  bool holds(const ManifestDuty& duty) const;
  std::size_t size() const { return entries_.size(); }
  bool full() const { return entries_.size() >= kItemsMax; }

 private:
  struct Entry {
    ReportItem item;
    std::uint64_t sent_in = 0;  // the last report that carried it; 0: none on this connection
    base::Instant due;
    base::Duration pause = kRepeatFirst;
  };
  template <class Covers>
  std::vector<ReportItem> remove_if_sent_in(Covers covers);
  std::deque<Entry> entries_;
  std::set<PublishDuty> duties_;
};

}  // namespace framemill::worker
