// An executor without manners, on the real pipe: it answers Configure, and then the prompt of each attempt says how it
// misbehaves ("segv", "exit 3", "hang", "garbage", ...). It makes no frames. What the worker's supervisor must survive.
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "wire/executor.pb.h"
#include "wire/executor_exit.h"

namespace {

using namespace framemill;

constexpr int kPipe = 3;

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(kPipe, bytes.data(), bytes.size());
    if (n <= 0) std::_Exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void say(const wire::FromExecutor& message) {
  const std::string bytes = message.SerializeAsString();
  const auto length = static_cast<std::uint32_t>(bytes.size());
  const char header[4] = {static_cast<char>(length), static_cast<char>(length >> 8), static_cast<char>(length >> 16),
                          static_cast<char>(length >> 24)};
  write_all({header, 4});
  write_all(bytes);
}

void die_of_segv() {
  ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would make an exit status of it
  ::raise(SIGSEGV);
}

bool read_exactly(char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::read(kPipe, out, size);
    if (n <= 0) return false;
    out += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool hear(wire::ToExecutor& message) {
  unsigned char header[4];
  if (!read_exactly(reinterpret_cast<char*>(header), 4)) return false;
  std::string bytes(header[0] | header[1] << 8 | header[2] << 16 | header[3] << 24, '\0');
  return read_exactly(bytes.data(), bytes.size()) && message.ParseFromString(bytes);
}

void end(const wire::Grant& grant, const char* outcome, const char* code) {
  wire::FromExecutor message;
  wire::EndedAttempt& ended = *message.mutable_ended();
  *ended.mutable_attempt() = grant.attempt();
  ended.set_outcome(outcome);
  ended.set_code(code);
  ended.set_frame(1003);
  ended.set_has_frame(std::string(outcome) == "bad_output");
  say(message);
}

void finish(const wire::Grant& grant) {
  wire::FromExecutor message;
  wire::FinishedTask& task = *message.mutable_finished();
  *task.mutable_attempt() = grant.attempt();
  task.set_job(grant.tasks().job());
  task.set_phase(grant.tasks().phase());
  task.set_task(grant.tasks().first());
  say(message);
}

[[noreturn]] void eat_memory() {
  std::vector<std::string> eaten;
  try {
    while (true) eaten.emplace_back(16 << 20, 'x');
  } catch (const std::bad_alloc& error) {
    std::fprintf(stderr, "terminate called after throwing an instance of '%s'\n", error.what());
    std::abort();
  }
}

void misbehave(const wire::Grant& grant, const std::string& how) {
  if (how == "segv") die_of_segv();
  if (how == "kill") ::raise(SIGKILL);
  if (how == "abort") std::abort();
  if (how.starts_with("exit ")) std::_Exit(std::atoi(how.c_str() + 5));
  if (how == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
  if (how == "garbage") write_all(std::string("\x05\x00\x00\x00\xff\xff\xff\xff\xff", 9));
  if (how == "endless message") write_all(std::string("\xff\xff\xff\x7f", 4));
  if (how == "memory") eat_memory();
  if (how == "close") ::close(kPipe);
  if (how == "nan") end(grant, "bad_output", "frames.nan");
  if (how == "talk") std::fprintf(stderr, "a line on standard error\n%s\n", std::string(40'000, 'y').c_str());
  if (how == "finish then segv") {
    finish(grant);
    die_of_segv();
  }
  if (how == "child") {
    if (::fork() == 0) {
      std::printf("child %d\n", ::getpid());
      std::fflush(stdout);
      ::pause();
    }
  }
  if (how == "latin-1") {
    wire::FromExecutor message;
    wire::EndedAttempt& ended = *message.mutable_ended();
    *ended.mutable_attempt() = grant.attempt();
    ended.set_outcome("failed");
    ended.set_message(
        "attribute \"Besch\xe4"
        "digt\" is not known");
    ended.set_output_tail("half a character \xe2\x82");
    say(message);
  }
  if (how == "leave a child and exit") {
    if (::fork() == 0) {
      std::printf("child %d\n", ::getpid());
      std::fflush(stdout);
      ::pause();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until the child has said its number
    std::_Exit(0);
  }
  if (how == "fine") {
    finish(grant);
    end(grant, "ok", "");
  }
}

}  // namespace

int main() {
  wire::ToExecutor heard;
  if (!hear(heard) || !heard.has_configure()) return wire::kExitProtocol;
  if (heard.configure().slot() == "cannot-start") return wire::kExitConfiguration;
  if (heard.configure().slot() == "never-ready") ::pause();
  std::printf("environment:");
  for (char** entry = environ; *entry != nullptr; ++entry) std::printf(" %s", *entry);
  std::printf("\ngroup %d pid %d\n", ::getpgrp(), ::getpid());
  for (int fd = 4; fd < 64; ++fd)
    if (::lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF) std::printf("descriptor %d is open\n", fd);
  std::fflush(stdout);
  wire::FromExecutor ready;
  ready.mutable_ready()->set_device_class("cpu rude");
  say(ready);
  while (hear(heard)) {
    if (heard.has_start()) misbehave(heard.start().grant(), heard.start().grant().recipe().generate().prompt());
    if (heard.has_cancel()) {
      wire::FromExecutor message;
      *message.mutable_ended()->mutable_attempt() = heard.cancel().attempt();
      message.mutable_ended()->set_outcome("revoked");
      say(message);
    }
    if (heard.finish()) return wire::kExitFinished;
  }
  return 0;
}
