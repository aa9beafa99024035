#include "worker/supervisor/manifest_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/path_error.h"
#include "jobs/publish_error.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/small_files.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

namespace json = boost::json;

constexpr std::size_t kRecordsMax = 10'000'000;  // kept orders of one phase: as many as it may have tasks
constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kManifestLineBytesMax = 1 << 20;
constexpr std::size_t kHeadBytesMax = 512;  // the first line of a manifest says whose it is
constexpr const char* kName = "manifest.json";

std::string hex(const std::string& bytes) {
  return base::to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string records_path(std::uint32_t job, std::uint32_t phase) {
  return fmt::format("{}/{}/{}", kManifestsPath, job, phase);
}

// The first line, without its last comma and with the brace it lacks, is an object by itself.
std::string head_line(const wire::ManifestOrder& order) {
  json::object head{{"framemill_manifest", 1},
                    {"job", order.job()},
                    {"submitted_unix_ms", order.submitted_unix_ms()},
                    {"revision", order.revision()}};
  std::string line = json::serialize(head);
  line.back() = ',';
  return line + "\n";
}

enum class Owner { Nobody, This, Other };
struct Found {
  Owner owner = Owner::Nobody;
  std::uint64_t revision = 0;
};

Found find_manifest(int directory, const std::string& name, const wire::ManifestOrder& order) {
  const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return {errno == ENOENT ? Owner::Nobody : Owner::Other, 0};
  std::string head(kHeadBytesMax, '\0');
  const ssize_t n = ::read(file.get(), head.data(), head.size());
  head.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  const std::size_t end = head.find(",\n");
  if (end == std::string::npos) return {Owner::Other, 0};
  boost::system::error_code broken;
  const json::value parsed = json::parse(head.substr(0, end) + "}", broken);
  if (broken || !parsed.is_object()) return {Owner::Other, 0};
  const auto number = [&](const char* key) -> std::int64_t {
    const json::value* value = parsed.as_object().if_contains(key);
    return value != nullptr && value->is_int64() ? value->as_int64() : -1;
  };
  if (number("framemill_manifest") != 1 || number("job") != std::int64_t{order.job()} ||
      number("submitted_unix_ms") != order.submitted_unix_ms())
    return {Owner::Other, 0};
  return {Owner::This, static_cast<std::uint64_t>(std::max<std::int64_t>(number("revision"), 0))};
}

// The kept orders of a phase, by task.
base::Result<std::vector<std::uint32_t>> kept_tasks(const RootDirectory& root, std::uint32_t job,
                                                    const wire::ManifestPart& part) {
  const auto incomplete = [&](std::size_t have) {
    return base::Error{
        "manifest.incomplete",
        fmt::format("{} of {} published tasks of phase {} are on record", have, part.tasks(), part.phase()), "", ""};
  };
  std::vector<std::uint32_t> tasks;
  if (part.tasks() == 0) return tasks;
  const auto directory = root.open_directory(records_path(job, part.phase()), MakeDirectories::No);
  if (!directory.ok()) return is(directory, base::PathError::Missing) ? incomplete(0) : directory.error();
  FM_ASSIGN(const std::vector<std::string> names, list(directory->get(), kRecordsMax));
  for (const std::string& name : names) {
    std::uint32_t task = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), task);
    if (fault == std::errc() && end == name.data() + name.size()) tasks.push_back(task);
  }
  if (tasks.size() < part.tasks()) return incomplete(tasks.size());
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

// Writes through a buffer; the file is whole when finish() succeeds.
class Text {
 public:
  explicit Text(UniqueFd file) : file_(std::move(file)) {}
  base::Status add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() < kBufferBytes) return {};
    return flush();
  }
  base::Status finish() {
    FM_TRY(flush());
    if (::fsync(file_.get()) != 0) return storage_error(errno, "sync a manifest");
    return {};
  }

 private:
  base::Status flush() {
    FM_TRY(write_all(file_.get(), buffer_, "a manifest"));
    buffer_.clear();
    return {};
  }
  UniqueFd file_;
  std::string buffer_;
};

std::string introduction(const wire::ManifestOrder& order) {
  json::array models;
  for (const wire::ManifestLayer& layer : order.layers()) {
    if (layer.model().empty()) continue;
    json::object model{{"id", layer.model()}, {"digest", hex(layer.model_digest())}};
    if (std::find(models.begin(), models.end(), json::value(model)) == models.end()) models.push_back(std::move(model));
  }
  return head_line(order) + fmt::format("\"version\":{},\"plan_digest\":\"{}\",\"models\":{},\"files\":[",
                                        order.version(), hex(order.plan_digest()), json::serialize(models));
}

base::Status add_files(const wire::ManifestOrder& order, const wire::ManifestPart& part, const wire::PublishOrder& kept,
                       bool& first, Text& text) {
  const wire::ManifestLayer& layer = order.layers(static_cast<int>(part.layer()));
  const bool by_model = !layer.model().empty();
  for (const wire::OutputFile& file : kept.files()) {
    const json::object row{
        {"file", file.path()},
        {"root", kept.root()},
        {"layer", layer.name()},
        {"variant", part.variant()},
        {"frame", file.frame()},
        {"seed", by_model ? json::value(part.seed()) : json::value()},
        // Most JSON readers round a number above 2^53.
        {"seed_text", by_model ? json::value(std::to_string(part.seed())) : json::value()},
        {"model", by_model ? json::value(layer.model()) : json::value()},
        {"size_bytes", file.size_bytes()},
        {"sha256", hex(file.sha256())},
        {"samples_sha256", file.samples_sha256().empty() ? json::value() : json::value(hex(file.samples_sha256()))}};
    FM_TRY(text.add((first ? "\n" : ",\n") + json::serialize(row)));
    first = false;
  }
  return {};
}

base::Status write_text(const RootDirectory& root, const wire::ManifestOrder& order, UniqueFd file) {
  Text text(std::move(file));
  FM_TRY(text.add(introduction(order)));
  bool first = true;
  for (const wire::ManifestPart& part : order.parts()) {
    FM_ASSIGN(const std::vector<std::uint32_t> tasks, kept_tasks(root, order.job(), part));
    if (tasks.empty()) continue;
    FM_ASSIGN(const UniqueFd records,
              root.open_directory(records_path(order.job(), part.phase()), MakeDirectories::No));
    for (const std::uint32_t task : tasks) {
      FM_ASSIGN(const std::string bytes, read_at(records.get(), std::to_string(task)));
      wire::PublishOrder kept;
      if (!kept.ParseFromString(bytes) || kept.tasks().job() != order.job() || kept.tasks().phase() != part.phase())
        return base::Error{"storage_failed", fmt::format("the order kept for task {} is not one", task), "", ""};
      FM_TRY(add_files(order, part, kept, first, text));
    }
  }
  FM_TRY(text.add("\n]}\n"));
  return text.finish();
}

// The first time without taking a name from anybody: a link, or a rename where there are no links.
base::Status give_name(int from, const std::string& temporary, int to, const std::string& name) {
  if (::linkat(from, temporary.c_str(), to, name.c_str(), 0) == 0) return {};
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK) {
    constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
    if (::syscall(SYS_renameat2, from, temporary.c_str(), to, name.c_str(), kNoReplace) == 0) return {};
    if ((errno == EINVAL || errno == ENOSYS) && ::faccessat(to, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
        ::renameat(from, temporary.c_str(), to, name.c_str()) == 0)
      return {};
  }
  if (errno == EEXIST)
    return base::error_of(jobs::PublishError::ExistsOther, name + " appeared meanwhile", "", "move it away");
  return storage_error(errno, "give " + name + " its name");
}

// --- after a remake --------------------------------------------------------------------------------------------------

bool came_out_equal(const wire::PublishOrder& order) {
  for (const wire::OutputFile& file : order.files()) {
    bool equal = false;
    for (const wire::OutputFile& before : order.remake().before())
      equal = equal || (before.path() == file.path() && before.sha256() == file.sha256() &&
                        before.size_bytes() == file.size_bytes());
    if (!equal) return false;
  }
  return true;
}

base::Status amend_kept_order(const RootDirectory& root, const wire::PublishOrder& order) {
  const auto directory =
      root.open_directory(records_path(order.remake().job(), order.tasks().phase()), MakeDirectories::No);
  if (!directory.ok()) return is(directory, base::PathError::Missing) ? base::Status{} : directory.error();
  const std::string name = std::to_string(order.tasks().first());
  if (::faccessat(directory->get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return {};
  wire::PublishOrder kept = order;
  kept.mutable_tasks()->set_job(order.remake().job());
  kept.clear_remake();
  kept.set_on_record(true);
  return write_at(directory->get(), name, kept.SerializeAsString(), Durable::Yes);
}

// A row of a manifest with the digests that the file has now; nothing where it speaks of another file.
std::optional<std::string> amended_row(std::string_view line, const wire::PublishOrder& order) {
  if (!line.starts_with("{\"file\":")) return std::nullopt;
  const bool comma = line.ends_with(',');
  boost::system::error_code broken;
  json::value parsed = json::parse(line.substr(0, line.size() - (comma ? 1 : 0)), broken);
  json::object* row = broken ? nullptr : parsed.if_object();
  if (row == nullptr) return std::nullopt;
  const auto is = [&](const char* key, const std::string& text) {
    const json::value* value = row->if_contains(key);
    return value != nullptr && value->is_string() && value->get_string() == text;
  };
  for (const wire::OutputFile& file : order.files()) {
    if (!is("file", file.path()) || !is("root", order.root())) continue;
    (*row)["size_bytes"] = file.size_bytes();
    (*row)["sha256"] = hex(file.sha256());
    if (!file.samples_sha256().empty()) (*row)["samples_sha256"] = hex(file.samples_sha256());
    return json::serialize(*row) + (comma ? "," : "");
  }
  return std::nullopt;
}

// Copies line by line; false: no line speaks of the order's files.
base::Result<bool> copy_amended(int from, UniqueFd to, const wire::PublishOrder& order) {
  Text text(std::move(to));
  std::string buffer, chunk(kBufferBytes, '\0');
  bool amended = false;
  while (true) {
    const ssize_t n = ::read(from, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return storage_error(errno, "read a manifest");
    buffer.append(chunk, 0, static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', at)) {
      const std::string_view line(buffer.data() + at, end - at);
      const auto row = amended_row(line, order);
      amended = amended || row;
      FM_TRY(text.add(row ? *row + "\n" : std::string(line) + "\n"));
      at = end + 1;
    }
    buffer.erase(0, at);
    if (n == 0 || buffer.size() > kManifestLineBytesMax) {  // what is no line of ours stays as it is
      FM_TRY(text.add(buffer));
      buffer.clear();
    }
    if (n == 0) break;
  }
  FM_TRY(text.finish());
  return amended;
}

base::Status amend_file(int directory, const std::string& name, const wire::PublishOrder& order,
                        const PublishSettings& settings) {
  const UniqueFd from(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return storage_error(errno, "open " + name);
  const std::string temporary = fmt::format(".framemill-manifest-{:016x}", base::random_u64());
  UniqueFd to(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!to) return storage_error(errno, "create a manifest");
  if (settings.group) (void)!::fchown(to.get(), static_cast<uid_t>(-1), *settings.group);
  base::Result<bool> amended = copy_amended(from.get(), std::move(to), order);
  if (amended.ok() && *amended && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    amended = storage_error(errno, "replace " + name);
  ::unlinkat(directory, temporary.c_str(), 0);
  if (!amended.ok()) return amended.error();
  if (::fsync(directory) != 0) return storage_error(errno, "sync the directory of " + name);
  return {};
}

struct Name {
  std::string text;
  Found found;
};
base::Result<Name> choose_name(int directory, const wire::ManifestOrder& order) {
  for (const std::string& name : {std::string(kName), fmt::format("manifest.job{}.json", order.job())}) {
    const Found found = find_manifest(directory, name, order);
    if (found.owner != Owner::Other) return Name{name, found};
  }
  return base::error_of(jobs::PublishError::ExistsOther,
                        fmt::format("manifest.json and manifest.job{}.json in {} are not this job's manifests",
                                    order.job(), order.directory()),
                        "", "move them away, then retry the job");
}

}  // namespace

base::Status keep_on_record(const RootDirectory& root, const wire::PublishOrder& order) {
  FM_ASSIGN(const UniqueFd directory,
            root.open_directory(records_path(order.tasks().job(), order.tasks().phase()), MakeDirectories::Yes));
  return write_at(directory.get(), std::to_string(order.tasks().first()), order.SerializeAsString(), Durable::Yes);
}

base::Status amend_manifest(const RootDirectory& root, const wire::PublishOrder& order,
                            const PublishSettings& settings) {
  if (came_out_equal(order)) return {};
  FM_TRY(amend_kept_order(root, order));
  const wire::Remake& remake = order.remake();
  if (!remake.has_manifest() || remake.manifest_directory().starts_with(".framemill")) return {};
  const auto directory = root.open_directory(remake.manifest_directory(), MakeDirectories::No);
  if (!directory.ok()) return is(directory, base::PathError::Missing) ? base::Status{} : directory.error();
  wire::ManifestOrder whose;
  whose.set_job(remake.job());
  whose.set_submitted_unix_ms(remake.submitted_unix_ms());
  for (const std::string& name : {std::string(kName), fmt::format("manifest.job{}.json", remake.job())})
    if (find_manifest(directory->get(), name, whose).owner == Owner::This)
      FM_TRY(amend_file(directory->get(), name, order, settings));
  return {};
}

base::Status write_manifest(const RootDirectory& root, const wire::ManifestOrder& order,
                            const PublishSettings& settings) {
  if (order.directory().starts_with(".framemill"))
    return base::error_of(jobs::PublishError::Path, order.directory() + " is reserved for the farm");
  for (const wire::ManifestPart& part : order.parts())
    if (part.layer() >= static_cast<std::uint32_t>(order.layers_size()))
      return base::error_of(jobs::PublishError::Path, "a part of a manifest names no layer of it");
  FM_ASSIGN(const UniqueFd directory, root.open_directory(order.directory(), MakeDirectories::Yes));
  FM_ASSIGN(Name name, choose_name(directory.get(), order));
  if (name.found.owner == Owner::This && name.found.revision >= order.revision()) return {};

  FM_ASSIGN(const UniqueFd work,
            root.open_directory(fmt::format("{}/{}", kManifestsPath, order.job()), MakeDirectories::Yes));
  const std::string temporary = fmt::format("{}.{:016x}.part", order.number(), base::random_u64());
  UniqueFd file(::openat(work.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) return storage_error(errno, "create a manifest");
  if (settings.group && ::fchown(file.get(), static_cast<uid_t>(-1), *settings.group) != 0)
    return storage_error(errno, "set the group of a manifest");
  base::Status status = write_text(root, order, std::move(file));
  if (status.ok() && name.found.owner == Owner::This)
    status = ::renameat(work.get(), temporary.c_str(), directory.get(), name.text.c_str()) == 0
                 ? base::Status{}
                 : base::Status(storage_error(errno, "replace " + name.text));
  else if (status.ok())
    status = give_name(work.get(), temporary, directory.get(), name.text);
  ::unlinkat(work.get(), temporary.c_str(), 0);
  FM_TRY(status);
  if (::fsync(directory.get()) != 0) return storage_error(errno, "sync the directory of " + name.text);
  return {};
}

}  // namespace framemill::worker
