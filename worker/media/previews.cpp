#include "worker/media/previews.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "base/sha256.h"
#include "jobs/frame_range.h"
#include "wire/convert.h"
#include "wire/preview_packets.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/oiio.h"

namespace framemill::media {
namespace {

constexpr std::uint64_t kFileBytesMax = 1ull << 30;
constexpr std::size_t kFramesTextMax = 100;  // in a strip's name
constexpr int kQuality = 82;
constexpr int kSocket = 3;

base::Error cannot(const std::string& what) {
  return {"media.preview", fmt::format("{}: {}", what, std::strerror(errno)), "", ""};
}

base::Result<std::string> encode_jpeg(const frames::Picture& picture) {
  OIIO::ImageSpec spec(picture.width, picture.height, 3, OIIO::TypeDesc::UINT8);
  spec.attribute("oiio:ColorSpace", "sRGB");
  spec.attribute("Compression", fmt::format("jpeg:{}", kQuality));
  std::string samples;
  samples.reserve(picture.rgb.size());
  for (const float v : picture.rgb) samples.push_back(static_cast<char>(std::lround(v * 255.0f)));
  std::vector<unsigned char> buffer;
  OIIO::Filesystem::IOVecOutput memory(buffer);
  const auto output = OIIO::ImageOutput::create("preview.jpg", &memory);
  if (!output || !output->set_ioproxy(&memory)) return base::Error{"frames.encode", OIIO::geterror(), "", ""};
  if (!output->open("preview.jpg", spec) || !output->write_image(spec.format, samples.data()) || !output->close())
    return base::Error{"frames.encode", output->geterror(), "", ""};
  return std::string(buffer.begin(), buffer.end());
}

// The directory of a job's previews, by handles: what the farm keeps in a root is reached through no link.
class PreviewDirectory {
 public:
  static base::Result<PreviewDirectory> open(const std::filesystem::path& root, std::uint32_t job,
                                             std::optional<gid_t> group) {
    const int top = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) return cannot("open the root");
    PreviewDirectory directory(top, group);
    for (const std::string& name : {std::string(".framemill"), std::string("previews"), std::to_string(job)})
      if (const base::Status entered = directory.enter(name); !entered.ok()) return entered.error();
    return directory;
  }
  PreviewDirectory(PreviewDirectory&& other) noexcept : fd_(other.fd_), group_(other.group_) { other.fd_ = -1; }
  PreviewDirectory& operator=(PreviewDirectory&&) = delete;
  ~PreviewDirectory() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool has(const std::string& name) const { return ::faccessat(fd_, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

  // Whole or not at all, in place of what stands there. Not durable: a preview can be made again, or be absent.
  base::Status write(const std::string& name, std::string_view bytes) const {
    const std::string temporary = fmt::format(".new-{}", ::getpid());
    ::unlinkat(fd_, temporary.c_str(), 0);
    const int file = ::openat(fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0) return cannot("make a preview");
    bool good = true;
    for (std::size_t at = 0; good && at < bytes.size();) {
      const ssize_t n = ::write(file, bytes.data() + at, bytes.size() - at);
      if (n > 0) at += static_cast<std::size_t>(n);
      good = n > 0 || (n < 0 && errno == EINTR);
    }
    if (group_) (void)!::fchown(file, static_cast<uid_t>(-1), *group_);
    good = good && ::renameat(fd_, temporary.c_str(), fd_, name.c_str()) == 0;
    const base::Status status = good ? base::Status() : base::Status(cannot("write a preview"));
    ::close(file);
    if (!good) ::unlinkat(fd_, temporary.c_str(), 0);
    return status;
  }

 private:
  PreviewDirectory(int fd, std::optional<gid_t> group) : fd_(fd), group_(group) {}
  base::Status enter(const std::string& name) {
    if (::mkdirat(fd_, name.c_str(), 0777) == 0 && group_)
      (void)!::fchownat(fd_, name.c_str(), static_cast<uid_t>(-1), *group_, AT_SYMLINK_NOFOLLOW);
    // As a path alone: what lies beside the previews may not be looked at from here.
    const int below = ::openat(fd_, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0) return cannot("open the directory " + name);
    ::close(std::exchange(fd_, below));
    return {};
  }

  int fd_;
  std::optional<gid_t> group_;
};

// Tiles side by side; where one is smaller than the others the rest of its place is black.
frames::Picture strip_of(const std::vector<const frames::Picture*>& tiles, int columns) {
  frames::Picture strip;
  const frames::Picture& first = *tiles.front();
  const int rows = (static_cast<int>(tiles.size()) + columns - 1) / columns;
  strip.width = first.width * columns;
  strip.height = first.height * rows;
  strip.rgb.resize(strip.sample_count());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const frames::Picture& tile = *tiles[i];
    const int left = static_cast<int>(i) % columns * first.width, top = static_cast<int>(i) / columns * first.height;
    const int width = std::min(tile.width, first.width), height = std::min(tile.height, first.height);
    for (int y = 0; y < height; ++y)
      std::copy_n(&tile.rgb[static_cast<std::size_t>(y) * static_cast<std::size_t>(tile.width) * 3], width * 3,
                  &strip.rgb[(static_cast<std::size_t>(top + y) * static_cast<std::size_t>(strip.width) +
                              static_cast<std::size_t>(left)) *
                             3]);
  }
  return strip;
}

using Tiles = std::map<jobs::Frame, frames::Picture>;

// Frames whose numbers are too scattered for a name go into several strips.
base::Status write_strips(const PreviewTask& task, const PreviewDirectory& directory, Tiles::const_iterator from,
                          std::size_t count) {
  std::vector<jobs::FrameSpan> spans;
  std::vector<const frames::Picture*> tiles;
  auto at = from;
  for (std::size_t i = 0; i < count; ++i, ++at) {
    if (!spans.empty() && spans.back().last + 1 == at->first)
      spans.back().last = at->first;
    else
      spans.push_back({at->first, at->first, 1});
    tiles.push_back(&at->second);
  }
  const std::string frames = jobs::FrameSet::of(spans).text();
  if (frames.size() > kFramesTextMax && count > 1) {
    FM_TRY(write_strips(task, directory, from, count / 2));
    return write_strips(task, directory, std::next(from, static_cast<std::ptrdiff_t>(count / 2)), count - count / 2);
  }
  const int columns = std::min<int>(kStripColumns, static_cast<int>(count));
  const std::string name = strip_name(task.order, *tiles.front(), columns, frames);
  if (directory.has(name)) return {};
  FM_ASSIGN(const std::string bytes, encode_jpeg(strip_of(tiles, columns)));
  return directory.write(name, bytes);
}

wire::InputFile input_of(const wire::PublishOrder& order, const wire::OutputFile& file) {
  wire::InputFile input;
  input.set_root(order.root());
  input.set_path(file.path());
  input.set_frame(file.frame());
  input.set_size_bytes(file.size_bytes());
  input.set_sha256(file.sha256());
  return input;
}

// Nothing: there is no picture in it that this program can read.
std::optional<frames::Picture> read_frame(const PreviewTask& task, const wire::OutputFile& file) {
  const auto bytes = task.roots.read(input_of(task.order, file), kFileBytesMax);
  if (!bytes.ok() || !frames::looks_like_frame(*bytes)) return std::nullopt;
  auto decoded = frames::decode_frame(*bytes);
  if (!decoded.ok()) return std::nullopt;
  return preview_of(decoded->picture);
}

// Beside work that wants all of a processor it gets 1.5 % of it: with SCHED_IDLE, 0.3 %, and pictures of a farm whose
// slots are CPUs would come when the night is over.
void yield_to_all() {
  ::setpriority(PRIO_PROCESS, 0, 19);
  constexpr int kIoPriorityIdle = 3 << 13, kOfProcess = 1;  // linux/ioprio.h
  ::syscall(SYS_ioprio_set, kOfProcess, 0, kIoPriorityIdle);
}

base::Status serve(const char* packet, int bytes, const frames::Roots& roots, std::optional<gid_t> group) {
  wire::PublishOrder order;
  if (!order.ParseFromArray(packet, bytes)) return base::Error{"media.request", "the order cannot be read", "", ""};
  const auto made = make_previews({order, roots, group});
  return made.ok() ? base::Status() : base::Status(made.error());
}

}  // namespace

frames::Picture preview_of(const frames::Picture& picture) {
  frames::Picture small;
  const double scale = std::min(1.0, double{kPreviewWidth} / std::max(picture.width, picture.height));
  small.width = std::max(1, static_cast<int>(std::lround(picture.width * scale)));
  small.height = std::max(1, static_cast<int>(std::lround(picture.height * scale)));
  small.space = picture.space;
  small.rgb.resize(small.sample_count());
  float* out = small.rgb.data();
  const auto shown = [](float v) { return v > 0.0f ? std::min(v, 1.0f) : 0.0f; };  // of NaN: 0
  for (int y = 0; y < small.height; ++y) {
    const int top = static_cast<int>(std::int64_t{y} * picture.height / small.height);
    const int bottom = static_cast<int>((std::int64_t{y} + 1) * picture.height / small.height);
    for (int x = 0; x < small.width; ++x) {
      const int left = static_cast<int>(std::int64_t{x} * picture.width / small.width);
      const int right = static_cast<int>((std::int64_t{x} + 1) * picture.width / small.width);
      float r = 0, g = 0, b = 0;
      for (int row = top; row < bottom; ++row) {
        const float* in = &picture.rgb[(static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.width) +
                                        static_cast<std::size_t>(left)) *
                                       3];
        for (int column = left; column < right; ++column, in += 3) {
          r += shown(in[0]);
          g += shown(in[1]);
          b += shown(in[2]);
        }
      }
      const float pixels = static_cast<float>((bottom - top) * (right - left));
      *out++ = r / pixels;
      *out++ = g / pixels;
      *out++ = b / pixels;
    }
  }
  small = frames::in_space(std::move(small), frames::ColourSpace::Srgb);
  for (float& v : small.rgb) v = shown(v);
  return small;
}

std::string strip_name(const wire::PublishOrder& order, const frames::Picture& tile, int columns,
                       const std::string& frames) {
  return fmt::format("strip_{}_{}_{}_{}x{}x{}_{}.jpg", order.tasks().phase(), order.tasks().first(),
                     wire::attempt_from_wire(order.attempt()).text(), tile.width, tile.height, columns, frames);
}

base::Result<std::size_t> make_previews(const PreviewTask& task) {
  const std::filesystem::path* root = task.roots.find(task.order.root());
  if (root == nullptr) return base::Error{"input.path", "there is no root " + task.order.root(), "", ""};
  FM_ASSIGN(const PreviewDirectory directory, PreviewDirectory::open(*root, task.order.tasks().job(), task.group));
  Tiles tiles;
  std::string newest;
  for (const wire::OutputFile& file : task.order.files()) {
    if (file.kind() != wire::OutputFile::FRAME) continue;
    auto tile = read_frame(task, file);
    if (!tile) continue;
    FM_ASSIGN(std::string bytes, encode_jpeg(*tile));
    const auto& digest = file.sha256();
    const std::string name =
        base::to_hex({reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size()}) + ".jpg";
    if (!directory.has(name)) FM_TRY(directory.write(name, bytes));
    if (tiles.empty() || file.frame() > tiles.rbegin()->first) newest = std::move(bytes);
    tiles.insert_or_assign(file.frame(), std::move(*tile));
  }
  if (tiles.empty()) return std::size_t{0};
  FM_TRY(write_strips(task, directory, tiles.begin(), tiles.size()));
  FM_TRY(directory.write("latest.jpg", newest));
  return tiles.size();
}

int serve_previews(const frames::Roots& roots, std::optional<gid_t> group) {
  yield_to_all();
  std::vector<char> buffer(wire::kPreviewPacketBytesMax);
  while (true) {
    const ssize_t n = ::recv(kSocket, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? 0 : 1;
    const base::Status status = serve(buffer.data(), static_cast<int>(n), roots, group);
    const std::string answer =
        status.ok() ? std::string(wire::kPreviewsMade) : status.error().message.substr(0, wire::kPreviewPacketBytesMax);
    if (::send(kSocket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return 1;
  }
}

}  // namespace framemill::media
