#include "cli/spec_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <istream>
#include <limits>

#include "base/clock.h"
#include "cli/text.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kSpecBytesMax = 256 * 1024;
constexpr std::uint32_t kLast =
    std::numeric_limits<std::uint32_t>::max();  // errors without a place come behind the others

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string name_of(const std::string& file) {
  return file == "-" ? std::string("standard input") : printable(file);
}

base::Error error_of(std::string code, const std::string& file, std::string_view what, std::string hint = {}) {
  return {std::move(code), fmt::format("{}: {}", name_of(file), what), "FILE", std::move(hint)};
}

base::Error too_large(const std::string& file) {
  return error_of("file.too_large", file, "larger than 256 KiB", "a job spec is a page of text");
}

// What can be read to an end: plain files and pipes. Standard input may be a terminal as well.
base::Status check_kind(int fd, const std::string& file) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return error_of("file.open", file, std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return error_of("file.not_a_file", file, "is a directory", "name the spec in it");
  if (S_ISREG(facts.st_mode) && facts.st_size > static_cast<off_t>(kSpecBytesMax)) return too_large(file);
  if (file == "-" || S_ISREG(facts.st_mode) || S_ISFIFO(facts.st_mode)) return {};
  return error_of("file.not_a_file", file, "is a device or a socket", "- reads standard input");
}

// True when there is something to read, or its end.
base::Result<bool> wait_for_input(int fd, std::optional<base::Instant> deadline) {
  pollfd waited{fd, POLLIN, 0};
  const std::int64_t left = deadline ? std::max<std::int64_t>((*deadline - base::monotonic_now()).ms, 0) : -1;
  const int ready = ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max())));
  if (ready < 0 && errno == EINTR) return base::error_of(net::NetError::Interrupted, "interrupted");
  return ready != 0;
}

base::Result<std::string> read_all(int fd, const std::string& file, std::optional<base::Instant> deadline) {
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    FM_ASSIGN(const bool ready, wait_for_input(fd, deadline));
    if (!ready) return error_of("file.silent", file, "nothing was written to this pipe", "- reads standard input");
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return error_of("file.read", file, std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kSpecBytesMax) return too_large(file);
  }
}

base::Result<std::string> read_stream(std::istream& stream) {
  std::string text(kSpecBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kSpecBytesMax) return too_large("-");
  return text;
}

base::Result<std::string> read_text(const std::string& file, const StandardInput& input, base::Duration patience) {
  if (file == "-" && input.descriptor < 0) return read_stream(input.stream);
  if (file == "-") {
    FM_TRY(check_kind(input.descriptor, file));
    return read_all(input.descriptor, file, std::nullopt);  // a person may be typing
  }
  // Without waiting: the open of a pipe without a writer would not come back.
  const Descriptor opened{::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (opened.fd < 0) return error_of("file.open", file, std::strerror(errno));
  FM_TRY(check_kind(opened.fd, file));
  return read_all(opened.fd, file, base::monotonic_now() + patience);
}

}  // namespace

bool SpecSource::is_json() const {
  return jobs::detected_format(text) == jobs::SpecFormat::Json;
}

std::string SpecSource::shown_name() const {
  return name_of(name);
}

base::Result<SpecSource> read_spec_source(const std::string& file, const StandardInput& standard_input,
                                          base::Duration patience) {
  FM_ASSIGN(std::string text, read_text(file, standard_input, patience));
  return SpecSource{file, std::move(text)};
}

base::Result<jobs::SpecOverrides> parse_overrides(const std::vector<std::string>& texts) {
  jobs::SpecOverrides overrides;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return base::Error{"usage.set", fmt::format("--set {}: KEY=VALUE is needed", printable(text)), "--set",
                         "write --set layer.boards.prompt=\"snowy hills\""};
    if (jobs::encoding_error(text))
      return base::Error{"usage.set", fmt::format("--set {} is not UTF-8", printable(text.substr(0, equals))), "--set",
                         "use a terminal whose locale is UTF-8"};
    overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return overrides;
}

void place_and_order(std::vector<jobs::SpecError>& errors, const SpecSource& source,
                     const jobs::SpecOverrides& overrides) {
  if (!source.is_json() &&
      std::any_of(errors.begin(), errors.end(), [](const jobs::SpecError& error) { return !error.line; }))
    jobs::locate(errors, jobs::parse_spec(source.text, jobs::SpecFormat::Toml, overrides).positions);
  std::stable_sort(errors.begin(), errors.end(), [](const jobs::SpecError& a, const jobs::SpecError& b) {
    return std::pair(a.line.value_or(kLast), a.column.value_or(kLast)) <
           std::pair(b.line.value_or(kLast), b.column.value_or(kLast));
  });
}

}  // namespace framemill::cli
