#include "worker/daemon/input_scout.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kLookEvery = base::seconds(1);     // and four times as long as a look takes
constexpr base::Duration kSayEvery = base::seconds(5);      // also without news: the scheduler counts on it
constexpr base::Duration kForgetAfter = base::seconds(60);  // a list that is not said again
constexpr std::size_t kSaidBytesMax = 96 << 10;             // in one report, beside all else that it says
constexpr base::Duration kHangsAfter = base::seconds(10);   // a look that takes so long says nothing by itself

bool same(const std::vector<wire::FilesLookedFor>& a, const std::vector<wire::FilesLookedFor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.SerializeAsString() == y.SerializeAsString(); });
}

}  // namespace

InputScout::InputScout(net::EventLoop& loop, std::function<const RootTable&()> roots, std::function<void()> on_news)
    : loop_(loop), roots_(std::move(roots)), on_news_(std::move(on_news)) {}

InputScout::~InputScout() {
  *alive_ = false;
  for (auto& [root, lane] : lanes_)
    if (lane.thread) lane.thread->leave();  // a look of storage that hangs ends when it ends
}

void InputScout::watch(const wire::WatchList& list) {
  asked_at_ = base::monotonic_now();
  std::map<std::string, std::vector<wire::WatchedFiles>> by_root;
  for (const wire::WatchedFiles& files : list.files()) by_root[files.root()].push_back(files);
  for (auto& [root, lane] : lanes_) {
    lane.watched.clear();
    if (!by_root.contains(root)) lane.found.clear();
  }
  for (auto& [root, watched] : by_root) {
    Lane& lane = lanes_[root];
    lane.watched = std::move(watched);
    lane.next = std::min(lane.next, asked_at_);
  }
  arm(base::milliseconds(0));
}

std::vector<wire::FilesLookedFor> InputScout::take_news() {
  std::vector<wire::FilesLookedFor> said;
  const base::Instant now = base::monotonic_now();
  if (!news_ && now - said_at_ < kSayEvery) return said;
  std::size_t bytes = 0, index = 0;
  for (const auto& [root, lane] : lanes_)
    for (const wire::FilesLookedFor& found : lane.found) {
      if (index++ < said_) continue;
      bytes += found.ByteSizeLong();
      if (bytes > kSaidBytesMax && !said.empty()) {
        said_ = index - 1;
        news_ = true;
        return said;
      }
      said.push_back(found);
    }
  news_ = false;
  said_ = 0;
  said_at_ = now;
  return said;
}

void InputScout::tick() {
  const base::Instant now = base::monotonic_now();
  if (now - asked_at_ > kForgetAfter) {
    for (auto& [root, lane] : lanes_) {
      lane.watched.clear();
      lane.found.clear();
    }
    return;
  }
  bool any = false;
  for (auto& [root, lane] : lanes_) {
    if (lane.watched.empty()) continue;
    any = true;
    if (lane.looking) {
      if (now - lane.began > kHangsAfter)
        cannot_look(lane, fmt::format("the storage of root {} does not answer", root));
    } else if (lane.next <= now) {
      begin_look(root, lane);
    }
  }
  if (!any) return;
  if (news_ || now - said_at_ >= kSayEvery) on_news_();
  arm(kLookEvery);
}

void InputScout::begin_look(const std::string& name, Lane& lane) {
  lane.began = base::monotonic_now();
  lane.next = lane.began + kLookEvery;
  const auto root = roots_().find(name);
  if (root == roots_().end()) return cannot_look(lane, fmt::format("this host does not see root {}", name));
  if (!lane.thread) lane.thread = std::make_unique<IoThread>();
  lane.looking = lane.thread->submit(
      [this, &loop = loop_, alive = alive_, name, root = root->second, scan = lane.scan, watched = lane.watched] {
        auto found = scan->look(*root, watched, base::monotonic_now());
        if (!*alive) return;
        loop.post([this, alive, name, found = std::move(found)]() mutable {
          if (*alive) this->found(name, std::move(found));
        });
      });
}

void InputScout::found(const std::string& root, std::vector<wire::FilesLookedFor> found) {
  Lane& lane = lanes_[root];
  lane.looking = false;
  const base::Instant now = base::monotonic_now();
  lane.next = now + std::max(kLookEvery, (now - lane.began) * 4);
  if (lane.watched.empty()) return;
  const bool is_news = !same(found, lane.found);
  lane.found = std::move(found);
  if (!is_news) return;
  news_ = true;
  on_news_();
}

void InputScout::cannot_look(Lane& lane, const std::string& why) {
  std::vector<wire::FilesLookedFor> answers;
  for (const wire::WatchedFiles& files : lane.watched) {
    wire::FilesLookedFor& answer = answers.emplace_back();
    answer.set_job(files.job());
    answer.set_phase(files.phase());
    answer.set_input(files.input());
    answer.set_problem(why);
  }
  news_ = news_ || !same(answers, lane.found);
  lane.found = std::move(answers);
}

void InputScout::arm(base::Duration pause) {
  timer_ = loop_.call_after(pause, [this] { tick(); });
}

}  // namespace framemill::worker
