// The checks of host_checks.h that talk to something: ports, packages, the executor.
#include <fmt/format.h>

#include "cli/child_process.h"
#include "cli/exit_code.h"
#include "cli/host_checks.h"
#include "cli/text.h"
#include "models/package.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr base::Duration kConnectTimeout = base::seconds(3);
constexpr base::Duration kSelfTestLimit = base::seconds(120);

std::string without_scheme(const std::string& address) {
  return address.starts_with("tcp://") ? address.substr(6) : address;
}

// "tcp://*:8751" as ZeroMQ takes it: all addresses of the host.
std::string bindable(const std::string& address) {
  const std::string plain = without_scheme(address);
  return plain.starts_with("*:") ? "0.0.0.0" + plain.substr(1) : plain;
}

net::HttpClientOptions short_waits() {
  net::HttpClientOptions options;
  options.connect_timeout = kConnectTimeout;
  options.read_timeout = kConnectTimeout;
  options.body_bytes_max = 64 * 1024;
  return options;
}

// Binds it for a moment.
bool is_free(const std::string& address) {
  net::EventLoop loop;
  net::HttpServerOptions options;
  options.listen = address;
  options.allow_remote = true;
  return net::HttpServer::open(loop, options, [](net::HttpRequest, net::Responder) {}).ok();
}

bool answers_as_scheduler(const std::string& url) {
  auto client = net::HttpClient::open(url, short_waits());
  if (!client.ok()) return false;
  net::HttpCall call;
  call.target = "/healthz";
  const auto reply = client->send(call);
  return reply.ok() && reply->status == 200 && reply->body.find("\"status\"") != std::string::npos;
}

}  // namespace

bool check_listen_http(const std::string& address, const std::string& group, Findings& findings) {
  const std::string subject = "listen_http " + address;
  const bool is_socket = address.starts_with("unix:");
  if (answers_as_scheduler(is_socket ? address : "http://" + address)) {
    findings.push_back({Verdict::Good, subject, "a scheduler answers", {}});
    return true;
  }
  net::HttpServerOptions socket;
  socket.listen = address;
  socket.unix_group = group;
  const base::Status place = is_socket ? net::check_listen_address(socket) : base::Status();
  if (!place.ok())
    findings.push_back({Verdict::Problem, subject, place.error().message,
                        place.error().hint.empty() ? "correct listen_http" : place.error().hint});
  else if (is_socket || is_free(address))
    findings.push_back({Verdict::Good, subject, "free; the daemon is not running", {}});
  else
    findings.push_back({Verdict::Problem, subject, "in use by another program, or not an address of this host",
                        "choose another port, or stop the program that uses it: ss -ltnp"});
  return false;
}

void check_listen_workers(const std::string& address, bool scheduler_answers, Findings& findings) {
  const std::string subject = "listen_workers " + address;
  const bool free = is_free(bindable(address));
  if (free != scheduler_answers)
    findings.push_back(
        {Verdict::Good, subject, free ? "free; the daemon is not running" : "held by the running scheduler", {}});
  else if (free)
    findings.push_back({Verdict::Note, subject, "nothing is listening, although a scheduler answers at listen_http",
                        "does that scheduler use another configuration?"});
  else
    findings.push_back({Verdict::Problem, subject, "in use by another program, or not an address of this host",
                        "choose another port, or stop the program that uses it: ss -ltnp"});
}

void check_reachable(const std::string& address, Findings& findings) {
  const std::string subject = "scheduler " + address;
  auto client = net::HttpClient::open("http://" + without_scheme(address), short_waits());
  if (!client.ok()) {
    findings.push_back(
        {Verdict::BadConfiguration, subject, client.error().message, "write scheduler = \"tcp://host:8751\""});
    return;
  }
  // The port speaks another protocol: any answer, or none, after a connection means that a process listens there.
  const auto reply = client->send(net::HttpCall{});
  if (is(reply, net::NetError::Connect))
    findings.push_back(
        {Verdict::Problem, subject, reply.error().message, "start the scheduler, or open its port in the firewall"});
  else
    findings.push_back({Verdict::Good, subject, "a process listens there", {}});
}

void check_packages(const std::vector<std::filesystem::path>& directories, Findings& findings) {
  const models::PackageShelf shelf = models::PackageShelf::open(directories);
  for (const base::Error& problem : shelf.problems())
    findings.push_back({Verdict::Problem, "model packages", problem.message, problem.hint});
  for (const std::string& id : shelf.ids()) {
    const std::vector<base::Error> faults = models::faults(*shelf.package(id));
    if (faults.empty())
      findings.push_back(
          {Verdict::Good, "package " + id, "digest " + shelf.package(id)->root_digest.hex().substr(0, 12), {}});
    else
      findings.push_back({Verdict::Problem, "package " + id, faults.front().message, "copy the package again"});
  }
  if (shelf.ids().empty() && shelf.problems().empty())
    findings.push_back({Verdict::Problem, "model packages", "no package was found",
                        "set models to directories that hold name@version directories"});
}

void check_executor(const std::filesystem::path& program, const std::function<bool()>& keep_going, Findings& findings) {
  const std::string subject = program.filename().string() + " self-test";
  const auto result = run_child({program.string(), "self-test"}, kSelfTestLimit, keep_going);
  if (!result.ok()) {
    const bool missing = is(result, ProcessError::Missing);
    findings.push_back({missing ? Verdict::Note : Verdict::Problem, subject, result.error().message,
                        missing ? "needed on hosts that run workers" : "run it by hand"});
    return;
  }
  std::string said = printable(result->output, LineBreaks::Keep);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  std::string last = said.substr(said.rfind('\n') + 1);
  if (result->exit_status == 0)
    findings.push_back({Verdict::Good, subject, last, {}});
  else
    findings.push_back(
        {Verdict::Problem, subject, fmt::format("exit status {}: {}", result->exit_status, last),
         fmt::format("run {} self-test, and scripts/bootstrap if LibTorch is missing", program.string())});
}

}  // namespace framemill::cli
