#include "scheduler/daemon/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/file.h"
#include "base/key_files.h"
#include "base/service_user.h"
#include "base/sha256.h"
#include "net/curve_keys.h"
#include "scheduler/http/tokens.h"

namespace framemill::scheduler {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTokenBytes = 32;

bool is_missing(const fs::path& path) {
  return ::access(path.c_str(), F_OK) != 0;
}

// Where root makes the files: the service must own what nobody else may read, and be able to read the rest.
base::Status give(const fs::path& path, const std::optional<base::ServiceUser>& user, bool owns) {
  if (!user) return {};
  if (::chown(path.c_str(), owns ? user->uid : static_cast<uid_t>(-1), user->gid) == 0) return {};
  return base::Error{"init.owner", fmt::format("give {} to {}: {}", path.string(), user->name, std::strerror(errno)),
                     "", ""};
}

base::Status make_key(const SchedulerConfig& config, const std::optional<base::ServiceUser>& user) {
  if (!is_missing(config.key_file)) return {};
  FM_TRY(net::write_key_pair(config.key_file, net::make_curve_key_pair()));
  FM_TRY(give(config.key_file, user, true));
  fmt::print("made the key pair {}\n", config.key_file.string());
  return {};
}

base::Status make_list(const fs::path& file, const std::optional<base::ServiceUser>& user) {
  if (!is_missing(file)) return {};
  FM_TRY(base::write_new_file(file, "", 0640));
  FM_TRY(give(file, user, false));
  fmt::print("made {}, which names nobody yet\n", file.string());
  return {};
}

base::Status make_data_directory(const fs::path& directory, const std::optional<base::ServiceUser>& user) {
  if (!is_missing(directory)) return {};
  std::error_code fault;
  if (!directory.parent_path().empty()) fs::create_directories(directory.parent_path(), fault);
  if (fault || ::mkdir(directory.c_str(), 0700) != 0)
    return base::Error{"init.directory",
                       fmt::format("make {}: {}", directory.string(), fault ? fault.message() : std::strerror(errno)),
                       "data_directory", ""};
  FM_TRY(give(directory, user, true));
  fmt::print("made the data directory {}\n", directory.string());
  return {};
}

base::Status append(const fs::path& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const bool written = descriptor >= 0 &&
                       ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(descriptor) == 0;
  const int cause = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return {};
  return base::Error{"init.owner", fmt::format("write {}: {}", file.string(), std::strerror(cause)), "", ""};
}

base::Status make_token(const SchedulerConfig& config, const NewFarm& farm) {
  FM_ASSIGN(const TokenTable tokens, TokenTable::read(config.tokens_file));
  if (tokens.size() > 0) {
    fmt::print("{} has {} tokens; no new one was made\n", config.tokens_file.string(), tokens.size());
    return {};
  }
  const std::string random = base::random_bytes(kTokenBytes);
  const std::string token = base::to_hex({reinterpret_cast<const std::uint8_t*>(random.data()), random.size()});
  const std::string entry = fmt::format("[[token]]\nprincipal = \"{}\"\nrole = \"admin\"\nsha256 = \"{}\"\n",
                                        farm.admin, base::sha256(token).hex());
  FM_TRY(TokenTable::parse(entry));  // a name that cannot be one is found before a file is made
  FM_TRY(base::write_new_file(farm.token_file, token + "\n", 0600));
  FM_TRY(append(config.tokens_file, entry));
  fmt::print("made a token for {}, an administrator: {}\n", farm.admin, farm.token_file.string());
  return {};
}

}  // namespace

base::Status init_farm(const SchedulerConfig& config, const NewFarm& farm) {
  FM_ASSIGN(const std::optional<base::ServiceUser> user, base::service_user_for(farm.config_file, farm.user));
  FM_TRY(make_key(config, user));
  FM_TRY(make_list(config.workers_file, user));
  FM_TRY(make_list(config.tokens_file, user));
  FM_TRY(make_data_directory(config.data_directory, user));
  FM_TRY(make_token(config, farm));
  const auto public_key = fs::path(config.key_file) += ".pub";
  fmt::print("\nWorkers connect to {}{}, people and programs to {}.\n", config.listen_workers,
             config.allow_remote ? "" : " (other hosts cannot: set listen_workers and allow_remote)",
             config.listen_http);
  fmt::print(
      "Next: start the scheduler; copy {} to each worker's host; append each worker's public key to {}.\n"
      "      FRAMEMILL_TOKEN_FILE={} framemill workers\n",
      public_key.string(), config.workers_file.string(), farm.token_file.string());
  return {};
}

}  // namespace framemill::scheduler
