#include <catch2/catch.hpp>

#include <algorithm>

#include "scheduler/core/state/ready_queue.h"

namespace framemill::scheduler {
namespace {

constexpr ClassId kClass = 7, kOther = 8;

Place place(std::uint32_t job, Grouping grouping = Grouping::Common) {
  return {JobId(job), 0, grouping};
}

// The jobs of the class, share by share, as they stand in line.
std::vector<std::uint32_t> line(const ReadyQueue& queue, ClassId demand) {
  std::vector<std::uint32_t> jobs;
  const auto found = queue.classes().find(demand);
  if (found == queue.classes().end()) return jobs;
  for (const auto& [share, entries] : found->second.shares)
    for (const auto& [ranked, tasks] : entries) jobs.push_back(ranked.place.job.value);
  return jobs;
}

TEST_CASE("places stand in line by the rank that they were given, and equal ranks by place") {
  ReadyQueue queue;
  queue.set(place(1), kClass, {ShareId(1), {5, 0, 0}}, 1);
  queue.set(place(2), kClass, {ShareId(1), {-3, 9, 0}}, 1);
  queue.set(place(4), kClass, {ShareId(1), {-3, 2, 0}}, 1);
  queue.set(place(3), kClass, {ShareId(1), {-3, 2, 0}}, 1);
  CHECK(line(queue, kClass) == std::vector<std::uint32_t>{3, 4, 2, 1});
}

TEST_CASE("a place whose rank, share or class changes moves, and is there once") {
  ReadyQueue queue;
  queue.set(place(1), kClass, {ShareId(1), {1, 0, 0}}, 10);
  queue.set(place(2), kClass, {ShareId(1), {2, 0, 0}}, 20);
  queue.set(place(2), kClass, {ShareId(1), {0, 0, 0}}, 25);  // its deadline came nearer
  CHECK(line(queue, kClass) == std::vector<std::uint32_t>{2, 1});
  CHECK(queue.tasks_of(kClass) == 35);
  queue.set(place(2), kClass, {ShareId(2), {0, 0, 0}}, 25);  // charged to another share
  CHECK(line(queue, kClass) == std::vector<std::uint32_t>{1, 2});
  CHECK(queue.classes().at(kClass).shares.size() == 2);
  queue.set(place(2), kOther, {ShareId(2), {0, 0, 0}}, 5);  // it is bound to a device class
  CHECK(line(queue, kClass) == std::vector<std::uint32_t>{1});
  CHECK(line(queue, kOther) == std::vector<std::uint32_t>{2});
  CHECK(queue.tasks_of(kClass) == 10);
  CHECK(queue.tasks_of(kOther) == 5);
}

TEST_CASE("a place without tasks is in no line, and a class without places is gone") {
  ReadyQueue queue;
  queue.set(place(1), kClass, {ShareId(1), {}}, 0);
  CHECK(queue.classes().empty());
  queue.set(place(1), kClass, {ShareId(1), {}}, 3);
  queue.set(place(1, Grouping::Single), kClass, {ShareId(1), {}}, 1);
  queue.set(place(1), kClass, {ShareId(1), {}}, 0);
  CHECK(queue.tasks_of(kClass) == 1);
  queue.erase(place(1, Grouping::Single));
  queue.erase(place(1, Grouping::Single));
  CHECK(queue.classes().empty());
  CHECK(queue == ReadyQueue());
}

TEST_CASE("a share knows its lines and how many tasks they hold") {
  ReadyQueue queue;
  queue.set(place(1), kClass, {ShareId(1), {}}, 3);
  queue.set(place(2), kOther, {ShareId(1), {}}, 4);
  queue.set(place(3), kOther, {ShareId(2), {}}, 5);
  CHECK(queue.tasks_of(ShareId(1)) == 7);
  CHECK(queue.shares().at(ShareId(1)).lines.size() == 2);
  const ReadyQueue::Change moved = queue.set(place(2), kOther, {ShareId(2), {}}, 4);
  CHECK(moved.moved);
  CHECK(moved.left == ShareId(1));
  CHECK(queue.tasks_of(ShareId(1)) == 3);
  CHECK(queue.tasks_of(ShareId(2)) == 9);
  CHECK_FALSE(queue.set(place(2), kOther, {ShareId(2), {}}, 4).any);
  queue.erase(place(1));
  CHECK_FALSE(queue.shares().contains(ShareId(1)));
}

}  // namespace
}  // namespace framemill::scheduler
